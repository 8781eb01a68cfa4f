#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Access that is lost, regained and changed: recovery, passwords, recovery codes, new identities, resets. What each of them ends is
# ended at once, on every worker.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes uuid jwt_claims);
use Test::More;

my $chat    = Test::Chatalot->new;
my $nobody  = $chat->nobody;
my $owner   = $chat->owner;
my $home    = $chat->community;
my $channel = $home->{groups}[0]{channels}[0];
my ($first, $second) = $chat->workers;

sub attempts { return $chat->sql('select coalesce(sum(failures), 0) from data.login_attempts where not everywhere') }

# --- recovery ------------------------------------------------------------------------------------------------------

my $anna  = $chat->member('anna', $home);
my $phone = $anna->another_device;
$phone->must(POST => '/api/backup', { items => [ { id => uuid(), data => b64u(random_bytes(80)) } ] });

refuses($anna->begin_recovery(recovery_key => b64u(random_bytes(32))), 401, 'bad_credentials', 'a wrong recovery code');
refuses($nobody->post('/api/auth/recovery', { username => 'no.such-name', recovery_key => b64u(random_bytes(32)) }),
    401, 'bad_credentials', 'an unknown name: the same words');
is(attempts(), 2, 'both count');
refuses($anna->begin_recovery(recovery_key => b64u($anna->keys->{login_key})), 401, 'bad_credentials', 'the password is no recovery code');
refuses($anna->login(login_key => b64u($anna->keys->{recovery_key})), 401, 'bad_credentials', 'nor the recovery code a password');

my $begun = answers($anna->begin_recovery, 200, 'the right code');
is_deeply([ sort keys %$begun ], [qw(account_key backup_key expires_in keyring_recovery recover_token user)], 'gives what a device needs, and no more');
is($begun->{keyring_recovery}, b64u($anna->keys->{keyring_recovery}), 'the keyring under the code');
is($begun->{expires_in}, 600, 'for ten minutes');
is_deeply($begun->{user}, { id => $anna->id, username => 'anna', display_name => 'Anna' }, 'whose it is');
is(attempts(), 1, 'and her failures are forgotten, not the other name\'s');
my $recover = $begun->{recover_token};
is(jwt_claims($recover)->{scope}, 'recover', 'the token is for that alone');
refuses($nobody->get('/api/me', token => $recover), 403, 'wrong_scope', 'it signs nobody in');
refuses($nobody->post('/api/devices', {}, token => $recover), 403, 'wrong_scope', 'admits no device');
{
    my $socket = Test::Chatalot::Socket->new(port => $chat->port);
    $socket->send_json({ type => 'authenticate', token => $recover });
    is($socket->closed(10), 4001, 'and opens no socket');
}

my $keys = $anna->keys->another_device->other_credentials;
my $complete = sub { my (%how) = @_; return $nobody->post('/api/auth/recovery/complete', $how{body} // $anna->recovered($keys), token => exists $how{token} ? $how{token} : $recover) };
refuses($complete->(token => undef), 401, 'unauthorized', 'nobody completes a recovery');
refuses($complete->(token => $anna->token), 403, 'wrong_scope', 'nor who is signed in');
refuses($complete->(token => $anna->login->{json}{enrol_token}), 403, 'wrong_scope', 'nor who has the password');
{
    my $other = Test::Chatalot::Keys->new;
    @{$other}{qw(user device)} = ($anna->id, uuid());
    refuses($complete->(body => $anna->recovered($other)), 422, 'account_key', 'another account key', 'account_key');
    refuses($complete->(body => $anna->recovered($keys, account_key => b64u($other->{account_public}))), 422, 'invalid_certificate',
        'a device that the key did not certify', 'device.certificate');
    refuses($complete->(body => $anna->recovered($keys, ops => 2)), 422, 'invalid_field', 'weak derivation', 'ops');
}

my $early  = $anna->login->{json}{enrol_token};
my @socket = ($chat->socket($anna, worker => $first), $chat->socket($phone, worker => $second));
my $peer   = $chat->socket($owner);
my $before = $owner->roster($channel);
my $done   = $complete->();
answers($done, 200, 'completed, after refusals that did not use it up');
is($_->closed(10), 4001, 'a socket of another device is closed at once') for @socket;
refuses($_->get('/api/me'), 401, 'session_ended', 'its session has ended') for $anna, $phone;
refuses($_->refresh(keep => 1), 401, 'token_invalid', 'its refresh token is dead') for $anna, $phone;
refuses($complete->(), 401, 'session_ended', 'the same recovery a second time');
refuses($anna->another_device_by($early), 401, 'session_ended', 'a login from before admits no device any more');
refuses($anna->login, 401, 'bad_credentials', 'the old password');
refuses($anna->begin_recovery, 401, 'bad_credentials', 'the old recovery code');
my $laptop = Test::Chatalot::Person->new(server => $chat, name => 'anna', keys => $keys);
$laptop->take($done);
is($laptop->get('/api/me')->{status}, 200, 'the new device is signed in');
is_deeply([ map { $_->{id} } @{ $laptop->must(GET => '/api/devices')->{devices} } ], [ $laptop->device ], 'and the only one');
is(scalar @{ $laptop->must(GET => '/api/backup')->{items} }, 1, 'the backup is there');
my $after = $owner->roster($channel);
ok($after->{epoch} >= $before->{epoch} + 2, 'the channel has new epochs');
my ($hers) = grep { $_->{user} eq $anna->id } @{ $after->{members} };
is_deeply([ map { $_->{id} } @{ $hers->{devices} } ], [ $laptop->device ], 'and of her devices the new one');
ok($peer->event(sub { $_->{type} eq 'roster' && $_->{epoch} == $after->{epoch} }), 'others hear of it');
my $login = answers($laptop->login, 200, 'the new password');
is($login->{keyring_password}, b64u($keys->{keyring_password}), 'opens the new keyring');
ok(!exists $login->{keyring_recovery}, 'and the other one is not told');
is($laptop->recover->get('/api/me')->{status}, 200, 'the new code recovers again');
refuses($laptop->get('/api/me'), 401, 'session_ended', 'which ends the recovered session');

my $gone = $chat->member('gone', $home);
my $late = $gone->begin_recovery->{json}{recover_token};
$chat->sql("update data.recoveries set expires_at = now() - interval '1 second'");
refuses($nobody->post('/api/auth/recovery/complete', $gone->recovered($gone->keys->another_device->other_credentials), token => $late),
    401, 'session_ended', 'a recovery that was not completed in time');
my @two = map { $gone->begin_recovery->{json}{recover_token} } 1 .. 2;
answers($nobody->post('/api/auth/recovery/complete', $gone->recovered($gone->keys->another_device->other_credentials), token => $two[1]),
    200, 'of two recoveries one is completed');
refuses($nobody->post('/api/auth/recovery/complete', $gone->recovered($gone->keys->another_device->other_credentials), token => $two[0]),
    401, 'session_ended', 'which ends the other');
{
    # the browser that asks still has its device: it keeps it
    my $kept = $chat->member('kept', $home);
    my $same = $kept->keys->other_credentials;
    my $answer = $nobody->post('/api/auth/recovery/complete', $kept->recovered($same), token => $kept->begin_recovery->{json}{recover_token});
    answers($answer, 200, 'recovery on a device that is here already');
    refuses($kept->get('/api/me'), 401, 'session_ended', 'ends its session');
    $kept->take($answer);
    is_deeply([ map { $_->{id} } @{ $kept->must(GET => '/api/devices')->{devices} } ], [ $kept->device ], 'and keeps the device');
}

# --- the password --------------------------------------------------------------------------------------------------

$chat->sql('delete from data.login_attempts');
my $ben   = $chat->member('ben', $home);
my $other = $ben->another_device;
my $next  = $ben->keys->other_credentials;
$early    = $ben->login->{json}{enrol_token};
refuses($nobody->post('/api/auth/password', $ben->password_change($next)), 401, 'unauthorized', 'nobody changes a password');
refuses($nobody->post('/api/auth/password', $ben->password_change($next), token => $early), 403, 'wrong_scope', 'nor an enrol token');
refuses($ben->post('/api/auth/password', $ben->password_change($next, login_key => b64u(random_bytes(32)))), 401, 'bad_credentials', 'without the old one');
is(attempts(), 1, 'that counts');
answers($ben->post('/api/auth/password', $ben->password_change($next)), 200, 'a new password');
is(attempts(), 0, 'which forgets the failures');
is($_->get('/api/me')->{status}, 200, 'sessions stay') for $ben, $other;
refuses($ben->login, 401, 'bad_credentials', 'the old password');
refuses($ben->another_device_by($early), 401, 'session_ended', 'a login with it admits no device any more');
$login = answers($ben->login(login_key => b64u($next->{login_key})), 200, 'the new password');
is($login->{keyring_password}, b64u($next->{keyring_password}), 'with its keyring');
my $prelogin = $nobody->post('/api/auth/prelogin', { username => 'ben' })->{json};
is($prelogin->{salt}, b64u($next->{salt}), 'and its salt');
is($ben->begin_recovery->{status}, 200, 'the recovery code is the old one');
$next->{recovery_key} = $ben->keys->{recovery_key};
$ben->{keys} = $other->{keys} = $next;

# --- the recovery code ---------------------------------------------------------------------------------------------

my $code = $next->other_credentials;
my $begin_old = $ben->begin_recovery->{json}{recover_token};
my %new_code = Test::Chatalot::Person::of_keys($code, qw(recovery_key keyring_recovery));
refuses($nobody->post('/api/auth/recovery-code', { %new_code, login_key => b64u($next->{login_key}) }), 401, 'unauthorized', 'nobody makes a recovery code');
refuses($ben->post('/api/auth/recovery-code', { %new_code, login_key => b64u(random_bytes(32)) }), 401, 'bad_credentials', 'nor who does not know the password');
is($ben->begin_recovery->{status}, 200, 'the old code is good until then');
answers($ben->post('/api/auth/recovery-code', { %new_code, login_key => b64u($next->{login_key}) }), 200, 'a new recovery code');
is($_->get('/api/me')->{status}, 200, 'sessions stay') for $ben, $other;
refuses($ben->begin_recovery, 401, 'bad_credentials', 'the old code');
refuses($nobody->post('/api/auth/recovery/complete', $ben->recovered($ben->keys->another_device->other_credentials), token => $begin_old),
    401, 'session_ended', 'a recovery begun with it');
is($ben->begin_recovery(recovery_key => $new_code{recovery_key})->{json}{keyring_recovery}, $new_code{keyring_recovery}, 'the new code has its keyring');
is($ben->login->{status}, 200, 'the password is the same');

# --- a new identity ------------------------------------------------------------------------------------------------

$chat->sql('delete from data.login_attempts');
my $carl   = $chat->member('carl', $home);
my $stolen = $carl->another_device;
$stolen->must(POST => '/api/backup', { items => [ { id => uuid(), data => b64u(random_bytes(80)) } ] });
my $self   = $carl->keys->other_identity;
refuses($nobody->post('/api/auth/identity', $carl->identity($self)), 401, 'unauthorized', 'nobody makes a new identity');
refuses($nobody->post('/api/auth/identity', $carl->identity($self), token => $carl->begin_recovery->{json}{recover_token}),
    403, 'wrong_scope', 'nor who recovers');
refuses($carl->post('/api/auth/identity', $carl->identity($self, login_key => b64u(random_bytes(32)))), 401, 'bad_credentials', 'nor who does not know the password');
is(attempts(), 1, 'that counts');
refuses($carl->post('/api/auth/identity', $carl->identity($self, device => $carl->keys->another_device->device_json)), 422,
    'invalid_certificate', 'a device certified by the old identity', 'device.certificate');
refuses($carl->post('/api/auth/identity', $carl->identity($carl->keys->another_device)), 422, 'account_key', 'the old identity again', 'account_key');
is(attempts(), 1, 'neither counts');
{
    my $same = $carl->keys->other_identity;
    $same->{device} = $carl->device;
    refuses($carl->post('/api/auth/identity', $carl->identity($same)), 409, 'id_taken', 'the id of a device of before', 'device.id');
}
is($_->get('/api/me')->{status}, 200, 'nothing has happened so far') for $carl, $stolen;
my $begun_before = $carl->begin_recovery->{json}{recover_token};
$early  = $carl->login->{json}{enrol_token};
@socket = ($chat->socket($carl, worker => $second), $chat->socket($stolen, worker => $first));
$peer->events('roster');
my $taken = $carl->post('/api/auth/identity', $carl->identity($self));
answers($taken, 200, 'a new identity');
is($_->closed(10), 4001, 'the sockets of all devices are closed at once') for @socket;
refuses($_->get('/api/me'), 401, 'session_ended', 'and their sessions have ended') for $carl, $stolen;
refuses($carl->another_device_by($early), 401, 'session_ended', 'a login from before admits no device');
refuses($nobody->post('/api/auth/recovery/complete', $carl->recovered($carl->keys->another_device->other_credentials), token => $begun_before),
    401, 'session_ended', 'a recovery from before is over');
refuses($carl->begin_recovery, 401, 'bad_credentials', 'and its code');
my $anew = Test::Chatalot::Person->new(server => $chat, name => 'carl', keys => $self);
$anew->take($taken);
is_deeply([ map { $_->{id} } @{ $anew->must(GET => '/api/devices')->{devices} } ], [ $anew->device ], 'the new device is the only one');
is_deeply($anew->must(GET => '/api/backup')->{items}, [], 'the backup, sealed to the old key, is gone');
is($anew->must(POST => '/api/backup', { items => [ { id => uuid(), data => b64u(random_bytes(80)) } ] })->{stored}, 1, 'a new one begins');
$after = $owner->roster($channel);
($hers) = grep { $_->{user} eq $carl->id } @{ $after->{members} };
is($hers->{account_key}, b64u($self->{account_public}), 'others see the new identity');
is_deeply([ map { $_->{id} } @{ $hers->{devices} } ], [ $anew->device ], 'with its one device');
ok($peer->event(sub { $_->{type} eq 'roster' && $_->{epoch} == $after->{epoch} && $_->{roster} == $after->{roster} }), 'and hear of it');
my $known = $owner->must(GET => '/api/users/' . $carl->id . '/devices');
is($known->{account_key}, b64u($self->{account_public}), 'the list of devices has the new key');
is(scalar(grep { $_->{removed} } @{ $known->{devices} }), 2, 'and the removed ones, whose messages stand in the log');
$login = answers($anew->login, 200, 'the password is the same');
is_deeply([ @{$login}{qw(account_key backup_key keyring_password)} ],
    [ map { b64u($_) } @{$self}{qw(account_public backup_public keyring_password)} ], 'and opens the new keyring');
is($anew->begin_recovery->{json}{keyring_recovery}, b64u($self->{keyring_recovery}), 'so does the new code');
{
    my $again = $anew->keys->other_identity;
    my $answer = $nobody->post('/api/auth/identity', $anew->identity($again), token => $login->{enrol_token});
    answers($answer, 200, 'whoever has no keys at all makes a new identity right after the login');
    refuses($anew->get('/api/me'), 401, 'session_ended', 'which ends all sessions too');
    refuses($nobody->post('/api/auth/identity', $anew->identity($anew->keys->other_identity), token => $login->{enrol_token}),
        401, 'session_ended', 'the login is used up by it');
    $anew->{keys} = $again;
    $anew->take($answer);
    is($anew->get('/api/me')->{json}{account_key}, b64u($again->{account_public}), 'the new one is signed in');
}

# --- a reset by an admin ---------------------------------------------------------------------------------------------

$chat->sql('delete from data.login_attempts');
my %role = map { $_ => $chat->member($_, $home) } qw(dora admin admin2 mod);
$chat->sql("update data.users set role = 'admin' where username like 'admin%'");
$chat->sql("update data.community_members set role = 'moderator' where user_id = '" . $role{mod}->id . "'");
my $dora = $role{dora};
my $reset_of = sub { my ($by, $of) = @_; return $by->post('/api/users/' . $of->id . '/reset') };
refuses($reset_of->($nobody, $dora), 401, 'unauthorized', 'nobody resets an account');
refuses($reset_of->($dora, $role{mod}), 403, 'forbidden', 'nor a member');
refuses($reset_of->($role{mod}, $dora), 403, 'forbidden', 'nor a community\'s moderator');
refuses($dora->post('/api/users/' . uuid() . '/reset'), 403, 'forbidden', 'who does not even learn whether there is such a person');
refuses($reset_of->($role{admin}, $role{admin2}), 403, 'forbidden', 'an admin not another');
refuses($reset_of->($role{admin}, $role{admin}), 403, 'forbidden', 'nor oneself');
refuses($reset_of->($role{admin}, $owner), 403, 'forbidden', 'nor the owner');
refuses($reset_of->($owner, $owner), 403, 'forbidden', 'nor the owner oneself');
refuses($role{admin}->post('/api/users/' . uuid() . '/reset'), 404, 'user_not_found', 'an account that is none', 'user');
answers($reset_of->($owner, $role{admin2}), 200, 'the owner resets an admin');
my $given = answers($reset_of->($role{admin}, $dora), 200, 'an admin a member');
like($given->{reset_code}, qr/^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/, 'the code can be told');
ok(abs($given->{expires_at} - 1000 * time - 24 * 3600 * 1000) < 60_000, 'and is good for a day');
is($_->get('/api/me')->{status}, 200, 'nothing has changed yet') for $dora;
is($dora->login->{status}, 200, 'the old password neither');

my $lost = $dora->keys->other_credentials;
my ($letter) = $given->{reset_code} =~ /^(.)/;
my $guess = ($letter eq 'A' ? 'B' : 'A') . substr $given->{reset_code}, 1;
refuses($dora->use_reset($guess, $lost), 401, 'bad_credentials', 'a wrong code');
refuses($dora->use_reset($given->{reset_code}, $lost, username => 'ben'), 401, 'bad_credentials', 'a code of somebody else');
refuses($dora->use_reset($given->{reset_code}, $lost, username => 'no-such'), 401, 'bad_credentials', 'of nobody');
is(attempts(), 3, 'each counts');
refuses($dora->use_reset($_, $lost), 422, 'invalid_field', "'$_' cannot be a code", 'reset_code')
    for 'UUUU-UUUU-UUUU-UUUU', "$given->{reset_code}0", substr($given->{reset_code}, 0, 18), "0123-4567-89AB-\x{e4}DEF", ' ' x 20;
is(attempts(), 3, 'that does not count');
refuses($dora->use_reset($given->{reset_code}, $lost, ops => 1), 422, 'invalid_field', 'weak derivation', 'ops');
my $older = $given;
$given = answers($reset_of->($role{admin}, $dora), 200, 'another code');
refuses($dora->use_reset($older->{reset_code}, $lost), 401, 'bad_credentials', 'replaces the one before');
$early = $dora->login->{json}{enrol_token};
my $sloppy = lc($given->{reset_code}) =~ tr/-/ /r =~ tr/01/ol/r;
answers($dora->use_reset($sloppy, $lost), 200, 'the code as people write it');
is(attempts(), 2, 'success forgets the failures of the name, not of others');
refuses($dora->use_reset($given->{reset_code}, $lost), 401, 'bad_credentials', 'a second time');
refuses($dora->login, 401, 'bad_credentials', 'the old password');
refuses($dora->another_device_by($early), 401, 'session_ended', 'a login with it admits no device any more');
is($dora->get('/api/me')->{status}, 200, 'the device stays signed in: it has the keys');
$login = answers($dora->login(login_key => b64u($lost->{login_key})), 200, 'the new password');
is($login->{keyring_password}, undef, 'opens no keyring');
is($login->{keyring_recovery}, b64u($dora->keys->{keyring_recovery}), 'but the one of the recovery code is there');
is($dora->begin_recovery->{status}, 200, 'the recovery code is as good as before');
$dora->{keys} = bless { %{ $dora->keys }, %{$lost}{qw(salt login_key keyring_password)} }, ref $lost;
answers($dora->post('/api/auth/password', $dora->password_change($dora->keys)), 200, 'a device with the keys gives the password a keyring again');
is($dora->login->{json}{keyring_password}, b64u($lost->{keyring_password}), 'which it opens from then on');
$given = answers($reset_of->($owner, $dora), 200, 'one more code');
$chat->sql("update data.users set reset_expires = now() where username = 'dora'");
refuses($dora->use_reset($given->{reset_code}, $lost), 401, 'bad_credentials', 'is of no use a day later');
$given = answers($reset_of->($owner, $dora), 200, 'and one');
answers($dora->post('/api/auth/password', $dora->password_change($dora->keys)), 200, 'that is forgotten when the password is changed');
refuses($dora->use_reset($given->{reset_code}, $lost), 401, 'bad_credentials', 'and of no use then');
is($chat->sql("select count(*) from data.users where encode(reset_hash, 'escape') like '%" . substr($given->{reset_code}, 0, 4) . "%'"), 0,
    'no code is in the database');
$given = answers($reset_of->($owner, $dora), 200, 'a last one');
my @uses = Test::Chatalot::Person::together(map { [ $dora, POST => '/api/auth/reset', {
    username => 'dora', reset_code => $given->{reset_code}, Test::Chatalot::Person::of_keys($lost->other_credentials, qw(salt login_key)),
    ops => 3, mem => 67108864 } ] } 1 .. 4);
is_deeply([ sort map { $_->{status} } @uses ], [ 200, 401, 401, 401 ], 'used four times at once it works once') or diag explain [ map { $_->{body} } @uses ];

# --- the lock: one count for all the ways in, another one for who is signed in --------------------------------------

$chat->sql('delete from data.login_attempts');
my $victim = $chat->member('victim', $home);
my $wrong  = b64u(random_bytes(32));
my @enter  = (
    sub { $victim->login(login_key => $wrong) },
    sub { $victim->begin_recovery(recovery_key => $wrong) },
    sub { $victim->use_reset('0000-0000-0000-0000', $victim->keys) },
);
my @change = (
    sub { $victim->post('/api/auth/password', $victim->password_change($victim->keys, login_key => $wrong)) },
    sub { $victim->post('/api/auth/recovery-code', { %new_code, login_key => $wrong }) },
    sub { $victim->post('/api/auth/identity', $victim->identity($victim->keys->other_identity, login_key => $wrong)) },
    sub { $victim->post('/api/account/delete', { login_key => $wrong }) },
);
is_deeply([ map { $enter[ $_ % @enter ]->()->{code} } 1 .. 10 ], [ ('bad_credentials') x 10 ], 'ten guesses of all the ways in');
refuses($enter[$_]->(), 429, 'locked', "then way $_ is locked") for 0 .. $#enter;
refuses($victim->begin_recovery, 429, 'locked', 'for the right code too');
is($victim->get('/api/me')->{status}, 200, 'whoever is signed in stays so');
answers($victim->post('/api/auth/password', $victim->password_change($victim->keys)), 200, 'and changes the password, whatever others guess');
refuses($victim->login, 429, 'locked', 'which opens the way in for nobody');
is_deeply([ map { $change[ $_ % @change ]->()->{code} } 1 .. 10 ], [ ('bad_credentials') x 10 ], 'ten guesses of who is signed in');
refuses($change[$_]->(), 429, 'locked', "then change $_ is locked") for 0 .. $#change;
refuses($victim->another_device_by($victim->token), 403, 'wrong_scope', 'a device is not admitted that way');
refuses($victim->post('/api/auth/password', $victim->password_change($victim->keys)), 429, 'locked', 'for the right password too');
$chat->sql("delete from data.login_attempts where name_hash <> sha256('signed in " . $victim->id . "')");
is($victim->login->{status}, 200, 'that keeps nobody from signing in');
$chat->sql('delete from data.login_attempts');
my @ghost = map { $nobody->post('/api/auth/recovery', { username => 'ghost', recovery_key => $wrong })->{code} } 1 .. 11;
is_deeply(\@ghost, [ ('bad_credentials') x 10, 'locked' ], 'a name that does not exist is locked the same');
$chat->sql('delete from data.login_attempts');
answers($victim->post('/api/auth/password', $victim->password_change($victim->keys)), 200, 'without the lock it goes on');

# What was proven and then refused for another reason is no failed attempt.
{
    my $begun = $victim->begin_recovery->{json}{recover_token};
    my $taken = $victim->recovered($victim->keys->other_credentials);
    refuses($nobody->post('/api/auth/recovery/complete', { %$taken, surprise => 1 }, token => $begun), 422, 'unknown_field', 'a body that is not as declared', 'surprise');
    is(attempts(), 0, 'nothing counts');
}

# --- a full queue --------------------------------------------------------------------------------------------------

# Each worker compares one password at a time here; what it could not compare, or hash, is not counted.
$chat->close;
$chat = Test::Chatalot->new(settings => { chatalot_password_queue => 1 });
my $hasty = $chat->owner;
my (%answered, $counted);
for my $round (1 .. 3) {
    my @rush = Test::Chatalot::Person::together(
        (map { [ $chat->nobody, POST => '/api/auth/recovery', { username => $hasty->name, recovery_key => $wrong } ] } 1 .. 5),
        (map { [ $hasty, POST => '/api/auth/password', $hasty->password_change($hasty->keys, login_key => $wrong) ] } 1 .. 4));
    $answered{ $_->{status} }++ for @rush;
    $counted += attempts();
    $chat->sql('delete from data.login_attempts');
}
is_deeply([ sort keys %answered ], [ 401, 503 ], 'of many at once some are compared, the others told to try again') or diag explain \%answered;
is($counted, $answered{401}, 'and only those that were compared count') or diag explain \%answered;
my ($changed, $tried) = (0, 0);
while (!$changed && $tried++ < 20) {
    my @rush = Test::Chatalot::Person::together(map { [ $hasty, POST => '/api/auth/password', $hasty->password_change($hasty->keys) ] } 1 .. 4);
    $changed += grep { $_->{status} == 200 } @rush;
    is(scalar(grep { $_->{status} !~ /^(?:200|401|503)$/ } @rush), 0, 'right ones in a rush are done, overtaken or told to try again')
        or diag map {"$_->{status} $_->{body}\n"} @rush;
}
ok($changed, 'and one comes through');
is(attempts(), 0, 'none of them counts');

$chat->done;
