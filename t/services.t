#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The edges between a worker and its services: what a worker publishes while it exits, and a database that is reached
# only by the second way of connecting.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/sql/lib";

use IO::Select ();
use POSIX ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use Psql;
use Test::Chatalot;
use Test::More;

my $forwarder = forwarder();
my $chat = Test::Chatalot->new(
    nginx    => 0,
    settings => { chatalot_database => "'host=127.0.0.1 port=$forwarder->{port} dbname=chatalot user=chatalot_worker sslmode=prefer'" },
    allow    => [qr/chatalot: database connection cannot connect/],
);

# --- the second way of connecting ----------------------------------------------------------------------------------

# libpq asks for TLS first; the forwarder agrees and then hangs up, so libpq comes again without, on a socket that mostly
# has the same number.
$forwarder->{start}->($chat->stack->{run} . '/.s.PGSQL.5432');
$chat->prepare_nginx;
$chat->start_nginx;
is($chat->nobody->get('/api/health')->{json}{status}, 'ok', 'the database is reached after TLS has failed');
unlike($chat->error_log, qr/epoll_ctl/, 'and the new socket is watched as such');

# --- an exiting worker ---------------------------------------------------------------------------------------------

my $owner = $chat->owner;
my $home  = $chat->community;
my $anna  = $chat->member('anna', $home);
my $redis = IO::Socket::UNIX->new(Peer => $chat->stack->redis_socket) or BAIL_OUT("Redis: $!");
print {$redis} "PSUBSCRIBE *\r\n";
my $heard = '';
await('listening to Redis', sub { heard() =~ /psubscribe/ });

my $lock = Psql->new($chat->owner_url, 'begin', 'select from data.users for update');
my $http = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $chat->port) or BAIL_OUT("nginx: $!");
printf {$http} "DELETE /api/communities/%s/members/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n",
    $home->{id}, $anna->id, $owner->token;
my $watch = Psql->new($chat->owner_url);
await('the request waits in the database', sub {
    $watch->ask("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") > 0;
});
my @old = $chat->workers;
$chat->reload;
$lock->ask('commit');
my $answer = do { local $/; <$http> };
like($answer, qr{^HTTP/1\.1 200 }, 'the request is answered by a worker that exits');
await('the old workers are gone', sub { !grep { -e "/proc/$_" } @old }, 30);
my $user = $anna->id;
ok(eval { await('the event', sub { heard() =~ /removed $user / }, 10); 1 }, 'and its events are published');

undef $_ for $lock, $watch;
$forwarder->{stop}->();
$chat->done;

sub heard {
    while (IO::Select->new($redis)->can_read(0)) {
        sysread($redis, $heard, 65536, length $heard) or last;
    }
    return $heard;
}

# A TCP port that agrees to TLS and hangs up, and passes what comes without TLS on to a unix socket.
sub forwarder {
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64) or BAIL_OUT("no port: $!");
    my $pid;
    return {
        port  => $listen->sockport,
        start => sub {
            my ($socket) = @_;
            $pid = fork // BAIL_OUT("fork: $!");
            return if $pid;
            local $SIG{TERM} = sub { POSIX::_exit(0) };
            forward($listen, $socket);
            POSIX::_exit(0);
        },
        stop => sub { kill TERM => $pid; waitpid $pid, 0 },
    };
}

sub forward {
    my ($listen, $path) = @_;
    my $select = IO::Select->new($listen);
    my (%peer, %fresh);
    while (my @ready = $select->can_read) {
        for my $from (@ready) {
            next if !defined fileno $from;    # closed with its other end just now
            if ($from == $listen) {
                my $client = $listen->accept or next;
                $fresh{$client} = 1;
                $select->add($client);
                next;
            }
            my $n = sysread $from, my $data, 65536;
            if (delete $fresh{$from} && $n) {
                if ($n == 8 && unpack('N', substr $data, 4) == 80877103) {    # SSLRequest
                    syswrite $from, 'S';
                    sysread $from, $data, 1;                                  # the ClientHello has come
                    $n = 0;
                } elsif (my $server = IO::Socket::UNIX->new(Peer => $path)) {
                    $select->add($server);
                    @peer{ $from, $server } = ($server, $from);
                } else {
                    $n = 0;
                }
            }
            if ($n) { syswrite $peer{$from}, $data; next }
            for my $end (grep {defined} $from, $peer{$from}) { $select->remove($end); close $end }
            my $other = delete $peer{$from};
            delete $peer{$other} if defined $other;
        }
    }
    return;
}
