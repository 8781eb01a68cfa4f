# SPDX-License-Identifier: GPL-3.0-or-later
#
# A database session that one drives step by step through psql, to put two of them into a race on purpose. Knows sessions
# and locks, nothing of the schema.

package Psql;

use strict;
use warnings;

use IPC::Open2 qw(open2);
use Time::HiRes ();

# A session; statements may be run at once to prepare it.
sub new {
    my ($class, $conninfo, @statements) = @_;
    my $self = bless { n => 0 }, $class;
    local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
    $self->{child} = open2($self->{out}, $self->{in}, 'sh', '-c', 'exec psql "$@" 2>&1', 'psql',
        '-X', '-q', '-A', '-t', '-v', 'VERBOSITY=terse', '-d', $conninfo);
    $self->{in}->autoflush(1);
    ($self->{pid}) = $self->ask('select pg_backend_pid()');
    $self->ask($_) for @statements;
    return $self;
}

# Starts a statement and does not wait for it.
sub start {
    my ($self, $statement) = @_;
    my $mark = 'done ' . ++$self->{n};
    print { $self->{in} } "$statement;\n\\echo $mark\n";
    return $self;
}

# What the statement that was started gave: its lines; a refusal is a line "ERROR:  code".
sub result {
    my ($self) = @_;
    my @lines;
    my $out = $self->{out};
    while (my $line = <$out>) {
        chomp $line;
        return wantarray ? @lines : join "\n", @lines if $line eq "done $self->{n}";
        push @lines, $line =~ s{ at character \d+$}{}r;
    }
    die "psql ended: @lines\n";
}

sub ask {
    my ($self, $statement) = @_;
    return $self->start($statement)->result;
}

# Whether the statement that was started stands before a lock; asked from another session.
sub stands_before_lock {
    my ($self, $observer) = @_;
    return $observer->ask("select wait_event_type = 'Lock' from pg_stat_activity where pid = $self->{pid}") eq 't';
}

sub wait_for_lock {
    my ($self, $observer) = @_;
    my $end = Time::HiRes::time() + 15;
    until ($self->stands_before_lock($observer)) {
        die "waited in vain for session $self->{pid} to stand before a lock\n" if Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.01);
    }
    return 1;
}

sub close {
    my ($self) = @_;
    close $self->{in};
    waitpid $self->{child}, 0;
    return $? == 0;
}

1;
