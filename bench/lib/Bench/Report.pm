# SPDX-License-Identifier: GPL-3.0-or-later
#
# Figures of several rounds become rows: medians, their ratio, whether the target is reached, and how far apart the rounds
# were. Prints the table and writes results.json.

package Bench::Report;

use strict;
use warnings;

use Cwd ();
use JSON::PP ();

sub new { return bless { rows => [], faults => [], notes => [] }, $_[0] }

sub rows   { return @{ $_[0]{rows} } }
sub faults { return @{ $_[0]{faults} } }

# What a peer could not do: it is stated, beside the figures that it belongs to.
sub note { my ($self, $text) = @_; push @{ $self->{notes} }, $text; print STDERR "bench: $text\n"; return }

# Something that must not be: a lost delivery, a refusal. The benchmark goes on, and fails at its end.
sub fault { my ($self, $text) = @_; push @{ $self->{faults} }, $text; print STDERR "bench: $text\n"; return }

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return undef if !@sorted;
    return @sorted % 2 ? $sorted[ @sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

# Half the distance between the extremes, in per cent of the median. undef: one value says nothing of it, and of a median of
# 0 there are no per cent, unless all are 0. With a step, what is counted in such steps differs by one at least.
sub noise {
    my ($step, @values) = @_;
    my @sorted = sort { $a <=> $b } @values;
    my $median = median(@sorted);
    return undef if @sorted < 2;
    return 0 if $sorted[0] == 0 && $sorted[-1] == 0;
    my $distance = $sorted[-1] - $sorted[0];
    $distance = $step if $step && $distance < $step;
    return $median ? 50 * $distance / abs $median : undef;
}

# load, figure, unit  '': a count, which has no ratio · ours, peer_value  [a value for each round] · peer  its name
# target  [ratio|value => '>='|'<=', number], of a count a value only; none: the figure is only stated
# step  what it is counted in, if that is coarse
sub row {
    my ($self, %arg) = @_;
    my $ours = median(@{ $arg{ours} });
    my $peer = median(@{ $arg{peer_value} || [] });
    # How often something went wrong has none: one of 0 says nothing, and it would be there only where the other lost something.
    my $ratio = defined $ours && $peer && $arg{unit} ne '' ? $ours / $peer : undef;
    my ($text, $ok);
    if ($arg{target}) {
        my ($what, $relation, $number) = @{ $arg{target} };
        die "$arg{load}, $arg{figure}: a count has no ratio\n" if $what eq 'ratio' && $arg{unit} eq '';
        my $value = $what eq 'ratio' ? $ratio : $ours;
        my $reached = defined $value && ($relation eq '>=' ? $value >= $number : $value <= $number);
        $text = "$relation $number" . ($what eq 'ratio' ? " x $arg{peer}" : $arg{unit} ? " $arg{unit}" : '');
        $ok = $reached ? JSON::PP::true() : JSON::PP::false();
    }
    push @{ $self->{rows} }, {
        load => $arg{load}, figure => $arg{figure}, unit => $arg{unit}, ours => rounded($ours), peer => $arg{peer},
        peer_value => rounded($peer), ratio => rounded($ratio), target => $text, ok => $ok,
        noise => rounded(noise($arg{step}, @{ $arg{ours} })),
        peer_noise => rounded(noise($arg{step}, @{ $arg{peer_value} || [] })),
    };
    return;
}

# Four digits are more than any of this is exact to.
sub rounded { my ($value) = @_; return defined $value ? sprintf('%.4g', $value) + 0 : undef }

# From its end, so that a stopped or failed run leaves the file of the one before.
sub write {
    my ($self, $file) = @_;
    open my $out, '>', "$file.new" or die "$file: $!\n";
    print {$out} JSON::PP->new->utf8->pretty->canonical->encode([ $self->rows ]);
    close $out or die "$file: $!\n";
    rename "$file.new", $file or die "$file: $!\n";
    return;
}

sub number {
    my ($value) = @_;
    return '-' if !defined $value;
    my $text = abs $value >= 1000 ? sprintf('%.0f', $value) : $value;
    1 while $text =~ s/^(-?\d+)(\d{3})(?!\d)/$1,$2/;
    return $text;
}

sub print {
    my ($self) = @_;
    my @line = ([qw(load figure unit ours +- peer value +- ratio target ok)]);
    for my $row ($self->rows) {
        push @line, [ $row->{load}, $row->{figure}, $row->{unit}, number($row->{ours}), percent($row->{noise}),
            $row->{peer} // '-', number($row->{peer_value}), percent($row->{peer_noise}), number($row->{ratio}),
            $row->{target} // '-', defined $row->{ok} ? ($row->{ok} ? 'yes' : 'NO') : '-' ];
    }
    my @width = (0) x 11;
    my %right = map { $_ => 1 } 3, 4, 6, 7, 8;
    for my $line (@line) {
        for my $i (0 .. $#$line) { $width[$i] = length $line->[$i] if length $line->[$i] > $width[$i] }
    }
    for my $line (@line) {
        my $text = join '  ', map { sprintf '%' . ($right{$_} ? '' : '-') . "$width[$_]s", $line->[$_] } 0 .. $#$line;
        $text =~ s/ +$//;
        print "$text\n";
    }
    print "\n", map {"PEER: $_\n"} @{ $self->{notes} } if @{ $self->{notes} };
    print "\n", map {"FAULT: $_\n"} $self->faults if $self->faults;
    return;
}

sub percent { my ($value) = @_; return defined $value ? sprintf('%.0f%%', $value) : '-' }

1;
