# SPDX-License-Identifier: GPL-3.0-or-later
#
# One channel with a thousand members who write in turn: the cost of a delivery, and how many there can be.

package Bench::Load::BigRoom;

use strict;
use warnings;

use Bench::Rooms;

sub run {
    my ($bench) = @_;
    my $people = $bench->pick(full => 1000, quick => 1000, smallest => 20);
    my $world = $bench->world('crowd', people => $people, channels => 1, each => 1);
    my $rate = 50;
    my $seconds = $bench->pick(full => 6, quick => 6, smallest => 0.4);
    my $step = $bench->pick(full => 2, quick => 2, smallest => 0.1);
    my $halvings = $bench->pick(full => 3, quick => 2, smallest => 0);
    my ($fixed, $highest) = Bench::Rooms::rounds($bench, 'big room', $world,
        rate => $rate, seconds => $seconds, start => $rate, step => $step, halvings => $halvings);
    Bench::Rooms::rows($bench, 'big room', $fixed, $highest, $rate,
        most => [ ratio => '>=', 1.5 ], cpu => [ ratio => '<=', 0.7 ]);
    return;
}

1;
