#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Group commit: sends that come faster than the database answers go together, and each ends as it would have alone. The
# database is held up by a lock, so that it is known which of them gather.

use strict;
use warnings;
use lib 't/lib', 't/sql/lib';

use JSON::PP qw(encode_json);
use Psql;
use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes);
use Test::More;

my $chat = Test::Chatalot->new(
    settings => {
        chatalot_websocket_rate        => 1000,
        chatalot_websocket_burst       => 1000,
        chatalot_websocket_connections => 1000,
        chatalot_database_timeout      => '30s',
    },
    allow => [
        qr/chatalot: database connection was lost/,
        qr/chatalot: api\.entry_send_group failed, its calls are made one by one/,
    ],
);
my $owner     = $chat->owner;
my $community = $chat->community;
my $general   = $community->{groups}[0]{channels}[0]{id};
my $ann       = $chat->member('ann', $community);
my $dan       = $chat->member('dan', $community);
my $second    = $chat->community(name => 'Another place')->{groups}[0]{channels}[0]{id};
my $third     = $chat->community(name => 'A third place')->{groups}[0]{channels}[0]{id};
my ($worker)  = $chat->workers;
my $lock      = Psql->new($chat->owner_url);

# Sockets of one person on the one worker whose calls shall meet.
sub sockets { my ($person, $n) = @_; return map { $chat->socket($person, worker => $worker) } 1 .. $n }

sub waiting {
    return $chat->sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = 'chatalot_worker'");
}

sub transactions { my ($channel) = @_; return $chat->sql("select count(distinct xmin::text) from data.entries where channel_id = '$channel'") }

sub seqs { my ($channel) = @_; return $chat->sql("select string_agg(seq::text, ' ' order by seq) from data.entries where channel_id = '$channel'") }

# Sends from each socket while every send waits, the first two first; returns what awaits the answers.
sub ask_all {
    my (@send) = @_;
    my @ref;
    for my $i (0 .. $#send) {
        my ($socket, $message) = @{ $send[$i] };
        $ref[$i] = $socket->ask($message);
        await('the first two are under way', sub { waiting() == $i + 1 }) if $i < 2;
    }
    return sub { map { $send[$_][0]->answer($ref[$_]) } 0 .. $#send };
}

# The same, until the rest has gathered behind them.
sub gather {
    my (@send) = @_;
    my $answers = ask_all(@send);
    # a socket's answer to a ping comes after what it has sent before was looked at
    $_->request({ type => 'ping' }) for map { $_->[0] } @send;
    await('those behind them are under way too', sub { waiting() == 3 });
    return $answers;
}

sub verdict { my ($answer) = @_; return $answer->{type} eq 'ok' ? $answer->{result}{seq} : $answer->{error}{code} }

subtest 'each has its own verdict' => sub {
    my @own   = sockets($owner, 11);
    my ($of_ann) = sockets($ann, 1);
    my ($of_dan) = sockets($dan, 1);
    my $place = $owner->roster($general);
    my $other = $owner->roster($second);
    my $first = $own[0]->request($owner->message($place))->{result};
    my $before = transactions($general);
    my @good  = map { $owner->message($place) } 1 .. 6;
    my $twice = $owner->message($place);

    $lock->ask('begin');
    $lock->ask('lock table data.sessions in access exclusive mode');
    $lock->ask("delete from data.sessions where id = '@{[$dan->session]}'");
    my $answers = gather(
        [ $own[0],  $good[0] ],
        [ $own[1],  $good[1] ],
        [ $own[2],  $good[2] ],
        [ $own[3],  $good[0] ],                                                  # again
        [ $own[4],  $twice ],
        [ $own[5],  $twice ],                                                    # twice at once
        [ $of_ann,  $ann->message($place, id => $twice->{id}) ],
        [ $own[6],  $owner->message($place, epoch => $place->{epoch} + 1) ],
        [ $own[7],  $owner->message($place, roster => $place->{roster} - 1) ],
        [ $of_ann,  $ann->message($other) ],
        [ $own[8],  $owner->message($place, kind => 'tombstone') ],
        [ $own[9],  $owner->message($other) ],
        [ $of_dan,  $dan->message($place) ],
        [ $own[10], $good[3] ],
    );
    $lock->ask('commit');
    my @verdict = map { verdict($_) } $answers->();
    my %good = map { $_ => 1 } @verdict[ 0, 1, 2, 4, 13 ];
    is_deeply([ sort { $a <=> $b } keys %good ], [ 2 .. 6 ], 'the good ones have a place each, without holes') or diag "@verdict";
    is($verdict[3], $verdict[0], 'the same again has the first one\'s');
    is($verdict[5], $verdict[4], 'the same twice at once too');
    is_deeply([ @verdict[ 6 .. 10 ] ], [qw(id_taken epoch_stale roster_stale channel_not_found invalid_field)], 'refusals');
    is($verdict[11], 1, 'another channel\'s log is its own');
    is($verdict[12], 'session_ended', 'who signed out meanwhile');
    is($of_dan->closed, 4001, 'and is closed');
    is(seqs($general), '1 2 3 4 5 6', 'that is what is stored');
    cmp_ok(transactions($general) - $before, '<', 5, 'in fewer transactions than entries');
    for my $socket ($own[10], $of_ann) {
        my @heard = grep { $_->{channel} eq $general && $_->{seq} > 1 } $socket->events('entry');
        is_deeply([ sort map { $_->{seq} } @heard ], [ 2 .. 6 ], 'everybody hears each once');
    }
    my %sent = map { $_->{id} => $_ } @good[ 0 .. 3 ], $twice;
    my $stored = $owner->must(GET => "/api/channels/$general/entries")->{entries};
    my @same = grep { my $sent = $sent{ $_->{id} }; $sent && $sent->{ciphertext} eq $_->{ciphertext} && $sent->{commitment} eq $_->{commitment} } @$stored;
    is(scalar @same, 5, 'as it was sent');
    $_->close for @own, $of_ann;
};

subtest 'what goes alone' => sub {
    my @own   = sockets($owner, 5);
    my $place = $owner->roster($general);
    my $dm    = $owner->must(POST => '/api/dms', { id => $owner->uuid, user => $ann->id });
    my $entry = $owner->must(GET => "/api/channels/$general/entries")->{entries}[0];
    my @send  = ($owner->message($place), $owner->message($place, ref_id => $entry->{id}),
        $owner->message($place, thread => $owner->uuid), $owner->message($owner->roster($dm->{id}), envelopes => []));
    $lock->ask('begin');
    $lock->ask('lock table data.sessions in access exclusive mode');
    my @ref;
    for my $i (0 .. 3) {
        $ref[$i] = $own[$i]->ask($send[$i]);
        await('it waits for nobody but the lock', sub { waiting() == $i + 1 });
    }
    $lock->ask('commit');
    my @verdict = map { verdict($own[$_]->answer($ref[$_])) } 0 .. 3;
    is_deeply([ sort @verdict[ 0, 1 ] ], [ 7, 8 ], 'a message and a reply') or diag "@verdict";
    is_deeply([ @verdict[ 2, 3 ] ], [qw(thread_not_found envelopes)], 'a thread that is none, a direct message without envelopes');
    $_->close for @own;
};

subtest 'what the database would not read' => sub {
    my @own   = sockets($owner, 7);
    my $place = $owner->roster($general);
    my $half  = encode_json({ %{ $owner->message($place) }, ref => 'half' });
    $half =~ s/"half"/"\\ud83d"/;
    $lock->ask('begin');
    $lock->ask('lock table data.sessions in access exclusive mode');
    my @ref;
    for my $i (0, 1) {
        $ref[$i] = $own[$i]->ask($owner->message($place));
        await('the first two are under way', sub { waiting() == $i + 1 });
    }
    $own[6]->send_frame(1, $half);
    is($own[6]->event('error')->{error}{code}, 'invalid_json', 'is refused before');
    $ref[$_] = $own[$_]->ask($owner->message($place)) for 2 .. 5;
    await('those behind are under way', sub { waiting() == 3 });
    $lock->ask('commit');
    is(scalar(grep { $own[$_]->answer($ref[$_])->{type} eq 'ok' } 0 .. 5), 6, 'and spoils nothing for the others');
    unlike($chat->error_log, qr/entry_send_group failed/, 'who go together all the same');
    $_->close for @own;
};

subtest 'a row that somebody holds' => sub {
    my @own   = sockets($owner, 8);
    my $held  = $owner->roster($second);
    my $other = $owner->roster($third);
    $lock->ask('begin');
    $lock->ask("select from data.logs where channel_id = '$second' for update");
    my @late;
    for my $i (0, 1) {
        $late[$i] = $own[$i]->ask($owner->message($held));
        await('it waits for the row', sub { waiting() == $i + 1 });
    }
    my @ref = map { $own[$_]->ask($owner->message($other)) } 2 .. 7;
    my @verdict = map { verdict($own[$_]->answer($ref[ $_ - 2 ])) } 2 .. 7;
    is_deeply([ sort @verdict ], [ 1 .. 6 ], 'holds up nobody who writes elsewhere');
    is(waiting(), 2, 'while it is held still');
    $lock->ask('commit');
    is_deeply([ sort map { verdict($own[$_]->answer($late[$_])) } 0, 1 ], [ 2, 3 ], 'and the others when it is free');
    $_->close for @own;
};

subtest 'a group that is not carried out' => sub {
    my @own   = sockets($owner, 8);
    my $place = $owner->roster($third);
    $chat->sql('revoke execute on function api.entry_send_group from chatalot_worker, public');
    $lock->ask('begin');
    $lock->ask('lock table data.sessions in access exclusive mode');
    my $answers = ask_all(map { [ $_, $owner->message($place) ] } @own);
    # refused at once, and its calls wait like the first two
    await('the others go one by one', sub { waiting() == 4 });
    $lock->ask('commit');
    is_deeply([ sort { $a <=> $b } map { verdict($_) } $answers->() ], [ 7 .. 14 ], 'all are stored');
    like($chat->error_log, qr/api\.entry_send_group failed, its calls are made one by one/, 'and the log says so');
    $chat->sql('grant execute on function api.entry_send_group to chatalot_worker');
    $_->close for @own;
};

subtest 'a connection that is lost with a group' => sub {
    my @own   = sockets($owner, 8);
    my $place = $owner->roster($third);
    my @send  = map { [ $own[$_], $owner->message($place) ] } 0 .. 7;
    $lock->ask('begin');
    $lock->ask('lock table data.sessions in access exclusive mode');
    my $answers = gather(@send);
    $chat->sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'chatalot_worker'");
    is_deeply([ map { verdict($_) } $answers->() ], [ ('unavailable') x 8 ], 'nobody is told that it is stored');
    $lock->ask('commit');
    await('the database is there again', sub { $chat->is_healthy });
    my @again = map {
        my $send = $_;
        my $answer;
        await('it is taken', sub { ($answer = $send->[0]->request($send->[1]))->{type} eq 'ok' });
        verdict($answer);
    } @send;
    is_deeply([ sort { $a <=> $b } @again ], [ 15 .. 22 ], 'sent again, each has one place');
    is(seqs($third), join(' ', 1 .. 22), 'and the log no hole');
    $_->close for @own;
};

# As after an update of the functions under a running server: the connection that met it is made anew. So few that there is
# one group: what is behind a second one on its connection is lost with that, and told so.
subtest 'a group\'s function that is gone' => sub {
    my @own   = sockets($owner, 4);
    my $place = $owner->roster($third);
    $chat->sql('drop function api.entry_send_group');
    $lock->ask('begin');
    $lock->ask('lock table data.sessions in access exclusive mode');
    my $answers = ask_all(map { [ $_, $owner->message($place) ] } @own);
    $_->request({ type => 'ping' }) for @own;
    $lock->ask('commit');
    is_deeply([ sort { $a <=> $b } map { verdict($_) } $answers->() ], [ 23 .. 26 ], 'its calls go one by one, and none is lost with that connection');
    $_->close for @own;
};

$lock->close;
$chat->done;
