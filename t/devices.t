#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Devices of oneself and of others, prekeys that are handed out once, the inbox, and the sealed backup.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes uuid);
use Test::More;

my $chat   = Test::Chatalot->new;
my $nobody = $chat->nobody;
my $owner  = $chat->owner;
my $home   = $chat->community;
my $anna   = $chat->member('anna', $home);
my $ben    = $chat->member('ben', $home);
my $away   = $chat->community(name => 'Away');
my $far    = $chat->member('far', $away);

# --- whose devices -------------------------------------------------------------------------------------------------

my $seen = answers($anna->get('/api/users/' . $ben->id . '/devices'), 200, 'the devices of somebody in the same channel');
is($seen->{account_key}, b64u($ben->keys->{account_public}), 'with the account key');
is_deeply([ map { $_->{certificate} } @{ $seen->{devices} } ], [ b64u($ben->keys->certificate) ], 'and the certificate as it was given');
refuses($anna->get('/api/users/' . $far->id . '/devices'), 404, 'user_not_found', 'of somebody one shares no channel with');
refuses($anna->get('/api/users/' . uuid() . '/devices'), 404, 'user_not_found', 'of nobody: the same answer');
refuses($nobody->get('/api/users/' . $ben->id . '/devices'), 401, 'unauthorized', 'for nobody');

# --- prekeys -------------------------------------------------------------------------------------------------------

is_deeply($ben->must(GET => '/api/prekeys')->{one_time}, 5, 'five one-time prekeys came with the device');
my $more = answers($ben->post('/api/prekeys', { one_time_prekeys => $ben->keys->one_time_prekeys(6, 3) }), 200, 'three more');
is($more->{one_time}, 8, 'make eight');
is($ben->post('/api/prekeys', { one_time_prekeys => $ben->keys->one_time_prekeys(6, 3) })->{json}{one_time}, 8, 'the same ones again change nothing');
answers($ben->post('/api/prekeys', { device_key => b64u($ben->keys->{device_public}), signed_prekey => b64u($ben->keys->signed_prekey(key_id => 2)) }),
    200, 'a new signed prekey');
is($ben->must(GET => '/api/prekeys')->{signed}{key_id}, 2, 'is the one now');
{
    my $other = Test::Chatalot::Keys->new;
    my $bad = $ben->post('/api/prekeys', { device_key => b64u($ben->keys->{device_public}), signed_prekey => b64u($other->signed_prekey(device => $ben->device)) });
    is($bad->{status}, 422, 'one signed by another key is refused') or diag $bad->{body};
    $bad = $ben->post('/api/prekeys', { device_key => b64u($other->{device_public}), signed_prekey => b64u($other->signed_prekey(device => $ben->device)) });
    ok($bad->{status} =~ /^4/, 'also when that key is named as the device\'s') or diag $bad->{body};
    is($ben->must(GET => '/api/prekeys')->{signed}{key_id}, 2, 'and nothing changed');
}

my $claim = answers($anna->post('/api/prekeys/claim', { devices => [ $ben->device ] }), 200, 'a claim');
is_deeply([ map { $_->{device} } @{ $claim->{bundles} } ], [ $ben->device ], 'gives a bundle');
my @first = map { $_->{one_time_prekey}{id} } @{ $claim->{bundles} };
my @claims = Test::Chatalot::Person::together(map { [ $_ % 2 ? $anna : $owner, POST => '/api/prekeys/claim', { devices => [ $ben->device ] } ] } 1 .. 10);
is(scalar(grep { $_->{status} == 200 } @claims), 10, 'ten claims at the same time');
my @ids = (@first, map { my $k = $_->{json}{bundles}[0]{one_time_prekey}; $k ? $k->{id} : () } @claims);
is(scalar @ids, 8, 'eight one-time prekeys were there');
is_deeply([ sort { $a <=> $b } @ids ], [ 1 .. 8 ], 'and each was handed out once');
is(scalar(grep { !defined $_->{json}{bundles}[0]{one_time_prekey} } @claims), 3, 'the rest get a bundle without');
is_deeply($anna->must(POST => '/api/prekeys/claim', { devices => [ $far->device, uuid(), $anna->device ] })->{bundles}, [],
    'nothing of strangers, nothing of nobody, nothing of the own device');
is($far->must(GET => '/api/prekeys')->{one_time}, 5, 'and nothing was used up');
refuses($anna->post('/api/prekeys/claim', { devices => [] }), 422, 'invalid_field', 'a claim of none', 'devices');
refuses($anna->post('/api/prekeys/claim', { devices => [ map { uuid() } 1 .. 101 ] }), 422, 'invalid_field', 'or of too many', 'devices');

# --- the inbox -----------------------------------------------------------------------------------------------------

is_deeply($anna->must(GET => '/api/inbox'), { items => [], more => JSON::PP::false() }, 'an empty inbox');
answers($anna->post('/api/inbox/ack', { seq => 0 }), 200, 'nothing to acknowledge');
refuses($anna->post('/api/inbox/ack', { seq => -1 }), 422, 'invalid_field', 'a negative one', 'seq');

# --- the backup ----------------------------------------------------------------------------------------------------

my @item = map { { id => uuid(), data => b64u(random_bytes(100)) } } 1 .. 5;
is(answers($anna->post('/api/backup', { items => \@item }), 200, 'a backup of five')->{stored}, 5, 'stores five');
is($anna->post('/api/backup', { items => \@item })->{json}{stored}, 0, 'repeated: none');
my $page = answers($anna->get('/api/backup?limit=2'), 200, 'a page of it');
is_deeply([ map { $_->{data} } @{ $page->{items} } ], [ map { $item[$_]{data} } 4, 3 ], 'newest first');
ok($page->{more}, 'more to come');
my $rest = $anna->must(GET => "/api/backup?before=$page->{items}[-1]{seq}&limit=500");
is_deeply([ map { $_->{data} } @{ $rest->{items} } ], [ map { $item[$_]{data} } 2, 1, 0 ], 'the rest');
ok(!$rest->{more}, 'and no more');
is_deeply($ben->must(GET => '/api/backup')->{items}, [], 'another person has another backup');
my $second = $anna->another_device;
is(scalar @{ $second->must(GET => '/api/backup')->{items} }, 5, 'another device has the same');
refuses($anna->post('/api/backup', { items => [] }), 422, 'invalid_field', 'a backup of nothing', 'items');
refuses($anna->post('/api/backup', { items => [ { id => uuid(), data => b64u(random_bytes(65537)) } ] }), 422, 'invalid_field', 'or of too much', 'items[0].data');

# --- a device comes and goes ---------------------------------------------------------------------------------------

my $channel = $home->{groups}[0]{channels}[0];
my $with    = $ben->roster($channel);
my ($me)    = grep { $_->{user} eq $anna->id } @{ $with->{members} };
is(scalar @{ $me->{devices} }, 2, 'a channel\'s roster has both of her devices');
answers($second->post('/api/auth/logout'), 200, 'one signs out');
my $without = $ben->roster($channel);
($me) = grep { $_->{user} eq $anna->id } @{ $without->{members} };
is_deeply([ map { $_->{id} } @{ $me->{devices} } ], [ $anna->device ], 'and is in it no more');
ok($without->{epoch} > $with->{epoch}, 'a new epoch has begun');
is_deeply($ben->must(POST => '/api/prekeys/claim', { devices => [ $second->device ] })->{bundles}, [], 'its prekeys are not handed out');

my @many = map { $anna->another_device } 1 .. 15;
is(scalar @{ $anna->must(GET => '/api/devices')->{devices} }, 16, 'sixteen devices');
my $one_more = eval { $anna->another_device; 1 };
ok(!$one_more && $@ =~ /409|422|403/, 'and not one more') or diag $@;

# --- names, and removing from afar ---------------------------------------------------------------------------------

my ($laptop, $lost) = @many;
my $watch = $chat->socket($anna);
answers($anna->patch('/api/devices/' . $laptop->device, { name => ' Laptop ' }), 200, 'a device gets a name');
ok($watch->event('devices'), 'the other devices are told');
my ($current, @rest) = @{ answers($anna->get('/api/devices'), 200, 'the list')->{devices} };
is_deeply([ $current->{id}, $current->{current} ], [ $anna->device, JSON::PP::true() ], 'has the own device first');
is_deeply([ map { $_->{name} } grep { $_->{id} eq $laptop->device } @rest ], ['Laptop'], 'and the name');
ok(!grep({ !$_->{last_used_at} || $_->{last_address} ne '127.0.0.1' } $current, @rest), 'each says when and where it was used last');
refuses($ben->patch('/api/devices/' . $laptop->device, { name => 'Mine' }), 404, 'device_not_found', 'another person cannot name it');
refuses($nobody->patch('/api/devices/' . $laptop->device, { name => 'Mine' }), 401, 'unauthorized', 'nor can nobody');
refuses($anna->patch('/api/devices/' . uuid(), { name => 'None' }), 404, 'device_not_found', 'nor one that is none');
refuses($anna->patch('/api/devices/' . $laptop->device, { name => '' }), 422, 'invalid_field', 'an empty name', 'name');

my $gone = $chat->socket($lost);
my $see  = $chat->socket($ben);
my $epoch = $ben->roster($channel)->{epoch};
refuses($ben->delete('/api/devices/' . $lost->device), 404, 'device_not_found', 'another person cannot remove it');
refuses($nobody->delete('/api/devices/' . $lost->device), 401, 'unauthorized', 'nor can nobody');
answers($anna->delete('/api/devices/' . $lost->device), 200, 'a lost device is removed');
is($gone->closed, 4001, 'its socket is closed');
refuses($lost->get('/api/me'), 401, 'session_ended', 'its session has ended');
refuses($lost->refresh, 401, 'token_invalid', 'for good');
is($see->event('roster')->{epoch}, $epoch + 1, 'the others hear of a new epoch');
ok(!grep({ $_->{id} eq $lost->device } map { @{ $_->{devices} } } @{ $ben->roster($channel)->{members} }), 'and it reads no more');
refuses($anna->delete('/api/devices/' . $lost->device), 404, 'device_not_found', 'removed twice');
refuses($lost->enrol($lost->login->{json}{enrol_token}), 409, 'device_removed', 'it does not come back, even with the password');
answers($laptop->delete('/api/devices/' . $laptop->device), 200, 'a device removes itself');
refuses($laptop->get('/api/me'), 401, 'session_ended', 'and is signed out');
my ($this, $that) = @many[ 2, 3 ];
my @mutual = Test::Chatalot::Person::together([ $this, DELETE => '/api/devices/' . $that->device ], [ $that, DELETE => '/api/devices/' . $this->device ]);
is_deeply([ sort map { $_->{status} } @mutual ], [ 200, 401 ], 'two that remove each other: the first does');

# --- who has left is still known -----------------------------------------------------------------------------------

$chat->sql("update data.channel_members set joined_at = joined_at - interval '1 minute'");
answers($ben->delete("/api/communities/$home->{id}/members/" . $ben->id), 200, 'somebody leaves');
$seen = answers($anna->get('/api/users/' . $ben->id . '/devices'), 200, 'what they wrote can still be verified');
is_deeply([ @{$seen}{qw(username display_name)}, scalar @{ $seen->{devices} } ], [ 'ben', 'Ben', 1 ], 'by name and devices');
refuses($far->get('/api/users/' . $ben->id . '/devices'), 404, 'user_not_found', 'by those who could read it');
refuses($ben->get('/api/users/' . $anna->id . '/devices'), 404, 'user_not_found', 'who left sees the others no more');

# --- what nobody uses ----------------------------------------------------------------------------------------------

my $idle = $many[4];
$chat->sql("update data.$_ set last_used_at = now() - interval '91 days' where $_.@{[ $_ eq 'devices' ? 'id' : 'device_id' ]} = '"
    . $idle->device . "'") for qw(devices sessions);
my $dusty = $chat->socket($owner);
my $alive = sub { grep { $_->{id} eq $idle->device } @{ $anna->must(GET => '/api/devices')->{devices} } };
ok($alive->(), 'within the hour nobody sweeps');
$chat->sql("update data.instance set swept_at = now() - interval '2 hours'");
$epoch = $anna->roster($channel)->{epoch};
my $sweeper = $chat->socket($owner);
ok(!$alive->(), 'a device that nobody used for 90 days goes when somebody comes after the hour');
is($dusty->event('roster')->{epoch}, $epoch + 1, 'everybody hears of the new epoch');
my ($told) = grep { $_->{id} eq $channel->{id} } @{ $sweeper->ready->{channels} };
is($told->{epoch}, $epoch + 1, 'who came is told of it at once');
refuses($idle->get('/api/me'), 401, 'session_ended', 'its session has ended');

$chat->done;
