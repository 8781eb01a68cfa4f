# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the loads with rooms have in common: a fixed rate with its costs, and the search for the most there is room for.

package Bench::Rooms;

use strict;
use warnings;

use Bench::Usage;
use Time::HiRes ();

# p99 past which a rate is too much for a server, microseconds
use constant TOO_LATE => 250_000;

# All rounds of all servers: ({name => ["fixed", …]}, {name => ["highest", …]}).
#   rate, seconds  for "fixed" · start, step (seconds), halvings  for "highest"
# From the second round on the search begins near what was found before.
sub rounds {
    my ($bench, $load, $world, %arg) = @_;
    my (%fixed, %highest);
    for my $round (1 .. $bench->{rounds}) {
        for my $target ($bench->targets($round)) {
            my ($name, @where) = ($target->name, $bench, $load, $target, $world);
            push @{ $fixed{$name} }, fixed(@where, $arg{rate}, $arg{seconds});
            my $before = $round > 1 ? int($highest{$name}[-1]{messages} / 4) : 0;
            my $start = $before > $arg{start} ? $before : $arg{start};
            push @{ $highest{$name} }, highest(@where, $start, $arg{step}, $arg{halvings});
        }
    }
    return (\%fixed, \%highest);
}

# One rate for so many seconds on fresh sockets: {answer, cpu => {program => s for a million deliveries}, generator}.
sub fixed {
    my ($bench, $load, $target, $world, $rate, $seconds) = @_;
    my $generator = $bench->generator($target->plan($world));
    $bench->connect($generator, $target, 64);
    my $before = $target->usage;
    my $answer = $generator->command("send $rate $seconds");
    my $growth = Bench::Usage::growth($before, $target->usage);
    $bench->end($generator);
    $bench->check("$load at $rate messages/s", $target, $answer);
    stored($bench, $load, $target, $world, $answer);
    my %cpu = map { $_ => $bench->per_million($growth->{$_}{cpu}, $answer->{delivered}) } keys %$growth;
    $cpu{all} = 0;
    $cpu{all} += $cpu{$_} // 0 for grep { $_ ne 'all' } keys %cpu;
    return { answer => $answer, cpu => \%cpu, generator => $bench->per_million($answer->{cpu}, $answer->{delivered}) };
}

# With us what was accepted is in the database, and nothing else: the heads have moved by just that.
sub stored {
    my ($bench, $load, $target, $world, $answer) = @_;
    return if $target != $bench->{ours};
    my $head = heads($bench, $world);
    my $grown = $head - ($world->{head} // 0);
    $world->{head} = $head;
    $bench->{report}->fault("$load: $answer->{accepted} accepted, $grown stored") if $grown != $answer->{accepted};
    return;
}

sub heads {
    my ($bench, $world) = @_;
    return $bench->{ours}->sql('select coalesce(sum(l.head), 0) from bench.rooms r'
        . " join data.logs l on l.channel_id = r.channel_id where r.world = '$world->{name}'");
}

# The highest rate of messages at which 99 of 100 deliveries come within 250 ms and none is lost or refused: doubled from
# "start" until it is too much, then halved in between. Returns {deliveries, messages (a second), share (of a core, the
# generator's)}; all 0: not even the lowest one.
sub highest {
    my ($bench, $load, $target, $world, $start, $seconds, $halvings) = @_;
    my $members = @{ $world->{members} } / @{ $world->{rooms} };
    my ($good, $bad, $rate) = (0, undef, $start);
    my ($best, $share) = (0, 0);
    my $generator;
    for my $step (1 .. $bench->pick(full => 12, quick => 12, smallest => 2) + $halvings) {
        if (!$generator) {
            $generator = $bench->generator($target->plan($world));
            $bench->connect($generator, $target, 64);
        }
        my $answer = $generator->command("send $rate $seconds");
        # what is missing after the wait is lost, however busy the server was
        my $wrong = grep { $answer->{$_} } qw(lost doubled refused unsent unanswered dropped);
        if (!$wrong && $answer->{delivery}{p99} < TOO_LATE) {
            $good = $rate;
            $best = $answer->{delivered} / $answer->{elapsed};
            $share = $answer->{cpu} / $answer->{elapsed};
        } else {
            $bad = $rate;
            # the server may still be at what it could not do in time: fresh sockets, when it is quiet
            $bench->end($generator);
            undef $generator;
            quiet($target);
        }
        last if defined $bad && $halvings-- <= 0;
        $rate = defined $bad ? ($good + $bad) / 2 : 2 * $rate;
        last if $rate < 1;
    }
    $bench->end($generator) if $generator;
    $world->{head} = heads($bench, $world) if $target == $bench->{ours};
    return { deliveries => $best, messages => $best / $members, share => $share };
}

# Waits until its processes use next to nothing, at most 20 s.
sub quiet {
    my ($target) = @_;
    my $before = $target->usage;
    for (1 .. 40) {
        Time::HiRes::sleep(0.5);
        my $after = $target->usage;
        my $cpu = 0;
        $cpu += $_->{cpu} for values %{ Bench::Usage::growth($before, $after) };
        return if $cpu < 0.05;
        $before = $after;
    }
    return;
}

# The rows that both loads have, of what "fixed" and "highest" gave: {name => [a result for each round]}. Targets are beside
# nchan over Redis, which is what several machines would need.
sub rows {
    my ($bench, $load, $fixed, $highest, $rate, %target) = @_;
    my ($redis, $memory) = map { $bench->{nchan}{$_}->name } qw(redis memory);
    my $at = "at $rate messages/s";
    # ours and one peer's values of a figure
    my $row = sub {
        my ($figure, $unit, $from, $take, $peer, $target, $step) = @_;
        my ($ours, $other) = map { [ map { $take->($_) } @{ $from->{$_} } ] } 'ours', $peer // 'nobody';
        $bench->row(load => $load, figure => $figure, unit => $unit, ours => $ours,
            $peer ? (peer => $peer, peer_value => $other) : (), $target ? (target => $target) : (), step => $step);
    };
    # processor time is counted in the clock's ticks
    my $tick = $bench->per_million(Bench::Usage::tick(), $fixed->{ours}[0]{answer}{delivered});
    for my $peer ($redis, $memory) {
        my %of = $peer eq $redis ? %target : ();
        $row->('maximum, p99 < 250 ms', 'deliveries/s', $highest, sub { $_[0]{deliveries} }, $peer, $of{most});
        $row->("CPU $at", 's/million', $fixed, sub { $_[0]{cpu}{all} }, $peer, $of{cpu}, $tick);
    }
    for my $program (qw(nginx postgres redis)) {
        $row->("CPU $at, $program", 's/million', $fixed, sub { $_[0]{cpu}{$program} },
            $program eq 'postgres' ? undef : $redis, undef, $tick);
    }
    $row->("p99 $at", 'ms', $fixed, sub { $_[0]{answer}{delivery}{p99} / 1000 }, $redis, $target{p99});
    $row->("p99 of the answer $at", 'ms', $fixed, sub { $_[0]{answer}{answer}{p99} / 1000 });
    $row->("lost or doubled $at", '', $fixed, sub { $_[0]{answer}{lost} + $_[0]{answer}{doubled} }, $redis, [ value => '<=', 0 ]);
    $row->("generator's CPU $at", 's/million', $fixed, sub { $_[0]{generator} }, $redis);
    $row->("generator's share at the maximum", 'cores', $highest, sub { $_[0]{share} }, $redis);
    return;
}

1;
