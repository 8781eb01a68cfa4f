#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Which session hears what: attaching and detaching by events, and what happens when an event is missed. Events are lost
# here on purpose, by committing them in the database without telling Redis, or by keeping Redis away.

use strict;
use warnings;
use lib 't/lib';

use Test::Chatalot;
use Test::More;

my $chat = Test::Chatalot->new(settings => {
    chatalot_websocket_connections => 3,
    chatalot_websocket_rate        => 1000,
    chatalot_websocket_burst       => 1000,
});
my $owner     = $chat->owner;
my $community = $chat->community;
my $channel   = $community->{groups}[0]{channels}[0];
my ($first, $second) = $chat->workers;

# Sends one message as the person and returns its seq once it is committed.
sub say_as {
    my ($person, $socket) = @_;
    my $answer = $socket->request($person->message($person->roster($channel)));
    is($answer->{type}, 'ok', $person->name . ' sends') or diag explain $answer;
    return $answer->{result}{seq};
}

sub hears { my ($socket, $seq) = @_; return $socket->event(sub { $_->{type} eq 'entry' && $_->{seq} == $seq }) }

sub publish {
    my ($topic, $control, $payload) = @_;
    my $command = join ' ', 'redis-cli', '-s', $chat->stack->redis_socket, '-x', 'PUBLISH', "chatalot:$topic", '>/dev/null';
    open my $out, '|-', $command or die "redis-cli: $!";
    print {$out} "$control\n" . ($payload // '');
    return close $out;
}

my $ann = $chat->member('ann', $community);
my $o   = $chat->socket($owner, worker => $first);
my $a   = $chat->socket($ann, worker => $second);

subtest 'joining and leaving while connected' => sub {
    my $bob = $chat->member('bob', $community);
    my $b = $chat->socket($bob, worker => $second);
    my $seq = say_as($owner, $o);
    ok(hears($_, $seq), 'heard') for $o, $a, $b;

    my $other = $chat->community(name => 'Elsewhere');
    my $invite = $owner->must(POST => "/api/communities/$other->{id}/invites", {});
    $bob->must(POST => "/api/invites/$invite->{code}/accept", {});
    my $added = $b->event('channel_added');
    is($added->{channel}{id}, $other->{groups}[0]{channels}[0]{id}, 'bob is told of the channel he joined');
    my $there = $owner->roster($added->{channel});
    my $answer = $o->request($owner->message($there));
    is($answer->{type}, 'ok', 'the owner writes there at once');
    ok($b->event(sub { $_->{type} eq 'entry' && $_->{channel} eq $added->{channel}{id} }), 'bob hears it');

    $owner->must(DELETE => "/api/communities/$community->{id}/members/" . $bob->id);
    is($b->event('channel_removed')->{channel}, $channel->{id}, 'bob is told that he was removed');
    $seq = say_as($owner, $o);
    ok(hears($a, $seq), 'ann hears what comes next');
    is(scalar(grep { $_->{channel} eq $channel->{id} } $b->events('entry')), 0, 'bob does not');
    is($b->request({ type => 'sync', channels => { $channel->{id} => 0 } })->{result}{channels}[0]{removed}, JSON::PP::true(),
        'nor by asking');
    $b->close;
};

subtest 'a removal whose event was lost' => sub {
    my $eve = $chat->member('eve', $community);
    my $e   = $chat->socket($eve, worker => $second);
    my $e2  = $chat->socket($eve, worker => $first);
    ok(hears($e, my $seq = say_as($owner, $o)), 'eve hears while she is a member');

    $chat->sql("select count(*) from lib.channel_remove('" . $eve->id . "', array['$channel->{id}']::uuid[])");
    $seq = say_as($owner, $o);
    ok($a->event('resync'), 'ann is asked to sync, for she may have missed something');
    ok($o->event('resync'), 'so is the owner, on the other worker');
    my $sync = $a->request({ type => 'sync', channels => { $channel->{id} => $seq - 1 } });
    is($sync->{result}{channels}[0]{entries}[0]{seq}, $seq, 'and gets what was held back');
    ok($_->event('resync'), 'eve is told to sync') for $e, $e2;
    $seq = say_as($owner, $o);
    ok(hears($a, $seq), 'ann hears the next one live');
    is(scalar(map { grep { $_->{seq} >= $seq - 1 } $_->events('entry') } $e, $e2), 0, 'eve got none of the two');
    $_->close for $e, $e2;
};

subtest 'sessions and devices that end' => sub {
    my $cat  = $chat->member('cat', $community);
    my $cat2 = $cat->another_device;
    my $c    = $chat->socket($cat, worker => $first);
    my $c2   = $chat->socket($cat2, worker => $second);
    $cat2->must(POST => '/api/auth/logout', {});
    is($c2->closed, 4001, 'signing out closes the socket of that device');
    my $seq = say_as($owner, $o);
    ok(hears($c, $seq), 'the other device stays');
    $c2 = Test::Chatalot::Socket->new(port => $chat->port);
    is($c2->authenticate($cat2->token), undef, 'the token of the ended session opens nothing');
    is($c2->closed, 4001, 'and says so');
    $c->close;

    my $cat3 = $cat->another_device;
    my $c3 = $chat->socket($cat3, worker => $second);
    $chat->sql("select count(*) from lib.device_remove('" . $cat3->id . "', '" . $cat3->device . "')");
    $seq = say_as($owner, $o);
    is($c3->closed, 4001, 'a device removed behind our back is found out at the next entry');
    is(scalar(grep { $_->{type} eq 'entry' && $_->{seq} == $seq } @{ $c3->{events} }), 0, 'and does not get it');
    $_->event('resync') for $a, $o;
};

subtest 'too many connections of one user in a worker' => sub {
    my $dan  = $chat->member('dan', $community);
    my @open = map { $chat->socket($dan, worker => $first) } 1 .. 3;
    my @rejected;
    my $more;
    for (1 .. 200) {
        $more = Test::Chatalot::Socket->new(port => $chat->port);
        last if $chat->worker_of($more) == $first;
        push @rejected, $more;
    }
    $more->send_json({ type => 'authenticate', token => $dan->token });
    is($more->closed, 4002, 'the fourth is refused');
    ok($chat->socket($dan, worker => $second)->ready, 'another worker still takes one');
    (pop @open)->close;
    ok($chat->socket($dan, worker => $first)->ready, 'and when one has gone, so does this one');
};

subtest 'controls that make no sense' => sub {
    my $ch = "ch:$channel->{id}";
    my @word = ('epoch', 'epoch x', 'epoch -1', 'epoch 99999999999999999999999', 'removed', 'removed x 1', 'attach', 'attach x 1',
        "attach ch:x 1", 'end-session x', 'nonsense 1', ';;;', ' ', 'epoch 1 2 3 4 5 6', 'x' x 5000);
    publish($ch, $_, '{"type":"test","n":"' . length($_) . '"}') for @word;
    publish('u:' . $ann->id, $_, '') for @word;
    for my $word (@word) {
        my $event = $a->event('test');
        is($event->{n}, length $word, 'delivered all the same: ' . substr $word, 0, 30);
    }
    is($a->request({ type => 'ping' })->{type}, 'ok', 'and nothing else happened');
    $o->events('test');
};

subtest 'Redis is away' => sub {
    push @{ $chat->{allow} }, qr/Redis/;
    my $fay = $chat->member('fay', $community);
    my $f = $chat->socket($fay, worker => $second);
    $_->events('roster') for $o, $a;
    $chat->stop_redis;
    for my $socket ($o, $a, $f) {
        is($socket->event('degraded')->{degraded}, JSON::PP::true(), 'everybody is told');
    }
    my $seq = say_as($owner, $o);
    my $sync = $a->request({ type => 'sync', channels => { $channel->{id} => $seq - 1 } });
    is($sync->{result}{channels}[0]{entries}[0]{seq}, $seq, 'ann polls');
    my $late = $chat->socket($ann, worker => $first);
    is($late->ready->{degraded}, JSON::PP::true(), 'a new session starts without Redis');
    $owner->must(DELETE => "/api/communities/$community->{id}/members/" . $fay->id);

    $chat->start_redis;
    for my $socket ($o, $a, $f, $late) {
        is($socket->event('degraded')->{degraded}, JSON::PP::false(), 'everybody is told that it is back');
        ok($socket->event('resync'), 'and to sync');
    }
    $seq = say_as($owner, $o);
    ok(hears($_, $seq), 'live again') for $o, $a, $late;
    is(scalar(grep { $_->{seq} == $seq } $f->events('entry')), 0, 'but not for who was removed meanwhile');
};

subtest 'the database is away' => sub {
    push @{ $chat->{allow} }, qr/database/;
    $chat->stop_postgres;
    my $answer = $o->request({ type => 'sync', channels => {} }, 30);
    is($answer->{error}{code}, 'unavailable', 'requests say so');
    is($o->request({ type => 'ping' })->{type}, 'ok', 'and the socket stays open');
    my $new = Test::Chatalot::Socket->new(port => $chat->port);
    $new->send_json({ type => 'authenticate', token => $owner->token, ref => 'x' });
    is($new->answer('x', 30)->{error}{code}, 'unavailable', 'nobody can sign in');
    is($new->closed, 1013, 'but may try later');
    $chat->start_postgres;
    for my $socket ($o, $a) {
        await('its worker has the database back', sub { $socket->request({ type => 'sync', channels => {} })->{type} eq 'ok' }, 30);
    }
    my $seq = say_as($owner, $o);
    ok(hears($a, $seq), 'everything goes on');
};

$chat->done;
