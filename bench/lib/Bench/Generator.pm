# SPDX-License-Identifier: GPL-3.0-or-later
#
# The load generator as a process, or the driver of browsers: a plan, then commands and their answers. It ends with its
# input, so with us.

package Bench::Generator;

use strict;
use warnings;

use IO::Handle ();
use JSON::PP ();

my $json = JSON::PP->new->utf8;

# binary  the program · with  what runs it, if it needs that · plan  its text · dir  where the plan is written
sub new {
    my ($class, %arg) = @_;
    my $self = bless { number => our $count++, binary => $arg{binary} }, $class;
    $self->{plan} = "$arg{dir}/plan-$self->{number}";
    open my $plan, '>', $self->{plan} or die "$self->{plan}: $!\n";
    chmod 0600, $self->{plan};
    print {$plan} $arg{plan};
    close $plan or die "$self->{plan}: $!\n";
    pipe my $in, my $to or die "pipe: $!\n";
    pipe my $from, my $out or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setpgrp;
        open STDIN, '<&', $in or POSIX::_exit(127);
        open STDOUT, '>&', $out or POSIX::_exit(127);
        close $_ for $to, $from, $in, $out;
        { no warnings 'exec'; exec @{ $arg{with} || [] }, $arg{binary}, $self->{plan} }
        POSIX::_exit(127);
    }
    close $_ for $in, $out;
    $to->autoflush(1);
    @{$self}{qw(pid to from)} = ($pid, $to, $from);
    return $self;
}

# Begins a command; "answer" waits for its end. Several generators work side by side that way.
sub begin { my ($self, $command) = @_; print { $self->{to} } "$command\n"; return $self }

sub answer {
    my ($self) = @_;
    my $line = readline $self->{from};
    die "$self->{binary} has ended\n" if !defined $line;
    return $json->decode($line);
}

sub command { my ($self, $command) = @_; return $self->begin($command)->answer }

sub end {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    close $self->{to};
    # a command that is going on ends by itself, but when we are stopped nobody wants to wait for that
    kill 'TERM', $pid if $self->{hurry};
    waitpid $pid, 0;
    unlink $self->{plan};
    return;
}

sub DESTROY { my ($self) = @_; local $?; local $@; $self->{hurry} = 1; $self->end; return }

1;
