#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Group commit, where the database has been at a group for longer than its callers wait. They were told that nothing came
# of it: so nothing is begun for them any more.

use strict;
use warnings;
use lib 't/lib', 't/sql/lib';

use Psql;
use Test::Chatalot;
use Test::More;

my $chat = Test::Chatalot->new(
    settings => { chatalot_database_timeout => '3s' },
    allow    => [
        qr/chatalot: the database did not answer api\.entry_send in time/,
        qr/chatalot: api\.entry_send_group failed, its calls are made one by one/,
    ],
);
my $owner    = $chat->owner;
my $general  = $chat->community->{groups}[0]{channels}[0]{id};
my ($worker) = $chat->workers;
my @own      = map { $chat->socket($owner, worker => $worker) } 1 .. 6;
my $place    = $owner->roster($general);
my $lock     = Psql->new($chat->owner_url);

sub waiting { return $chat->sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = 'chatalot_worker'") }

$lock->ask('begin');
$lock->ask('lock table data.sessions in access exclusive mode');
my @ref;
for my $i (0 .. $#own) {
    $ref[$i] = $own[$i]->ask($owner->message($place));
    await('the first two are under way', sub { waiting() == $i + 1 }) if $i < 2;
}
await('and then the others', sub { waiting() == 3 });

# their time and the statement's is over in one moment; held back, it ends after them
my $group = $chat->sql("select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%entry_send_group%'");
kill STOP => $group or die "cannot hold back process $group: $!";
my @code = map { $own[$_]->answer($ref[$_])->{error}{code} } 0 .. $#own;
kill CONT => $group;
is_deeply(\@code, [ ('unavailable') x 6 ], 'nobody is told that it is stored');

await('it is over', sub { $chat->error_log =~ /api\.entry_send_group failed/ });
$lock->ask('commit');
is($own[0]->request($owner->message($place))->{result}{seq}, 1, 'another one comes in');
is($chat->sql("select count(*) from data.entries where channel_id = '$general'"), 1, 'and only that one');

$_->close for @own;
$lock->close;
$chat->done;
