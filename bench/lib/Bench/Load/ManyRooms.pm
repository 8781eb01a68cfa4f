# SPDX-License-Identifier: GPL-3.0-or-later
#
# A thousand channels of ten members each, who write in turn: here sending weighs as much as delivering.

package Bench::Load::ManyRooms;

use strict;
use warnings;

use Bench::Rooms;

sub run {
    my ($bench) = @_;
    my $rooms = $bench->pick(full => 1000, quick => 1000, smallest => 4);
    my $world = $bench->world('circles', people => 10 * $rooms, channels => $rooms, each => 1);
    my $rate = $bench->pick(full => 2000, quick => 2000, smallest => 50);
    my $seconds = $bench->pick(full => 6, quick => 4, smallest => 0.4);
    my $step = $bench->pick(full => 2, quick => 2, smallest => 0.1);
    my $halvings = $bench->pick(full => 3, quick => 2, smallest => 0);
    my ($fixed, $highest) = Bench::Rooms::rounds($bench, 'many rooms', $world,
        rate => $rate, seconds => $seconds, start => $rate / 2, step => $step, halvings => $halvings);
    Bench::Rooms::rows($bench, 'many rooms', $fixed, $highest, $rate,
        most => [ ratio => '>=', 1 ], p99 => [ value => '<=', 25 ]);
    return;
}

1;
