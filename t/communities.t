#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Communities, invites, members and DMs over HTTP, tried by every role: the instance's owner, a community's owner, a member,
# a member of another community, somebody who was removed, and nobody.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Keys qw(uuid);
use Test::More;

my $chat   = Test::Chatalot->new;
my $nobody = $chat->nobody;
my $owner  = $chat->owner;

# --- making --------------------------------------------------------------------------------------------------------

my $id   = uuid();
my $name = "Home \x{273f}";
my $home = answers($owner->post('/api/communities', { id => $id, name => $name }), 200, 'the owner makes a community');
is($home->{id}, $id,        'with the id of our choice');
is($home->{name}, $name, 'and the name');
is($home->{role}, 'owner',  'which its maker owns');
is_deeply([ map { $_->{name} } @{ $home->{groups} } ], ['General'], 'a first group');
my $channel = $home->{groups}[0]{channels}[0];
is_deeply([ @{$channel}{qw(kind name head history)} ], [ 'text', 'general', 0, 'since_joining' ], 'with a first text channel');
is_deeply($owner->post('/api/communities', { id => $id, name => $name })->{json}, $home, 'asked again it is the same one');
is(scalar @{ $owner->must(GET => '/api/communities')->{communities} }, 1, 'and not a second');

my $anna = $chat->member('anna', $home);
my $away = $chat->community(name => 'Away');
my $zoe  = $chat->member('zoe', $away);
refuses($anna->post('/api/communities', { id => uuid(), name => 'Mine' }), 403, 'forbidden', 'a member may not make one by default');
refuses($anna->post('/api/communities', { id => $id, name => $name }), 403, 'forbidden', 'not with a known id either');
refuses($nobody->post('/api/communities', { id => uuid(), name => 'Mine' }), 401, 'unauthorized', 'nor may nobody');

# --- reading -------------------------------------------------------------------------------------------------------

my %route = (
    'the community' => [ GET  => "/api/communities/$id" ],
    'its members'   => [ GET  => "/api/communities/$id/members" ],
    'an invite'     => [ POST => "/api/communities/$id/invites" ],
    'its invites'   => [ GET  => "/api/communities/$id/invites" ],
);
for my $what (sort keys %route) {
    my @request = (@{ $route{$what} }, $route{$what}[0] eq 'POST' ? {} : undef);
    is($owner->request(@request)->{status}, 200, "$what: its owner");
    my $member = $anna->request(@request);
    is($member->{status}, $what eq 'an invite' ? 403 : 200, "$what: a member") or diag $member->{body};
    refuses($zoe->request(@request), 404, 'community_not_found', "$what: a member of another community");
    refuses($nobody->request(@request), 401, 'unauthorized', "$what: nobody");
}
refuses($owner->get('/api/communities/' . uuid()), 404, 'community_not_found', 'a community that is none');
refuses($owner->get('/api/communities/abc'), 422, 'invalid_field', 'an id that is none', 'community');
is_deeply([ map {"$_->{username} $_->{role}"} @{ $anna->must(GET => "/api/communities/$id/members")->{members} } ],
    [ 'anna member', 'owner owner' ], 'the members and their roles');

my %roster = (
    'the roster' => "/api/channels/$channel->{id}/roster",
    'the history' => "/api/channels/$channel->{id}/entries",
);
for my $what (sort keys %roster) {
    is($anna->get($roster{$what})->{status}, 200, "$what of a channel: a member");
    refuses($zoe->get($roster{$what}), 404, 'channel_not_found', "$what: a member of another community");
    refuses($nobody->get($roster{$what}), 401, 'unauthorized', "$what: nobody");
}
my $roster = $anna->roster($channel);
is_deeply([ sort map { $_->{username} } @{ $roster->{members} } ], [qw(anna owner)], 'the roster names the members');
my ($self) = grep { $_->{username} eq 'anna' } @{ $roster->{members} };
is($self->{devices}[0]{certificate}, Test::Chatalot::Keys::b64u($anna->keys->certificate), 'with their devices\' certificates');

# the instance's owner has no key to what they are not in, so they do not read it
{
    my $creator = Test::Chatalot::Person->new(server => $chat, name => 'creator');
    $creator = $chat->member('creator', $away);
    $chat->sql("update data.users set role = 'admin' where username = 'creator'");
    my $private = $chat->community(by => $creator, name => 'Private');
    refuses($owner->get("/api/communities/$private->{id}"), 404, 'community_not_found', 'the instance\'s owner does not see into others\' communities');
    my $inside = $private->{groups}[0]{channels}[0]{id};
    refuses($owner->get("/api/channels/$inside/entries"), 404, 'channel_not_found', 'nor read their channels');
}

# --- invites -------------------------------------------------------------------------------------------------------

my $invite = answers($owner->post("/api/communities/$id/invites", { max_uses => 1, expires_in_hours => 2 }), 200, 'an invite for one');
ok(length $invite->{code} >= 12, 'its code has at least 60 bits');
is($invite->{max_uses}, 1, 'its bound');
ok(abs($invite->{expires_at} / 1000 - time - 7200) < 60, 'its end');
my $look = answers($nobody->get("/api/invites/$invite->{code}"), 200, 'whoever has it sees');
is($look->{community}{name}, $name, 'to what');
is($look->{invited_by}{username}, 'owner', 'and by whom');
is($look->{members}, 2, 'and how many are there');
is_deeply([ sort keys %$look ], [qw(community invited_by members registration_open)], 'and nothing else');
for my $bad ([ max_uses => 0 ], [ max_uses => 100001 ], [ max_uses => -1 ], [ max_uses => 'x' ], [ expires_in_hours => 0 ], [ expires_in_hours => 8761 ], [ expires_in_hours => 1.5 ]) {
    refuses($owner->post("/api/communities/$id/invites", {@$bad}), 422, 'invalid_field', "an invite with @$bad", $bad->[0]);
}

my $dora = $chat->member('dora', $away);
my @both = Test::Chatalot::Person::together(map { [ $_, POST => "/api/invites/$invite->{code}/accept", {} ] } $zoe, $dora);
is_deeply([ sort map { $_->{status} } @both ], [ 200, 404 ], 'of two who accept it at the same time one gets in') or diag map {"$_->{status} $_->{body}"} @both;
my ($in, $out) = $both[0]{status} == 200 ? ($zoe, $dora) : ($dora, $zoe);
is($in->get("/api/communities/$id")->{status}, 200, 'and is in');
refuses($out->get("/api/communities/$id"), 404, 'community_not_found', 'the other is not');
refuses($nobody->get("/api/invites/$invite->{code}"), 404, 'invite_not_found', 'a used-up invite is unknown');
refuses($nobody->get('/api/invites/0000000000000000'), 404, 'invite_not_found', 'a guessed one too');
refuses($nobody->post('/api/invites/0000000000000000/accept'), 401, 'unauthorized', 'nobody accepts');
my $timed = $owner->must(POST => "/api/communities/$id/invites", {});
$chat->sql("update data.invites set expires_at = now() - interval '1 second' where code = '$timed->{code}' or code = lower('$timed->{code}')");
refuses($out->post("/api/invites/$timed->{code}/accept"), 404, 'invite_not_found', 'an expired invite');

my $open  = $owner->must(POST => "/api/communities/$id/invites", { max_uses => 5 });
my $uses  = sub { $chat->sql("select uses from data.invites where code = lower('$open->{code}')") };
answers($in->post("/api/invites/$open->{code}/accept"), 200, 'a member accepts again');
is($uses->(), 0, 'which uses nothing up');

my $mine = answers($owner->get("/api/communities/$id/invites"), 200, 'its owner lists the invites that are good');
my ($listed) = grep { $_->{code} eq $open->{code} } @{ $mine->{invites} };
is_deeply([ sort keys %$listed ], [qw(code created_at expires_at invited_by max_uses uses)], 'with all one needs to know');
is_deeply([ @{$listed}{qw(uses max_uses)}, $listed->{invited_by}{username} ], [ 0, 5, 'owner' ], 'of each');
ok(!(grep { $_->{code} eq $timed->{code} || $_->{code} eq $invite->{code} } @{ $mine->{invites} }), 'not those that are over or used up');
is_deeply($anna->must(GET => "/api/communities/$id/invites")->{invites}, [], 'a member sees none of others');
refuses($nobody->delete("/api/invites/$open->{code}"), 401, 'unauthorized', 'nobody withdraws one');
refuses($_->delete("/api/invites/$open->{code}"), 404, 'invite_not_found', $_->name . ' neither', 'code') for $anna, $out;
my $spare = $owner->must(POST => "/api/communities/$id/invites", {});
answers($owner->delete("/api/invites/$spare->{code}"), 200, 'its owner does');
refuses($owner->delete("/api/invites/$spare->{code}"), 404, 'invite_not_found', 'once', 'code');
refuses($out->post("/api/invites/$spare->{code}/accept"), 404, 'invite_not_found', 'it lets nobody in');
$chat->sql("update data.community_members set role = 'moderator' where user_id = '" . $anna->id . "'");
my $annas = $anna->must(POST => "/api/communities/$id/invites", { max_uses => 2 });
is_deeply([ map { $_->{code} } @{ $anna->must(GET => "/api/communities/$id/invites")->{invites} } ], [ $annas->{code} ], 'a moderator lists the own');
refuses($anna->delete("/api/invites/$open->{code}"), 404, 'invite_not_found', 'and withdraws no other', 'code');
answers($anna->delete('/api/invites/' . uc $annas->{code}), 200, 'but that one, however it is written');
$chat->sql("update data.community_members set role = 'member' where user_id = '" . $anna->id . "'");

# --- removing and leaving ------------------------------------------------------------------------------------------

refuses($anna->delete("/api/communities/$id/members/" . $owner->id), 403, 'forbidden', 'a member does not remove the owner');
refuses($anna->delete("/api/communities/$id/members/" . $in->id), 403, 'forbidden', 'nor another member');
refuses($out->delete("/api/communities/$id/members/" . $anna->id), 404, 'community_not_found', 'nor does a stranger');
refuses($nobody->delete("/api/communities/$id/members/" . $anna->id), 401, 'unauthorized', 'nor nobody');
refuses($owner->delete("/api/communities/$id/members/" . $out->id), 404, 'member_not_found', 'somebody who is not in it');
refuses($owner->delete("/api/communities/$id/members/" . $owner->id), 409, 'owner_stays', 'the owner does not leave');

my $before = $anna->roster($channel);
answers($owner->delete("/api/communities/$id/members/" . $in->id), 200, 'the owner removes a member');
refuses($in->get("/api/communities/$id"), 404, 'community_not_found', 'who sees the community no more');
refuses($in->get("/api/channels/$channel->{id}/entries"), 404, 'channel_not_found', 'nor its channels');
my $after = $anna->roster($channel);
ok($after->{epoch} > $before->{epoch},   'a removal begins a new epoch');
ok($after->{roster} > $before->{roster}, 'and a new roster');
answers($anna->delete("/api/communities/$id/members/" . $anna->id), 200, 'a member leaves');
refuses($anna->get("/api/communities/$id"), 404, 'community_not_found', 'and is out');
is(scalar @{ $owner->must(GET => "/api/communities/$id/members")->{members} }, 1, 'one is left');

# --- DMs -----------------------------------------------------------------------------------------------------------

my $dm_id = uuid();
my $dm = answers($zoe->post('/api/dms', { id => $dm_id, user => $dora->id }), 200, 'a DM with somebody of the same community');
is_deeply([ @{$dm}{qw(id kind)}, $dm->{peer}{username} ], [ $dm_id, 'dm', 'dora' ], 'with her as the peer');
my $back = answers($dora->post('/api/dms', { id => uuid(), user => $zoe->id }), 200, 'opened from the other side');
is_deeply([ $back->{id}, $back->{peer}{username} ], [ $dm_id, 'zoe' ], 'it is the same channel');
my ($x, $y) = ($chat->member('xaver', $away), $chat->member('yves', $away));
my @opened = Test::Chatalot::Person::together(
    [ $x, POST => '/api/dms', { id => uuid(), user => $y->id } ], [ $y, POST => '/api/dms', { id => uuid(), user => $x->id } ]);
is_deeply([ map { $_->{status} } @opened ], [ 200, 200 ], 'both open it at the same time');
is($opened[0]{json}{id}, $opened[1]{json}{id}, 'and get one channel');
is_deeply([ map { $_->{id} } @{ $dora->must(GET => '/api/dms')->{channels} } ], [$dm_id], 'it is listed');
refuses($x->get("/api/channels/$dm_id/entries"), 404, 'channel_not_found', 'a third person does not read it');
refuses($owner->get("/api/channels/$dm_id/roster"), 404, 'channel_not_found', 'the instance\'s owner neither');
refuses($zoe->post('/api/dms', { id => uuid(), user => uuid() }), 404, 'user_not_found', 'a DM with nobody');
refuses($anna->post('/api/dms', { id => uuid(), user => $zoe->id }), 404, 'user_not_found', 'or with somebody of no common community');
{
    my $self = $zoe->post('/api/dms', { id => uuid(), user => $zoe->id });
    ok($self->{status} =~ /^4/, 'or with oneself') or diag $self->{body};
}

$chat->done;
