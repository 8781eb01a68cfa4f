#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A device that is signed in admits a new one: the whole exchange over HTTP, what each side may see and do at each step, and
# what somebody gets who guesses, answers another's, comes too late or comes twice. t/sql/approvals.sql has the rest of
# the rules.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u jwt_claims random_bytes uuid);
use Test::Chatalot::Person;
use Test::More;

my $chat   = Test::Chatalot->new;
my $nobody = $chat->nobody;
my $owner  = $chat->owner;
my $home   = $chat->community;
my $anna   = $chat->member('anna', $home);
my $eve    = $chat->member('eve', $home);
my $phone  = $anna->another_device;

# A newcomer's side: what it draws, and its calls.
sub newcomer {
    my (%change) = @_;
    return { id => uuid(), claim => b64u(random_bytes(32)), commitment => b64u(random_bytes(32)), name => 'Living room', %change };
}

sub begins { my ($new) = @_; return $new->{code} = $nobody->must(POST => '/api/approvals', { %{$new}{qw(id claim commitment name)} })->{code} }
sub polls { my ($new, %change) = @_; return $nobody->post('/api/approvals/poll', { %{$new}{qw(id claim)}, %change }) }

sub reveals {
    my ($new, %change) = @_;
    $new->{key}   //= b64u(random_bytes(32));
    $new->{nonce} //= b64u(random_bytes(16));
    return $nobody->post('/api/approvals/reveal', { %{$new}{qw(id claim key nonce)}, %change });
}

sub cancels { my ($new, %change) = @_; return $nobody->post('/api/approvals/cancel', { %{$new}{qw(id claim)}, %change }) }
sub at { my ($new, $step) = @_; return "/api/approvals/$new->{code}" . ($step ? "/$step" : '') }
sub key { return { key => b64u(random_bytes(32)) } }

# As far as the answer and the newcomer's key, or to the approval.
sub upto {
    my ($step, $approver) = @_;
    my $new = newcomer();
    begins($new);
    $approver->must(POST => at($new, 'answer'), key());
    reveals($new);
    $approver->must(POST => at($new, 'approve'), { sealed => b64u(random_bytes(98)) }) if $step eq 'approved';
    return $new;
}

# The device that an enrol token of the person's lets in: a Person, whose {answer} is the server's.
sub enrols {
    my ($person, $token, $keys) = @_;
    my $device = Test::Chatalot::Person->new(server => $chat, name => $person->name, keys => $keys // $person->keys->another_device);
    $device->{answer} = $device->enrol($token);
    return $device;
}

# --- the straight road ---------------------------------------------------------------------------------------------

my $new   = newcomer();
my $begun = answers($nobody->post('/api/approvals', { %{$new}{qw(id claim commitment name)} }), 200, 'nobody in particular asks');
$new->{code} = $begun->{code};
like($new->{code}, qr/^[0-9a-hjkmnp-tv-z]{8}$/, 'and gets a code of eight characters');
ok($begun->{expires_at} > time * 1000 && $begun->{expires_at} <= (time + 601) * 1000, 'for ten minutes');
is(begins($new), $new->{code}, 'the same again: the same code');
is_deeply(polls($new)->{json}, { state => 'waiting' }, 'nothing has happened yet');

refuses($nobody->get(at($new)), 401, 'unauthorized', 'nobody looks up a code');
my $seen = answers($anna->get(at($new)), 200, 'who is signed in does');
is_deeply([ @{$seen}{qw(id name commitment address)} ], [ @{$new}{qw(id name commitment)}, '127.0.0.1' ], 'and sees who asks from where');
ok(!exists $seen->{key} && !exists $seen->{nonce}, 'but no key yet');
refuses(reveals($new), 409, 'conflict', 'the newcomer reveals nothing before there is an answer');

my $answer = key();
refuses($nobody->post(at($new, 'answer'), $answer), 401, 'unauthorized', 'nobody answers');
answers($anna->post(at($new, 'answer'), $answer), 200, 'an answer');
answers($anna->post(at($new, 'answer'), $answer), 200, 'the same again is harmless');
refuses($anna->post(at($new, 'answer'), key()), 409, 'conflict', 'another one comes too late');
for my $late ([ $phone, 'her other device' ], [ $eve, 'somebody else' ], [ $owner, 'the owner of the instance' ]) {
    my ($who, $name) = @$late;
    refuses($who->get(at($new)), 409, 'conflict', "$name does not see it any more");
    refuses($who->post(at($new, 'answer'), key()), 409, 'conflict', "$name does not answer it");
    refuses($who->post(at($new, 'approve'), { sealed => b64u('x' x 98) }), 409, 'conflict', "$name does not approve it");
    refuses($who->delete(at($new)), 409, 'conflict', "$name does not refuse it");
}

my $state = answers(polls($new), 200, 'the newcomer asks again');
is_deeply($state, { state => 'answered', answer_key => $answer->{key},
    user => { id => $anna->id, username => 'anna', display_name => 'Anna' } }, 'and sees the key and whose it is');
refuses($anna->post(at($new, 'approve'), { sealed => b64u('x' x 98) }), 409, 'conflict', 'nothing is approved that was not compared');
refuses(reveals($new, claim => b64u(random_bytes(32))), 404, 'approval_not_found', 'another claim reveals nothing');
answers(reveals($new), 200, 'the newcomer reveals its key');
answers(reveals($new), 200, 'the same again is harmless');
refuses(reveals($new, nonce => b64u(random_bytes(16))), 409, 'conflict', 'something else is not');
is_deeply([ @{ $anna->must(GET => at($new)) }{qw(key nonce)} ], [ @{$new}{qw(key nonce)} ], 'the device that answered has it now');

my $sealed = b64u(random_bytes(98));
answers($anna->post(at($new, 'approve'), { sealed => $sealed }), 200, 'approved');
answers($anna->post(at($new, 'approve'), { sealed => $sealed }), 200, 'the same again is harmless');
refuses($anna->post(at($new, 'approve'), { sealed => b64u(random_bytes(98)) }), 409, 'conflict', 'something else is not');
refuses(polls($new, claim => b64u(random_bytes(32))), 404, 'approval_not_found', 'another claim gets nothing');
refuses(polls($new, id => uuid()), 404, 'approval_not_found', 'nor does another id');
$state = answers(polls($new), 200, 'the newcomer gets');
is_deeply([ @{$state}{qw(state sealed account_key backup_key)} ],
    [ 'approved', $sealed, b64u($anna->keys->{account_public}), b64u($anna->keys->{backup_public}) ], 'the sealed keys, and those to check them');
my $claims = jwt_claims($state->{enrol_token});
is_deeply([ @{$claims}{qw(scope sub sid)} ], [ 'enrol', $anna->id, $new->{id} ], 'and a token that names the approval');
ok($state->{expires_in} > 0 && $state->{expires_in} <= 600 && $claims->{exp} - $claims->{iat} == $state->{expires_in}, 'for ten minutes at most');

my $device = enrols($anna, $state->{enrol_token});
answers($device->{answer}, 200, 'it admits a device');
answers($device->get('/api/me'), 200, 'which is signed in');
is(scalar @{ $anna->must(GET => '/api/devices')->{devices} }, 3, 'she has three now');
answers($device->enrol($state->{enrol_token}), 200, 'the same again, for an answer that was lost');
answers($device->get('/api/me'), 200, 'is good too');
refuses(enrols($anna, $state->{enrol_token})->{answer}, 401, 'session_ended', 'a second device is not admitted');
refuses(polls($new), 404, 'approval_not_found', 'the request is used up');
refuses($anna->delete(at($new)), 409, 'conflict', 'and cannot be refused any more');
is(scalar @{ $anna->must(GET => '/api/devices')->{devices} }, 3, 'it is still three');

# --- at the same time ------------------------------------------------------------------------------------------------

my $hasty = newcomer();
my @asked = Test::Chatalot::Person::together(map { [ $nobody, POST => '/api/approvals', $hasty ] } 1 .. 6);
is_deeply([ map { $_->{status} } @asked ], [ (200) x 6 ], 'the same request six times at once') or diag explain [ map { $_->{body} } @asked ];
is(scalar(keys %{ { map { $_->{json}{code} => 1 } @asked } }), 1, 'is one request');

# --- tokens and their use ------------------------------------------------------------------------------------------

refuses($nobody->request(GET => '/api/me', undef, token => $state->{enrol_token}), 403, 'wrong_scope', 'the token is good for nothing else');
my $other = polls(upto(approved => $anna))->{json};
refuses(enrols($eve, $other->{enrol_token})->{answer}, 422, 'invalid_certificate', 'nor for another account: its key certifies no device of hers');
{
    my $keys = $eve->keys->another_device;
    $keys->{user} = $anna->id;
    refuses(enrols($eve, $other->{enrol_token}, $keys)->{answer}, 422, 'account_key', 'not even under the right name');
}
refuses(enrols($anna, $other->{enrol_token}, $phone->keys)->{answer}, 401, 'session_ended', 'nor for a device that is here: others have all that admits it');
is($phone->get('/api/me')->{status}, 200, 'which stays signed in');
my @both = Test::Chatalot::Person::together(map {
    my $keys = $anna->keys->another_device;
    my $person = Test::Chatalot::Person->new(server => $chat, name => 'anna', keys => $keys);
    [ $person, POST => '/api/devices', { account_key => b64u($keys->{account_public}), device => $keys->device_json }, token => $other->{enrol_token} ];
} 1 .. 2);
is_deeply([ sort map { $_->{status} } @both ], [ 200, 401 ], 'two devices at the same time: one is in');

# --- refused, taken back, removed ----------------------------------------------------------------------------------

$new = upto(revealed => $anna);
refuses($nobody->delete(at($new)), 401, 'unauthorized', 'nobody refuses');
answers($anna->delete(at($new)), 200, 'she refuses');
answers($anna->delete(at($new)), 200, 'twice, to be sure');
is_deeply(polls($new)->{json}, { state => 'refused' }, 'the newcomer hears it');
refuses($anna->post(at($new, 'approve'), { sealed => b64u('x' x 98) }), 404, 'approval_not_found', 'there is no way back');

$new = upto(approved => $anna);
my $given = polls($new)->{json}{enrol_token};
refuses(cancels($new, claim => b64u(random_bytes(32))), 404, 'approval_not_found', 'nobody else gives a request up');
answers(cancels($new), 200, 'the newcomer gives it up, though it was approved');
answers(cancels($new), 200, 'the same again is harmless');
is_deeply(polls($new)->{json}, { state => 'refused' }, 'it is over');
refuses($anna->get(at($new)), 404, 'approval_not_found', 'and not found any more');
refuses(enrols($anna, $given)->{answer}, 401, 'session_ended', 'nor does its token admit a device');

$new = upto(approved => $anna);
my $token = polls($new)->{json}{enrol_token};
answers($anna->delete(at($new)), 200, 'she takes an approval back');
refuses(enrols($anna, $token)->{answer}, 401, 'session_ended', 'the token that was given admits nothing');

my $thief = $anna->another_device;
$new = upto(approved => $thief);
$token = polls($new)->{json}{enrol_token};
answers($anna->delete('/api/devices/' . $thief->device), 200, 'a device that approved one is removed');
is_deeply(polls($new)->{json}, { state => 'refused' }, 'what it said does not count');
refuses(enrols($anna, $token)->{answer}, 401, 'session_ended', 'and its token admits nothing');

# --- late, and guessing --------------------------------------------------------------------------------------------

$new = upto(approved => $anna);
$token = polls($new)->{json}{enrol_token};
$chat->sql("update data.approvals set expires_at = now() where id = '$new->{id}'");
refuses(polls($new), 404, 'approval_not_found', 'an expired one is not polled');
refuses($anna->get(at($new)), 404, 'approval_not_found', 'nor looked at');
refuses(enrols($anna, $token)->{answer}, 401, 'session_ended', 'nor used');
refuses($anna->get('/api/approvals/00000000'), 404, 'approval_not_found', 'a guess looks the same');
refuses($anna->get('/api/approvals/poll'), 405, 'method_not_allowed', 'a word of ours is no code');
refuses($nobody->post('/api/approvals', { %{$new}{qw(id commitment name)}, claim => b64u(random_bytes(32)) }), 409, 'id_taken', 'another\'s id');
my $spoofed = newcomer(name => "Phone\x{202e}enohp");
refuses($nobody->post('/api/approvals', { %{$spoofed}{qw(id claim commitment name)} }), 422, 'invalid_field', 'a name that poses as another', 'name');
refuses($nobody->post('/api/approvals', { %{$new}{qw(id commitment name)}, claim => b64u(random_bytes(31)) }), 422, 'invalid_field', 'half a claim', 'claim');
refuses($anna->post(at($new, 'approve'), { sealed => b64u('x' x 1025) }), 422, 'invalid_field', 'too much sealed', 'sealed');

# --- what is kept --------------------------------------------------------------------------------------------------

$new = upto(approved => $anna);
my $row = $chat->sql("select row_to_json(a) from data.approvals a where id = '$new->{id}'");
my $raw = unpack 'H*', MIME::Base64::decode_base64url($new->{claim});
unlike($row, qr/$raw/, 'the claim is not in the database');
unlike($chat->error_log, qr/\Q$new->{claim}\E|$raw/, 'nor in the log');

$chat->done;
