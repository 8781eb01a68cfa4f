#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The configuration that ships: how the client is served, what the headers say, how fast one address may ask, what the
# log must not know, and that another site in the same nginx is left alone.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use IO::Socket::INET ();
use Test::Chatalot;
use Test::Chatalot::Search qw(slurp);
use Test::More;

my $other = Test::Chatalot::free_port();
my $chat  = Test::Chatalot->new(
    limits => 1,
    http   => "server { listen 127.0.0.1:$other; location / { return 200 'another site'; } location /api/ { return 201; } }\n",
    healthy => 0,
);
sub page { my ($path, %how) = @_; return $chat->nobody->get($path, %how) }
await('the server answers', sub { page('/api/health')->{status} == 200 }, 30);

# --- the client ----------------------------------------------------------------------------------------------------

ok($chat->www, 'the client is built') or BAIL_OUT('make client first');
my $index = page('/');
is($index->{status}, 200, 'the page');
like($index->{headers}->content_type, qr{^text/html; *charset=utf-8$}i, 'is HTML in UTF-8');
is($index->{headers}->cache_control, 'no-cache', 'asked for again each time');
like($index->{body}, qr/<!doctype html>/i, 'and the one that was built');
unlike($index->{body}, qr/<script(?![^>]*\bsrc=)[^>]*>|<style|\son\w+=|\sstyle=/i, 'with nothing inline in it');
for my $place ('/setup', '/invite/ABCDEF', '/channels/5', '/no/such/place') {
    is(page($place)->{body}, $index->{body}, "$place is a place inside the client");
}
my ($asset) = $index->{body} =~ m{["'](?:\.?/)?(_app/immutable/[^"']+\.js)};
ok($asset, 'the page names a script') or diag $index->{body};
my $script = page("/$asset");
is($script->{status}, 200, 'which is there');
like($script->{headers}->content_type, qr{^text/javascript}, 'as JavaScript');
is($script->{headers}->cache_control, 'public, max-age=31536000, immutable', 'kept for ever');
my ($large) = map { s{^.*?/(_app/)}{$1}r =~ s/\.gz\z//r } glob $chat->www . '/_app/immutable/chunks/*.js.gz';
is(page("/$large")->{headers}->content_encoding, undef, 'plain for who asks for nothing else');
my $packed = page("/$large", headers => { 'Accept-Encoding' => 'gzip' });
is($packed->{headers}->header('Vary'), 'Accept-Encoding', 'precompressed if the browser likes');
SKIP: {
    my $module = 'ngx_http_brotli_static_module.so';
    skip "this nginx does not take $module", 2 if slurp($chat->dir . '/conf/module.conf') !~ /\Q$module\E/;
    my $better = page("/$large", headers => { 'Accept-Encoding' => 'gzip, br' });
    is($better->{headers}->content_encoding, 'br', 'with brotli if it may be');
    cmp_ok(length $better->{body}, '<', -s $chat->www . "/$large.gz", 'which is smaller');
}
is(page('/_app/immutable/no-such-file.js')->{status}, 404, 'a missing script is an error, not the page');
my ($wasm) = map { s{^.*?/(_app/)}{$1}r } glob $chat->www . '/_app/immutable/assets/*.wasm';
SKIP: {
    skip 'the crypto library is not a file of its own', 1 if !$wasm;
    like(page("/$wasm")->{headers}->content_type, qr{^application/wasm$}, 'WebAssembly has its type');
}
is(page('/.git/config')->{body}, $index->{body}, 'nothing outside is served');
is($chat->nobody->request(POST => '/', {})->{status}, 405, 'the page takes no POST');

# --- headers -------------------------------------------------------------------------------------------------------

for my $path ('/', "/$asset", '/_app/none.js') {
    my $headers = page($path)->{headers};
    my $csp = $headers->header('Content-Security-Policy') // '';
    like($csp, qr/default-src 'none'/, "$path: nothing is allowed by default");
    like($csp, qr/script-src 'self' 'wasm-unsafe-eval';/, "$path: scripts only from here");
    unlike($csp, qr/unsafe-inline|'unsafe-eval'|\*/, "$path: no inline code");
    is($headers->header('X-Content-Type-Options'), 'nosniff', "$path: no sniffing");
    is($headers->header('Referrer-Policy'), 'no-referrer', "$path: no referrer");
    like($csp, qr/frame-ancestors 'none'/, "$path: not in a frame");
}
is(page('/')->{headers}->server, 'nginx', 'no version in the Server header');
my $api = page('/api/health')->{headers};
is($api->header('X-Content-Type-Options'), 'nosniff', 'the API: no sniffing');

# --- rates ---------------------------------------------------------------------------------------------------------

# So many requests as fast as one connection carries them; the bodies of the answers and how many were refused.
sub burst {
    my ($n, $request) = @_;
    my $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $chat->port) or die $!;
    my $last = $request =~ s/\r\n\r\n/\r\nConnection: close\r\n\r\n/r;
    print {$tcp} $request x ($n - 1), $last;
    local $/;
    my $answers = <$tcp>;
    my $all = () = $answers =~ m{HTTP/1\.1 \d}g;
    is($all, $n, "$n requests, $n answers");
    return scalar(() = $answers =~ m{HTTP/1\.1 429 }g);
}

my $body    = JSON::PP::encode_json({ username => 'nobody', token => 'x' });
my $login   = "POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    . length($body) . "\r\n\r\n$body";
my $refused = burst(60, $login);
ok($refused > 20, "signing in is limited ($refused of 60 refused)");
my $slow;
await('a refusal', sub { ($slow = $chat->nobody->post('/api/auth/login', {}))->{status} == 429 || !burst(20, $login) && 0 });
refuses($slow, 429, 'rate_limited', 'with an error like all others');
is($slow->{headers}->header('Retry-After'), 1, 'and Retry-After');
await('the rate falls again', sub { page('/api/auth/config')->{status} == 200 });
my $poll = "POST /api/approvals/poll HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
$refused = burst(60, $poll);
ok($refused > 20, "so is approving a device ($refused of 60 refused)");
my $delete = $poll =~ s{/api/approvals/poll}{/api/account/delete}r;
$refused = burst(60, $delete);
ok($refused > 20, "and whatever else compares a password ($refused of 60 refused)");
$refused = burst(150, "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
ok($refused > 20 && $refused < 120, "so is everything else, later ($refused of 150 refused)");
is(burst(150, "GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n"), 0, 'but not the client\'s files');
await('the rate falls again', sub { page('/api/health')->{status} == 200 });
is($chat->nobody->request(POST => '/api/communities', 'x' x 1_100_000)->{status}, 413, 'a body over 1 MiB is refused');

# --- the log -------------------------------------------------------------------------------------------------------

my @with_secrets = (
    [ '/api/health?token=SECRET-IN-QUERY', { Referer => 'https://example.org/SECRET-IN-REFERER' }, 'SECRET-IN-HEADER' ],
    ['/api/invites/SECRETINVITE'], ['/api/approvals/SECRETCODE'], ['/api/approvals/SECRETCODE/answer'], ['/invite/SECRETINVITE'],
);
for my $i (0 .. $#with_secrets) {
    my ($path, $headers, $token) = @{ $with_secrets[$i] };
    page($path, headers => { %{ $headers // {} }, 'User-Agent' => "visitor-$i" }, token => $token);
}
# each worker gathers lines of its own
await('the log is written', sub { my $text = log_text(); !grep { $text !~ /"visitor-$_"/ } 0 .. $#with_secrets });
my $log = log_text();
unlike($log, qr/SECRET/, 'the access log knows no query, no referrer, no token and no code');
like($log, qr{"path":"/api/invites/\*\*\*"}, 'but that there was one');
like($log, qr{"path":"/api/approvals/\*\*\*"}, 'likewise of approvals');
like($log, qr{"path":"/api/approvals/poll"}, 'whose other paths are no codes');
is(scalar(grep { !eval { JSON::PP::decode_json($_); 1 } } split /\n/, $log), 0, 'each line is JSON');
my @shipped = grep { !/\[(?:info|notice|debug)\]/ } split /\n/, $chat->error_log;
is(scalar(grep {/SECRET/} @shipped), 0, 'nor does the error log, from the level on that ships');

sub log_text { open my $in, '<', $chat->dir . '/log/access.log' or return ''; local $/; return <$in> // '' }

# --- another site --------------------------------------------------------------------------------------------------

sub elsewhere {
    my ($path) = @_;
    my $tcp = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $other) or die $!;
    print {$tcp} "GET $path HTTP/1.0\r\nHost: other\r\n\r\n";
    local $/;
    return <$tcp>;
}
like(elsewhere('/'), qr/another site/, 'another site in the same nginx is served');
unlike(elsewhere('/'), qr/Content-Security-Policy/i, 'without our headers');
like(elsewhere('/api/x'), qr{^HTTP/1\.1 201}, 'and its own /api is its own');
is(scalar(grep { elsewhere('/') !~ /another site/ } 1 .. 100), 0, 'without our limits');

$chat->done;
