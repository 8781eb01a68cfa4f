#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What bounds a session: rates, pending requests, a reader that stops reading; and the order of what a client sends
# without waiting. Sends are held up here by a lock on the channel, as a slow database would.

use strict;
use warnings;
use lib 't/lib';

use IPC::Open2 ();
use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes);
use Test::More;

my $chat = Test::Chatalot->new(settings => {
    chatalot_websocket_send_queue => '256k',
    chatalot_websocket_rate       => 50,
    chatalot_websocket_burst      => 100,
});
my $owner     = $chat->owner;
my $community = $chat->community;
my $channel   = $community->{groups}[0]{channels}[0];
my $ann       = $chat->member('ann', $community);

# Holds the channel until the returned function is called.
sub hold {
    my $pid = IPC::Open2::open2(my $out, my $in, 'psql', '-XqAt', $chat->owner_url);
    print {$in} "begin; select 'held' from data.logs where channel_id = '$channel->{id}' for update;\n";
    $in->flush;
    like(scalar <$out>, qr/held/, 'the channel is locked');
    return sub { print {$in} "commit;\n\\q\n"; close $in; waitpid $pid, 0; return };
}

sub waiting { return $chat->sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'") }

subtest 'order' => sub {
    my $socket = $chat->socket($owner);
    my $roster = $owner->roster($channel);
    my @frame  = map { $owner->message($roster) } 1 .. 30;
    my $free   = hold();
    my @ref    = map { $socket->ask($_) } @frame;
    is($socket->request({ type => 'sync', channels => {} })->{type}, 'ok', 'reading goes on while sends wait');
    is($socket->request({ type => 'ping' })->{type}, 'ok', 'so do pings');
    cmp_ok(waiting(), '<=', 1, 'one send of the session is under way at a time');
    $free->();
    is_deeply([ map { $socket->answer($_)->{result}{seq} } @ref ], [ 1 .. 30 ], 'thirty sends in the order they were sent');
    my @heard = map { $socket->event('entry') } @frame;
    is_deeply([ map { $_->{id} } @heard ], [ map { $_->{id} } @frame ], 'and so delivered');
    $socket->close;
};

subtest 'pending requests' => sub {
    my $socket = $chat->socket($owner);
    my $roster = $owner->roster($channel);
    my $free   = hold();
    my @ref    = map { $socket->ask($owner->message($roster)) } 1 .. 40;
    is($socket->answer($_)->{error}{code}, 'too_many_pending', 'one more than thirty-two is refused at once') for @ref[ 32 .. 39 ];
    $free->();
    is(scalar(grep { $socket->answer($_)->{type} eq 'ok' } @ref[ 0 .. 31 ]), 32, 'the thirty-two are carried out');

    $free = hold();
    my $big = b64u(random_bytes(49152));
    @ref = map { $socket->ask($owner->message($roster, ciphertext => $big)) } 1 .. 9;
    is($socket->answer($ref[-1])->{error}{code}, 'too_many_pending', 'nor more bytes than twice a message');
    $free->();
    is(scalar(grep { $socket->answer($_)->{type} eq 'ok' } @ref[ 0 .. 6 ]), 7, 'the ones before are carried out');

    $free = hold();
    $socket->ask($owner->message($roster)) for 1 .. 5;
    await('a send is under way', sub { waiting() == 1 });
    $socket->drop;
    $free->();
    await('it is completed without its socket', sub { waiting() == 0 });
    is($chat->socket($owner)->request({ type => 'ping' })->{type}, 'ok', 'a socket that goes with requests pending does no harm');
};

subtest 'rate' => sub {
    my $socket = $chat->socket($ann);
    my $roster = $ann->roster($channel);
    my ($good, $wait) = (0);
    for (1 .. 20) {
        my @ref = map { $socket->ask($ann->message($roster)) } 1 .. 10;
        for (@ref) {
            my $answer = $socket->answer($_);
            if ($answer->{type} eq 'ok') { $good++; next }
            is($answer->{error}{code}, 'rate_limited', 'too fast') if !$wait;
            $wait //= $answer->{error}{details}{retry_after_ms};
        }
        last if $wait;
    }
    cmp_ok($good, '>=', 100, "the burst is good ($good)");
    ok($wait && $wait <= 21, 'and then it is said how long to wait: ' . ($wait // 'never') . ' ms');
    is($socket->request({ type => 'sync', channels => {} })->{type}, 'ok', 'reading is not limited so');
    Time::HiRes::sleep(0.1);
    is($socket->request($ann->message($roster))->{type}, 'ok', 'after a while sending is good again');
    $socket->close;
};

subtest 'the rate is a person\'s' => sub {
    my ($worker) = $chat->workers;
    my $roster = $ann->roster($channel);
    my $good   = 0;
    my $began  = Time::HiRes::time();
    my $spent  = sub {
        my ($socket) = @_;
        my @ref = map { $socket->ask($ann->message($roster)) } 1 .. 30;
        return scalar grep { $socket->answer($_)->{type} eq 'ok' } @ref;
    };
    my @socket = map { $chat->socket($ann, worker => $worker) } 1 .. 4;
    $good += $spent->($_) for @socket, @socket;
    $_->close for @socket;
    for (1 .. 4) {
        my $socket = $chat->socket($ann, worker => $worker);
        $good += $spent->($socket);
        $socket->close;
    }
    my $due = 100 + 50 * (Time::HiRes::time() - $began);
    cmp_ok($good, '<=', $due + 1, sprintf 'more sockets, and new ones, make it no faster (%d, %.0f are due)', $good, $due);
    my $other = $chat->socket($owner, worker => $worker);
    is($other->request($owner->message($roster))->{type}, 'ok', 'and nobody else slower');
    $other->close;
};

subtest 'floods' => sub {
    my $frame = Test::Chatalot::Socket::frame(Test::Chatalot::Socket::PING(), 'x');
    my $socket = $chat->socket($ann);
    $socket->write($frame x 5000);
    is($socket->closed, 1008, 'five thousand pings at once');
    $socket = $chat->socket($ann);
    $socket->write(Test::Chatalot::Socket::frame(Test::Chatalot::Socket::TEXT(), '{') x 5000);
    is($socket->closed, 1008, 'and as much nonsense');
};

subtest 'a reader that stops reading' => sub {
    my ($first) = $chat->workers;
    my $roster = $owner->roster($channel);
    my $o      = $chat->socket($owner, worker => $first);
    my @slow   = map { $chat->socket($ann, worker => $first) } 1 .. 4;
    my $memory = sub { open my $in, '<', "/proc/$first/statm" or die; return (split ' ', <$in>)[1] * 4 };
    my $before = $memory->();
    my $big    = b64u(random_bytes(40_000));
    my $sent   = 0;
    for (1 .. 200) {
        my $answer = $o->request($owner->message($roster, ciphertext => $big));
        if ($answer->{type} eq 'ok') { $sent++ }
        else { Time::HiRes::sleep($answer->{error}{details}{retry_after_ms} / 1000) }
    }
    $o->event(sub { $_->{type} eq 'entry' }) for 1 .. $sent;
    my $growth = $memory->() - $before;
    cmp_ok($sent, '>', 150, "$sent messages of 53 KB went by");
    SKIP: {
        skip 'the sanitizers keep freed memory', 1 if $ENV{CHATALOT_TEST_NGINX};
        cmp_ok($growth, '<', 8 * 1024, "the worker has not grown by more than a few queues ($growth KiB)");
    }
    for my $slow (@slow) {
        $slow->closed;
        ok(!$slow->{close} || $slow->{close}[0] == 1013, 'who reads again finds out that it was closed')
            or diag explain $slow->{close};
        my @seq = map { $_->{seq} } grep { $_->{type} eq 'entry' } @{ $slow->{events} };
        is_deeply(\@seq, [ $seq[0] .. $seq[-1] ], 'until then it had all, in order, without a gap: ' . @seq);
        cmp_ok(scalar @seq, '<', $sent, 'but not all there was');
    }
    my $back = $chat->socket($ann, worker => $first);
    my $at   = $roster->{head} // 0;
    my $sync = $back->request({ type => 'sync', channels => { $channel->{id} => $at } });
    ok(@{ $sync->{result}{channels}[0]{entries} } > 0, 'it comes back and catches up');
};

subtest 'the worker exits while sends are pending' => sub {
    my $socket = $chat->socket($owner);
    my $idle   = $chat->socket($ann);
    my $roster = $owner->roster($channel);
    my $free   = hold();
    my @ref    = map { $socket->ask($owner->message($roster)) } 1 .. 5;
    await('a send is under way', sub { waiting() == 1 });
    kill 'HUP', $chat->master;
    is($idle->closed, 1012, 'a socket with nothing pending is closed at once');
    like($idle->close_reason, qr/^reconnect=\d+$/, 'with a hint when to come back');
    $free->();
    is_deeply([ map { $socket->answer($_)->{type} } @ref ], [ ('ok') x 5 ], 'the pending sends are answered');
    is($socket->closed, 1012, 'and then it is closed too');

    $socket = $chat->socket($owner);
    $free   = hold();
    my $ref = $socket->ask($owner->message($roster));
    await('a send is under way', sub { waiting() == 1 });
    my $begin = Time::HiRes::time();
    kill 'HUP', $chat->master;
    is($socket->closed, 1012, 'a send that cannot be answered does not hold up the exit');
    cmp_ok(Time::HiRes::time() - $begin, '<', 6, 'for long');
    $free->();
};

$chat->done;
