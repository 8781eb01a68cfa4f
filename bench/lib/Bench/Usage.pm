# SPDX-License-Identifier: GPL-3.0-or-later
#
# What programs cost: processor seconds and memory of a process and all its descendants, as the kernel counts them. And how
# many files they may open.

package Bench::Usage;

use strict;
use warnings;

use POSIX ();

my $TICKS = POSIX::sysconf(&POSIX::_SC_CLK_TCK);

# What the kernel counts processor time in, seconds.
sub tick { return 1 / $TICKS }

# pid => {parent, cpu, waited}; waited: of its children that have ended and were waited for
sub processes {
    my %process;
    for my $file (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $file or next;
        my $line = <$in> // next;
        my ($pid, $rest) = $line =~ /^(\d+) \(.*\) (.*)$/s or next;
        my @field = split ' ', $rest;
        $process{$pid} = {
            parent => $field[1],
            cpu    => ($field[11] + $field[12]) / $TICKS,
            waited => ($field[13] + $field[14]) / $TICKS,
        };
    }
    return \%process;
}

sub tree {
    my ($process, $root) = @_;
    my %child;
    push @{ $child{ $process->{$_}{parent} } }, $_ for keys %$process;
    my @tree = $process->{$root} ? $root : ();
    for (my $i = 0; $i < @tree; $i++) { push @tree, @{ $child{ $tree[$i] } || [] } }
    return @tree;
}

# Proportional set size in KiB: what processes share is divided among them, so that a sum counts it once.
sub pss {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/smaps_rollup" or return 0;
    while (<$in>) { return $1 if /^Pss:\s+(\d+) kB/ }
    return 0;
}

# program => pid of its first process; returns program => {cpu (s), memory (KiB), processes}
sub snapshot {
    my (%root) = @_;
    my $process = processes();
    my %usage;
    for my $program (keys %root) {
        next if !defined $root{$program};
        my @tree = tree($process, $root{$program});
        $usage{$program} = { cpu => 0, memory => 0, processes => scalar @tree };
        for my $pid (@tree) {
            $usage{$program}{cpu} += $process->{$pid}{cpu} + $process->{$pid}{waited};
            $usage{$program}{memory} += pss($pid);
        }
    }
    return \%usage;
}

# program => growth of cpu and memory between two snapshots
sub growth {
    my ($before, $after) = @_;
    my %growth;
    for my $program (keys %$after) {
        $growth{$program}{$_} = $after->{$program}{$_} - ($before->{$program}{$_} // 0) for qw(cpu memory);
    }
    return \%growth;
}

# As many open files as we may have, for us and what we start: Debian's usual 1,024 are too few for a worker's sockets.
sub allow_files {
    my ($needed) = @_;
    open my $in, '<', "/proc/$$/limits" or die "/proc/$$/limits: $!\n";
    my ($soft, $hard) = map { /^Max open files\s+(\d+)\s+(\d+)/ ? ($1, $2) : () } <$in>;
    die "bench: this needs $needed open files a process; $hard are allowed (ulimit -Hn)\n" if $hard < $needed;
    return if $soft == $hard;
    system('prlimit', "--pid=$$", "--nofile=$hard:$hard") == 0 or die "bench: the number of open files cannot be raised\n";
    return;
}

1;
