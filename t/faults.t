#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two people on two workers talk without a pause while the configuration is reloaded, workers are killed, PostgreSQL
# crashes and restarts, and Redis goes away and comes back. In the end each has every acknowledged message, once, in the
# same order; what was not acknowledged was repeated to success by its id.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Client;
use Test::Chatalot::Socket;
use Test::More;
use Time::HiRes qw(time);

my $chat = Test::Chatalot->new(settings => {
    chatalot_websocket_rate    => 10000,
    chatalot_websocket_burst   => 10000,
    chatalot_database_timeout  => '3s',
    chatalot_websocket_ping_interval => '2s',
});
my $owner   = $chat->owner;
my $home    = $chat->community;
my $anna    = $chat->member('anna', $home);
my $channel = $owner->roster($home->{groups}[0]{channels}[0]);
my @worker  = $chat->workers;
my @client  = (
    Test::Chatalot::Client->new(server => $chat, person => $owner, channel => {%$channel}, worker => $worker[0]),
    Test::Chatalot::Client->new(server => $chat, person => $anna, channel => {%$channel}, worker => $worker[1]),
);
isnt($chat->worker_of($client[0]{socket}), $chat->worker_of($client[1]{socket}), 'the two are on different workers');

my $total = 0;
sub work { my ($seconds, $condition) = @_; return Test::Chatalot::Client::work($seconds, $condition, @client) }
sub talk { my ($n) = @_; $_->queue($n) for @client; $total += $n * @client; return }
sub answered { return !grep { @{ $_->{outbox} } } @client }

# Talks during the fault, which happens when a part has gone out; then waits until all is answered and known to both.
sub during {
    my ($name, $fault) = @_;
    my $before = $client[0]{last};
    my $begin  = $total;
    talk(100);
    ok(work(30, sub { $client[0]{last} >= $before + 30 }), "$name: the conversation goes on") or return;
    $fault->();
    ok(work(60, \&answered), "$name: every message was acknowledged in the end") or diag explain [ map { $_->{errors} } @client ];
    my $head = $chat->sql("select head from data.logs where channel_id = '$channel->{id}'");
    is($head, $total, "$name: each was stored once");
    ok(work(30, sub { !grep { $_->{last} < $total } @client }), "$name: both know all of them") or diag "$_->{last} of $total" for @client;
    is_deeply([ $client[0]->ids ], [ $client[1]->ids ], "$name: in the same order");
    my @wrong = grep { my $client = $_; grep { $client->{log}{$_}{id} ne $client->{acknowledged}{$_} } keys %{ $client->{acknowledged} } } @client;
    is(scalar @wrong, 0, "$name: at the numbers that were acknowledged");
    my %seen;
    $seen{$_}++ for $client[0]->ids;
    is(scalar(grep { $_ > 1 } values %seen), 0, "$name: none twice");
    return;
}

during('nothing happens', sub { });
is(scalar(map { @{ $_->{closes} } } @client), 0, 'and no socket was closed');

# --- reload --------------------------------------------------------------------------------------------------------

during('reload', sub { $chat->reload });
my @closes = map { @{ $_->{closes} } } @client;
is(scalar @closes, 2, 'both sockets were closed by it');
is(scalar(grep { /^1012 reconnect=\d+$/ } @closes), 2, 'with 1012 and when to come back') or diag explain \@closes;
await('the old workers are gone', sub { !grep { -e "/proc/$_" } @worker }, 30);
pass('the old workers have ended');
during('three reloads in a row', sub { $chat->reload; work(1, sub { 0 }); $chat->reload; $chat->reload });

# --- a worker dies -------------------------------------------------------------------------------------------------

for my $who (0, 1) {
    during("the worker of person $who is killed", sub {
        work(10, sub { $client[$who]{socket} });
        $chat->kill_worker($chat->worker_of($client[$who]{socket}) // ($chat->workers)[0]);
    });
}
during('both workers are killed', sub { $chat->kill_worker($_) for $chat->workers });

# --- the database --------------------------------------------------------------------------------------------------

my $connects = $client[0]{connects} + $client[1]{connects};
during('PostgreSQL crashes', sub { $chat->stop_postgres('immediate'); work(1.5, sub { 0 }); $chat->start_postgres });
during('PostgreSQL is restarted', sub { $chat->stop_postgres('fast'); $chat->start_postgres });
is($client[0]{connects} + $client[1]{connects}, $connects, 'the sockets stayed open all the time');
during('the workers\' connections are cut', sub {
    $chat->sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'chatalot_worker'");
});

# --- Redis ---------------------------------------------------------------------------------------------------------

for my $how ('TERM', 'KILL') {
    $_->{was_degraded} = 0 for @client;
    during("Redis goes away (SIG$how)", sub {
        $chat->stop_redis($how);
        ok(work(20, sub { !grep { !$_->{was_degraded} } @client }), "SIG$how: both are told that live delivery is down");
        my $then = $total;
        talk(20);
        ok(work(20, sub { answered() && !grep { $_->{last} < $then } @client }), "SIG$how: without it they still talk, by asking");
        $chat->start_redis;
        ok(work(30, sub { !grep { $_->{degraded} } @client }), "SIG$how: and are told when it is back");
    });
}
my $live = $client[1]{live};
talk(10);
ok(work(20, sub { answered() && $client[1]{live} >= $live + 20 }), 'live delivery is back');

# --- everything at once --------------------------------------------------------------------------------------------

during('everything at once', sub {
    $chat->stop_redis('KILL');
    $chat->stop_postgres('immediate');
    $chat->kill_worker(($chat->workers)[0]);
    work(1, sub { 0 });
    $chat->start_postgres;
    $chat->start_redis;
    $chat->reload;
});
is($client[0]{twice} + $client[1]{twice}, 0, 'no socket ever got an entry twice');
note "$total messages; " . join '; ', map { "connected $_->{connects} times, $_->{live} live" } @client;
$_->{socket} && $_->{socket}->close for @client;
await('the server is well', sub { $chat->is_healthy }, 30);

$chat->done;
