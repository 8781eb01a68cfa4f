#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Redis reads late: somebody comes, goes and comes again before it has seen the first of the worker's subscriptions. What
# it confirms to the first one is not taken for the second one's, so nothing is missed in between.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use IO::Handle ();
use IO::Select ();
use IO::Socket::UNIX ();
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM SOL_SOCKET SO_PEERCRED);
use Test::Chatalot;
use Test::More;

my $chat = Test::Chatalot->new(nginx => 0, settings => { chatalot_community_creation => 'open' });
my ($between, $control) = start_between($chat->dir . '/tmp/late.sock', $chat->stack->redis_socket);
$chat->{arg}{settings}{chatalot_redis} = 'unix:' . $chat->dir . '/tmp/late.sock';
$chat->prepare_nginx;
$chat->start_nginx;

my $owner     = $chat->owner;
my $ann       = $chat->member('ann', $chat->community);
my $elsewhere = $chat->community(name => 'Elsewhere');
my $invite    = $owner->must(POST => "/api/communities/$elsewhere->{id}/invites", {});
my ($first)   = $chat->workers;

# A socket in the first worker whose token is on its way.
sub arrives {
    my @other;
    for (1 .. 200) {
        my $socket = Test::Chatalot::Socket->new(port => $chat->port);
        if (($chat->worker_of($socket) // 0) == $first) {
            $socket->send_json({ type => 'authenticate', token => $ann->token });
            return $socket;
        }
        push @other, $socket;    # kept open, or the same worker may take the next
    }
    die 'the first worker accepts no connection';
}

my $topic = 'chatalot:u:' . $ann->id;
command("keep $first");
my $gone = arrives();
await('her topic is asked for', sub { command('kept') =~ /\bSUBSCRIBE \Q$topic\E\b/ });
$gone->close;
my $socket = arrives();
$socket->send_frame(Test::Chatalot::Socket::PING(), 'there');
await('the worker has read what she said', sub { eval { $socket->fill(Time::HiRes::time() + 1) }; $socket->{in} =~ /there/ });

# Redis reads the first SUBSCRIBE, and whatever comes up to a second one of the same topic
my $passed = command("until-again $topic");
like($passed, qr/\bSUBSCRIBE \Q$topic\E\b/, 'the first one is passed on');
is(`redis-cli -s '@{[ $chat->stack->redis_socket ]}' PING`, "PONG\n", 'Redis answers');
# who took its answer for the second one's has read her channels by then
$ann->must(GET => '/api/me') for 1 .. 10;

# meanwhile she may read one more channel
$ann->must(POST => "/api/invites/$invite->{code}/accept", {});
my $channel = $elsewhere->{groups}[0]{channels}[0]{id};
command('go');
ok($socket->event('ready'), 'Redis reads the rest, and the session is ready');
my $answer = $chat->socket($owner)->request($owner->message($owner->roster($elsewhere->{groups}[0]{channels}[0])));
is($answer->{type}, 'ok', 'somebody writes in that channel');
ok(eval { $socket->event(sub { $_->{type} eq 'entry' && $_->{channel} eq $channel }) },
    'and she hears it, as she was attached to it meanwhile');

close $control;
$socket->close;
$chat->stop_nginx;
waitpid $between, 0;
is($?, 0, 'what stood between them ends');
$chat->done;

# --- between the workers and Redis -----------------------------------------------------------------------------------

# One command, and what it answers.
sub command {
    my ($line) = @_;
    local $SIG{PIPE} = 'IGNORE';
    print {$control} "$line\n";
    my $answer = <$control> // die 'what stands between them has ended';
    chomp $answer;
    return $answer;
}

sub start_between {
    my ($path, $redis) = @_;
    socketpair my $here, my $there, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die $!;
    $_->autoflush(1) for $here, $there;
    my $listen = IO::Socket::UNIX->new(Local => $path, Listen => 16) or die "$path: $!";
    chmod 0777, $path or die $!;
    my $pid = fork // die $!;
    if ($pid) { close $there; return ($pid, $here) }
    close $here;
    $SIG{PIPE} = 'IGNORE';
    my $good = eval { between($listen, $there, $redis); 1 };
    print STDERR "# $@" if !$good;
    POSIX::_exit($good ? 0 : 1);
}

# Passes on what workers and Redis say, whole commands at a time. Told:
#   keep PID           the subscriptions of that worker are kept from now on
#   kept               names them, in order
#   until-again TOPIC  passes on what is kept, up to the second SUBSCRIBE of that topic, and names it
#   go                 passes on all that is kept, and what comes
sub between {
    my ($listen, $control, $redis) = @_;
    my ($keeps, @kept, %end) = (0);
    my $select = IO::Select->new($listen, $control);
    my $name = sub { return join ', ', map { $_->{name} } @_ };
    my $pass = sub { say_all($_->{to}, $_->{text}) for @_ };
    my %do = (
        keep => sub { $keeps = $_[0]; return '' },
        kept => sub { return $name->(@kept) },
        'until-again' => sub {
            my ($topic) = @_;
            my ($seen, @now) = (0);
            while (@kept) {
                last if $kept[0]{name} eq "SUBSCRIBE $topic" && $seen++;
                push @now, shift @kept;
            }
            $pass->(@now);
            return $name->(@now);
        },
        go => sub { $keeps = 0; $pass->(splice @kept); return '' },
    );
    while (1) {
        for my $from ($select->can_read) {
            if ($from == $listen) {
                my $worker = $listen->accept or next;
                my $to = IO::Socket::UNIX->new(Peer => $redis) or next;
                my ($pid) = unpack 'i', getsockopt $worker, SOL_SOCKET, SO_PEERCRED;
                $end{$worker} = { to => $to, pid => $pid, text => '' };
                $end{$to} = { to => $worker };
                $select->add($worker, $to);
                next;
            }
            next if $from != $control && !$end{$from};    # closed just now, with its other end
            my $n = sysread $from, my $bytes, 65536;
            if ($from == $control) {
                return if !$n;
                my ($command, @arg) = split ' ', $bytes;
                say_all($control, $do{$command}->(@arg) . "\n");
                next;
            }
            my $end = $end{$from};
            if (!$n) {
                $select->remove($from, $end->{to});
                delete @end{ $from, $end->{to} };
                close $_ for $from, $end->{to};
                next;
            }
            if (!$end->{pid}) { say_all($end->{to}, $bytes); next }
            $end->{text} .= $bytes;
            while (my ($text, @word) = whole_command($end->{text})) {
                substr $end->{text}, 0, length $text, '';
                my $command = { to => $end->{to}, text => $text, name => "@word" };
                if   ($end->{pid} == $keeps && $word[0] =~ /SUBSCRIBE$/) { push @kept, $command }
                else                                                    { $pass->($command) }
            }
        }
    }
}

# The first command in the text, its bytes and its words; nothing: it is not all there.
sub whole_command {
    my ($text) = @_;
    $text =~ /\G\*(\d+)\r\n/gc or return;
    my @word;
    for (1 .. $1) {
        $text =~ /\G\$(\d+)\r\n/gc or return;
        my $at = pos $text;
        return if length $text < $at + $1 + 2;
        push @word, substr $text, $at, $1;
        pos($text) = $at + $1 + 2;
    }
    return (substr($text, 0, pos $text), @word);
}

sub say_all {
    my ($to, $text) = @_;
    while (length $text) {
        my $n = syswrite $to, $text;
        return if !defined $n;
        substr $text, 0, $n, '';
    }
    return;
}
