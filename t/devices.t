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

$chat->done;
