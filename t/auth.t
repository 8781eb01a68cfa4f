#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# From the setup link to the end of a session: registering, signing in on more devices, rotation of refresh tokens,
# logout, lockout; and what does not work, however it is tried.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes jwt_sign jwt_claims);
use Test::More;

my $chat   = Test::Chatalot->new;
my $nobody = $chat->nobody;
sub person { my ($name) = @_; return Test::Chatalot::Person->new(server => $chat, name => $name) }

# --- the setup link ------------------------------------------------------------------------------------------------

my $token = $chat->setup_token;
refuses(person('early')->register, 403, 'setup_required', 'nobody registers before the setup');
refuses(person('guess')->register(setup_token => b64u(random_bytes(32))), 403, 'setup_token_invalid', 'a guessed token', 'setup_token');
refuses(person('short')->register(setup_token => b64u(random_bytes(31))), 422, 'invalid_field', 'a token that is none', 'setup_token');

my $renewed = $chat->setup_token;
refuses(person('late')->register(setup_token => $token), 403, 'setup_token_invalid', 'a new link ends the one before', 'setup_token');

# the same link used by many at once: one owner
my @racer = map { person("racer$_") } 1 .. 6;
my @answer = Test::Chatalot::Person::together(map { [ $_, POST => '/api/auth/register', $_->registration(setup_token => $renewed), token => undef ] } @racer);
my @won = grep { $answer[$_]{status} == 200 } 0 .. $#answer;
is(scalar @won, 1, 'of six people with the same setup link one becomes the owner');
is(scalar(grep { $_->{status} =~ /^(?:403|409)$/ } @answer), 5, 'and five are refused') or diag map {"$_->{status} $_->{body}\n"} @answer;
my $owner = $racer[ $won[0] ];
$owner->take($answer[ $won[0] ]);
$chat->{people}{owner} = $owner;
is($answer[ $won[0] ]{json}{user}{role}, 'owner', 'with the role');
is($chat->sql("select count(*) from data.users"), 1, 'one account exists');
is($chat->setup_token, undef, 'there is no further setup link');
refuses(person('again')->register(setup_token => $renewed), 409, 'already_set_up', 'the used link', 'setup_token');
ok(!$nobody->get('/api/auth/config')->{json}{setup_required}, 'no setup is required any more');

my $tokens = $answer[ $won[0] ]{json};
is_deeply([ sort keys %$tokens ], [qw(access_token device expires_in refresh_token session user)], 'TOKENS have the documented members');
is($tokens->{expires_in}, 900, 'an access token lives 15 minutes');
my $claims = jwt_claims($owner->token);
is_deeply([ @{$claims}{qw(iss aud sub dev sid scope)} ],
    [ 'chatalot', 'chatalot', $owner->id, $owner->device, $owner->session, 'full' ], 'and says who, where and for whom');
is($claims->{exp} - $claims->{iat}, 900, 'its times too');

my $me = answers($owner->get('/api/me'), 200, 'me');
is_deeply([ @{$me}{qw(id username role device session)} ], [ $owner->id, $owner->name, 'owner', $owner->device, $owner->session ], 'is me');

# --- registering by invite -----------------------------------------------------------------------------------------

my $community = $chat->community;
refuses(person('stranger')->register, 403, 'invite_required', 'registering without an invite');
refuses(person('stranger')->register(invite => 'AAAAAAAAAAAAA'), 404, 'invite_not_found', 'with one that is none');
my $bob = $chat->member('bob', $community);
is($bob->must(GET => '/api/me')->{role}, 'member', 'with an invite: a member');
my $invite = $owner->must(POST => "/api/communities/$community->{id}/invites", {});
refuses(person('bob')->register(invite => $invite->{code}), 409, 'username_taken', 'a name that is taken', 'username');
refuses(person('BOB')->register(invite => $invite->{code}), 409, 'username_taken', 'in capitals as well', 'username');
refuses(person('x')->register(invite => $invite->{code}, username => 'x'), 422, 'invalid_field', 'a name that is too short', 'username');

# keys that do not fit together
{
    my $eve   = person('eve');
    my $good  = $eve->registration(invite => $invite->{code});
    my $other = Test::Chatalot::Keys->new;
    for my $case (
        [ 'a certificate by another account' => device => { %{ $good->{device} }, certificate => b64u($eve->keys->certificate(account => $other->{account})) } ],
        [ 'a certificate for another device' => device => { %{ $good->{device} }, certificate => b64u($eve->keys->certificate(device => $other->{device})) } ],
        [ 'a certificate for another user'   => device => { %{ $good->{device} }, certificate => b64u($eve->keys->certificate(user => $other->{user})) } ],
        [ 'a certificate of another time'    => device => { %{ $good->{device} }, created_at => $good->{device}{created_at} + 1 } ],
        [ 'a prekey signed by another device' => device => { %{ $good->{device} }, signed_prekey => b64u($other->signed_prekey(device => $eve->device)) } ],
        [ 'another account key'              => account_key => b64u($other->{account_public}) ],
    ) {
        my ($name, $field, $value) = @$case;
        my $answer = $eve->register(invite => $invite->{code}, $field => $value);
        is($answer->{status}, 422, "$name is refused") or diag $answer->{body};
    }
    is($chat->sql("select count(*) from data.users where username = 'eve'"), 0, 'and nothing is left behind');
    is($eve->register(invite => $invite->{code})->{status}, 200, 'the right keys are accepted');
}

# --- prelogin: who exists? -----------------------------------------------------------------------------------------

my $known   = answers($nobody->post('/api/auth/prelogin', { username => 'bob' }), 200, 'prelogin of bob');
my $unknown = answers($nobody->post('/api/auth/prelogin', { username => 'no.such-name' }), 200, 'prelogin of nobody');
is($known->{salt}, b64u($bob->keys->{salt}), 'bob gets his salt');
is_deeply([ sort keys %$known ], [ sort keys %$unknown ], 'both answers have the same members');
is_deeply([ map { length $_->{salt}, $_->{ops}, $_->{mem} } $known ], [ map { length $_->{salt}, $_->{ops}, $_->{mem} } $unknown ], 'of the same form');
is_deeply($nobody->post('/api/auth/prelogin', { username => 'no.such-name' })->{json}, $unknown, 'the same each time');
is_deeply($nobody->post('/api/auth/prelogin', { username => 'No.Such-Name' })->{json}, $unknown, 'in capitals as well');
isnt($nobody->post('/api/auth/prelogin', { username => 'no.such-name2' })->{json}{salt}, $unknown->{salt}, 'another for another name');
is_deeply($nobody->post('/api/auth/prelogin', { username => 'BOB' })->{json}, $known, 'bob in capitals is bob');

# --- sign-in on another device -------------------------------------------------------------------------------------

my $login = answers($bob->login, 200, 'login');
is_deeply([ @{$login}{qw(account_key backup_key keyring_password)} ],
    [ map { b64u($_) } @{ $bob->keys }{qw(account_public backup_public keyring_password)} ], 'gives the keyring back');
my $enrol = $login->{enrol_token};
is(jwt_claims($enrol)->{scope}, 'enrol', 'the token only admits a device');
for my $route ([ GET => '/api/me' ], [ GET => '/api/communities' ], [ POST => '/api/communities' ], [ POST => '/api/auth/logout' ]) {
    my $answer = $nobody->request(@$route, $route->[0] eq 'POST' ? {} : undef, token => $enrol);
    is($answer->{status}, 403, "an enrol token does not open @$route") or diag $answer->{body};
}
my $phone = $bob->another_device;
is($phone->must(GET => '/api/me')->{device}, $phone->device, 'a second device');
is(scalar @{ $bob->must(GET => '/api/devices')->{devices} }, 2, 'both are listed');
my ($current) = grep { $_->{current} } @{ $bob->must(GET => '/api/devices')->{devices} };
is($current->{id}, $bob->device, 'and which is this one');
{
    my $thief = Test::Chatalot::Person->new(server => $chat, name => 'bob', keys => Test::Chatalot::Keys->new);
    $thief->{keys}{user} = $bob->id;
    $thief->{keys}->new_device;
    my $answer = $thief->enrol($enrol);
    ok($answer->{status} =~ /^4/, 'a device certified by another account key is refused') or diag $answer->{body};
}
refuses($nobody->post('/api/devices', {}, token => $bob->token), 403, 'wrong_scope', 'a full token does not admit devices');

refuses($bob->login(login_key => b64u(random_bytes(32))), 401, 'bad_credentials', 'a wrong password');
my ($nobody_there) = ($nobody->post('/api/auth/login', { username => 'no.such-name', login_key => b64u(random_bytes(32)) }));
refuses($nobody_there, 401, 'bad_credentials', 'an unknown name: the same words');

# --- rotation ------------------------------------------------------------------------------------------------------

my $used = $phone->{refresh_token};
my $next = random_bytes(32);
is($phone->refresh(next => $next)->{status}, 200, 'refresh');
is($phone->get('/api/me')->{status}, 200, 'the new access token is good');
{
    my $answer = $phone->refresh(token => $used, next => $next, keep => 1);
    is($answer->{status}, 200, 'a lost answer may be asked for again, with the same next token');
}
is($phone->refresh->{status}, 200, 'refresh again');
refuses($phone->refresh(token => $used, keep => 1), 401, 'token_reused', 'an old token with another next token is a theft');
refuses($phone->refresh(keep => 1), 401, 'token_invalid', 'which ends the session: its newest token is dead');
refuses($phone->get('/api/me'), 401, 'session_ended', 'and its access token at once');
is($bob->get('/api/me')->{status}, 200, 'other sessions live on');
refuses($nobody->post('/api/auth/refresh', { refresh_token => b64u(random_bytes(32)), next_token => b64u(random_bytes(32)) }),
    401, 'token_invalid', 'a guessed refresh token');

# --- logout --------------------------------------------------------------------------------------------------------

my $tablet = $bob->another_device;
my @before = map { $_->{id} } @{ $bob->must(GET => '/api/devices')->{devices} };
ok((grep { $_ eq $tablet->device } @before), 'a tablet');
answers($tablet->post('/api/auth/logout'), 200, 'logout');
refuses($tablet->get('/api/me'), 401, 'session_ended', 'the token is of no use from that moment');
refuses($tablet->refresh(keep => 1), 401, 'token_invalid', 'nor is the refresh token');
ok(!(grep { $_->{id} eq $tablet->device } @{ $bob->must(GET => '/api/devices')->{devices} }), 'its device is gone');

# --- tokens that are not ours --------------------------------------------------------------------------------------

my $key  = $chat->stack->secret_file('jwt.key');
my %mine = %{ jwt_claims($bob->token) };
my ($head, $body, $signature) = split /\./, $bob->token;
my $none = b64u('{"alg":"none","typ":"JWT"}');
my $now  = time;
my $kid  = JSON::PP::decode_json(MIME::Base64::decode_base64url($head))->{kid};
my %forged = (
    'no token'                   => '',
    'not a token'                => 'abc',
    'alg none'                   => "$none.$body.",
    'alg none with a signature'  => "$none.$body.$signature",
    'no signature'               => "$head.$body.",
    'two parts'                  => "$head.$body",
    'four parts'                 => "$head.$body.$signature.x",
    'another key'                => jwt_sign(\%mine, Test::Chatalot::Keys::ed25519()),
    'another key under our key id' => jwt_sign(\%mine, Test::Chatalot::Keys::ed25519(), kid => $kid),
    'a key id that is a path'    => jwt_sign(\%mine, $key, kid => '../../dev/null'),
    'another body'               => join('.', $head, b64u(JSON::PP::encode_json({ %mine, sub => $owner->id })), $signature),
    'a signature with a bit changed' => join('.', $head, $body, ($signature =~ s/^(.)/$1 eq 'A' ? 'B' : 'A'/er)),
    'alg HS256'                  => jwt_sign(\%mine, $key, alg => 'HS256'),
    'expired'                    => jwt_sign({ %mine, iat => $now - 1000, exp => $now - 100 }, $key),
    'no expiry'                  => jwt_sign({ map { $_ => $mine{$_} } grep { $_ ne 'exp' } keys %mine }, $key),
    'another issuer'             => jwt_sign({ %mine, iss => 'someone' }, $key),
    'another audience'           => jwt_sign({ %mine, aud => 'someone' }, $key),
    'no audience'                => jwt_sign({ map { $_ => $mine{$_} } grep { $_ ne 'aud' } keys %mine }, $key),
    'a scope that is none'       => jwt_sign({ %mine, scope => 'everything' }, $key),
    'a user that is no id'       => jwt_sign({ %mine, sub => "x' or 1=1" }, $key),
    'the expiry a string'        => jwt_sign({ %mine, exp => 'never' }, $key),
    'the body a list'            => jwt_sign([], $key),
    'far too long'               => 'A' x 5000,
    'with a line break'          => "$head.$body.$signature%0a",
);
is($nobody->get('/api/me', token => jwt_sign(\%mine, $key))->{status}, 200, 'a token signed with the right key is good: the forging works');
# Signatures that were good are remembered: both workers have seen this token, and know it from those made of it.
is(scalar(grep { $_->{status} != 200 } map { $nobody->get('/api/me', token => $bob->token) } 1 .. 16), 0, 'as often as one asks');
for my $name (sort keys %forged) {
    refuses($nobody->get('/api/me', token => $forged{$name}), 401, 'unauthorized', "forged: $name");
}
refuses($nobody->get('/api/me', token => jwt_sign({ %mine, sub => $owner->id }, $key)), 401, 'session_ended', 'a session of another user');
my $short = jwt_sign({ %mine, exp => time + 3 }, $key);
is($nobody->get('/api/me', token => $short)->{status}, 200, 'a token is good until it expires');
await('it expires', sub { $nobody->get('/api/me', token => $short)->{status} == 401 });
refuses($nobody->get('/api/me', token => $short), 401, 'unauthorized', 'but not longer, however often it was seen');
refuses($nobody->get('/api/me', token => undef, headers => { Authorization => "Basic $head.$body.$signature" }), 401, 'unauthorized', 'another scheme');
is($nobody->get('/api/me?access_token=' . $bob->token)->{status} >= 400, 1, 'a token in the address is not looked at');

# --- lockout -------------------------------------------------------------------------------------------------------

my $victim = $chat->member('victim', $community);
my @failed = map { $victim->login(login_key => b64u(random_bytes(32))) } 1 .. 10;
is(scalar(grep { $_->{status} == 401 } @failed), 10, 'ten wrong passwords are ten refusals') or diag map {"$_->{status} "} @failed;
my $locked = $victim->login(login_key => b64u(random_bytes(32)));
refuses($locked, 429, 'locked', 'the eleventh attempt meets a lock');
ok($locked->{json}{error}{details}{retry_after} > 800, 'of about 15 minutes');
refuses($victim->login, 429, 'locked', 'the right password meets it too');
is($victim->get('/api/me')->{status}, 200, 'whoever is signed in stays so');
$chat->sql("update data.login_attempts set expires_at = now() - interval '1 second'");
is($victim->login->{status}, 200, 'after that time the right password works');

# --- a full queue ---------------------------------------------------------------------------------------------------

# Each worker compares one password at a time here, and keeps no others waiting; all are asked before the first is done.
# An attempt counts while it is under way, so a rush stays below the ten that lock.
$chat->close;
$chat = Test::Chatalot->new(settings => { chatalot_password_queue => 1 });
my $hasty = $chat->owner;
my $wrong = { username => $hasty->name, login_key => b64u(random_bytes(32)) };
my (%answered, $counted);
for my $round (1 .. 5) {
    my @rush = Test::Chatalot::Person::together(map { [ $chat->nobody, POST => '/api/auth/login', $wrong ] } 1 .. 9);
    $answered{ $_->{status} }++ for @rush;
    $counted += $chat->sql('select coalesce(sum(failures), 0) from data.login_attempts where not everywhere');
    $chat->sql('delete from data.login_attempts');
}
is_deeply([ sort keys %answered ], [ 401, 503 ], 'of many passwords at once some are compared, the others told to try again')
    or diag explain \%answered;
is($counted, $answered{401}, 'and only those that were compared count') or diag explain \%answered;

$chat->done;
