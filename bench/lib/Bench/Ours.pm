# SPDX-License-Identifier: GPL-3.0-or-later
#
# What is measured: the configuration that ships, two workers, PostgreSQL that keeps what it says it has kept, Redis.
# Changed are only the limits that would refuse the load, and how many sockets a worker may have.

package Bench::Ours;

use strict;
use warnings;

use Bench::Memcheck;
use Bench::Nchan;
use Bench::Usage;
use Chatalot::Stack;
use Fcntl qw(:DEFAULT);
use Test::Chatalot::Keys qw(b64u);
use Test::Chatalot::Person;

my $ROOT = Chatalot::Stack::root();

# dir · connections  a worker · fast  true: PostgreSQL without fsync, for tests of the benchmark itself
# www  the built client; none: there is nothing to show to a browser
# memcheck  true: nginx runs under valgrind (Bench::Memcheck)
sub new {
    my ($class, %arg) = @_;
    my $self = bless { %arg, worlds => {} }, $class;
    $self->{stack} = Chatalot::Stack->new(dir => $arg{dir}, durable => !$arg{fast}, shutdown => $arg{memcheck} ? 120 : 15);
    $self->{memcheck} &&= Bench::Memcheck->new(stack => $self->{stack}, dir => "$arg{dir}/memcheck");
    $self->{port} = Bench::Nchan::free_port();
    return $self;
}

sub name  { return 'ours' }
sub port  { return $_[0]{port} }
sub url   { return "http://localhost:$_[0]{port}" }
sub stack { return $_[0]{stack} }
sub memcheck { return $_[0]{memcheck} }

sub prepare {
    my ($self) = @_;
    my $stack = $self->{stack};
    $stack->init_postgres;
    $stack->start_postgres;
    $stack->create_database;
    {
        local $ENV{DATABASE_URL} = $self->owner_url;
        my $output = `'$ROOT/sql/apply' --worker-role @{[Chatalot::Stack::DATABASE_WORKER]} 2>&1`;
        die "sql/apply failed:\n$output" if $? != 0;
    }
    $self->psql('-f', "$ROOT/bench/people.sql");
    $self->configure;
    $self->restart;
    $self->register_owner;
    return;
}

sub owner_url { return $_[0]{stack}->database_url(Chatalot::Stack::DATABASE_OWNER) }

sub psql {
    my ($self, @more) = @_;
    system('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $self->owner_url, @more) == 0
        or die "psql failed\n";
    return;
}

sub sql { my ($self, $statement) = @_; return $self->{stack}->sql($statement) }

sub configure {
    my ($self) = @_;
    my $stack = $self->{stack};
    my $www = "$self->{dir}.www";
    mkdir $www;
    if ($self->{www}) {
        die "the client is not built: make client\n" if !-e "$self->{www}/index.html";
        system('cp', '-R', '--', "$self->{www}/.", $www) == 0 or die "$self->{www} cannot be copied\n";
    }
    open my $out, '>', "$www/kib.bin" or die "$www/kib.bin: $!\n";
    print {$out} 'x' x 1024;
    close $out;
    chmod 0644, "$www/kib.bin";
    chmod 0755, $www;
    my %setting = (
        chatalot_database        => Chatalot::Stack::quoted($stack->database_url),
        chatalot_redis           => 'unix:' . $stack->redis_socket,
        chatalot_jwt_key         => $stack->secret_file('jwt.key'),
        chatalot_secret_key      => $stack->secret_file('secret.key'),
        chatalot_websocket_rate  => 100000,
        chatalot_websocket_burst => 100000,
    );
    $stack->prepare_nginx(
        settings => join('', map {"$_ $setting{$_};\n"} sort keys %setting),
        listen   => "listen 127.0.0.1:$self->{port};\nkeepalive_requests 1000000000;\nlocation = /kib.bin { }\n",
        module   => $self->{memcheck} ? undef : "$ROOT/build/dynamic/ngx_http_chatalot_module.so",
        www      => $www,
        edit     => sub {
            my ($name, $text) = @_;
            $text =~ s/rate=\d+r\/s/rate=1000000r\/s/g;
            $text =~ s/burst=\d+ nodelay/burst=100000 nodelay/g;
            $text =~ s/worker_connections \d+;/worker_connections $self->{connections};/;
            return $text;
        },
    );
    system 'rm', '-rf', $www;
    $stack->{nginx} = $self->{memcheck}->prepare if $self->{memcheck};
    my ($good, $output) = $stack->test_nginx;
    die "nginx does not accept the configuration:\n$output" if !$good;
    return;
}

# nginx and Redis are started anew; PostgreSQL too, if asked for.
sub restart {
    my ($self, %arg) = @_;
    my $stack = $self->{stack};
    $stack->stop($_) for qw(nginx redis);
    if ($arg{database} || !$stack->pid('postgres')) {
        $stack->stop('postgres');
        $stack->start_postgres;
    }
    $stack->start_redis;
    $stack->start_nginx($self->{memcheck} ? (under => [ $self->{memcheck}->command ]) : ());
    $stack->await('the server is healthy', 60, sub { $self->is_healthy }, 'nginx');
    return;
}

sub is_healthy {
    my ($self) = @_;
    return 0 if !$self->{stack}->is_connected;
    my $answer = Test::Chatalot::Person->new(server => $self)->get('/api/health');
    return $answer->{status} == 200 && $answer->{json}{status} eq 'ok';
}

# The one person who registers: everybody else's password hashes are copies of theirs.
sub register_owner {
    my ($self) = @_;
    local $ENV{DATABASE_URL} = $self->owner_url;
    my $link = `'$ROOT/scripts/setup-link' http://localhost 2>/dev/null`;
    my ($token) = $link =~ m{/setup#([A-Za-z0-9_-]{43})$} or die "no setup link\n";
    my $owner = Test::Chatalot::Person->new(server => $self, name => 'owner');
    my $answer = $owner->register(setup_token => $token);
    die "the owner cannot register: $answer->{status} $answer->{body}\n" if $answer->{status} != 200;
    $self->{owner} = $owner;
    $self->{login_key} = b64u($owner->keys->{login_key});
    return;
}

sub stop { my ($self) = @_; $self->{stack}->stop_all; return }

sub usage {
    my ($self) = @_;
    return Bench::Usage::snapshot(map { $_ => $self->{stack}->pid($_) } qw(nginx postgres redis));
}

# --- worlds --------------------------------------------------------------------------------------------------------

# People and channels under a name, made at first use: {rooms: [channel], members: [{user, device, session, rooms}],
# ciphertext, each}.
#   people · channels · each  how many of them a person is in · ciphertext  bytes
sub world {
    my ($self, $name, %arg) = @_;
    return $self->{worlds}{$name} //= do {
        my ($people, $channels, $each) = @arg{qw(people channels each)};
        $self->sql("select bench.register('$name', $people)");
        $self->sql("select bench.settle('$name', $channels, $each)");
        my @rooms = split /\n/, $self->sql("select channel_id from bench.rooms where world = '$name' order by number");
        my @members;
        for (split /\n/, $self->sql(
            "select user_id, device_id, session_id from bench.people where world = '$name' order by number")) {
            my ($user, $device, $session) = split /\t/;
            my $number = @members;
            push @members, { user => $user, device => $device, session => $session, name => "$name-$number",
                rooms => [ map { ($number * $each + $_) % $channels } 0 .. $each - 1 ] };
        }
        { name => $name, rooms => \@rooms, members => \@members, each => $each, ciphertext => $arg{ciphertext} };
    };
}

# Access tokens of those who have none yet.
sub sign {
    my ($self, @members) = @_;
    @members = grep { !$_->{token} } @members or return;
    my $file = "$self->{dir}.people";
    sysopen my $out, $file, O_WRONLY | O_CREAT | O_EXCL, 0600 or die "$file: $!\n";
    print {$out} Chatalot::Stack::as_service {
        my $key = $self->{stack}->secret_file('jwt.key');
        open my $in, '<', $key or die "$key: $!\n";
        scalar <$in>;
    };
    print {$out} "$_->{user} $_->{device} $_->{session}\n" for @members;
    close $out or die "$file: $!\n";
    open my $in, '-|', 'sh', '-c', 'exec "$1" <"$2"', 'sh', "$ROOT/build/bench/sign", $file or die "sign: $!\n";
    chomp(my @tokens = <$in>);
    unlink $file;
    close $in && @tokens == @members or die "the tokens could not be signed\n";
    $members[$_]{token} = $tokens[$_] for 0 .. $#members;
    return;
}

sub plan {
    my ($self, $world) = @_;
    $self->sign(@{ $world->{members} });
    my $text = "port $self->{port}\ndialect chatalot\nciphertext $world->{ciphertext}\n";
    my @state = split /\n/, $self->sql(
        'select l.channel_id, l.roster, l.epoch from bench.rooms r join data.logs l on l.channel_id = r.channel_id'
        . " where r.world = '$world->{name}' order by r.number");
    $text .= join(' ', 'room', split /\t/) . "\n" for @state;
    for my $member (@{ $world->{members} }) {
        $text .= sprintf "member %s %s\n", ($world->{each} == 1 ? $member->{rooms}[0] : '-'), $member->{token};
    }
    return $text;
}

# A plan of HTTP requests: [method, path, member or undef, body or undef]
sub request_plan {
    my ($self, @request) = @_;
    my %member = map { $_->[2] ? ($_->[2]{name} => $_->[2]) : () } @request;
    $self->sign(values %member);
    return "port $self->{port}\n" . join '', map {
        my ($method, $path, $member, $body) = @$_;
        sprintf "request %s %s %s %s\n", $method, $path, $member ? $member->{token} : '-', $body // '-';
    } @request;
}

# pgbench with a script, for so many seconds: {rate (a second)}. As the schema's owner, or a role. With "at", a rate, its
# transactions are due at random times, that many a second, and {p99 (ms)} counts from when they were.
sub pgbench {
    my ($self, $script, $clients, $seconds, %arg) = @_;
    my $file = "$self->{dir}.pgbench.sql";
    my $log  = "$self->{dir}.pgbench.log";
    open my $out, '>', $file or die "$file: $!\n";
    print {$out} $script;
    close $out;
    my @command = (Chatalot::Stack::pg_bin('pgbench'), '-n', '-M', 'prepared', '-c', $clients, '-j', $clients > 1 ? 2 : 1,
        '-T', $seconds, '-f', $file, $arg{at} ? ('-R', $arg{at}, '-l', "--log-prefix=$log") : (),
        $self->{stack}->database_url($arg{role} // Chatalot::Stack::DATABASE_OWNER));
    open my $in, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "pgbench: $!\n";
    my $text = join '', <$in>;
    close $in or die "pgbench failed:\n$text";
    unlink $file;
    my ($rate) = $text =~ /^tps = ([0-9.]+)/m or die "pgbench said nothing:\n$text";
    my ($failed) = $text =~ /^number of failed transactions: (\d+)/m;
    die "pgbench: $failed transactions failed\n" if $failed;
    return { rate => $rate } if !$arg{at};
    my @time;
    for my $part (glob "$log.*") {
        open my $lines, '<', $part or die "$part: $!\n";
        # client, number, microseconds …
        while (<$lines>) { push @time, (split)[2] / 1000 }
        unlink $part;
    }
    die "pgbench: no transaction at $arg{at} a second\n" if !@time;
    return { rate => $rate, p99 => (sort { $a <=> $b } @time)[ int(0.99 * $#time) ] };
}

1;
