# SPDX-License-Identifier: GPL-3.0-or-later
#
# The peer: nginx with Debian's nchan module and nothing of ours, with two workers like ours, messages in shared memory or
# handed on by a Redis of its own. Members publish and subscribe on one socket (nchan_pubsub), so each message costs nchan
# one frame in, as it does us, and no HTTP request. It stores nothing durably, checks nothing and acknowledges nothing.

package Bench::Nchan;

use strict;
use warnings;

use Bench::Usage;
use Chatalot::Stack;
use IO::Socket::INET ();

# nchan 1.3.6 has nginx make this place, which only root can, and its directive for another one does not work. Our copy of
# the module names one of the same length in the directory of the run.
use constant {
    BODY     => "/var/lib/nginx/body\0",
    OWN_BODY => "tmp/./././././nchan\0",
};

# dir · mode  memory or redis · module  its file · connections  a worker
sub new {
    my ($class, %arg) = @_;
    my $self = bless {%arg}, $class;
    $self->{stack} = Chatalot::Stack->new(dir => $arg{dir}, shutdown => 15);
    $self->{port} = free_port();
    $self->install;
    $self->{redis_port} = free_port() if $arg{mode} eq 'redis';
    $self->configure;
    return $self;
}

sub install {
    my ($self) = @_;
    open my $in, '<:raw', $self->{module} or die "$self->{module}: $!\n";
    my $text = do { local $/; <$in> };
    my $n = $text =~ s/\Q@{[BODY]}\E/@{[OWN_BODY]}/g;
    die "$self->{module}: is not the nchan that is known here\n" if $n != 1;
    Chatalot::Stack::append("$self->{dir}/modules/nchan.so", 'w', $text);
    return;
}

sub name { my ($self) = @_; return $self->{mode} eq 'redis' ? 'nchan over Redis' : 'nchan' }
sub port { return $_[0]{port} }

sub free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die "no port: $!\n";
    return $socket->sockport;
}

sub configure {
    my ($self) = @_;
    my $redis = $self->{mode} eq 'redis';
    my $upstream = $redis ? "upstream store {\n        nchan_redis_server redis://127.0.0.1:$self->{redis_port};\n    }" : '';
    my $pass     = $redis ? 'nchan_redis_pass store;' : '';
    Chatalot::Stack::append("$self->{dir}/conf/nginx.conf", 'w', <<"EOT");
load_module modules/nchan.so;
worker_processes 2;
worker_shutdown_timeout 5s;
pid run/nginx.pid;
error_log log/error.log warn;
events {
    worker_connections $self->{connections};
}
http {
    access_log off;
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
    server_tokens off;
    nchan_shared_memory_size 256M;
    $upstream
    server {
        listen 127.0.0.1:$self->{port};
        location ~ ^/room/([0-9a-f,-]+)\$ {
            nchan_pubsub websocket;
            nchan_channel_id \$1;
            nchan_channel_id_split_delimiter ",";
            nchan_subscriber_first_message newest;
            nchan_message_buffer_length 100;
            $pass
        }
        location = /ready {
            return 200;
        }
    }
}
EOT
    return;
}

# Freshly started, so that nothing that was before counts.
sub restart {
    my ($self) = @_;
    $self->stop;
    if ($self->{mode} eq 'redis') {
        $self->{stack}->spawn('redis', stop => 'TERM', hasten => 'TERM', death => 'TERM', command => [
            'redis-server', '--port', $self->{redis_port}, '--bind', '127.0.0.1', '--dir', "$self->{dir}/tmp", '--save', '',
            '--appendonly', 'no', '--daemonize', 'no', '--loglevel', 'warning' ]);
        $self->{stack}->await('starting Redis', 15, sub { $self->listens($self->{redis_port}) }, 'redis');
    }
    $self->{stack}->start_nginx;
    $self->{stack}->await('starting nchan', 15, sub { $self->listens($self->{port}) }, 'nginx');
    return;
}

sub listens { my ($self, $port) = @_; return !!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }

# At once: its sockets are nobody's.
sub stop { my ($self) = @_; $self->{stack}->stop($_, 'TERM') for qw(nginx redis); return }

sub usage {
    my ($self) = @_;
    return Bench::Usage::snapshot(map { $_ => $self->{stack}->pid($_) } qw(nginx redis));
}

# The plan of a world: rooms as they are named with us, each member at one of them, or at all that the world says.
sub plan {
    my ($self, $world) = @_;
    my $text = "port $self->{port}\ndialect nchan\nciphertext $world->{ciphertext}\n";
    $text .= "room $_ 1 1\n" for @{ $world->{rooms} };
    for my $member (@{ $world->{members} }) {
        my $room = $world->{each} == 1 ? $member->{rooms}[0] : '-';
        $text .= sprintf "member %s /room/%s\n", $room, join ',', map { $world->{rooms}[$_] } @{ $member->{rooms} };
    }
    return $text;
}

1;
