# SPDX-License-Identifier: GPL-3.0-or-later
#
# nginx under valgrind's memcheck: how it is started, what a worker's heap holds while it runs, and what is reported in the
# end. A report is an invalid access, the use of something never written, or a block that nothing leads to any more, in
# whatever code; what is known to be others' and harmless stands in bench/memcheck.supp with its reason.

package Bench::Memcheck;

use strict;
use warnings;

use Chatalot::Stack;
use IO::Select ();

use constant ANSWER => 60;    # seconds that a process has to say what it has allocated

my $ROOT = Chatalot::Stack::root();

# stack  whose nginx it is · dir  made for what is written
sub new {
    my ($class, %arg) = @_;
    return bless { %arg, dir => Chatalot::Stack::make_dir($arg{dir}) }, $class;
}

# Puts the program where the service user can read it, and returns its place. In this nginx each allocation from a pool is
# a block of its own: what lies side by side in one block is one to valgrind.
sub prepare {
    my ($self) = @_;
    $self->{stack}->copy_in("$ROOT/$_->[0]", "$self->{dir}/$_->[1]")
        for [ 'build/memcheck/nginx', 'nginx' ], [ 'bench/memcheck.supp', 'memcheck.supp' ];
    return "$self->{dir}/nginx";
}

# What stands before a program's name.
sub command {
    my ($self) = @_;
    return ('valgrind', '--tool=memcheck', '--leak-check=full', '--show-leak-kinds=definite,indirect,possible',
        '--errors-for-leak-kinds=definite,indirect,possible', '--track-origins=yes', '--num-callers=30', '--trace-children=yes',
        "--suppressions=$self->{dir}/memcheck.supp", "--log-file=$self->{dir}/memcheck.%p", $self->vgdb_prefix, '--');
}

sub vgdb_prefix { my ($self) = @_; return "--vgdb-prefix=$self->{dir}/vgdb" }

# What is allocated in a running process: {blocks, bytes}. It answers only while it runs, so "wake" is called until it has.
sub heap {
    my ($self, $pid, $wake) = @_;
    my @command = $self->{stack}->as_user(command =>
        [ 'vgdb', $self->vgdb_prefix, '--max-invoke-ms=0', "--pid=$pid", 'leak_check', 'summary', 'any' ]);
    my $vgdb = open my $in, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or die "vgdb: $!\n";
    my $select = IO::Select->new($in);
    my $end = time + ANSWER;
    my $text = '';
    while (1) {
        if ($select->can_read(0.05)) { sysread $in, $text, 65536, length $text or last }
        else                         { $wake->() }
        if (time > $end) { kill 'TERM', $vgdb; last }
    }
    close $in;
    my %heap = (blocks => 0, bytes => 0);
    my $kinds = 0;
    while ($text =~ /(?:lost|reachable|suppressed): +([0-9,]+)(?: \(\S+\))? bytes in ([0-9,]+)/g) {
        my ($bytes, $blocks) = map {tr/,//dr} $1, $2;
        $heap{bytes} += $bytes;
        $heap{blocks} += $blocks;
        $kinds++;
    }
    die "valgrind does not say what process $pid has allocated:\n$text" if $kinds < 5;
    return \%heap;
}

# The reports of all processes that have come to their end, each a text; how many processes there were.
sub reports {
    my ($self) = @_;
    my ($ended, @report) = (0);
    for my $file (glob "$self->{dir}/memcheck.*[0-9]") {
        open my $in, '<', $file or die "$file: $!\n";
        my $text = join '', map {s/^==\d+== ?//r} <$in>;
        $ended++ if $text =~ /^ERROR SUMMARY:/m;
        $text =~ s/^HEAP SUMMARY:.*?\n\n//ms;
        push @report, grep {/^ +(?:at|by) 0x/m} split /^\n/m, $text;
    }
    return ($ended, @report);
}

1;
