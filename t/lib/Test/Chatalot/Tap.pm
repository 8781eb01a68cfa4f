# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs programs of other languages inside a Perl test: a TAP program's results become results of this test; a checker
# counts as one result. Knows nothing of servers.

package Test::Chatalot::Tap;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

our @EXPORT = qw(tap_of succeeds);

# Each result of the TAP that the command prints, named "label: …"; and whether its plan and exit status were good.
# Everything else it prints is shown where it follows a failure, of a part of a result too. Read here line by line,
# because what test runners put between the lines, YAML above all, is not always what TAP::Parser takes for it.
# how{env} {NAME => value}
sub tap_of {
    my ($label, $command, %how) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    local %ENV = (%ENV, %{ $how{env} || {} });
    open my $out, '-|', @$command or die "$command->[0]: $!\n";
    my ($n, $plan, $good, $end) = (0, undef, 1, '');
    while (my $line = <$out>) {
        chomp $line;
        $good = !$1 if $line =~ /^\s+(not )?ok\b/;
        if ($line =~ /^(not )?ok\b *\d* *(?:- )?(.*)$/) {
            my ($not, $name) = ($1, $2);
            $n++;
            if ($name =~ s/ *# *skip\b *(.*)//i) { SKIP: { skip "$label: $name ($1)", 1 } }
            else                                 { $good = ok(!$not, "$label: $name") }
        }
        elsif ($line =~ /^1\.\.(\d+)(?: *# *skip\b *(.*))?/i) { ($plan, $end) = ($1, $2 // '') }
        elsif ($line =~ /^Bail out!(.*)/)                     { $end = "bailed out:$1" }
        elsif ($good)                                         { note $line =~ s/^# ?//r }
        else                                                  { diag $line =~ s/^# ?//r }
    }
    close $out;
    ok($? == 0 && $n > 0 && defined $plan && $plan == $n, "$label: ran to its end")
        or diag "$n results, " . ($plan // 'none') . " planned, exit status " . ($? >> 8) . ", signal " . ($? & 127) . " $end";
    return;
}

# The command ends with status 0; otherwise its output is shown.
sub succeeds {
    my ($name, @command) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $pid = open my $out, '-|' // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        exec @command or print "cannot run $command[0]: $!\n";
        require POSIX;
        POSIX::_exit(127);
    }
    my $text = do { local $/; <$out> } // '';
    close $out;
    my $good = ok($? == 0, $name);
    diag length $text > 6000 ? '…' . substr $text, -6000 : $text if !$good;
    return $good;
}

1;
