#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The house style where a machine can see it: licence line, width, white space, no unfinished marks; for C the form
# that nginx's own sources have; scripts that at least parse.

use strict;
use warnings;

use FindBin ();
use Test::More;

chdir "$FindBin::Bin/.." or die $!;
my @files = grep { -f && !/package-lock\.json$|\.(?:png|ico|svg|woff2?)$|^LICENSE$/ } split /\0/, `git ls-files -z`;
ok(@files > 20, 'git lists the sources') or BAIL_OUT('not a checkout');

my %width   = (c => 135, h => 130, pm => 130, t => 200, sql => 145, sh => 165);
my $source  = qr/\.(?:c|h|pm|t|sql|ts|js|mjs|svelte|sh)$|^(?:config|Makefile)$|^scripts\/[a-z-]+$|^sql\/apply$/;
my $nginx_c = qr{^ngx_chatalot_\w+/.*\.[ch]$};

sub lines { my ($file) = @_; open my $in, '<:encoding(UTF-8)', $file or die "$file: $!"; return my @all = <$in> }

# Collects complaints over all files that match; one result for a rule, with the places.
sub rule {
    my ($name, $which, $look) = @_;
    my @bad;
    for my $file (grep { $_ =~ $which } @files) {
        my @lines = lines($file);
        push @bad, map {"$file:$_"} $look->($file, @lines);
    }
    is(scalar @bad, 0, $name) or diag join "\n", @bad[0 .. ($#bad > 30 ? 30 : $#bad)];
    return;
}

# For a rule on single lines: returns "line: reason" for each line for which the function returns a reason
sub by_line {
    my ($test) = @_;
    return sub {
        my ($file, @lines) = @_;
        my @bad;
        for my $n (1 .. @lines) {
            local $_ = $lines[ $n - 1 ];
            my $reason = $test->($file);
            push @bad, "$n: $reason" if $reason;
        }
        return @bad;
    };
}

rule('sources name their licence', qr/\.(?:c|h|pm|t|sql|sh)$|^scripts\/[a-z-]+$/, sub {
    my ($file, @lines) = @_;
    return () if $file eq 'scripts/packages';
    return (grep {/SPDX-License-Identifier: GPL-3\.0-or-later/} @lines[0 .. ($#lines > 4 ? 4 : $#lines)]) ? () : ('1: no SPDX line');
});
rule('lines end where they end', qr/./, by_line(sub { /[ \t]+$/ && !/^\s*\| / ? 'trailing white space' : undef }));
rule('files end with one line break', qr{^(?!html/)}, sub {
    my ($file, @lines) = @_;
    return !@lines || $lines[-1] =~ /\S.*\n\z/ ? () : (scalar(@lines) . ': end');
});
rule('no tabs, except in makefiles and JavaScript', qr/^(?!html\/|.*Makefile|.*\.mjs$)/, by_line(sub { /\t/ ? 'tab' : undef }));
rule('lines are not too wide (the client has its own formatter)', $source, by_line(sub {
    my ($kind) = $_[0] =~ /\.(\w+)$/;
    return undef if $_[0] =~ m{^html/};
    my $most = $width{ $kind // '' } // 140;
    chomp;
    return length > $most ? length() . " characters" : undef;
}));
rule('nothing is marked as unfinished', $source, by_line(sub { $_[0] ne 't/style.t' && /\b(TODO|FIXME|XXX|HACK)\b/ ? $1 : undef }));
rule('files keep to one concern (at most 900 lines)', qr/\.(?:c|h|pm|t|sql|ts|svelte)$/, sub {
    my ($file, @lines) = @_;
    return @lines > 900 && $file !~ m{/vectors/|^html/src/lib/crypto/library} ? (scalar(@lines) . ' lines') : ();
});

# --- C as nginx writes it ------------------------------------------------------------------------------------------

rule('C: a body always has braces', $nginx_c, sub {
    my ($file, @lines) = @_;
    my @bad;
    for my $n (1 .. @lines) {
        my $line = $lines[ $n - 1 ];
        push @bad, "$n: no brace" if $line =~ /^\s+(?:if|for|while) \(.*\)$/ && ($lines[$n] // '') !~ /^\s*[{&|?:+-]/ && balanced($line);
        push @bad, "$n: one-line body"
            if $line =~ /^\s+(?:if|while) \(.*\) [^{]*;$/ && balanced($line =~ s/\) [^()]*;$/)/r);
    }
    return @bad;
});
sub balanced { my ($text) = @_; return ($text =~ tr/(//) == ($text =~ tr/)//) }

rule('C: indents by four', $nginx_c, by_line(sub {
    return /^( +)(?:if|for|while|return|break|continue|switch|goto)\b/ && length($1) % 4 ? 'indent' : undef;
}));
rule('C: keywords stand apart from parentheses', $nginx_c, by_line(sub { /^\s*(if|for|while|switch)\(/ ? $1 : undef }));
rule('C: the return type has a line of its own', qr{^ngx_chatalot_\w+/.*\.c$}, sub {
    my ($file, @lines) = @_;
    my @bad;
    for my $n (1 .. $#lines) {
        next if $lines[$n] ne "{\n" || $lines[ $n - 1 ] !~ /\)$/;
        my $at = $n - 1;
        $at-- while $at > 0 && $lines[$at] =~ /^\s/;
        push @bad, ($at + 1) . ': definition' if $lines[$at] =~ /^(?:static )?[a-z]\w*(?: \**| )ngx_\w+\(/;
    }
    return @bad;
});
rule('C: comments are /* */', $nginx_c, by_line(sub { m{(?:^|\s)//\s} ? 'comment' : undef }));
rule('C: a directory above is never included', $nginx_c, by_line(sub { /#include\s+"\.\./ ? 'include' : undef }));
rule('C: REST and WebSocket do not know each other, nor the core them', $nginx_c, by_line(sub {
    my ($file) = @_;
    return undef if !/#include\s+"(ngx_chatalot_(ws|rest)_?\w*\.h)"/;
    my ($header, $part) = ($1, $2);
    return undef if $file =~ m{^ngx_chatalot_module/} && $part eq 'rest' || $file =~ m{^ngx_chatalot_ws/} && $part eq 'ws';
    return "includes $header";
}));

# --- everything that runs parses -----------------------------------------------------------------------------------

for my $file (grep { /^scripts\/[a-z-]+$/ || /\.sh$/ || m{^(?:sql/apply|\.ci/run)$} } @files) {
    my ($first) = lines($file);
    my @check = $first =~ /bash/ ? ('bash', '-n') : $first =~ /perl/ ? ('perl', '-c') : $first =~ m{/sh} ? ('sh', '-n') : next;
    my $said = `@check '$file' 2>&1`;
    is($?, 0, "$file parses") or diag $said;
}

done_testing;
