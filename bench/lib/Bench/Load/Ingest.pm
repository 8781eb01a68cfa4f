# SPDX-License-Identifier: GPL-3.0-or-later
#
# Ingest: durable sends a second, each sender in a channel of its own with one sending unanswered, as pgbench has one
# transaction. pgbench does the same two writes with one statement in the same cluster, and none of the checks.

package Bench::Load::Ingest;

use strict;
use warnings;

use Bench::Rooms;

my @SENDERS = (1, 8, 64);

sub run {
    my ($bench) = @_;
    my $ours = $bench->{ours};
    my $world = $bench->world('writers', people => 64, channels => 64, each => 1);
    my $seconds = $bench->pick(full => 6, quick => 5, smallest => 1);
    $ours->sql("select bench.count_for('writers')");
    my (%sends, %inserts, %p99);
    for my $round (1 .. $bench->{rounds}) {
        for my $senders (@SENDERS) {
            my $generator = $bench->generator($ours->plan($world));
            $bench->connect($generator, $ours, 64);
            my $answer = $generator->command("ingest 1 $seconds $senders");
            $bench->end($generator);
            $bench->check("ingest with $senders", $ours, $answer);
            Bench::Rooms::stored($bench, 'ingest', $ours, $world, $answer);
            push @{ $sends{$senders} }, $answer->{accepted_in_time} / $answer->{seconds};
            push @{ $p99{$senders} }, $answer->{answer}{p99} / 1000;
            push @{ $inserts{$senders} }, $ours->pgbench(script($bench, $world), $senders, $seconds)->{rate} if $senders <= 8;
        }
    }
    my @row = (load => 'ingest', unit => '/s');
    $bench->row(@row, figure => 'sends of 1 sender', ours => $sends{1},
        peer => 'pgbench, 1 client', peer_value => $inserts{1}, target => [ ratio => '>=', 0.8 ]);
    $bench->row(@row, figure => 'sends of 8 senders', ours => $sends{8},
        peer => 'pgbench, 8 clients', peer_value => $inserts{8});
    $bench->row(@row, figure => 'sends of 64 senders', ours => $sends{64},
        peer => 'pgbench, 8 clients', peer_value => $inserts{8}, target => [ ratio => '>=', 1 ]);
    $bench->row(load => 'ingest', figure => "p99 of the answer, $_ sender(s)", unit => 'ms', ours => $p99{$_}) for @SENDERS;
    return;
}

# Each client in a channel of its own, like each sender.
sub script {
    my ($bench, $world) = @_;
    my $sealed = unpack 'H*', Chatalot::Stack::random_bytes($world->{ciphertext});
    my $commitment = unpack 'H*', Chatalot::Stack::random_bytes(32);
    my ($user, $device) = @{ $world->{members}[0] }{qw(user device)};
    return <<"EOT";
with c as (
    update bench.counters set head = head + 1, display = display + 1
     where channel_id = (select channel_id from bench.rooms where world = 'writers' and number = :client_id)
    returning channel_id, head, epoch
)
insert into bench.log (channel_id, seq, epoch, id, sender, device, kind, commitment, ciphertext)
select channel_id, head, epoch, gen_random_uuid(), '$user', '$device', 'message', '\\x$commitment', '\\x$sealed' from c;
EOT
}

1;
