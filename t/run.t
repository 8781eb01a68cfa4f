#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# scripts/run, what make run starts: the setup link, the second start, what stops it and what must not survive it.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use Test::Chatalot;
use Test::More;
use Time::HiRes qw(time);

my $root = "$FindBin::Bin/..";
-e "$root/html/build/index.html" or BAIL_OUT('make client first');
my $state = File::Temp::tempdir('chatalot-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
my $port  = Test::Chatalot::free_port();
my %run;

sub url { return "http://localhost:$port" }

# Starts it as a shell would in the background, with SIGINT ignored and no terminal.
sub start {
    my (%arg) = @_;
    pipe my $in, my $out or die $!;
    my $pid = fork // die $!;
    if (!$pid) {
        close $in;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $out;
        open STDERR, '>&', $out;
        $SIG{INT} = 'IGNORE';
        setpgrp;
        %ENV = (%ENV, CHATALOT_STATE => $state, PORT => $arg{port} // $port, %{ $arg{env} || {} });
        delete @ENV{qw(DATABASE_URL REDIS_URL)} if !$arg{env};
        exec "$root/scripts/run" or die $!;
    }
    close $out;
    return %run = (pid => $pid, in => $in, text => '', started => time);
}

# Reads its output until the pattern or the end; true if the pattern came.
sub says {
    my ($pattern, $seconds) = @_;
    my $end = time + ($seconds // 60);
    my $select = IO::Select->new($run{in});
    while ($run{text} !~ $pattern) {
        return 0 if time > $end || !$select->can_read(1) && time > $end;
        next if !$select->can_read(0.1);
        sysread $run{in}, $run{text}, 65536, length $run{text} or return $run{text} =~ $pattern;
    }
    return 1;
}

# Its exit status, once it has ended.
sub ends {
    my ($seconds) = @_;
    my $status;
    await('the end of scripts/run', sub { waitpid($run{pid}, POSIX::WNOHANG()) == $run{pid} and $status = $?, 1 }, $seconds // 40);
    says(qr/(?!)/, 2);
    return $status;
}

sub in_state {
    my @left;
    for my $link (glob '/proc/[0-9]*/cwd') {
        my $to = readlink $link or next;
        push @left, $link =~ /(\d+)/ if $to =~ m{^\Q$state\E(?:/|$)};
    }
    return @left;
}

sub all_gone { my ($name) = @_; ok(eval { await('all gone', sub { !in_state() }, 20) }, $name) or diag map { `ps -o pid,args -p $_` } in_state() }

sub status { my ($path) = @_; return Test::Chatalot::Person->new(server => bless {}, 'Here')->get($path) }
sub Here::url { return "http://localhost:$port" }

# --- what it refuses -----------------------------------------------------------------------------------------------

for my $bad ('0', '65536', 'http', '-1', '80 80') {
    start(port => $bad);
    isnt(ends(), 0, "PORT=$bad is refused");
    like($run{text}, qr/PORT must be a number/, 'and why');
}
{
    my $squatter = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1) or die $!;
    start();
    isnt(ends(), 0, 'a port in use is refused');
    like($run{text}, qr/port $port is in use/, 'and said');
    all_gone('nothing was left running');
}

# --- the first start -----------------------------------------------------------------------------------------------

start();
ok(says(qr{running at  http://localhost:$port}, 90), 'it starts') or BAIL_OUT($run{text});
ok(says(qr{\Q@{[url()]}\E/setup#([A-Za-z0-9_-]{43})\n}), 'and prints a setup link') or diag $run{text};
my ($token) = $run{text} =~ /setup#(\S+)/;
is(scalar(grep { status('/api/health')->{status} == 200 } 1 .. 8), 8, 'the server is healthy');
is(status('/')->{status}, 200, 'the client is served');
my $owner = Test::Chatalot::Person->new(server => bless({}, 'Here'), name => 'owner');
is($owner->register(setup_token => $token)->{status}, 200, 'the link\'s token makes the owner');
is(-s "$state/lock" // -1, 0, 'a lock');
for my $file (glob "$state/secrets/*") {
    is(sprintf('%o', (stat $file)[2] & 0777), '400', "only its owner reads $file");
}
my @as_root = grep { -e "/proc/$_" && (stat "/proc/$_")[4] == 0 } in_state();
is(scalar @as_root, 0, 'nothing of it runs as root') if $> == 0;
my %first = %run;

# --- one at a time -------------------------------------------------------------------------------------------------

start(port => Test::Chatalot::free_port());
isnt(ends(), 0, 'a second one does not start');
like($run{text}, qr/already running: \Q@{[url()]}\E/, 'and says where the first is');
%run = %first;
is(status('/api/health')->{status}, 200, 'which goes on');

# --- stopping and starting again -----------------------------------------------------------------------------------

kill 'TERM', $run{pid};
is(ends(), 0, 'SIGTERM ends it well');
all_gone('with everything it started');
start();
ok(says(qr{running at}, 30), 'it starts again');
my $seconds = time - $run{started};
ok($seconds < 10, sprintf 'in %.1f s', $seconds);
unlike($run{text}, qr/setup#/, 'without a setup link, for it has an owner');
is($owner->get('/api/me')->{status}, 200, 'the owner is still signed in');
kill 'INT', $run{pid};
is(ends(), 0, 'SIGINT ends it well, even if the shell had it ignored');
all_gone('with everything');

# --- accidents -----------------------------------------------------------------------------------------------------

start();
ok(says(qr{running at}, 30), 'once more');
kill 'KILL', $run{pid};
ends();
all_gone('when it is killed, its children end too');

start();
ok(says(qr{running at}, 30), 'after that it starts');
my ($master) = map { chomp; $_ } do { open my $in, '<', "$state/run/nginx.pid" or die $!; <$in> };
kill 'KILL', $master;
isnt(ends(), 0, 'when nginx dies it ends');
like($run{text}, qr/nginx has ended unexpectedly/, 'and says why');
for my $worker (in_state()) { diag "left: " . Test::Chatalot::command_line($worker) }
all_gone('with everything');

# --- with services of the host's -----------------------------------------------------------------------------------

my $chat = Test::Chatalot->new(nginx => 0);
my $own  = File::Temp::tempdir('chatalot-test-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);
start(env => {
    CHATALOT_STATE => $own,
    DATABASE_URL   => $chat->owner_url,
    REDIS_URL      => 'unix:' . $chat->stack->redis_socket,
    INSTANCE_NAME  => 'The "Inn" at \\the $corner',
    REGISTRATION_MODE => 'open',
});
ok(says(qr{running at}, 60), 'with DATABASE_URL and REDIS_URL') or diag $run{text};
ok(!-e "$own/postgres", 'no cluster of its own');
my $config = status('/api/auth/config')->{json};
is_deeply([ $config->{instance}{name}, $config->{registration_mode} ], [ 'The "Inn" at \\the $corner', 'open' ], 'settings from the environment');
kill 'TERM', $run{pid};
is(ends(), 0, 'it ends well');
ok($chat->stack->is_alive('postgres'), 'and the host\'s database runs on');

$chat->done;
