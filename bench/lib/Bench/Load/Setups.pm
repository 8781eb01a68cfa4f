# SPDX-License-Identifier: GPL-3.0-or-later
#
# Set-ups: how many sockets a second get from connect to usable, 64 at a time. Ours check a signed token, ask the database
# for the person and their five channels and subscribe to them; nchan's subscribe.

package Bench::Load::Setups;

use strict;
use warnings;

sub run {
    my ($bench) = @_;
    my $people = $bench->pick(full => 10000, quick => 10000, smallest => 40);
    my $channels = $bench->pick(full => 1000, quick => 1000, smallest => 8);
    my $world = $bench->world('idle', people => $people, channels => $channels, each => 5);
    my (%rate, %p99);
    for my $round (1 .. $bench->{rounds}) {
        for my $target ($bench->targets($round)) {
            my $generator = $bench->generator($target->plan($world));
            my $answer = $bench->connect($generator, $target, 64);
            push @{ $rate{ $target->name } }, $answer->{ready} / $answer->{seconds};
            push @{ $p99{ $target->name } }, $answer->{setup}{p99} / 1000;
            $bench->end($generator);
        }
    }
    for my $mode (qw(memory redis)) {
        my $name = $bench->{nchan}{$mode}->name;
        $bench->row(load => 'setups', figure => 'authenticated set-ups', unit => '/s', ours => $rate{ours}, peer => $name,
            peer_value => $rate{$name}, $mode eq 'redis' ? () : (target => [ value => '>=', 4000 ]));
    }
    $bench->row(load => 'setups', figure => 'p99 at 64 at a time', unit => 'ms', ours => $p99{ours}, peer => 'nchan',
        peer_value => $p99{nchan});
    return;
}

1;
