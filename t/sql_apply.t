#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sql/apply: the first time, again, at once from several nodes, forward, against edited and newer databases, while calls
# are running; the workers' role; the setup token.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib", "$FindBin::Bin/sql/lib";

use Digest::SHA qw(sha256_hex);
use Psql;
use Test::Chatalot;
use Test::More;
use Time::HiRes ();

my $chat = Test::Chatalot->new(nginx => 0);
my $sql  = $chat->dir . '/sql';
system('cp', '-r', "$FindBin::Bin/../sql", $sql) == 0 or die "cannot copy sql/\n";
my $n = 0;

# An empty database; conninfo of it.
sub empty_database {
    my $name = 'empty' . ++$n;
    $chat->sql("create database $name");
    return $chat->owner_url =~ s/dbname=\S+/dbname=$name/r;
}

# Runs our copy of sql/apply; its exit status and what it said.
sub apply {
    my ($conninfo, @more) = @_;
    delete local $ENV{DATABASE_URL};
    open my $out, '-|', 'sh', '-c', 'exec "$0" "$@" 2>&1', "$sql/apply", @more, $conninfo or die "apply: $!\n";
    my $text = do { local $/; readline $out } // '';
    close $out;
    return ($? >> 8, $text);
}

sub ask { my ($conninfo, $statement) = @_; return $chat->stack->sql($statement, conninfo => $conninfo) }

sub write_file {
    my ($name, $how, $text) = @_;
    open my $out, $how, "$sql/$name" or die "$name: $!\n";
    print {$out} $text;
    close $out or die "$name: $!\n";
    return;
}

my ($status, $text);

# --- the first time, and again -------------------------------------------------------------------------------------

my $db = empty_database();
($status, $text) = apply($db);
is($status, 0, 'an empty database') or diag $text;
like($text, qr/migration 0001_accounts\.sql\n.*migration 0002_communities\.sql\n(?:.*migration .*\n)*.*functions replaced/, 'it says what it did');
my $began = Time::HiRes::time();
($status, $text) = apply($db);
is("$status $text", "0 sql/apply: functions are up to date\n", 'again: nothing to do');
cmp_ok(Time::HiRes::time() - $began, '<', 3, 'which is quick');
my $url = sprintf 'postgresql://%s:p%%40ss@/%s?host=%s', $db =~ /user=(\S+)/, $db =~ /dbname=(\S+)/, $db =~ /host=(\S+)/;
is((apply($url))[0], 0, 'by URL, with a password in it');

# what psql is called with: a script in its place that tells
my $tell = $chat->dir . '/tell';
mkdir $tell or die "$tell: $!\n";
write_file('../tell/psql', '>', "#!/bin/sh\nprintf '<%s>' \"\$@\" >'$tell/args'\nprintf '%s' \"\$PGPASSWORD\" >'$tell/password'\n");
chmod 0755, "$tell/psql";
for my $case (
    [ 'postgresql://me:se%63ret@/db?host=/x'            => 'secret',   'postgresql://me@/db?host=/x' ],
    [ 'postgres://me@h/db?a=b&pass%77ord=s%26t&c=d:e@f' => 's&t',      'postgres://me@h/db?a=b&c=d:e@f' ],
    [ 'postgresql:///db?password=a:b@c'                 => 'a:b@c',    'postgresql:///db' ],
    [ 'postgresql://me@h/db?application_name=a:b@c'     => '',         'postgresql://me@h/db?application_name=a:b@c' ],
    [ 'host=h password=secret dbname=db'                => 'secret',   'host=h dbname=db' ],
    [ q(host=h password = 'it\\'s \\\\ a = b' user=me)   => q(it's \\ a = b), 'host=h  user=me' ],
    [ q(user='password=x' password=a\\ b)               => 'a b',      q(user='password=x') ],
    ) {
    my ($given, $password, $rest) = @$case;
    local $ENV{PATH} = "$tell:$ENV{PATH}";
    delete local $ENV{PGPASSWORD};
    apply($given);
    my ($args, $secret) = map { open my $in, '<', "$tell/$_" or die "$_: $!\n"; local $/; <$in> // '' } qw(args password);
    is($secret, $password, "the password of $given");
    is($args =~ s/.*<-d><(.*?) *>$/$1/sr, $rest, 'does not stand in the process list');
}
{
    local $ENV{DATABASE_URL} = $db;
    is(system("$sql/apply >/dev/null"), 0, 'by DATABASE_URL');
}
is((apply($db, '--no-such-option'))[0], 2, 'an unknown option');
is(qx(env -u DATABASE_URL -u PGDATABASE -u PGSERVICE $sql/apply 2>&1),
    "sql/apply: which database? Give CONNINFO or DATABASE_URL (sql/apply --help)\n", 'no database named: none is touched');
is((apply($db, '--setup-hash', 'xyz'))[0], 2, 'a setup hash that is none');
is((apply($db =~ s/dbname=\S+/dbname=nothing/r))[0], 1, 'a database that is not there');

# --- several at once -----------------------------------------------------------------------------------------------

my $shared = empty_database();
my @nodes = map {
    open my $out, '-|', 'sh', '-c', 'exec "$0" "$@" 2>&1', "$sql/apply", $shared or die "apply: $!\n";
    $out;
} 1 .. 4;
my @said = map { my $out = $_; my $all = do { local $/; readline $out }; close $out; [ $? >> 8, $all ] } @nodes;
is(join(' ', map { $_->[0] } @said), '0 0 0 0', 'four nodes at once') or diag map { $_->[1] } @said;
is(scalar(grep { $_->[1] =~ /migration 0001/ } @said), 1, 'one of them migrates');
is(scalar(grep { $_->[1] eq "sql/apply: functions are up to date\n" } @said), 3, 'the others find nothing to do');

# --- the workers' role ---------------------------------------------------------------------------------------------

my $limited = empty_database();
($status, $text) = apply($limited, '--worker-role', 'some worker');
is($status, 0, 'with a role for workers') or diag $text;
my $worker = $limited =~ s/user=\S+/user='some worker'/r;
is(ask($worker, 'select lib.schema_version() > 0'), 't', 'it learns the version');
is(ask($worker, "select payload ->> 'setup_required' from api.auth_config(null, '{}')"), 'true', 'and calls the API');
my $session = Psql->new($worker);
is($session->ask('select * from data.users'), 'ERROR:  permission denied for schema data', 'it sees no table');
is($session->ask("select lib.fail(400, 'x', 'x')"), 'ERROR:  permission denied for function fail', 'calls no rule');
like($session->ask('create table api.x ()'), qr/^ERROR:  permission denied/, 'makes nothing');
is((apply($limited, '--worker-role', 'some worker'))[0], 0, 'again');
write_file('api/extra.sql', '>', <<'SQL');
-- SPDX-License-Identifier: GPL-3.0-or-later
create or replace function api.extra(ctx api.ctx, args jsonb) returns setof api.row language sql volatile
security definer set search_path = pg_catalog, pg_temp as $$ select null::text, null::text, '{"extra": 1}'::json $$;
SQL
is((apply($limited))[0], 0, 'a deployment that does not name the role');
is($session->ask("select payload ->> 'extra' from api.extra(null, '{}')"), '1', 'gives it the new function too');
unlink "$sql/api/extra.sql";
is((apply($limited))[0], 0, 'a function is taken out of the files');
like($session->ask("select * from api.extra(null, '{}')"), qr/^ERROR:  function .* does not exist/, 'it is dropped');
is((apply($limited, '--worker-role', $limited =~ /user=(\S+)/))[0], 0, 'the owner may be the worker');
$session->close;

# --- functions change while they are called ------------------------------------------------------------------------

my $call = "select payload ->> 'kdf' is not null from api.auth_config(null, '{}')";
my $caller = Psql->new($limited =~ s/user=\S+/user='some worker'/r, "prepare config as $call");
is($caller->ask('execute config'), 't', 'a prepared call');
$caller->ask('begin');
$caller->ask('execute config');
write_file('lib/limits.sql', '>>', "\n-- changed\n");
is((apply($limited))[0], 0, 'a deployment does not wait for a transaction that has called');
is($caller->ask('execute config'), 't', 'which goes on');
$caller->ask('commit');
is($caller->ask('execute config'), 't', 'and the prepared call is still good');
write_file('lib/version.sql', '>>', <<'SQL');
create or replace function lib.extra(a integer) returns integer language sql immutable as $$ select 1 $$;
SQL
is((apply($limited))[0], 0, 'a helper');
my $version = do { open my $in, '<', "$sql/lib/version.sql" or die; local $/; readline $in };
write_file('lib/version.sql', '>', $version =~ s/extra\(a integer\) returns integer/extra(b integer) returns bigint/r);
($status, $text) = apply($limited);
is($status, 0, 'whose argument and result change') or diag $text;
is(ask($limited, "select pg_get_function_result('lib.extra'::regproc)"), 'bigint', 'is made anew');
is($caller->ask('execute config'), 't', 'and prepared calls still work');
$caller->close;
write_file('lib/version.sql', '>', $version =~ s/select 1 \$\$;\n\z/select nonsense \$\$;\n/r);
($status, $text) = apply($limited);
is($status, 1, 'a body that is wrong');
like($text, qr/column "nonsense" does not exist.*nothing was changed/s, 'is found before it is called');
is(ask($limited, 'select lib.extra(1)'), '1', 'and nothing has changed');

# --- migrations ----------------------------------------------------------------------------------------------------

write_file('lib/version.sql', '>', $version);
write_file('migrations/9001_more.sql', '>', "create table data.more (id integer primary key);\n");
($status, $text) = apply($db);
is($status, 0, 'one more migration') or diag $text;
like($text, qr/migration 9001_more\.sql/, 'is applied');
is(ask($db, 'select count(*) from data.more'), 0, 'and is there');
write_file('migrations/9002_wrong.sql', '>', "create table data.half (id integer);\nselect 1 / 0;\n");
($status, $text) = apply($db);
is($status, 1, 'one that fails');
like($text, qr/division by zero.*nothing was changed/s, 'says why');
is(ask($db, "select to_regclass('data.half') is null"), 't', 'and leaves nothing half');
unlink "$sql/migrations/9002_wrong.sql";
write_file('migrations/9001_more.sql', '>>', "-- edited\n");
($status, $text) = apply($db);
is($status, 1, 'an applied migration was edited');
like($text, qr/edited after they had been applied: 9001_more\.sql/, 'it names it');
unlink "$sql/migrations/9001_more.sql";
($status, $text) = apply($db);
is($status, 1, 'the database is newer than the code');
like($text, qr/newer than this code: it has had 9001_more\.sql/, 'it says so');
is(ask($db, 'select count(*) from data.more'), 0, 'and nothing is touched');

# a release's data under the next one's migration, which moves what it has counted
my $grown = empty_database();
ask($grown, 'create schema data; create schema lib; create schema api');
my $migrate = sub {
    system('psql', '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', $grown, map { ('-f', $_) } @_) == 0 or die "@_ failed\n";
};
my ($logs, @before) = reverse sort glob "$sql/migrations/000[1-7]*.sql";
$migrate->(reverse @before);
ask($grown, <<'SQL');
insert into data.users (id, username, display_name, deleted_at)
select gen_random_uuid(), n, n, now() from unnest('{ada,bea}'::text[]) as n;
insert into data.communities (id, name) values (gen_random_uuid(), 'home');
insert into data.groups (id, community_id, name) select gen_random_uuid(), id, 'General' from data.communities;
insert into data.channels (id, kind, group_id, name, head, display, roster, epoch)
select gen_random_uuid(), 'text', g.id, 'room ' || n, 10 * n, 9 * n, n + 1, n + 2 from data.groups g, generate_series(1, 3) as n;
insert into data.channels (id, kind, dm_low, dm_high, head, display, roster, epoch)
select gen_random_uuid(), 'dm', min(u.id::text)::uuid, max(u.id::text)::uuid, 7, 7, 5, 4 from data.users u;
SQL
$migrate->($logs);
is(ask($grown, <<'SQL'), 'room 1 f 10 9 2 3|room 2 f 20 18 3 4|room 3 f 30 27 4 5| t 7 7 5 4', 'channels keep their counts');
select string_agg(concat_ws(' ', c.name, l.dm, l.head, l.display, l.roster, l.epoch), '|' order by l.dm, c.name)
  from data.channels c join data.logs l on l.channel_id = c.id
SQL
ask($grown, 'delete from data.communities');
is(ask($grown, 'select count(*) from data.logs'), 1, 'and lose them when they go');

my $foreign = empty_database();
ask($foreign, 'create schema data; create table data.theirs (id integer)');
($status, $text) = apply($foreign);
like("$status $text", qr/^1 .*belong to something else/s, 'a database in which our names are taken');
$chat->sql("create database latin encoding 'LATIN1' locale 'C' template template0");
($status, $text) = apply($db =~ s/dbname=\S+/dbname=latin/r);
like("$status $text", qr/^1 .*UTF8/s, 'a database of another encoding');

# --- the setup token -----------------------------------------------------------------------------------------------

($status, $text) = apply($limited, '--setup-hash', sha256_hex('token'));
is($status, 0, 'a setup token is stored') or diag $text;
is(ask($limited, "select encode(setup_hash, 'hex') from data.instance"), sha256_hex('token'), 'as its hash');
is((apply($limited, '--setup-hash', sha256_hex('newer')))[0], 0, 'the next one');
is(ask($limited, "select encode(setup_hash, 'hex') from data.instance"), sha256_hex('newer'), 'takes its place');
ask($limited, "insert into data.users values (gen_random_uuid(), 'anna', 'Anna', 'owner', sha256('a'), sha256('b'), "
    . "substring(sha256('c') for 16), 3, 67108864, '\$argon2id\$', '\$argon2id\$', 'k', 'k')");
($status, $text) = apply($limited, '--setup-hash', sha256_hex('late'));
is($status, 3, 'when there is an owner: status 3');
like($text, qr/^sql\/apply: already set up$/m, 'in words too');
is(ask($limited, "select encode(setup_hash, 'hex') from data.instance"), sha256_hex('newer'), 'nothing is stored');

$chat->done;
