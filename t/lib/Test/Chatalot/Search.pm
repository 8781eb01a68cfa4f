# SPDX-License-Identifier: GPL-3.0-or-later
#
# Looks for bytes in everything that a server leaves behind: a dump of its database and the files under it, what goes
# through Redis, its logs, and the memory of its processes. Each in every form in which bytes may stand there: as they
# are, in hex, and in base64 wherever they begin in something longer.

package Test::Chatalot::Search;

use strict;
use warnings;
no warnings 'portable';    # addresses have 64 bits

use Carp qw(croak);
use Exporter 'import';
use Fcntl qw(SEEK_SET);
use MIME::Base64 qw(encode_base64);
use Test::Chatalot ();

our @EXPORT = qw(slurp bytes_of);

# Begins to record all traffic of Redis.
sub new {
    my ($class, $chat) = @_;
    my $self = bless { chat => $chat, traffic => $chat->dir . '/redis-traffic', place => {} }, $class;
    my $monitor = fork // die $!;
    if (!$monitor) {
        open STDOUT, '>', $self->{traffic} or die $!;
        exec 'redis-cli', '-s', $chat->stack->redis_socket, 'MONITOR';
    }
    $self->{monitor} = $monitor;
    Test::Chatalot::await('Redis is recorded', sub { -s $self->{traffic} });
    return $self;
}

# Adds a place of one's own: name => bytes.
sub add { my ($self, $name, $bytes) = @_; $self->{place}{$name} .= $bytes; return }

# What is there now. Ends the recording.
sub collect {
    my ($self) = @_;
    my ($chat, $place) = @{$self}{qw(chat place)};
    kill 'TERM', $self->{monitor};
    waitpid $self->{monitor}, 0;
    $place->{'what went through Redis'} = slurp($self->{traffic});
    $place->{'the database'} = do {
        open my $in, '-|', 'pg_dump', '-d', $chat->owner_url or die $!;
        local $/;
        my $dump = <$in>;
        close $in or die 'pg_dump failed';
        $dump;
    };
    $chat->flush_logs;
    for my $log (glob $chat->dir . '/log/*') {
        my ($name) = $log =~ m{([^/]+?)(?:\.\d+)?$};
        $place->{"log/$name"} .= slurp($log);
    }
    # the database's own files too: what was deleted there but not yet overwritten, and the write-ahead log
    $chat->sql('checkpoint');
    $place->{q{the cluster's files}} = join '', map { slurp($_) } grep { -f } glob($chat->stack->pg_data . '/base/*/*'),
        glob($chat->stack->pg_data . '/pg_wal/*');
    return $self;
}

# What the workers of nginx hold in memory now, all of it that can be read.
sub collect_memory {
    my ($self) = @_;
    for my $pid ($self->{chat}->workers) { $self->{place}{"memory of worker $pid"} = memory_of($pid) }
    return $self;
}

sub memory_of {
    my ($pid) = @_;
    open my $maps, '<', "/proc/$pid/maps" or croak "/proc/$pid/maps: $!";
    open my $mem, '<:raw', "/proc/$pid/mem" or croak "/proc/$pid/mem: $!";
    my $all = '';
    while (my $line = <$maps>) {
        # only what can be written: code and libraries are the same everywhere
        my ($from, $to) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) rw/ or next;
        my ($at, $left, $piece) = (hex $from, hex($to) - hex $from);
        while ($left > 0) {
            my $want = $left > 1 << 20 ? 1 << 20 : $left;
            sysseek $mem, $at, SEEK_SET or last;
            my $got = sysread $mem, $piece, $want;
            last if !$got;
            $all .= $piece;
            ($at, $left) = ($at + $got, $left - $got);
        }
    }
    return $all;
}

sub slurp { my ($file) = @_; open my $in, '<:raw', $file or die "$file: $!"; local $/; return <$in> // '' }
sub bytes_of { my ($text) = @_; utf8::encode($text) if utf8::is_utf8($text); return $text }

sub length_of { my ($self, $name) = @_; return length($self->{place}{$name} // '') }
sub content   { my ($self, $name) = @_; return $self->{place}{$name} }
sub names     { my ($self, $like) = @_; return grep { $_ =~ $like } sort keys %{ $self->{place} } }

sub forms {
    my ($bytes) = @_;
    my %form = (raw => $bytes, hex => unpack('H*', $bytes), HEX => uc unpack('H*', $bytes));
    for my $shift (0 .. 2) {
        my $text = encode_base64("\0" x $shift . $bytes, '');
        my $from = $shift == 0 ? 0 : $shift + 1;
        my $to   = int((length($bytes) + $shift) * 8 / 6);
        my $core = substr $text, $from, $to - $from;
        $form{"base64 from $shift"} = $core;
        $form{"base64url from $shift"} = $core =~ tr{+/}{-_}r;
    }
    my $quoted = join '', map { /[\x20-\x7e]/ ? $_ : sprintf '\x%02x', ord } split //, $bytes;
    $form{'as MONITOR quotes it'} = $quoted =~ s/(["\\])(?!x[0-9a-f]{2})/\\$1/gr;
    return \%form;
}

# Names of the places that hold the bytes, with the form; only those whose name matches "where", if it is given.
sub places_of {
    my ($self, $bytes, $where) = @_;
    my $forms = forms($bytes);
    my @hit;
    for my $name ($self->names($where // qr/./)) {
        my $place = \$self->{place}{$name};
        for my $form (sort keys %$forms) { push @hit, "$name ($form)" if index($$place, $forms->{$form}) >= 0 }
    }
    return @hit;
}

# Positions of all 32-byte windows of the bytes, from a place on, that stand somewhere raw: of a structure that begins
# with what is public.
sub windows_of {
    my ($self, $bytes, $from, $where) = @_;
    my @hit;
    for my $at ($from .. length($bytes) - 32) {
        my $window = substr $bytes, $at, 32;
        next if $window =~ /\A\0*\z/;
        push @hit, map {"$_ at $at"} grep { index($self->{place}{$_}, $window) >= 0 } $self->names($where);
    }
    return @hit;
}

1;
