#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What two sessions do at the same moment: each race is staged, one transaction held open while the other comes up
# against its locks; then a crowd that sends, joins and leaves at once.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/sql/lib";

use Psql;
use Test::Chatalot;
use Test::More;

my $chat = Test::Chatalot->new(nginx => 0);

# The helpers of the pgTAP tests, kept in the database this time.
my $people = "$FindBin::Bin/sql/lib/people.sql";
system('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-1', '-d', $chat->owner_url, '-f', $people) == 0 or die "people.sql\n";
$chat->sql("select t.person(p) from unnest('{anna,bob,carl,dora,erik}'::text[]) as p");
$chat->sql("select t.community('home', 'anna', 'bob', 'carl')");
$chat->sql("select t.another_device('phone', 'bob')");
my $home = $chat->sql("select t.channel('home')");

my ($one, $other, $observer) = map { Psql->new($chat->owner_url, 'set search_path = public, t') } 1 .. 3;

# Both sessions in turn: the first in a transaction, the second until it stands before a lock; then the first ends.
sub race {
    my ($first, $second, $end) = @_;
    $one->ask('begin');
    my $before = $one->ask($first);
    $other->start($second)->wait_for_lock($observer);
    $one->ask($end // 'commit');
    return ($before, scalar $other->result);
}

# SQL of a call that gives its reply.
sub call {
    my ($function, $who, $args) = @_;
    my $ctx = defined $who ? "t.ctx('$who')" : 'null';
    my $said = $function eq 'entry_send' ? 'piece' : 'payload';
    return "select $said from api.$function($ctx, $args) where topic is null";
}

# The code of a new invitation; more: its arguments as JSON.
sub invite {
    my ($more) = @_;
    my $args = "jsonb_build_object('community', t.id('home')) || '$more'";
    return $chat->sql("select t.call('invite_create', 'anna', $args) ->> 'code'");
}

my ($before, $after);

# --- registration and invitations ----------------------------------------------------------------------------------

$chat->sql("update data.users set role = 'member'");
$chat->sql("update data.instance set setup_hash = sha256('token')");
my $setup = q{jsonb_build_object('setup_hash', lib.b64u(sha256('token')))};
my $register = sub { call('auth_register', undef, "t.registration('$_[0]', $_[1])") };
($before, $after) = race($register->('first', $setup), $register->('second', $setup));
like($before, qr/"role" : "owner"/, 'setup token: the first becomes the owner');
is($after, 'ERROR:  already_set_up', 'the second does not');
is($chat->sql("select count(*) from data.users where username = 'second'"), 0, 'and has no account');
$chat->sql("update data.users set role = 'member' where username = 'first'");
$chat->sql("update data.users set role = 'owner' where username = 'anna'");

my $code = invite('{"max_uses": 1}');
my $accept = "jsonb_build_object('code', '$code')";
($before, $after) = race(call('invite_accept', 'dora', $accept), $register->('emil', "jsonb_build_object('invite', '$code')"));
like($before, qr/"name" : "home"/, 'an invite for one: the first is in');
is($after, 'ERROR:  invite_not_found', 'the second is not');
is($chat->sql("select uses from data.invites where code = '$code'"), 1, 'one use');
is($chat->sql("select count(*) from data.users where username = 'emil'"), 0, 'no account without the invite');

$code = invite('{"max_uses": 1}');
$accept = "jsonb_build_object('code', '$code')";
$chat->sql("select t.call('community_member_remove', 'dora', jsonb_build_object('community', t.id('home'), 'user', t.user('dora')))");
($before, $after) = race(call('invite_accept', 'dora', $accept), $register->('emil', "jsonb_build_object('invite', '$code')"),
    'rollback');
like($after, qr/"username" : "emil"/, 'if the first fails, the second gets the use');

$code = invite('{}');
my $gina = "jsonb_build_object('invite', '$code')";
($before, $after) = race($register->('gina', $gina),
    $register->('gina', "$gina || jsonb_build_object('user', t.id('x'), 'device', t.device('x'))"));
is($after, 'ERROR:  username_taken', 'two of one name: the second is told');

# --- sending against removal ----------------------------------------------------------------------------------------

my $remove_bob = call('community_member_remove', 'anna',
    "jsonb_build_object('community', t.id('home'), 'user', t.user('bob'))");
($before, $after) = race($remove_bob, call('entry_send', 'bob', "t.message('$home', 'late')"));
is($after, 'ERROR:  channel_not_found', 'removed while sending: the entry does not get in');
my $return_bob = sub { $chat->sql("select t.call('invite_accept', 'bob', jsonb_build_object('code', '$code'))") };
$return_bob->();
my $guess = "(select jsonb_build_object('roster', roster + 1, 'epoch', epoch + 1) from data.logs where channel_id = '$home')";
$one->ask('begin');
$one->ask($remove_bob);
is($other->ask(call('entry_send', 'bob', "t.message('$home', 'guess') || $guess")), 'ERROR:  epoch_stale',
    'nor with the next roster and epoch guessed');
$one->ask('commit');
$return_bob->();
($before, $after) = race(call('auth_logout', 'phone', q('{}')), call('entry_send', 'anna', "t.message('$home', 'stale')"));
is($after, 'ERROR:  epoch_stale', 'a device removed while another sends: first the new epoch');
is($chat->sql("select count(*) from data.entries"), 0, 'nothing got in');

my $send = sub { call('entry_send', $_[0], "t.message('$home', '$_[1]')") };
($before, $after) = race($send->('anna', 'twice'), $send->('anna', 'twice'));
is($after, $before, 'the same entry twice at once: one result');
($before, $after) = race($send->('anna', 'clash'), $send->('bob', 'clash'));
is($after, 'ERROR:  id_taken', 'the same id from two senders at once: one of them');
is($chat->sql("select count(*) || ' ' || max(seq) from data.entries where channel_id = '$home'"), '2 2', 'no hole');

$chat->sql("select t.person('gerd')");
$chat->sql("select t.call('invite_accept', 'gerd', jsonb_build_object('code', '$code'))");
$chat->sql("update data.community_members set role = 'moderator' where user_id = t.user('gerd')");
my $gerds = $chat->sql("select t.call('invite_create', 'gerd', jsonb_build_object('community', t.id('home'))) ->> 'code'");
($before, $after) = race(
    call('community_member_remove', 'anna', "jsonb_build_object('community', t.id('home'), 'user', t.user('gerd'))"),
    call('invite_accept', 'erik', "jsonb_build_object('code', '$gerds')"));
is($after, 'ERROR:  invite_not_found', 'an invite accepted while its maker is removed');

# --- rosters -----------------------------------------------------------------------------------------------------------

my $roster = "select roster from data.logs where channel_id = '$home'";
my $was = $chat->sql($roster);
$chat->sql("insert into t.sessions values ('dora enrolling', t.enrolling('dora'))");
my $tablet = "jsonb_build_object('device', t.device('tablet'), 'account_key', t.b(32, 'doraA'), 'refresh_hash', t.b(32, 'x'))";
race(call('invite_accept', 'dora', "jsonb_build_object('code', '$code')"), call('device_add', 'dora enrolling', $tablet));
is($chat->sql($roster), $was + 2, 'a device added while its owner joins is a change of the roster');

my $open = sub { call('dm_open', $_[0], "jsonb_build_object('id', t.id('dm of $_[0]'), 'user', t.user('$_[1]'))") };
($before, $after) = race($open->('anna', 'bob'), $open->('bob', 'anna'));
my ($id) = $before =~ /"id" : "([^"]+)"/;
like($after, qr/"id" : "$id"/, 'two people who open a DM with each other get one');
is($chat->sql("select count(*) from data.channel_members where channel_id = '$id'"), 2, 'with both in it');

# --- what does not wait ------------------------------------------------------------------------------------------------

my $claim = sub { call('prekeys_claim', $_[0], "jsonb_build_object('devices', jsonb_build_array(t.id('dora')))") };
$one->ask('begin');
my ($first)  = $one->ask($claim->('anna')) =~ /"one_time_prekey" : \{"id" : (\d+)/;
my ($second) = $other->ask($claim->('bob')) =~ /"one_time_prekey" : \{"id" : (\d+)/;
$one->ask('commit');
ok($first && $second && $first != $second, 'two claims at once get two keys, and the second does not wait');
is($chat->sql("select count(*) from data.one_time_prekeys where device_id = t.id('dora')"), 1, 'both are gone');

# --- tokens ------------------------------------------------------------------------------------------------------------

my $turn = sub {
    my ($next) = @_;
    my $args = "jsonb_build_object('refresh_hash', t.b(32, 'erikrefresh'), 'next_hash', t.b(32, '$next'))";
    return "select payload::text from api.auth_refresh(null, $args) where topic is null";
};
($before, $after) = race($turn->('next'), $turn->('next'));
is($after, $before, 'the same exchange of a token twice at once: one result');
my $elsewhere = "jsonb_build_object('refresh_hash', t.b(32, 'next'), 'next_hash', t.b(32, 'third'))";
($before, $after) = race("select payload::text from api.auth_refresh(null, $elsewhere) where topic is null", $turn->('stolen'));
is($after, '{"refused" : true}', 'an old token used while the session goes on elsewhere ends it');
is($chat->sql("select t.refused('me', 'erik')"), '401 session_ended', 'for both');
$chat->sql("insert into t.sessions values ('erik enrolling', t.enrolling('erik'))");
$chat->sql("select t.signed_in('erik', t.call('device_add', 'erik enrolling', jsonb_build_object('device', t.device('erik'), "
    . "'account_key', t.b(32, 'erikA'), 'refresh_hash', t.b(32, 'again'))))");
($before, $after) = race(call('auth_logout', 'erik', q('{}')), $turn->('late') =~ s/erikrefresh/again/r);
is($after, 'ERROR:  token_invalid', 'logged out while the token is exchanged');

# A call of the session notes its use, then waits for the person's lock, which a new login on the device already has.
$chat->sql("select t.person('hanna')");
$chat->sql("update data.sessions set last_used_at = now() - interval '1 hour' where user_id = t.user('hanna')");
my $late = Psql->new($chat->owner_url, 'set search_path = public, t');
$one->ask('begin');
$one->ask("select from data.users where id = t.user('hanna') for no key update");
$chat->sql("insert into t.sessions values ('hanna enrolling', t.enrolling('hanna'))");
my $again = "jsonb_build_object('device', t.device('hanna'), 'account_key', t.b(32, 'hannaA'), 'refresh_hash', t.b(32, 'y'))";
$other->start(call('device_add', 'hanna enrolling', $again))->wait_for_lock($observer);
$late->start(call('invite_accept', 'hanna', "jsonb_build_object('code', '$code')"))->wait_for_lock($observer);
$one->ask('commit');
like($other->result, qr/"session" : /, 'a session replaced while another call notes that it is used');
unlike($late->result, qr/deadlock/, 'neither waits for ever');
$late->close;

# --- approvals ---------------------------------------------------------------------------------------------------------

$chat->sql("select t.person('ida')");
$chat->sql("select t.another_device('idas', 'ida')");
my $asks = sub {
    my ($name) = @_;
    my $claim = "jsonb_build_object('id', t.id('$name'), 'claim_hash', t.b(32, '$name'))";
    my $reply = $chat->sql("select t.call('approval_begin', null, $claim || jsonb_build_object('commitment', t.b(32), 'name', 'New')) ->> 'code'");
    return ("jsonb_build_object('code', '$reply')", "$claim || jsonb_build_object('key', t.b(32), 'nonce', t.b(16))");
};
my $begins = sub {
    my ($name, $seed) = @_;
    return call('approval_begin', undef, "jsonb_build_object('id', t.id('$name'), 'claim_hash', t.b(32, '$seed'), 'commitment', t.b(32), 'name', 'New')");
};
($before, $after) = race($begins->('at once', 'mine'), $begins->('at once', 'mine'));
like($before, qr/"code" : "/, 'a device that asks twice at once gets a code');
is($after, $before, 'one');
($before, $after) = race($begins->('clash', 'mine'), $begins->('clash', 'yours'));
is($after, 'ERROR:  id_taken', 'another that asks under the same id is told');
my ($of, $reveal) = $asks->('first');
my $answers = sub { call('approval_answer', $_[0], "$of || jsonb_build_object('key', t.b(32, '$_[0]'))") };
($before, $after) = race($answers->('ida'), $answers->('idas'));
is($after, 'ERROR:  conflict', 'two devices answer at once: the first did');

# What a device approves that is removed before the newcomer comes, or while it does.
my $approved = sub {
    my ($name) = @_;
    my ($approval, $shown) = $asks->($name);
    $chat->sql("select t.call('approval_answer', 'idas', $approval || jsonb_build_object('key', t.b(32)))");
    $chat->sql("select t.call('approval_reveal', null, $shown)");
    $chat->sql("select t.call('approval_approve', 'idas', $approval || jsonb_build_object('sealed', t.b(98)))");
    my $ctx = "row(t.user('ida'), null, t.id('$name'), null, null, null)::api.ctx";
    return sub {
        my ($device) = @_;
        my $args = "jsonb_build_object('device', t.device('$device'), 'account_key', t.b(32, 'idaA'), 'refresh_hash', t.b(32, '$device'))";
        return "select payload from api.device_add($ctx, $args) where topic is null";
    };
};
my $enrol_by = $approved->('second');
($before, $after) = race($enrol_by->('tv'), $enrol_by->('radio'));
like($before, qr/"session" : /, 'two devices by one approval at once: the first is in');
is($after, 'ERROR:  session_ended', 'the second is not');
$enrol_by = $approved->('third');
my $remove = call('device_remove', 'ida', "jsonb_build_object('device', t.id('idas'))");
($before, $after) = race($remove, $enrol_by->('thief'));
is($after, 'ERROR:  session_ended', 'enrolling while the device that approved it is removed');
is($chat->sql("select count(*) from data.devices where name = 'thief'"), 0, 'nothing is in');

# --- reports -----------------------------------------------------------------------------------------------------------

my $reports = sub {
    my ($id) = @_;
    return call('report_add', 'bob', "jsonb_build_object('id', t.id('$id'), 'channel', '$home', 'entry', t.id('twice'), "
        . "'payload', t.b(10), 'commitment', t.b(32, 'twice'))");
};
($before, $after) = race($reports->('report'), $reports->('same report'));
is($after, $before, 'the same entry reported twice at once: both are told it is');
is($chat->sql('select count(*) from data.reports'), 1, 'one is kept');

# --- the sweep ---------------------------------------------------------------------------------------------------------

$chat->sql("select t.person(p) from unnest('{jane,kurt,lena}'::text[]) as p");
my $old = "last_used_at = now() - interval '100 days'";
$chat->sql("update data.devices set $old where name in ('jane', 'kurt', 'lena')");
$chat->sql("update data.sessions set $old where device_id in (t.id('jane'), t.id('kurt'), t.id('lena'))");
my $due = "update data.instance set swept_at = now() - interval '2 hours'";
my $swept = sub { $chat->sql("select string_agg(name, ' ' order by name) from data.devices where removed_at is not null and name in ('jane', 'kurt', 'lena')") };
$chat->sql($due);
my $busy = Psql->new($chat->owner_url, 'set search_path = public, t');
$one->ask('begin');
$one->ask("select from data.sessions where device_id = t.id('jane') for no key update");
$busy->ask('begin');
$busy->ask("select from data.users where id = t.user('kurt') for no key update");
like($other->ask(call('session_start', 'anna', q('{}'))), qr/"inbox_head"/, 'a sweep waits for nobody');
is($swept->(), 'lena', 'what somebody holds is left for the next');
$_->ask('rollback') for $one, $busy;
$chat->sql($due);
$other->ask(call('session_start', 'anna', q('{}')));
is($swept->(), 'jane kurt lena', 'which takes it');
$chat->sql($due);
$one->ask('begin');
$one->ask(call('session_start', 'anna', q('{}')));
like($other->ask(call('session_start', 'bob', q('{}'))), qr/"inbox_head"/, 'two at the hour: one sweeps, the other does not wait');
$one->ask('commit');
$busy->close;

$chat->sql("select t.another_device('an old one', 'anna')");
$chat->sql("update data.devices set $old where id = t.id('an old one')");
$chat->sql("update data.sessions set $old where device_id = t.id('an old one')");
$chat->sql("update data.reports set resolved_at = now() - interval '100 days'");
$chat->sql($due);
$one->ask('begin');
$one->ask("select lib.lock_channels(array['$home']::uuid[])");
$other->start(call('session_start', 'anna', q('{}')))->wait_for_lock($observer);
is($one->ask('delete from data.reports') // '', '', 'who holds a channel and wants reports goes: a sweep waits for a channel, and holds none');
$one->ask('commit');
like(scalar $other->result, qr/"inbox_head"/, 'and then goes on');

# --- attempts --------------------------------------------------------------------------------------------------------

# The count of all places stands first in the table: who takes both as they lie there takes it first.
$chat->sql("select lib.attempt('everywhere lena', 100, true)");
$chat->sql("select lib.attempt('lena', 10, false)");
$one->ask('begin');
$one->ask("select lib.attempt('lena', 10, false)");
$other->start("select lib.login_clear(null, 'lena')")->wait_for_lock($observer);
is($one->ask("select lib.attempt('everywhere lena', 100, true)"), '', 'who counts an attempt goes on to the second count while a success waits for the first');
$one->ask('commit');
is(scalar $other->result, '', 'which forgets both then');
is($chat->sql("select count(*) from data.login_attempts where name_hash in (sha256('lena'), sha256('everywhere lena'))"), 0, 'there they are gone');

# --- accounts --------------------------------------------------------------------------------------------------------

$chat->sql("select t.person(p) from unnest('{vera,jonas,kimi,leas,maxi,noras}'::text[]) as p");
$chat->sql("select t.another_device('vera''s phone', 'vera')");
my $new_one = sub {
    my ($device, $who, $key) = @_;
    return "jsonb_build_object('salt', t.b(16, '$device'), 'ops', 3, 'mem', 67108864, 'login_hash', '\$argon2id\$' || '$device', "
        . "'recovery_hash', '\$argon2id\$' || '$device', 'keyring_password', t.b(99), 'keyring_recovery', t.b(99), "
        . "'account_key', t.b(32, '" . ($key // "${who}A") . "'), 'backup_key', t.b(32, '${who}B'), 'device', t.device('$device'), "
        . "'refresh_hash', t.b(32, '$device'), 'verified', '\$argon2id\$$who')";
};
my $recovering = sub {
    my ($who) = @_;
    my $end = "t.call('auth_recovery_end', null, jsonb_build_object('user', t.user('$who'), 'verified', u.recovery_hash))";
    $chat->sql("insert into t.sessions select '$who recovering', row(u.id, null, ($end ->> 'recovery')::uuid, null, null, null)::api.ctx "
        . "from data.users u where u.id = t.user('$who') on conflict on constraint sessions_pkey do update set ctx = excluded.ctx");
    return "$who recovering";
};

my $recovers = $recovering->('vera');
($before, $after) = race(call('auth_recovery_complete', $recovers, $new_one->('vera one', 'vera')),
    call('auth_recovery_complete', $recovers, $new_one->('vera two', 'vera')));
like($before, qr/"session" : /, 'one recovery completed twice at once: the first');
is($after, 'ERROR:  session_ended', 'only');
is($chat->sql("select count(*) from data.devices where user_id = t.user('vera') and removed_at is null"), 1, 'one device is left');

$recovers = $recovering->('jonas');
my $thief = call('auth_password', 'jonas', $new_one->('thief', 'jonas'));
($before, $after) = race(call('auth_recovery_complete', $recovers, $new_one->('jonas one', 'jonas')), $thief);
is($after, 'ERROR:  session_ended', 'a password changed from a session that a recovery ends meanwhile: it is not');
$recovers = $recovering->('jonas');
$chat->sql("insert into t.sessions values ('jonas enrolling', t.enrolling('jonas'))");
my $late_device = "jsonb_build_object('device', t.device('late'), 'account_key', t.b(32, 'jonasA'), 'refresh_hash', t.b(32, 'late'))";
($before, $after) = race(call('auth_recovery_complete', $recovers, $new_one->('jonas two', 'jonas')), call('device_add', 'jonas enrolling', $late_device));
is($after, 'ERROR:  session_ended', 'a device admitted by a login from before the recovery: neither');

($before, $after) = race(call('auth_identity', 'kimi', $new_one->('kimi one', 'kimi', 'newA')),
    call('auth_recovery_code', 'kimi', $new_one->('thief', 'kimi')));
is($after, 'ERROR:  session_ended', 'a recovery code made from a session that a new identity ends: it is not');
my $backup = "jsonb_build_object('items', jsonb_build_array(jsonb_build_object('id', t.id('sealed'), 'data', t.b(50))))";
$chat->sql("select t.signed_in('kimi', payload::jsonb) from api.device_add(t.enrolling('kimi'), jsonb_build_object('device', t.device('kimi two'), "
    . "'account_key', t.b(32, 'newA'), 'refresh_hash', t.b(32, 'kimi two'))) where topic is null");
$chat->sql("select t.call('backup_store', 'kimi', $backup)");
my $more_backup = $backup =~ s/'sealed'/'more'/r;
($before, $after) = race(call('auth_identity', 'kimi', $new_one->('kimi three', 'kimi', 'newestA')), call('backup_store', 'kimi', $more_backup));
is($after, 'ERROR:  session_ended', 'keys sealed to an identity that goes meanwhile are not stored');
is($chat->sql("select count(*) from data.backup_items where user_id = t.user('kimi')"), 0, 'none are left');

# deletion against what its devices, and others, do at that moment
$code = invite('{}');
$accept = "jsonb_build_object('code', '$code')";
$chat->sql("select t.call('invite_accept', p, $accept) from unnest('{leas,maxi,noras}'::text[]) as p");
$chat->sql("select t.another_device('leas''s phone', 'leas')");
my $delete = sub { my ($who) = @_; return call('account_delete', $who, "jsonb_build_object('verified', '\$argon2id\$$who')") };
($before, $after) = race($send->("leas''s phone", 'words'), $delete->('leas'));
is($after, '{}', 'deleted while another device sends: done');
is($chat->sql("select (ciphertext is null)::text from data.entries where id = t.id('words')"), 'true', 'and what it sent is wiped');
($before, $after) = race($delete->('maxi'), $send->('maxi', 'too late'));
is($after, 'ERROR:  channel_not_found', 'sent while the account goes: it does not get in');
$chat->sql("select t.another_device('noras''s phone', 'noras')");
($before, $after) = race($delete->('noras'), call('backup_store', "noras''s phone", $backup));
is($after, 'ERROR:  session_ended', 'a backup stored while the account goes: neither');
is($chat->sql("select count(*) from data.backups where user_id = (t.ctx('noras')).user_id"), 0, 'nothing of it is left');

$chat->sql("select t.person(p) from unnest('{olga,paul,rosa,sven,tina}'::text[]) as p");
$chat->sql("select t.community('olga alone', 'olga')");
my $olgas = $chat->sql("select t.call('invite_create', 'olga', jsonb_build_object('community', t.id('olga alone'))) ->> 'code'");
my $join  = "jsonb_build_object('code', '$olgas')";
($before, $after) = race(call('invite_accept', 'paul', $join), $delete->('olga'));
is($after, 'ERROR:  owner_stays', 'somebody joins while the owner goes: the owner stays');
$chat->sql("select t.call('community_member_remove', 'paul', jsonb_build_object('community', t.id('olga alone'), 'user', t.user('paul')))");
($before, $after) = race($delete->('olga'), call('invite_accept', 'paul', $join));
is($after, 'ERROR:  invite_not_found', 'and who comes too late finds nothing to join');
is($chat->sql("select count(*) from data.communities where id = t.id('olga alone')"), 0, 'the community is gone');

$chat->sql("select t.call('invite_accept', p, $accept) from unnest('{rosa,sven,tina}'::text[]) as p");
($before, $after) = race($delete->('rosa'), $open->('sven', 'rosa'));
is($after, 'ERROR:  user_not_found', 'a DM opened with an account that goes');
$chat->sql("insert into t.sessions values ('sven enrolling', t.enrolling('sven'))");
my $svens = "jsonb_build_object('device', t.device('svens'), 'account_key', t.b(32, 'svenA'), 'refresh_hash', t.b(32, 'svens'))";
($before, $after) = race($delete->('sven'), call('device_add', 'sven enrolling', $svens));
is($after, 'ERROR:  session_ended', 'a device admitted to an account that goes');
is($chat->sql("select count(*) from data.devices where user_id = (t.ctx('sven')).user_id"), 0, 'is not there');
$chat->sql("select t.send('tina', '$home', 'said by tina')");
my $report = "jsonb_build_object('id', t.id('a report'), 'channel', '$home', 'entry', t.id('said by tina'), 'payload', t.b(20), "
    . "'commitment', t.b(32, 'said by tina'))";
($before, $after) = race($delete->('tina'), call('report_add', 'anna', $report));
is($after, 'ERROR:  entry_wiped', 'a report of what goes meanwhile is not kept');

# --- a crowd -----------------------------------------------------------------------------------------------------------

# Each in its own session: senders in a community's channel and, between the same two people, in a DM both ways; one who
# joins and leaves; one whose devices come and go; one who sweeps up what the others do not use. Stale sends are refused and sent again, as clients do.
my $crowd = <<'SQL';
create function t.press_on(who text, place uuid, n integer, round integer) returns void language plpgsql as $$
declare
    done boolean;
begin
    for i in 1 .. n loop
        loop
            begin
                perform from api.entry_send(t.ctx(who), t.message(place, concat_ws(' ', who, place, round, i)) || coalesce((
                    select jsonb_build_object('envelopes', coalesce(jsonb_agg(jsonb_build_object('device', d.id,
                               'id', gen_random_uuid(), 'payload', t.b(50))), '[]'))
                      from data.channels c join data.devices d on d.user_id in (c.dm_low, c.dm_high)
                     where c.id = place and c.kind = 'dm' and d.removed_at is null and d.id <> t.id(who) having count(*) > 0), '{}'));
                done := true;
            exception when sqlstate 'TA409' or sqlstate 'TA422' then
                done := false;
            end;
            exit when done;
        end loop;
    end loop;
end $$;
SQL
$observer->ask($crowd =~ s/;\s*\z//r);
my $dora  = "jsonb_build_object('code', '$code')";
my $leave = "jsonb_build_object('community', t.id('home'), 'user', t.user('dora'))";
my $bobby = "t.enrolling('bob')";
my $enrol = "jsonb_build_object('device', t.device('bobby %1\$d'), 'account_key', t.b(32, 'bobA'), 'refresh_hash', t.b(32, 'bobby %1\$d'))";
my $come  = "select t.signed_in('bobby', (select payload::jsonb from api.device_add($bobby, $enrol) where topic is null));\n";
my $press = sub { my ($who, $place, $n, $round) = @_; return "select t.press_on('$who', '$place', $n, $round);\n" };
$chat->sql("select t.person('otto')");
$chat->sql("select t.another_device(p || ' idle ' || i, p) from unnest('{anna,carl,dora}'::text[]) as p, generate_series(1, 10) as i");
$chat->sql("update data.devices set $old where name like '% idle %'");
$chat->sql("update data.sessions s set $old from data.devices d where d.id = s.device_id and d.name like '% idle %'");
my %script = (
    otto  => join('', map {"$_;\n"} ($due, call('session_start', 'otto', q('{}'))) x 10),
    anna  => join('', map { $press->('anna', $home, 10, $_) . $press->('anna', $id, 5, $_) } 1 .. 8),
    bob   => join('', map { $press->('bob', $id, 5, $_) . $press->('bob', $home, 10, $_) } 1 .. 8),
    carl  => join('', map { $press->('carl', $home, 10, $_) } 1 .. 8),
    dora  => join('', map {"$_;\n"} (call('community_member_remove', 'dora', $leave), call('invite_accept', 'dora', $dora)) x 20),
    bobby => join('', map { sprintf($come, $_) . call('auth_logout', 'bobby', q('{}')) . ";\n" } 1 .. 15),
);

my $already = $chat->sql("select head from data.logs where channel_id = '$home'");
my %run;
for my $who (sort keys %script) {
    my $file = $chat->dir . "/$who.sql";
    open my $out, '>', $file or die "$file: $!\n";
    print {$out} "set search_path = public, t;\n$script{$who}";
    close $out or die "$file: $!\n";
    open $run{$who}, '-|', 'sh', '-c', 'exec psql "$@" 2>&1', 'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1',
        '-d', $chat->owner_url, '-f', $file or die "psql: $!\n";
}
for my $who (sort keys %run) {
    my $text = do { local $/; readline $run{$who} } // '';
    ok(close($run{$who}), "$who came through") or diag $text =~ /(.*ERROR.*)/;
}
my $count = 8 * 30;
my ($from, $to) = ($already + 1, $already + $count);
my $span  = "select count(*) || ' ' || min(seq) || ' ' || max(seq) from data.entries where channel_id";
is($chat->sql("$span = '$home' and seq > $already"), "$count $from $to", 'every entry once, without holes');
is($chat->sql("$span = '$id'"), '80 1 80', 'in the DM too');
is($chat->sql("select head || ' ' || display from data.logs where channel_id = '$home'"), join(" ", ($to) x 2),
    'the counters agree');
my $wait = '(select count(*) from data.inbox_items i where i.device_id = b.device_id)';
is($chat->sql("select count(*) from data.inboxes b where b.last_seq - b.acked_seq <> $wait"), 0, 'inboxes have no holes');
$one->ask($_) for ($due, call('session_start', 'otto', q('{}'))) x 2;
is($chat->sql("select count(*) from data.devices where name like '% idle %' and removed_at is null"), 0, 'what nobody used is gone');
is($chat->sql('select count(*) from data.inbox_items join data.devices d on d.id = device_id where d.removed_at is not null'),
    0, 'nothing lies for removed devices');
is($chat->sql('select count(*) from data.channels c where not exists (select from data.logs l where l.channel_id = c.id)'),
    0, 'no channel is without its counts');
my $epochs = "select epoch, lag(epoch) over (order by seq) as before from data.entries where channel_id = '$home'";
is($chat->sql("select count(*) from ($epochs) as e where epoch < before"), 0, 'epochs never go back');

$_->close for $one, $other, $observer;
$chat->done;
