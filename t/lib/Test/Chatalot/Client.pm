# SPDX-License-Identifier: GPL-3.0-or-later
#
# A client as docs/realtime.md wants them, with stand-ins for encryption: an outbox that is repeated until it is answered,
# a log that is filled live and by sync, reconnecting. For tests that take away what the server stands on.

package Test::Chatalot::Client;

use strict;
use warnings;

use Test::Chatalot ();
use Test::Chatalot::Socket ();
use Time::HiRes qw(time);

use constant {
    WINDOW  => 16,     # unanswered sends
    GAP     => 0.5,    # seconds to wait for a missing entry before asking
    PATIENT => 10,     # seconds for an answer before the connection is given up
};

# server, person; channel {id}; worker (optional): the pid to be connected to at first
sub new {
    my ($class, %arg) = @_;
    my $self = bless {
        %arg, outbox => [], asked => {}, log => {}, last => 0, retry_at => 0, connects => 0, closes => [],
        live => 0, twice => 0, errors => {},
    }, $class;
    $self->connect;
    return $self;
}

sub queue {
    my ($self, $n) = @_;
    push @{ $self->{outbox} }, map { $self->{person}->message($self->{channel}) } 1 .. $n;
    return;
}

# ids in the order of their numbers, as far as there is no hole
sub ids { my ($self) = @_; return map { $self->{log}{$_}{id} } 1 .. $self->{last} }

sub connect {
    my ($self) = @_;
    my $done = eval {
        my $socket;
        if ($self->{worker} && !$self->{connects}) {
            $socket = $self->{server}->socket($self->{person}, worker => $self->{worker});
        }
        else {
            $socket = Test::Chatalot::Socket->new(port => $self->{server}->port);
            die 'handshake ' . $socket->status . "\n" if $socket->status != 101;
            $socket->authenticate($self->{person}->token) or die 'closed ' . $socket->closed(1) . "\n";
        }
        $self->{socket} = $socket;
        1;
    };
    if (!$done) {
        $self->{errors}{"connect: $@"}++;
        $self->{retry_at} = time + 0.2;
        return 0;
    }
    $self->{connects}++;
    $self->{degraded} = $self->{socket}->ready->{degraded} ? 1 : 0;
    $self->{asked} = {};
    $self->sync;
    return 1;
}

sub ask {
    my ($self, $request, $what) = @_;
    my $ref = $self->{socket}->ask($request);
    $self->{asked}{$ref} = { what => $what, at => time };
    return;
}

sub sync {
    my ($self) = @_;
    return if grep { $_->{what} eq 'sync' } values %{ $self->{asked} };
    $self->ask({ type => 'sync', channels => { $self->{channel}{id} => $self->{last} } }, 'sync');
    $self->{synced_at} = time;
    return;
}

# Does what there is to do now, without waiting.
sub step {
    my ($self) = @_;
    if (!$self->{socket}) {
        return if time < $self->{retry_at} || !$self->connect;
    }
    $self->receive;
    return if !$self->{socket};
    if (grep { time - $_->{at} > PATIENT } values %{ $self->{asked} }) { return $self->lose('silence') }
    my %open = map { $_->{what} => 1 } values %{ $self->{asked} };
    for my $message (@{ $self->{outbox} }) {
        last if keys %open >= WINDOW;
        next if $open{ $message->{id} } || ($message->{'-not_before'} // 0) > time;
        my %frame = (%$message, roster => $self->{channel}{roster}, epoch => $self->{channel}{epoch});
        delete $frame{'-not_before'};
        $self->ask(\%frame, $message->{id});
        $open{ $message->{id} } = 1;
    }
    $self->sync if $self->{degraded} && time - $self->{synced_at} > 0.5;
    $self->sync if $self->{gap_since} && time - $self->{gap_since} > GAP;
    return;
}

sub receive {
    my ($self) = @_;
    my $socket = $self->{socket};
    while (length $socket->{in} || @{ $socket->{events} } || $socket->{select}->can_read(0)) {
        my $before = length $socket->{in};
        my $message = shift @{ $socket->{events} };
        if (!$message) {
            $message = eval { $socket->read_message(time + 0.2) };
            return if !$message && !$socket->{eof} && !$socket->{close};
            return $self->lose(join ' ', @{ $socket->{close} || ['no close frame'] }) if !$message;
        }
        $self->take($message);
        last if !$self->{socket};
    }
    return;
}

sub lose {
    my ($self, $why) = @_;
    push @{ $self->{closes} }, $why;
    $self->{socket}->drop;
    $self->{socket} = undef;
    $self->{retry_at} = time + 0.05;
    return;
}

sub take {
    my ($self, $message) = @_;
    my $type = $message->{type};
    if ($type eq 'entry') {
        return if $message->{channel} ne $self->{channel}{id};
        $self->{twice}++ if $self->{socket}{had}{ $message->{seq} }++;
        $self->{live}++;
        return $self->enter($message);
    }
    if ($type eq 'degraded') {
        $self->{degraded} = $message->{degraded} ? 1 : 0;
        $self->{was_degraded} ||= $self->{degraded};
        return $self->sync;
    }
    if ($type eq 'resync')   { $self->{resyncs}++; return $self->sync }
    return if $type ne 'ok' && $type ne 'error' || !defined $message->{ref};
    my $asked = delete $self->{asked}{ $message->{ref} } or return;
    return $self->refused($asked->{what}, $message->{error}) if $type eq 'error';
    return $self->synced($message->{result}) if $asked->{what} eq 'sync';
    my ($mine) = grep { $_->{id} eq $asked->{what} } @{ $self->{outbox} };
    @{ $self->{outbox} } = grep { $_->{id} ne $asked->{what} } @{ $self->{outbox} };
    $self->{acknowledged}{ $message->{result}{seq} } = $asked->{what} if $mine;
    return;
}

sub refused {
    my ($self, $what, $error) = @_;
    $self->{errors}{ $error->{code} }++;
    if ($error->{code} =~ /^(?:roster|epoch)_stale$/) {
        @{ $self->{channel} }{qw(roster epoch)} = @{ $error->{details} }{qw(roster epoch)};
    }
    elsif ($error->{code} !~ /^(?:unavailable|busy|timeout|too_many_pending|rate_limited)$/) {
        die "refused: $error->{code} $error->{message}\n";
    }
    for my $message (grep { $_->{id} eq $what } @{ $self->{outbox} }) { $message->{'-not_before'} = time + 0.2 }
    return;
}

sub synced {
    my ($self, $result) = @_;
    my ($channel) = grep { $_->{id} eq $self->{channel}{id} } @{ $result->{channels} };
    $self->{gap_since} = undef;
    return if !$channel;
    $self->enter($_) for @{ $channel->{entries} || [] };
    $self->sync if $channel->{more};
    return;
}

sub enter {
    my ($self, $entry) = @_;
    my $known = $self->{log}{ $entry->{seq} };
    die "number $entry->{seq} is two entries\n" if $known && $known->{id} ne $entry->{id};
    $self->{log}{ $entry->{seq} } = $entry;
    $self->{last}++ while $self->{log}{ $self->{last} + 1 };
    my $behind = grep { $_ > $self->{last} } keys %{ $self->{log} };
    $self->{gap_since} = $behind ? $self->{gap_since} // time : undef;
    return;
}

# Lets clients work until the condition holds.
sub work {
    my ($seconds, $condition, @clients) = @_;
    my $end = time + $seconds;
    until ($condition->()) {
        return 0 if time > $end;
        $_->step for @clients;
        my @wait = map { $_->{socket} ? fileno $_->{socket}->tcp : () } @clients;
        my $bits = '';
        vec($bits, $_, 1) = 1 for @wait;
        select $bits, undef, undef, 0.02;
    }
    return 1;
}

1;
