#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A socket that answers pings gets messages: whatever becomes of Redis, PostgreSQL, a worker or the topic itself, each
# socket that is open afterwards is handed the next entry, live and once, on both workers. And what has ended is forgotten:
# when all have gone, however they went, Redis knows no topic of theirs and the workers hold no subscription.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Socket qw(SOL_SOCKET SO_LINGER);
use Test::Chatalot;
use Test::More;

use constant EACH => 3;    # sockets in a worker

my $chat = Test::Chatalot->new(
    settings => {
        chatalot_community_creation      => 'open',
        chatalot_websocket_connections   => 100,
        chatalot_websocket_rate          => 1000,
        chatalot_websocket_burst         => 10000,
        chatalot_websocket_ping_interval => '4s',
        chatalot_websocket_auth_timeout  => '3s',
        chatalot_websocket_send_queue    => '16k',
    },
    allow => [qr/Redis|database/],
);
my $owner   = $chat->owner;
my $home    = $chat->community;
my $channel = $home->{groups}[0]{channels}[0];
my @person  = ($owner, map { $chat->member($_, $home) } qw(ann bob));
my @socket  = map { sockets_in($_) } $chat->workers;

sub sockets_in { my ($worker) = @_; return map { $chat->socket($person[ $_ % @person ], worker => $worker) } 1 .. EACH }

# Looks after all sockets, so that they answer the server's pings, until something is so.
sub pump {
    my ($what, $condition, $seconds) = @_;
    return ok(eval { await($what, sub { keep_up(); $condition->() }, $seconds // 30) }, $what) || diag $@;
}

# Reads what has come, which is kept.
sub keep_up {
    $_->events('nothing') for @socket;
    fail('a socket was closed: ' . $_->closed . ' ' . ($_->close_reason // '')) for grep { $_->{eof} } @socket;
    @socket = grep { !$_->{eof} } @socket;
    return;
}

# Whether all have had an event of that kind; it is taken from them.
sub all_got {
    my ($type) = @_;
    my %missing = map { $_ => $_ } @socket;
    return sub {
        delete $missing{$_} for grep { $missing{$_}->events($type) } keys %missing;
        return !%missing;
    };
}

# One more entry: each open socket is handed it, live and once.
sub is_heard {
    my ($name, $where, @by) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    @by = @socket if !@by;
    $where = $channel if !$where;
    my $answer;
    await('the entry is taken', sub {
        $answer = $by[0]->request($owner->message($owner->roster($where)));
        return $answer->{type} eq 'ok';
    }, 30);
    my $seq = $answer->{result}{seq};
    my $got = sub { my ($s) = @_; return scalar grep { $_->{channel} eq $where->{id} && $_->{seq} == $seq } $s->events('entry') };
    my %heard = map { $_ => 0 } @by;
    eval { await('all', sub { $heard{$_} += $got->($_) for @by; !grep { !$heard{$_} } @by }, 10) };
    is(scalar(grep { $heard{$_} } @by), scalar @by, "$name: each of " . @by . ' sockets that answer hears the next entry');
    $heard{$_} += $got->($_) for @by;
    is(scalar(grep { $heard{$_} > 1 } @by), 0, "$name: once");
    return;
}

sub redis { my (@command) = @_; my $socket = $chat->stack->redis_socket; my @line = `redis-cli -s '$socket' @command`; chomp @line; return @line }

# Topics in Redis that are not the workers' own, with how many workers subscribe to each.
sub topics {
    my @name = grep { !/^chatalot:(?:all|w:\w+)$/ } redis('PUBSUB', 'CHANNELS');
    return @name ? { redis('PUBSUB', 'NUMSUB', @name) } : {};
}

is_heard('at first');
is(scalar(grep { $_ == 2 } values %{ topics() }), 1 + 2 * @person, 'both workers subscribe to the channel, the people and their devices') or diag explain topics();

# --- Redis -----------------------------------------------------------------------------------------------------------

for my $signal (qw(TERM KILL)) {
    $chat->stop_redis($signal);
    pump("Redis is gone (SIG$signal): all are told", all_got('degraded'));
    $chat->start_redis;
    pump('it is back: all are asked to catch up', all_got('resync'));
    is_heard("after SIG$signal");
}

for my $type (qw(pubsub normal)) {
    redis('CLIENT', 'KILL', 'TYPE', $type);
    pump("connections of type $type are cut: all are asked to catch up", all_got('resync'));
    is_heard("after $type connections were cut");
}

$_->events('degraded') for @socket;
kill 'STOP', $chat->stack->pid('redis');
pump('Redis is there, but says nothing: that is found out', all_got('degraded'), 60);
kill 'CONT', $chat->stack->pid('redis');
pump('it goes on: all are asked to catch up', all_got('resync'));
is_heard('after a Redis that said nothing');

# --- PostgreSQL ------------------------------------------------------------------------------------------------------

$_->events('resync') for @socket;
for my $how (qw(fast immediate)) {
    my $before = @socket;
    $chat->stop_postgres($how);
    $chat->start_postgres;
    is_heard("after PostgreSQL was stopped ($how)");
    is(scalar @socket, $before, 'and no socket was closed');
}

# --- workers ---------------------------------------------------------------------------------------------------------

my @closed = @socket;
$chat->reload;
is(scalar(grep { $_->closed == 1012 } @closed), scalar @closed, 'a reload closes all');
@socket = map { sockets_in($_) } $chat->workers;
is_heard('after a reload');

for (1, 2) {
    my ($worker) = $chat->workers;
    my @with = grep { $chat->worker_of($_) == $worker } @socket;
    $chat->kill_worker($worker);
    $_->closed for @with;
    @socket = grep { !$_->{eof} } @socket;
    is(scalar @socket, EACH, 'a worker dies: the sockets of the other one stay');
    is_heard('the others after its death');
    push @socket, map { sockets_in($_) } grep { my $new = $_; !grep { $chat->worker_of($_) == $new } @socket } $chat->workers;
    is(scalar @socket, 2 * EACH, 'new ones in its successor');
    is_heard('all after its death');
}

# --- the same topic, over and over -------------------------------------------------------------------------------------

# In a channel of their own the last one of a worker goes and the first one comes, so that "unsubscribe" and "subscribe"
# follow each other; what is confirmed to one must not be taken for the other's.
subtest 'the last one goes and the first one comes' => sub {
    my $cat = $chat->member('cat', $home);
    my $there = $chat->community(by => $cat, name => 'Elsewhere')->{groups}[0]{channels}[0];
    my @worker = $chat->workers;
    my @at = map { $chat->socket($cat, worker => $_) } @worker;
    for my $round (1 .. 25) {
        my $i = $round % 2;
        # one after the other, neither waits for anything
        $round % 3 ? $at[$i]->drop : $at[$i]->send_frame(Test::Chatalot::Socket::CLOSE(), pack 'n', 1000);
        $at[$i] = $chat->socket($cat, worker => $worker[$i]);
        keep_up();
        my $answer = $at[$i]->request($cat->message($cat->roster($there)));
        my $seq = $answer->{result}{seq} or diag explain $answer;
        my $heard = 0;
        for my $socket (@at) { $heard++ if eval { $socket->event(sub { $_->{type} eq 'entry' && $_->{seq} == $seq }, 5) } }
        is($heard, 2, "round $round: heard on both workers") or last;
    }
    $_->close for @at;
    await('nobody subscribes there any more', sub { !exists topics()->{"chatalot:ch:$there->{id}"} });
    pass('and afterwards nobody subscribes there');
};

subtest 'members come and go while connected' => sub {
    my $dan = $chat->member('dan', $home);
    keep_up();
    my @at = map { $chat->socket($dan, worker => $_) } $chat->workers;
    for (1 .. 5) {
        $owner->must(DELETE => "/api/communities/$home->{id}/members/" . $dan->id);
        ok($_->event('channel_removed'), 'removed') for @at;
        my $invite = $owner->must(POST => "/api/communities/$home->{id}/invites", {});
        $dan->must(POST => "/api/invites/$invite->{code}/accept", {});
        ok($_->event('channel_added'), 'added') for @at;
        keep_up();
        is_heard('after that', $channel, @socket, @at);
    }
    $_->close for @at;
};

# --- what has ended is forgotten ---------------------------------------------------------------------------------------

# All ways to go, in a worker. Returns those who have to be found out, which the caller keeps open.
sub go {
    my ($worker, @leaving) = @_;
    my ($closes, $drops, $resets) = @leaving;
    my $signed_out = $person[1]->another_device;
    my $out = $chat->socket($signed_out, worker => $worker);
    my $silent = $chat->socket($person[2], worker => $worker);
    my $greedy = $chat->socket($person[2], worker => $worker);
    my @half = map { Test::Chatalot::Socket->new(port => $chat->port, handshake => $_ % 2) } 1 .. 6;
    $_->send_json({ type => 'authenticate', token => 'x.y.z' }) for grep { $_->status } @half[ 0 .. 2 ];
    $greedy->send_json({ type => 'sync', ref => "$_", channels => { $channel->{id} => 0 } }) for 1 .. 20;
    $closes->close;
    $drops->drop;
    setsockopt $resets->tcp, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    $resets->drop;
    $signed_out->must(POST => '/api/auth/logout', {});
    is($out->closed, 4001, 'one is signed out');
    return ($silent, $greedy, @half);
}

my ($first, $second) = $chat->workers;
my @leaving = grep { $chat->worker_of($_) == $first } @socket;
my %leaving = map { $_ => 1 } @leaving;
@socket = grep { !$leaving{$_} } @socket;
my @kept = go($first, @leaving);
my $own = sub { my $topics = topics(); return keys %$topics == 1 + 2 * @person && !grep { $_ != 1 } values %$topics };
pump('all have left one worker: only the other one subscribes to what they had', $own, 60);
is_heard('there');
push @kept, go($second, splice @socket);
ok(eval { await('nothing', sub { !%{ topics() } }, 60) }, 'all have left the other one too: nobody subscribes to anything') or diag explain topics();
is(+{ redis('PUBSUB', 'NUMSUB', 'chatalot:all') }->{'chatalot:all'}, 2, 'but for the two workers');
is_deeply([ redis('PUBSUB', 'NUMPAT'), redis('DBSIZE') ], [ 0, 0 ], 'and Redis holds nothing');
is(scalar(grep { !/cmd=client/ } redis('CLIENT', 'LIST')), 4, 'nor any connection but theirs');
@socket = map { sockets_in($_) } $chat->workers;
is_heard('and who comes then');

$chat->done;
