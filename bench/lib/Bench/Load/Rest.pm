# SPDX-License-Identifier: GPL-3.0-or-later
#
# The floor of REST: an answer without the database against a file of 1 KiB from the same nginx, and the smallest answer
# with it against pgbench calling the same function in the same cluster.

package Bench::Load::Rest;

use strict;
use warnings;

use Chatalot::Stack;

sub run {
    my ($bench) = @_;
    my $ours = $bench->{ours};
    my $seconds = $bench->pick(full => 5, quick => 4, smallest => 0.5);
    my $people = $bench->pick(full => 100, quick => 100, smallest => 10);
    my $world = $bench->world('visitors', people => $people, channels => 10, each => 1);
    my %plan = (
        health => $ours->request_plan([ GET => '/api/health' ]),
        file   => $ours->request_plan([ GET => '/kib.bin' ]),
        me     => $ours->request_plan(map { [ GET => '/api/me', $_ ] } @{ $world->{members} }),
    );
    my $script = join "\n", '\set who random(0, ' . ($#{ $world->{members} }) . ')',
        'select a.* from bench.people p,',
        "api.me(row(p.user_id, p.device_id, p.session_id, '127.0.0.1', 'pgbench', '1')::api.ctx, '{}') a",
        "where p.world = 'visitors' and p.number = :who;", '';
    my (%rate, %p99, @query);
    for my $round (1 .. $bench->{rounds}) {
        for my $what (qw(health file me)) {
            my $generator = $bench->generator($plan{$what});
            my $answer = $generator->command("fetch 16 $seconds 0");
            $bench->end($generator);
            $bench->check_requests("rest: $what", $answer);
            push @{ $rate{$what} }, $answer->{good_in_time} / $answer->{seconds};
            push @{ $p99{$what} }, $answer->{time}{p99} / 1000;
        }
        push @query, $ours->pgbench($script, 8, $seconds < 1 ? 1 : $seconds, role => Chatalot::Stack::DATABASE_WORKER)->{rate};
    }
    $bench->row(load => 'rest', figure => 'GET /api/health', unit => '/s', ours => $rate{health},
        peer => 'file of 1 KiB', peer_value => $rate{file}, target => [ ratio => '>=', 0.7 ]);
    $bench->row(load => 'rest', figure => 'GET /api/me', unit => '/s', ours => $rate{me},
        peer => 'pgbench, same query', peer_value => \@query, target => [ ratio => '>=', 0.6 ]);
    $bench->row(load => 'rest', figure => 'p99 of GET /api/me, 16 at a time', unit => 'ms', ours => $p99{me});
    return;
}

1;
