# SPDX-License-Identifier: GPL-3.0-or-later
#
# The client in a real browser (bench/browser.mjs): what a person waits for and what comes over the wire at the first
# opening and when it is opened again, how it scrolls through a long channel, and how fast it takes in what was written
# while it was closed. The people are real accounts with real keys; what they read was sealed by other clients.

package Bench::Load::Browser;

use strict;
use warnings;

use Chatalot::Stack;
use JSON::PP ();

use constant {
    CHROMIUM => $ENV{CHROMIUM} // '/usr/bin/chromium',
    # how far behind a client may be and still take it in as news, not as history
    PORTION => 1000,
};

sub run {
    my ($bench) = @_;
    if (!-x CHROMIUM) {
        main::say_line('browser is SKIPPED: there is no ' . CHROMIUM . ' (CHROMIUM names another place)');
        return;
    }
    my $messages = $bench->pick(full => 10000, quick => 1000, smallest => 60);
    my $portion = $messages < PORTION ? $messages : PORTION;
    # pixels a second, as a wheel that is turned fast
    my $speed = $bench->pick(full => 8000, quick => 8000, smallest => 2000);
    my $openings = $bench->pick(full => 5, quick => 5, smallest => 1);
    my $browser = driver($bench);
    ask($bench, $browser, 'people');
    my %got;
    my $did = sub { my ($what, @more) = @_; push @{ $got{$what} }, ask($bench, $browser, join ' ', $what, @more) };
    for (1 .. $messages / $portion) {
        $did->('write', $portion);
        $did->('catch-up', $portion);
    }
    ask($bench, $browser, 'alone');
    for my $round (1 .. $bench->{rounds}) {
        $did->($_) for qw(first first-in), ('reopen') x $openings, 'read-back';
        # some ten thousand frames each: once is enough
        $did->('scroll', $speed) if $round == 1;
    }
    $bench->end($browser);
    rows($bench, \%got, $messages, $portion, $speed);
    return;
}

# An answer; what the browser's console complained of is a fault.
sub ask {
    my ($bench, $browser, $command) = @_;
    my $answer = $browser->command($command);
    $bench->{report}->fault("browser: $command: $_") for @{ $answer->{complaints} };
    return $answer;
}

# Targets: nobody waits for what is on the device, and sixty frames a second.
sub rows {
    my ($bench, $got, $messages, $portion, $speed) = @_;
    my $row = sub {
        my ($figure, $unit, $from, $take, $most) = @_;
        $bench->row(load => 'browser', figure => $figure, unit => $unit,
            ours => [ map { $take->($_) } @{ $got->{$from} } ],
            defined $most ? (target => [ value => '<=', $most ]) : ());
    };
    for my $way ([ first => 'first opening', 1000, 250 ], [ 'first-in' => 'signed in, nothing cached', 1000, 250 ],
        [ reopen => 'opened again', 300 ]) {
        my ($from, $name, $time, $size) = @$way;
        $row->("$name: time to use", 'ms', $from, sub { $_[0]{ms} }, $time);
        $row->("$name: received", 'kB', $from, sub { $_[0]{bytes} / 1000 }, $size);
        $row->("$name: requests", '', $from, sub { $_[0]{requests} });
    }
    for my $way (qw(up down)) {
        my $name = "$way through $messages at $speed px/s";
        $row->("$name: p95 of a frame", 'ms', 'scroll', sub { $_[0]{$way}{p95} }, 20);
        $row->("$name: p99", 'ms', 'scroll', sub { $_[0]{$way}{p99} }, 50);
        $row->("$name: longest", 'ms', 'scroll', sub { $_[0]{$way}{longest} });
        $row->("$name: frames over 50 ms", '', 'scroll', sub { $_[0]{$way}{long} }, 0);
        $row->("$name: frames with blank rows", '', 'scroll', sub { $_[0]{$way}{blank} + $_[0]{$way}{late} }, 0);
        $row->("$name: frames that wait for older", '', 'scroll', sub { $_[0]{$way}{waiting} });
        $row->("$name: rows made twice", '', 'scroll', sub { $_[0]{$way}{again} });
        $row->("$name: longest jump", 'px', 'scroll', sub { $_[0]{$way}{jump} }, 1);
    }
    $row->('most elements in the page', '', 'scroll', sub {
        $_[0]{up}{nodes} > $_[0]{down}{nodes} ? $_[0]{up}{nodes} : $_[0]{down}{nodes}
    }, 1500);
    $row->("heap of the page for $messages", 'MiB', 'scroll', sub { $_[0]{heap} / 1048576 });
    $row->("catching up on $portion", 'messages/s', 'catch-up', sub { $_[0]{rate} });
    $row->('longest task of the page meanwhile', 'ms', 'catch-up', sub { $_[0]{task} }, 50);
    $row->('longest wait to keep a draft', 'ms', 'catch-up', sub { $_[0]{wait} });
    $row->('reading back, page by page', 'messages/s', 'read-back', sub { $_[0]{rate} });
    $row->('writing, two people', 'messages/s', 'write', sub { $_[0]{rate} });
    return;
}

sub driver {
    my ($bench) = @_;
    my $ours = $bench->{ours};
    my $owner = $ours->{owner};
    $owner->refresh;
    my $community = $owner->must(POST => '/api/communities', { id => $owner->uuid, name => 'The bench' });
    my $invite = $owner->must(POST => "/api/communities/$community->{id}/invites", {});
    my $root = Chatalot::Stack::root();
    # where the browser's profiles are: on the same disk
    local $ENV{TMPDIR} = $bench->{dir};
    return $bench->generator(
        JSON::PP->new->utf8->encode({
            url => $ours->url, invite => $ours->url . "/invite/$invite->{code}",
            log => "$ours->{dir}/log/access.log" }),
        with => [ "$root/scripts/with-node", 'node' ], binary => "$root/bench/browser.mjs");
}

1;
