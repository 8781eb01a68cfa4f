#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Deleting an account deletes its data: what is left of it for others to see, what is not in a dump of the database any
# more, and whom it does not let go.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(decode_base64url);
use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes uuid);
use Test::More;

my $chat    = Test::Chatalot->new;
my $nobody  = $chat->nobody;
my $owner   = $chat->owner;
my $home    = $chat->community;
my $channel = $home->{groups}[0]{channels}[0]{id};
my $away    = $chat->community(name => 'Away');
my $left    = $away->{groups}[0]{channels}[0]{id};
my ($first, $second) = $chat->workers;

# Somebody whose every trace can be told from others', who has done all one can do.
my $anna = Test::Chatalot::Person->new(server => $chat, name => 'anna.unique');
sub invite { my ($place) = @_; return $owner->must(POST => "/api/communities/$place->{id}/invites", {})->{code} }
answers($anna->register(invite => invite($home), display_name => 'Unique Anna'), 200, 'somebody registers');
$anna->must(POST => '/api/invites/' . invite($away) . '/accept');
my $ben   = $chat->member('ben', $home);
my $phone = $anna->another_device;

sub say_in {
    my ($who, $where, %more) = @_;
    my $socket = $chat->socket($who);
    my $frame  = $who->message($who->roster($where), %more);
    my $answer = $socket->request($frame);
    is($answer->{type}, 'ok', $who->name . ' writes') or diag explain $answer;
    $socket->close;
    return { %$frame, %{ $answer->{result} || {} } };
}

my $hers    = say_in($anna, $channel);
my $bens    = say_in($ben, $channel, ref_id => $hers->{id});
{
    my $socket = $chat->socket($anna);
    is($socket->request({ type => 'deliver', channel => $channel, items => [
        map { { device => $_->device, id => uuid(), payload => b64u('of anna' . random_bytes(60)) } } $ben, $owner ] })->{result}{delivered},
        2, 'she gives out keys');
    $socket->close;
}
my $abroad  = say_in($anna, $left);
answers($anna->delete("/api/communities/$away->{id}/members/" . $anna->id), 200, 'she leaves a community in which she wrote');
my $dm = $anna->must(POST => '/api/dms', { id => uuid(), user => $ben->id })->{id};
my $private = say_in($anna, $dm, envelopes => [ map { { device => $_, id => uuid(), payload => b64u(random_bytes(60)) } } $phone->device, $ben->device ]);
my $backup = random_bytes(80);
$anna->must(POST => '/api/backup', { items => [ { id => uuid(), data => b64u($backup) } ] });
$ben->must(POST => '/api/prekeys/claim', { devices => [ $anna->device ] });
$anna->must(POST => '/api/prekeys/claim', { devices => [ $ben->device ] });
$anna->begin_recovery;
$chat->sql("update data.community_members set role = 'moderator' where user_id = '" . $anna->id . "'");
my $hers_invite = $anna->must(POST => "/api/communities/$home->{id}/invites", {})->{code};
$owner->must(POST => '/api/users/' . $anna->id . '/reset');
$chat->sql("insert into data.reports (id, channel_id, entry_id, seq, sender, sender_device, reporter, payload, sent_at)
    select gen_random_uuid(), e.channel_id, e.id, e.seq, e.sender, e.device, r, convert_to('said by ' || e.sender, 'UTF8'), now()
      from data.entries e, unnest('{@{[$ben->id]},@{[$anna->id]}}'::uuid[]) as r where e.sender <> r and e.channel_id = '$channel'");
is($chat->sql('select count(*) from data.reports'), 2, 'each reported the other');

# --- who is not let go ---------------------------------------------------------------------------------------------

my %prove = Test::Chatalot::Person::of_keys($anna->keys, 'login_key');
refuses($nobody->post('/api/account/delete', {%prove}), 401, 'unauthorized', 'nobody deletes an account');
refuses($nobody->post('/api/account/delete', {%prove}, token => $anna->login->{json}{enrol_token}), 403, 'wrong_scope', 'nor who has no device');
refuses($anna->post('/api/account/delete', { login_key => b64u(random_bytes(32)) }), 401, 'bad_credentials', 'nor who does not know the password');
$chat->sql('delete from data.login_attempts');
my $stays = $owner->post('/api/account/delete', { Test::Chatalot::Person::of_keys($owner->keys, 'login_key') });
refuses($stays, 409, 'owner_stays', 'the instance\'s owner stays');
is_deeply($stays->{json}{error}{details}{communities}, [ $home->{id} ], 'and is told of the communities that others are in');
is($chat->sql('select count(*) from data.login_attempts'), 0, 'a right password does not count as a wrong one');
$chat->sql("update data.users set role = 'admin' where username = 'ben'");
my $bens_own = $chat->community(by => $ben, name => 'Ben and others');
$chat->sql("insert into data.community_members (community_id, user_id, role) select '$bens_own->{id}', '" . $owner->id . "', 'member'");
$stays = $ben->post('/api/account/delete', { Test::Chatalot::Person::of_keys($ben->keys, 'login_key') });
refuses($stays, 409, 'owner_stays', 'the owner of a community with others stays');
is_deeply($stays->{json}{error}{details}{communities}, [ $bens_own->{id} ], 'and learns which');
is($ben->get('/api/me')->{status}, 200, 'nothing happened to him');

# --- the deletion --------------------------------------------------------------------------------------------------

$chat->sql("update data.users set role = 'admin' where username = 'anna.unique'");
my $alone   = $chat->community(by => $anna, name => 'Only Unique Anna');
my $lonely  = say_in($anna, $alone->{groups}[0]{channels}[0]{id});
my @secret  = (
    ['her name' => 'anna.unique'], ['her display name' => 'Unique Anna'], ['her community' => $alone->{id}],
    (map { [ $_ => $anna->keys->{$_} ] } qw(account_public backup_public salt keyring_password keyring_recovery device_public)),
    [ 'her backup' => $backup ], [ 'her phone' => $phone->keys->{device_public} ],
    (map { [ "what she wrote ($_->[0])" => decode_base64url($_->[1]{ciphertext}) ] }
        [ here => $hers ], [ 'where she left' => $abroad ], [ 'a direct message' => $private ], [ 'to herself' => $lonely ]),
    [ 'its commitment' => decode_base64url($hers->{commitment}) ],
    (map { [ 'a session' => $_->session ] } $anna, $phone), [ 'a device that wrote nothing' => $phone->device ],
    [ 'her invite' => $hers_invite ], [ 'keys she gave out' => unpack 'H*', 'of anna' ], [ 'what she was reported for' => unpack 'H*', 'said by ' . $anna->id ],
);
sub dump_of {
    open my $in, '-|', 'pg_dump', '-d', $chat->owner_url or die $!;
    local $/;
    return <$in>;
}
sub refuses_frame {
    my ($socket, $wiped, $name) = @_;
    is($socket->request({ type => 'sync', channels => {}, wiped => $wiped })->{error}{code}, 'invalid_field', $name);
    return;
}
sub found { my ($text, $what) = @_; return index($text, $what =~ /[^\x20-\x7e]/ ? unpack 'H*', $what : $what) >= 0 }
my $dump = dump_of();
is(join(', ', map { $_->[0] } grep { !found($dump, $_->[1]) } @secret), '', 'before, all of it is found in a dump');

my $before  = $ben->roster($channel);
my @socket  = ($chat->socket($anna, worker => $first), $chat->socket($phone, worker => $second));
my @witness = ($chat->socket($ben, worker => $first), $chat->socket($owner, worker => $second));
answers($anna->post('/api/account/delete', {%prove}), 200, 'the account is deleted');
is($_->closed(10), 4001, 'a socket of hers is closed at once') for @socket;
for my $i (0, 1) {
    my $wiped = $witness[$i]->event(sub { $_->{type} eq 'sender_wiped' && $_->{channel} eq $channel });
    is($wiped->{sender}, $anna->id, "a reader on worker $i is told what to forget");
    my $roster = $witness[$i]->event(sub { $_->{type} eq 'roster' && $_->{channel} eq $channel });
    ok($roster->{epoch} > $before->{epoch}, 'and of the new epoch');
}
ok($witness[0]->event(sub { $_->{type} eq 'sender_wiped' && $_->{channel} eq $dm }), 'of the direct messages too');
ok($witness[1]->event(sub { $_->{type} eq 'sender_wiped' && $_->{channel} eq $left }), 'and of where she had left');
refuses($_->get('/api/me'), 401, 'session_ended', 'her sessions have ended') for $anna, $phone;
refuses($anna->refresh(keep => 1), 401, 'token_invalid', 'her refresh tokens are dead');
refuses($anna->login, 401, 'bad_credentials', 'she cannot sign in');
refuses($anna->begin_recovery, 401, 'bad_credentials', 'nor recover');
$chat->sql('delete from data.login_attempts');
refuses($nobody->get("/api/invites/$hers_invite"), 404, 'invite_not_found', 'her invitation is gone');
refuses($owner->post('/api/users/' . $anna->id . '/reset'), 404, 'user_not_found', 'and nothing is left to reset', 'user');

# --- what is left --------------------------------------------------------------------------------------------------

my ($wiped) = grep { $_->{id} eq $hers->{id} } @{ $ben->must(GET => "/api/channels/$channel/entries")->{entries} };
is_deeply([ @{$wiped}{qw(seq sender ciphertext commitment)} ], [ $hers->{seq}, $anna->id, undef, undef ], 'history: the entry stands there, wiped');
my $sync = $chat->socket($ben)->request({ type => 'sync', channels => { $channel => 0, $dm => 0 } })->{result}{channels};
my %synced = map { $_->{id} => $_ } @$sync;
is_deeply([ map { [ $_->{seq}, defined $_->{ciphertext} ? 1 : 0 ] } @{ $synced{$channel}{entries} } ], [ [ 1, 0 ], [ 2, 1 ] ],
    'sync: no hole, and others\' entries are as they were');
is_deeply([ map { $_->{ciphertext} } @{ $synced{$dm}{entries} } ], [undef], 'the direct message is wiped');

# A device that has all entries and was away when the account went.
my $away_till_now = $chat->socket($ben);
my $heard = sub { return $away_till_now->request({ type => 'sync', channels => { $channel => 2, $dm => 1 }, @_ })->{result}{channels} };
is_deeply($heard->(), [], 'of entries it has missed nothing');
my %gone = map { $_->{id} => $_->{wiped} } @{ $heard->(wiped => {}) };
is_deeply(\%gone, { map { $_ => { to => 1, senders => [ $anna->id ] } } $channel, $dm }, 'but it is told whom to forget, in a direct message too');
is_deeply($heard->(wiped => { $channel => 1, $dm => 1 }), [], 'once it has heard, no more');
refuses_frame($away_till_now, $_, 'a number that is none') for { $channel => -1 }, { here => 1 }, [];
is_deeply($chat->socket($owner)->request({ type => 'sync', channels => { $left => 1 }, wiped => {} })->{result}{channels}[0]{wiped},
    { to => 1, senders => [ $anna->id ] }, 'and where she had left before');
is($chat->socket($chat->member('fay', $away))->request({ type => 'sync', channels => { $channel => 2 }, wiped => {} })->{result}{channels}[0]{wiped}, undef,
    'who is not in the channel is not told');
is($ben->must(GET => "/api/channels/$channel/entries")->{wiped}, 1, 'a page of history says how many are gone');
is_deeply([ map { $_->{sender} } @{ $_->must(GET => '/api/inbox')->{items} } ], [], 'nothing of hers waits in an inbox any more') for $ben, $owner;
my $after = $ben->roster($channel);
ok(!(grep { $_->{user} eq $anna->id } @{ $after->{members} }), 'she is in no roster');
my ($peer) = map { $_->{peer} } grep { $_->{id} eq $dm } @{ $ben->must(GET => '/api/dms')->{channels} };
is($peer->{display_name}, 'Deleted account', 'the other side of a direct message sees that');
unlike($peer->{username}, qr/anna/, 'without her name');
refuses($ben->get('/api/users/' . $anna->id . '/devices'), 404, 'user_not_found', 'devices she has none');
my $mine = say_in($ben, $dm, envelopes => []);
ok($mine->{seq} > $private->{seq}, 'he may write on there, alone');
is($chat->sql('select count(*) from data.reports where reporter is null'), 1, 'what she reported stays, without her');
is($chat->sql('select count(*) from data.reports'), 1, 'what others reported of her is gone');
$dump = dump_of();
is(join(', ', map { $_->[0] } grep { found($dump, $_->[1]) } @secret), '', 'in a dump nothing of it is found');

my $anew = Test::Chatalot::Person->new(server => $chat, name => 'anna.unique');
answers($anew->register(invite => invite($home)), 200, 'her name is free for others');
isnt($anew->id, $anna->id, 'who are not her');
my $again = Test::Chatalot::Person->new(server => $chat, name => 'anna.again', keys => $anna->keys);
refuses($again->register(invite => invite($home)), 409, 'id_taken', 'and nobody becomes her by her id', 'user');

# --- who wrote much ------------------------------------------------------------------------------------------------

my $dora = $chat->member('dora', $home);
my ($sender, $device) = ($dora->id, $dora->device);
my $head = $chat->sql("update data.logs set head = head + 41000, display = display + 41000 where channel_id = '$channel' returning head - 41000");
$chat->sql("insert into data.entries (channel_id, seq, epoch, id, sender, device, kind, commitment, ciphertext)
    select '$channel', $head + s, 1, gen_random_uuid(), '$sender', '$device', 'message', sha256('x'), 'x' from generate_series(1, 41000) as s");
my $reader = $chat->socket($owner, worker => $first);
answers($dora->post('/api/account/delete', { Test::Chatalot::Person::of_keys($dora->keys, 'login_key') }), 200, 'who wrote much goes at one request');
my @told = map { $reader->event(sub { $_->{type} =~ /^(?:sender_wiped|roster)$/ && $_->{channel} eq $channel })->{type} } 1 .. 4;
is_deeply(\@told, [ qw(sender_wiped sender_wiped roster sender_wiped) ], 'step by step, and out of the channel only before the last');
is($chat->sql("select count(*) from data.entries where sender = '$sender' and ciphertext is not null"), 0, 'all of it is wiped');

$chat->done;
