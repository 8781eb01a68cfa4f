# SPDX-License-Identifier: GPL-3.0-or-later
#
# Idle: authenticated sessions, each in five channels of fifty, and what memory grows by for each. Every server is
# started anew before, for what a program has freed it seldom gives back.

package Bench::Load::Idle;

use strict;
use warnings;

use Bench::Usage;

sub run {
    my ($bench) = @_;
    my $people = $bench->pick(full => 10000, quick => 10000, smallest => 40);
    my $channels = $bench->pick(full => 1000, quick => 1000, smallest => 8);
    my $world = $bench->world('idle', people => $people, channels => $channels, each => 5);
    my %memory;
    for my $round (1 .. $bench->{rounds}) {
        for my $target ($bench->targets($round)) {
            my $growth = measure($bench, $target, $world);
            push @{ $memory{ $target->name }{$_} }, $growth->{$_}{memory} / $people for keys %$growth;
        }
    }
    my $ours = $memory{ours};
    for my $mode (qw(memory redis)) {
        my $name = $bench->{nchan}{$mode}->name;
        $bench->row(load => 'idle', figure => 'memory a connection', unit => 'KiB', ours => $ours->{nginx}, peer => $name,
            peer_value => $memory{$name}{nginx}, target => [ ratio => '<=', 0.35 ]);
    }
    $bench->row(load => 'idle', figure => 'memory a connection, Redis', unit => 'KiB', ours => $ours->{redis},
        peer => 'nchan over Redis', peer_value => $memory{'nchan over Redis'}{redis});
    $bench->row(load => 'idle', figure => 'memory a connection, PostgreSQL', unit => 'KiB', ours => $ours->{postgres});
    $bench->row(load => 'idle', figure => 'sessions', unit => '', ours => [$people]);
    return;
}

sub measure {
    my ($bench, $target, $world) = @_;
    $target->restart;
    my $generator = $bench->generator($target->plan($world));
    my $before = $target->usage;
    $bench->connect($generator, $target, 64);
    my $idle = $generator->command('idle 2');
    $bench->wrong($target, "idle: $idle->{dropped} sockets were closed") if $idle->{dropped};
    my $after = $target->usage;
    $bench->end($generator);
    return Bench::Usage::growth($before, $after);
}

1;
