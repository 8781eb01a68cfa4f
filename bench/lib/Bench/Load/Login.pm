# SPDX-License-Identifier: GPL-3.0-or-later
#
# A storm of logins, each an Argon2id of 64 MiB: what becomes of everybody else's requests and messages meanwhile.

package Bench::Load::Login;

use strict;
use warnings;

sub run {
    my ($bench) = @_;
    my $ours = $bench->{ours};
    my $seconds = $bench->pick(full => 6, quick => 5, smallest => 1);
    my $size = $bench->pick(full => 100, quick => 100, smallest => 10);
    my $world = $bench->world('storm', people => $size, channels => 1, each => 1);
    my %p99;
    my (@logins, @busy);
    for my $round (1 .. $bench->{rounds}) {
        my $talk = $bench->generator($ours->plan($world));
        my $read = $bench->generator($ours->request_plan(map { [ GET => '/api/me', $_ ] } @{ $world->{members} }));
        my $storm = $bench->generator($ours->request_plan(map {
            [ POST => '/api/auth/login', undef, qq({"username":"$_->{name}","login_key":"$ours->{login_key}"}) ]
        } @{ $world->{members} }));
        $bench->connect($talk, $ours, 16);
        for my $weather (qw(quiet storm)) {
            $storm->begin("fetch 16 $seconds 0") if $weather eq 'storm';
            $_->begin($_ == $talk ? "send 20 $seconds" : "fetch 32 $seconds 100") for $talk, $read;
            my ($sent, $fetched) = map { $_->answer } $talk, $read;
            $bench->check("login, $weather", $ours, $sent);
            $bench->check_requests("login, $weather", $fetched);
            push @{ $p99{$weather}{message} }, $sent->{delivery}{p99} / 1000;
            push @{ $p99{$weather}{request} }, $fetched->{time}{p99} / 1000;
        }
        my $stormed = $storm->answer;
        push @logins, $stormed->{good} / $seconds;
        push @busy, $stormed->{refused} / $seconds;
        $bench->{report}->fault("login: $stormed->{failed} logins had no answer") if $stormed->{failed};
        $bench->{report}->fault("login: status $stormed->{status}") if $stormed->{refused} && $stormed->{status} != 503;
        $bench->end($_) for $talk, $read, $storm;
    }
    $bench->row(load => 'login', figure => "p99 of others' messages", unit => 'ms', ours => $p99{storm}{message},
        peer => 'quiet', peer_value => $p99{quiet}{message}, target => [ ratio => '<=', 3 ]);
    $bench->row(load => 'login', figure => "p99 of others' GET /api/me", unit => 'ms', ours => $p99{storm}{request},
        peer => 'quiet', peer_value => $p99{quiet}{request}, target => [ ratio => '<=', 3 ]);
    $bench->row(load => 'login', figure => 'logins', unit => '/s', ours => \@logins);
    $bench->row(load => 'login', figure => 'told to come back (503)', unit => '/s', ours => \@busy);
    return;
}

1;
