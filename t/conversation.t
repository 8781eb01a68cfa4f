#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Conversations over the socket, with people on two workers: sending, repeating, stale rosters and epochs, live entries,
# sync, history, DMs with their envelopes, inboxes, and what ends at once when somebody is removed.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes uuid);
use Test::More;

my $chat    = Test::Chatalot->new(settings => { chatalot_websocket_rate => 1000, chatalot_websocket_burst => 1000 });
my $owner   = $chat->owner;
my $home    = $chat->community;
my $channel = { %{ $home->{groups}[0]{channels}[0] } };
my $anna    = $chat->member('anna', $home);
my $away    = $chat->community(name => 'Away');
my $zoe     = $chat->member('zoe', $away);
my ($first, $second) = $chat->workers;

my $o = $chat->socket($owner, worker => $first);
my $as = $chat->socket($anna, worker => $second);
my $z = $chat->socket($zoe);
is($chat->worker_of($o), $first,  "the owner's socket is on worker $first");
is($chat->worker_of($as), $second, "anna's socket is on worker $second");
$channel = $anna->roster($channel);

sub send_ok {
    my ($socket, $message, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $answer = $socket->request($message);
    is($answer->{type}, 'ok', $name) or diag JSON::PP::encode_json($answer);
    return $answer->{result};
}

sub send_refused {
    my ($socket, $message, $code, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $answer = $socket->request($message);
    is($answer->{type} eq 'error' ? $answer->{error}{code} : 'ok', $code, $name) or diag JSON::PP::encode_json($answer);
    return $answer->{error};
}

# --- one message ---------------------------------------------------------------------------------------------------

my $message = $owner->message($channel);
my $sent = send_ok($o, $message, 'the owner sends');
is($sent->{seq}, 1, 'the first message is number 1');
ok(abs($sent->{created_at} / 1000 - time) < 30, 'and has a time');
my $entry = $as->event('entry');
is_deeply($entry, {
    type => 'entry', channel => $channel->{id}, seq => 1, id => $message->{id}, kind => 'message', ref => undef, thread => undef,
    sender => $owner->id, device => $owner->device, epoch => $channel->{epoch}, ciphertext => $message->{ciphertext},
    commitment => $message->{commitment}, created_at => $sent->{created_at},
}, 'anna, on the other worker, gets exactly it');
is($o->event('entry')->{id}, $message->{id}, 'the sender\'s own socket gets it too');
is(scalar(grep { $_->{id} eq $message->{id} } $as->events('entry'), $o->events('entry')), 0, 'each once');
is(scalar $z->events('entry'), 0, 'a stranger nothing');

my $again = send_ok($o, $message, 'sent again with the same id');
is_deeply($again, $sent, 'the first result is given again');
is(scalar($as->events('entry')), 0, 'and nobody hears it twice');
send_refused($o, { %$message, ciphertext => b64u(random_bytes(50)) }, 'id_taken', 'the same id with another text');
send_refused($as, $message, 'id_taken', 'the same id from another sender');

my $reply = send_ok($as, $anna->message($channel, ref_id => $message->{id}, thread => $message->{id}), 'anna answers');
is($reply->{seq}, 2, 'as number 2');
my $heard = $o->event('entry');
is_deeply([ @{$heard}{qw(seq ref thread sender)} ], [ 2, $message->{id}, $message->{id}, $anna->id ], 'the owner gets it with what it refers to');

# --- who may not send ----------------------------------------------------------------------------------------------

send_refused($z, $zoe->message($channel), 'channel_not_found', 'somebody who is not in the channel');
send_refused($as, $anna->message({ %$channel, id => uuid() }), 'channel_not_found', 'a channel that is none');
for my $case (
    [ 'no ciphertext', ciphertext => undef ], [ 'an empty ciphertext', ciphertext => '' ], [ 'a huge ciphertext', ciphertext => b64u(random_bytes(49153)) ],
    [ 'a short commitment', commitment => b64u(random_bytes(31)) ], [ 'padding in the base64', commitment => b64u(random_bytes(32)) . '=' ],
    [ 'an unknown kind', kind => 'dance' ], [ 'an unknown member', colour => 'red' ], [ 'a negative roster', roster => -1 ],
    [ 'a roster that is text', roster => '1' ], [ 'an id that is none', id => 'x' ], [ 'a channel that is a list', channel => [] ],
) {
    my ($name, @change) = @$case;
    my $answer = $as->request($anna->message($channel, @change));
    is($answer->{type}, 'error', "$name is refused");
    is($answer->{error}{field} // '-', $change[0], "$name: the field is named") or diag JSON::PP::encode_json($answer);
}
my $stale = send_refused($as, $anna->message({ %$channel, roster => $channel->{roster} - 1 }), 'roster_stale', 'an old roster');
is_deeply($stale->{details}, { roster => $channel->{roster}, epoch => $channel->{epoch} }, 'the refusal gives the present one');
send_refused($as, $anna->message({ %$channel, epoch => $channel->{epoch} + 1 }), 'epoch_stale', 'an epoch that is not yet');
is($o->events('entry'), 0, 'nothing of all this was delivered');
is($chat->sql('select count(*) from data.entries'), 2, 'nor stored');

# --- a burst, both ways, in order, once ------------------------------------------------------------------------------

{
    my $n = 150;
    $_->events('entry') for $o, $as;
    my @answers;
    for (1 .. $n / 25) {    # a session may have 32 unanswered requests
        my @from_o = map { $o->ask($owner->message($channel)) } 1 .. 25;
        my @from_a = map { $as->ask($anna->message($channel)) } 1 .. 25;
        push @answers, map({ $o->answer($_, 60) } @from_o), map { $as->answer($_, 60) } @from_a;
    }
    is(scalar(grep { $_->{type} eq 'ok' } @answers), 2 * $n, 'three hundred messages from two workers at once');
    my @seq = sort { $a <=> $b } map { $_->{result}{seq} } @answers;
    is_deeply(\@seq, [ 3 .. 2 + 2 * $n ], 'are numbered without a hole');
    for my $pair ([ o => $o ], [ a => $as ]) {
        my ($name, $socket) = @$pair;
        my %got;
        eval { await("$name hears all", sub { $got{ $_->{seq} }++ for $socket->events('entry'); keys %got >= 2 * $n }, 30) };
        is(scalar keys %got, 2 * $n, "$name heard each of them");
        is(scalar(grep { $_ != 1 } values %got), 0, 'once');
    }
}

# --- sync and history ----------------------------------------------------------------------------------------------

my $head = 302;
{
    my $sync = send_ok($as, { type => 'sync', channels => { $channel->{id} => 300 } }, 'sync');
    is_deeply([ map { $_->{seq} } @{ $sync->{channels}[0]{entries} } ], [ 301, 302 ], 'gives what came after');
    is($sync->{channels}[0]{head}, $head, 'and the head');
    my %all;
    my $from = 1;    # anna joined before number 1
    for (1 .. 10) {
        my $page = send_ok($as, { type => 'sync', channels => { $channel->{id} => $from } }, 'a page')->{channels}[0] or last;
        $all{ $_->{seq} }++ for @{ $page->{entries} };
        $from = $page->{entries}[-1]{seq};
        last if !$page->{more};
    }
    is_deeply([ sort { $a <=> $b } keys %all ], [ 2 .. $head ], 'pages give all, without a hole');
    is_deeply(send_ok($as, { type => 'sync', channels => { $channel->{id} => $head } }, 'sync at the head')->{channels}[0]{entries} // [], [], 'gives nothing new');
    my $foreign = send_ok($z, { type => 'sync', channels => { $channel->{id} => 0 } }, 'a stranger\'s sync');
    is_deeply($foreign->{channels}, [ { id => $channel->{id}, removed => JSON::PP::true() } ], 'says only that it is not theirs');
    send_refused($as, { type => 'sync', channels => { map { uuid() => 0 } 1 .. 1001 } }, 'invalid_field', 'a sync of too many channels');
}
{
    my $page = $anna->must(GET => "/api/channels/$channel->{id}/entries?limit=100");
    is_deeply([ map { $_->{seq} } @{ $page->{entries} } ], [ reverse 203 .. 302 ], 'history over HTTP, newest first');
    ok($page->{more}, 'with more to come');
    my $last = $anna->must(GET => "/api/channels/$channel->{id}/entries?before=3&limit=100");
    is_deeply([ map { $_->{seq} } @{ $last->{entries} } ], [ 2, 1 ], 'to the first');
    ok(!$last->{more}, 'and no further');
    my ($one) = grep { $_->{seq} == 1 } @{ $last->{entries} };
    my %wire = %$entry;
    delete $wire{type};
    is_deeply($one, \%wire, 'an entry has the same form as live');
}

# --- joining and leaving, live -------------------------------------------------------------------------------------

my $ben = $chat->member('ben', $home);
my $news = $as->event('roster', 10);
ok($news && $news->{roster} > $channel->{roster}, 'anna is told that somebody joined');
send_refused($as, $anna->message($channel), 'roster_stale', 'her next message must know it');
my $bs = $chat->socket($ben, worker => $first);
is_deeply($ben->must(GET => "/api/channels/$channel->{id}/entries")->{entries}, [], 'who joins sees nothing of before');
$channel = $anna->roster($channel);
my $hello = send_ok($as, $anna->message($channel), 'anna greets');
is($bs->event('entry')->{seq}, $hello->{seq}, 'ben hears it');
is_deeply([ map { $_->{seq} } @{ $ben->must(GET => "/api/channels/$channel->{id}/entries")->{entries} } ], [ $hello->{seq} ], 'and his history begins there');
is_deeply([ map { $_->{seq} } @{ send_ok($bs, { type => 'sync', channels => { $channel->{id} => 0 } }, 'his sync')->{channels}[0]{entries} } ],
    [ $hello->{seq} ], 'begins there too');

# a community that is joined while the socket is open
my $invite = $owner->must(POST => "/api/communities/$home->{id}/invites", {});
$zoe->must(POST => "/api/invites/$invite->{code}/accept", {});
my $added = $z->event('channel_added', 10);
is($added && $added->{channel}{id}, $channel->{id}, 'zoe joins and her open socket learns of the channel');
$channel = $anna->roster($channel);
my $live = send_ok($as, $anna->message($channel), 'anna sends');
is($z->event('entry', 10)->{seq}, $live->{seq}, 'and zoe hears it, without connecting again');

# removal takes effect before the next entry
$bs->events('entry');
$owner->must(DELETE => "/api/communities/$home->{id}/members/" . $ben->id);
is($bs->event('channel_removed', 10)->{channel}, $channel->{id}, 'ben is told that he was removed');
send_refused($as, $anna->message($channel), 'epoch_stale', 'the next message needs the new epoch') if $channel->{epoch} != $anna->roster($channel)->{epoch};
$channel = $anna->roster($channel);
send_ok($as, $anna->message($channel), 'anna sends in the new epoch');
is($z->event('entry', 10)->{epoch}, $channel->{epoch}, 'zoe hears it');
is(scalar $bs->events('entry'), 0, 'ben does not');
send_refused($bs, $ben->message($channel), 'channel_not_found', 'nor can he send');
is_deeply(send_ok($bs, { type => 'sync', channels => { $channel->{id} => 0 } }, 'ben syncs')->{channels},
    [ { id => $channel->{id}, removed => JSON::PP::true() } ], 'and gets nothing');

# a device that signs out while its socket is open
my $phone  = $anna->another_device;
my $socket = $chat->socket($phone, worker => $first);
$channel = $anna->roster($channel);
send_ok($as, $anna->message($channel), 'anna sends to her phone too');
ok($socket->event('entry', 10), 'which hears it');
$phone->must(POST => '/api/auth/logout');
is($socket->closed(10), 4001, 'signing out closes its socket with 4001');
is($as->request({ type => 'ping' })->{type}, 'ok', 'her other device stays');

# --- DMs -----------------------------------------------------------------------------------------------------------

$channel = $anna->roster($channel);
my $dm = $anna->must(POST => '/api/dms', { id => uuid(), user => $zoe->id });
ok($z->event(sub { $_->{type} eq 'channel_added' && $_->{channel}{id} eq $dm->{id} }, 10), 'zoe is told of a new DM');
$dm = $anna->roster($dm);
my @others = map { $_->{id} } map { @{ $_->{devices} } } @{ $dm->{members} };
is(scalar @others, 2, 'two devices are in it');
my $envelope = sub { +{ device => $_[0], id => uuid(), payload => b64u(random_bytes(200)) } };
my $letter = $anna->message($dm, envelopes => [ $envelope->($zoe->device) ]);
my $note = send_ok($as, $letter, 'anna writes to zoe');
my $got_entry = $z->event(sub { $_->{type} eq 'entry' && $_->{channel} eq $dm->{id} }, 10);
is($got_entry->{id}, $letter->{id}, 'zoe gets the entry');
my $item = $z->event('inbox', 10)->{item};
is_deeply([ @{$item}{qw(seq id channel ref sender device payload)} ],
    [ 1, $letter->{envelopes}[0]{id}, $dm->{id}, $letter->{id}, $anna->id, $anna->device, $letter->{envelopes}[0]{payload} ], 'and its key in her inbox');
send_ok($as, $letter, 'sent again');
is_deeply([ map { $_->{seq} } @{ $zoe->must(GET => '/api/inbox')->{items} } ], [1], 'the key is there once');
for my $case (
    [ 'no envelopes',           undef ],
    [ 'an empty list',          [] ],
    [ 'one for a stranger',     [ $envelope->($owner->device) ] ],
    [ 'one for the own device', [ $envelope->($zoe->device), $envelope->($anna->device) ] ],
    [ 'two for one device',     [ $envelope->($zoe->device), $envelope->($zoe->device) ] ],
) {
    my ($name, $envelopes) = @$case;
    is($as->request($anna->message($dm, envelopes => $envelopes))->{type}, 'error', "a DM with $name is refused");
}
my $answer = $as->request($anna->message($channel, envelopes => [ $envelope->($owner->device) ]));
is($answer->{type}, 'error', 'a channel message takes no envelopes');

# --- delivery and inbox --------------------------------------------------------------------------------------------

my @items = map { $envelope->($owner->device) } 1 .. 3;
is_deeply(send_ok($as, { type => 'deliver', channel => $channel->{id}, items => \@items }, 'anna delivers keys'), { delivered => 3 }, 'three');
is_deeply([ map { $o->event('inbox', 10)->{item}{seq} } 1 .. 3 ], [ 1, 2, 3 ], 'the owner gets them in order');
is_deeply(send_ok($as, { type => 'deliver', channel => $channel->{id}, items => \@items }, 'again'), { delivered => 3 }, 'the same answer') or 1;
is(scalar @{ $owner->must(GET => '/api/inbox')->{items} }, 3, 'and nothing twice');
send_refused($bs, { type => 'deliver', channel => $channel->{id}, items => [ $envelope->($owner->device) ] }, 'channel_not_found', 'who is not in the channel delivers nothing');
is($as->request({ type => 'deliver', channel => $channel->{id}, items => [ $envelope->($ben->device) ] })->{type} =~ /^(?:ok|error)$/, 1, 'nor to who is not');
is_deeply($ben->must(GET => '/api/inbox')->{items}, [], 'ben\'s inbox is empty');
send_refused($as, { type => 'deliver', channel => $channel->{id}, items => [] }, 'invalid_field', 'a delivery of nothing');
send_refused($as, { type => 'deliver', channel => $channel->{id}, items => [ map { $envelope->($owner->device) } 1 .. 101 ] }, 'invalid_field', 'or of too much');
is_deeply([ map { $_->{seq} } @{ send_ok($o, { type => 'inbox', after => 1 }, 'inbox over the socket')->{items} } ], [ 2, 3 ], 'from where one is');
send_ok($o, { type => 'ack', seq => 2 }, 'acknowledged to 2');
is_deeply([ map { $_->{seq} } @{ $owner->must(GET => '/api/inbox')->{items} } ], [3], 'one is left');
send_ok($o, { type => 'ack', seq => 1 }, 'acknowledging less');
is_deeply([ map { $_->{seq} } @{ $owner->must(GET => '/api/inbox')->{items} } ], [3], 'brings nothing back');
send_ok($o, { type => 'ack', seq => 3 }, 'the rest');
send_ok($as, { type => 'deliver', channel => $channel->{id}, items => [ $envelope->($owner->device) ] }, 'and a new one');
is($o->event('inbox', 10)->{item}{seq}, 4, 'has a new number');

$_->close for $o, $as, $z, $bs;
$chat->done;
