# SPDX-License-Identifier: GPL-3.0-or-later
#
# History: pages of fifty entries from random places of a large database, over HTTP, against pgbench reading the same rows
# bare.

package Bench::Load::History;

use strict;
use warnings;

sub run {
    my ($bench) = @_;
    my $ours = $bench->{ours};
    my $rooms = $bench->pick(full => 100, quick => 100, smallest => 2);
    my $entries = $bench->pick(full => 10000, quick => 2000, smallest => 100);
    my $seconds = $bench->pick(full => 6, quick => 5, smallest => 0.5);
    my $world = $bench->world('past', people => 10 * $rooms, channels => $rooms, each => 1);
    if (!$world->{remembered}++) {
        $ours->sql("select bench.remember('past', $entries, $world->{ciphertext})");
        $ours->sql('vacuum analyze data.entries');
        # written back, and read: what is measured begins with the same in the caches, for both
        $ours->sql('checkpoint');
        $ours->sql('select sum(octet_length(ciphertext)) from data.entries');
    }
    my @request = map {
        my $member = $world->{members}[ int rand @{ $world->{members} } ];
        my $channel = $world->{rooms}[ $member->{rooms}[0] ];
        [ GET => sprintf('/api/channels/%s/entries?limit=50&before=%d', $channel, 51 + int rand $entries - 50), $member ]
    } 1 .. 20000;
    my $script = join "\n", '\set room random(0, ' . ($rooms - 1) . ')', "\\set before random(51, $entries)",
        'select x.* from data.entries x where x.seq < :before and x.channel_id =',
        "(select channel_id from bench.rooms where world = 'past' and number = :room)",
        'order by x.seq desc limit 50;', '';
    my (@pages, @bare, @p99, @bare_p99);
    for my $round (1 .. $bench->{rounds}) {
        my $generator = $bench->generator($ours->request_plan(@request));
        my $most = $generator->command("fetch 8 $seconds 0");
        push @pages, $most->{good_in_time} / $most->{seconds};
        my $whole = $seconds < 1 ? 1 : $seconds;
        push @bare, $ours->pgbench($script, 8, $whole)->{rate};
        my $half = $pages[-1] / 2;
        my $calm = $generator->command("fetch 64 $seconds $half");
        push @p99, $calm->{time}{p99} / 1000;
        push @bare_p99, $ours->pgbench($script, 8, $whole, at => $bare[-1] / 2)->{p99};
        $bench->end($generator);
        $bench->check_requests('history', $_) for $most, $calm;
    }
    $bench->row(load => 'history', figure => 'pages of 50', unit => '/s', ours => \@pages,
        peer => 'pgbench, bare query', peer_value => \@bare, target => [ ratio => '>=', 0.5 ]);
    $bench->row(load => 'history', figure => 'p99 at half of that', unit => 'ms', ours => \@p99,
        peer => 'pgbench, at half of its own', peer_value => \@bare_p99, target => [ value => '<=', 10 ]);
    $bench->row(load => 'history', figure => 'entries in the database', unit => '', ours => [ $rooms * $entries ]);
    return;
}

1;
