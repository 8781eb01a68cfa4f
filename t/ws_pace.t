#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A room with many sockets on one worker: what follows at the heels of a message is held back and written together. Nothing
# is lost, doubled or out of order by that, whoever comes, goes or is removed meanwhile.

use strict;
use warnings;
use lib 't/lib';

use Test::Chatalot;
use Test::More;

my $MANY = 150;

my $chat = Test::Chatalot->new(settings => {
    chatalot_websocket_connections => 2 * $MANY,
    chatalot_websocket_rate        => 1000,
    chatalot_websocket_burst       => 1000,
});
my $owner     = $chat->owner;
my $community = $chat->community;
my $channel   = $community->{groups}[0]{channels}[0];
my ($worker, $other) = $chat->workers;
my $ann       = $chat->member('ann', $community);
my $dan       = $chat->member('dan', $community);
my @many      = map { $chat->socket($owner, worker => $worker) } 1 .. $MANY;
my $a         = $chat->socket($ann, worker => $other);
my $d         = $chat->socket($dan, worker => $worker);
my $seq       = 0;

# Sends so many at once; returns their numbers in the log.
sub burst {
    my ($n) = @_;
    my $place = $ann->roster($channel);
    my @ref = map { $a->ask($ann->message($place)) } 1 .. $n;
    is($a->answer($_)->{type}, 'ok', 'sent') for @ref;
    return $seq + 1 .. ($seq += $n);
}

# What a socket hears up to the message of that number.
sub heard {
    my ($socket, $last) = @_;
    my @seq;
    while (!@seq || $seq[-1] != $last) { push @seq, ($socket->event('entry') // return "@seq and then nothing")->{seq} }
    return "@seq";
}

subtest 'each hears each once, in order' => sub {
    my @sent = burst(20);
    my %heard;
    $heard{ heard($_, $sent[-1]) }++ for @many, $d;
    is_deeply(\%heard, { "@sent" => $MANY + 1 }, 'all sockets have heard the same') or diag explain \%heard;
    my ($alone) = burst(1);
    is(heard($_, $alone), "$alone", 'the next is not kept by those before') for $many[0], $many[-1];
};

subtest 'what is sent to one of them meanwhile' => sub {
    $_->events('entry') for @many, $d;
    my $place = $ann->roster($channel);
    my @ref = map { $a->ask($ann->message($place)) } 1 .. 5;
    is($many[0]->request({ type => 'ping' })->{type}, 'ok', 'an answer');
    is($a->answer($_)->{type}, 'ok', 'sent') for @ref;
    $seq += 5;
    is(heard($many[0], $seq), join(' ', $seq - 4 .. $seq), 'and everything');
};

subtest 'who goes, and who is removed' => sub {
    $_->events('entry') for @many, $d;
    my $place = $ann->roster($channel);
    my @ref = map { $a->ask($ann->message($place)) } 1 .. 6;
    $many[-1]->close;
    close $many[-2]{tcp};
    is($a->answer($_)->{type}, 'ok', 'sent') for @ref;
    $owner->must(DELETE => "/api/communities/$community->{id}/members/@{[$dan->id]}");
    $seq += 6;
    is(heard($many[0], $seq), join(' ', $seq - 5 .. $seq), 'the others hear all');
    $d->event('channel_removed');
    my @after = burst(3);
    is(heard($many[1], $after[-1]), join(' ', $seq - 8 .. $seq), 'and all that follows');
    $d->request({ type => 'ping' });
    is(scalar(grep { $_->{seq} > $seq - 3 } $d->events('entry')), 0, 'who was removed hears nothing of that');
    splice @many, -2;
};

subtest 'the worker ends' => sub {
    $_->events('entry') for @many;
    my $place = $ann->roster($channel);
    my @ref = map { $a->ask($ann->message($place)) } 1 .. 4;
    is($a->answer($_)->{type}, 'ok', 'sent') for @ref;
    $seq += 4;
    $chat->reload;
    my %heard;
    $heard{ heard($_, $seq) }++ for @many;
    is_deeply(\%heard, { join(' ', $seq - 3 .. $seq) => scalar @many }, 'what was held back leaves before the goodbye')
        or diag explain \%heard;
};

$chat->done;
