#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The history policy while people are there: everybody hears of a change at once, on every worker, stays where they are, and
# seals anew; a newcomer gets what the policy gives.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::More;

my $chat    = Test::Chatalot->new(settings => { chatalot_websocket_rate => 1000, chatalot_websocket_burst => 1000 });
my $owner   = $chat->owner;
my $home    = $chat->community;
my $channel = $home->{groups}[0]{channels}[0]{id};
my $anna    = $chat->member('anna', $home);
my $zoe     = $chat->member('zoe', $chat->community(name => 'Away'));
my @worker  = $chat->workers;
my ($o, $a, $z) = ($chat->socket($owner, worker => $worker[0]), $chat->socket($anna, worker => $worker[1]), $chat->socket($zoe));

my $old = $anna->roster($channel);
is($old->{history}, 'since_joining', 'a channel begins with what is written since one joined');
is($a->request($anna->message($old))->{type}, 'ok', 'something is written');
$_->event('entry') for $o, $a;

refuses($chat->nobody->patch("/api/channels/$channel", { history => 'all' }), 401, 'unauthorized', 'nobody changes that');
refuses($anna->patch("/api/channels/$channel", { history => 'all' }), 403, 'forbidden', 'nor a member');
refuses($zoe->patch("/api/channels/$channel", { history => 'all' }), 404, 'channel_not_found', 'nor somebody of another community');
refuses($owner->patch("/api/channels/$channel", { history => 'some' }), 422, 'invalid_field', 'there are two policies', 'history');
refuses($owner->patch("/api/channels/$channel", {}), 422, 'missing_field', 'and one must be named', 'history');

my $said = answers($owner->patch("/api/channels/$channel", { history => 'all' }), 200, 'the owner does');
is_deeply([ @{$said}{qw(id history epoch)} ], [ $channel, 'all', $old->{epoch} + 1 ], 'and a new epoch has begun');
for my $who ([ $o, 'the owner' ], [ $a, 'a member on another worker' ]) {
    my ($socket, $name) = @$who;
    is($socket->event('roster')->{epoch}, $old->{epoch} + 1, "$name hears of the epoch");
    is_deeply($socket->event('channel')->{channel}, $said, "$name hears of the channel");
}
is(scalar(map { $z->events($_) } qw(channel roster)), 0, 'a stranger does not');
is($a->request($anna->message($old))->{error}{code}, 'epoch_stale', 'what was sealed before is sealed anew');
my $new = $anna->roster($channel);
is($new->{history}, 'all', 'the roster names the policy');
is($a->request($anna->message($new))->{type}, 'ok', 'then it is sent');
is($o->event('entry')->{epoch}, $new->{epoch}, 'and heard');
is(scalar(map { $_->events('resync') } $o, $a), 0, 'nobody had to be authorised anew');

is($owner->patch("/api/channels/$channel", { history => 'all' })->{json}{epoch}, $new->{epoch}, 'what it is already changes nothing');
is(scalar(map { $_->events('channel') } $o, $a), 0, 'and nobody hears of it');
my $late = $chat->member('late', $home);
is(scalar @{ $late->must(GET => "/api/channels/$channel/entries")->{entries} }, 2, 'a newcomer gets all of it');
answers($owner->patch("/api/channels/$channel", { history => 'since_joining' }), 200, 'changed back');
is(scalar @{ $late->must(GET => "/api/channels/$channel/entries")->{entries} }, 0, 'only what is written since');

$chat->done;
