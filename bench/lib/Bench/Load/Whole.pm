# SPDX-License-Identifier: GPL-3.0-or-later
#
# The whole stack's memory: nginx, PostgreSQL and Redis together, just started, and with a community of a thousand of whom
# two hundred are online and write a little.

package Bench::Load::Whole;

use strict;
use warnings;

sub run {
    my ($bench) = @_;
    my $ours = $bench->{ours};
    my $people = $bench->pick(full => 1000, quick => 1000, smallest => 20);
    my $world = $bench->world('town', people => $people, channels => 1, each => 1);
    my $online = { %$world, members => [ @{ $world->{members} }[ 0 .. $people / 5 - 1 ] ] };
    my (%idle, %busy);
    for my $round (1 .. $bench->{rounds}) {
        $ours->restart(database => 1);
        note(\%idle, $ours->usage);
        my $generator = $bench->generator($ours->plan($online));
        $bench->connect($generator, $ours, 64);
        $bench->check('stack', $ours, $generator->command('send 5 ' . $bench->pick(full => 10, quick => 5, smallest => 1)));
        note(\%busy, $ours->usage);
        $bench->end($generator);
    }
    my @row = (load => 'stack', unit => 'MiB');
    $bench->row(@row, figure => 'memory after start', ours => $idle{all});
    $bench->row(@row, figure => 'memory, 1,000 members, 200 online', ours => $busy{all}, target => [ value => '<=', 250 ]);
    $bench->row(@row, figure => "of that $_", ours => $busy{$_}) for qw(nginx postgres redis);
    return;
}

sub note {
    my ($to, $usage) = @_;
    my $all = 0;
    for my $program (keys %$usage) {
        push @{ $to->{$program} }, $usage->{$program}{memory} / 1024;
        $all += $usage->{$program}{memory} / 1024;
    }
    push @{ $to->{all} }, $all;
    return;
}

1;
