#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# REST as HTTP, on raw connections: methods, paths, headers, bodies in every form and split, what is left unread, kept
# connections, clients that go away. What the routes do is tested elsewhere.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes);
use Test::More;
use Time::HiRes qw(time);

my $chat  = Test::Chatalot->new(server => "keepalive_requests 100000;\nclient_body_timeout 3s;\nlingering_timeout 2s;\n");
my $owner = $chat->owner;
my $json  = JSON::PP->new->utf8->canonical;
my $me    = 'Authorization: Bearer ' . $owner->token;
my $type  = 'Content-Type: application/json';

# --- a connection ----------------------------------------------------------------------------------------------------

sub dial {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $chat->port, Proto => 'tcp') // die "no connection: $!";
}

sub say_to {
    my ($socket, $text) = @_;
    local $SIG{PIPE} = 'IGNORE';
    while (length $text) {
        my $n = syswrite $socket, $text;
        return 0 if !$n;
        substr $text, 0, $n, '';
    }
    return 1;
}

my %rest;    # what was read behind an answer

# The next answer: {status, head, body, json}; undef when the server closed first. HEAD has no body.
sub hear {
    my ($socket, %how) = @_;
    my $buffer = delete $rest{$socket} // '';
    my $end = time + ($how{seconds} // 10);
    my $more = sub {
        my $left = $end - time;
        die "no answer in time; so far: $buffer" if $left <= 0 || !IO::Select->new($socket)->can_read($left);
        return sysread $socket, $buffer, 65536, length $buffer;
    };
    until ($buffer =~ /\r\n\r\n/) { return undef if !$more->() }
    my ($head) = $buffer =~ /\A(.*?)\r\n\r\n/s;
    substr $buffer, 0, length($head) + 4, '';
    my ($status) = $head =~ m{\AHTTP/1\.1 (\d+)} or die "not HTTP: $head";
    my $length = !$how{head} && $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;
    while (length $buffer < $length) { return undef if !$more->() }
    my $body = substr $buffer, 0, $length, '';
    $rest{$socket} = $buffer if length $buffer;
    return hear($socket, %how) if $status == 100 && !$how{continue};
    return { status => $status, head => $head, body => $body, json => scalar eval { $json->decode($body) } };
}

sub closed {
    my ($socket, $seconds) = @_;
    my $end = time + ($seconds // 5);
    while ((my $left = $end - time) > 0) {
        next if !IO::Select->new($socket)->can_read($left);
        return 1 if !sysread $socket, my $ignored, 65536;
    }
    return 0;
}

sub header { my ($answer, $name) = @_; return $answer->{head} =~ /^\Q$name\E: (.*?)\r?$/mi ? $1 : undef }

sub head_of { my ($method, $path, @headers) = @_; return join "\r\n", "$method $path HTTP/1.1", 'Host: localhost', @headers, '', '' }

sub with_body { my ($method, $path, $body, @headers) = @_; return head_of($method, $path, @headers, 'Content-Length: ' . length $body) . $body }

sub ask {
    my ($text, %how) = @_;
    my $socket = dial();
    say_to($socket, $text);
    my $answer = hear($socket, %how);
    delete $rest{$socket};
    return $answer;
}

# The status and code of an error in its one form, or the status
sub said {
    my ($answer) = @_;
    return 'closed' if !$answer;
    my $error = ref $answer->{json} eq 'HASH' ? $answer->{json}{error} : undef;
    return $answer->{status} if !$error;
    return "$answer->{status} bad form" if !$error->{message} || !$error->{request_id};
    return join ' ', $answer->{status}, $error->{code}, $error->{field} // ();
}

sub is_said { my ($answer, $expected, $name) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; return is(said($answer), $expected, $name) || diag($answer ? $answer->{body} : '') }

# --- methods and paths -------------------------------------------------------------------------------------------------

subtest 'methods' => sub {
    my $head = ask(head_of(HEAD => '/api/me', $me), head => 1);
    is($head->{status}, 200, 'HEAD works where GET does');
    ok(header($head, 'Content-Length') > 0, 'and says how much GET would give');

    my $socket = dial();
    say_to($socket, head_of(HEAD => '/api/health') . head_of(GET => '/api/health'));
    is(hear($socket, head => 1)->{status}, 200, 'HEAD has no body:');
    is(hear($socket)->{json}{status}, 'ok', 'what follows is the next answer');

    my $options = ask(head_of(OPTIONS => '/api/devices'));
    is($options->{status}, 204, 'OPTIONS is answered without a token');
    is(header($options, 'Allow'), 'GET, HEAD, POST, OPTIONS', 'with what the path knows');
    is(header(ask(head_of(OPTIONS => '/api/communities/x/members/y')), 'Allow'), 'DELETE, OPTIONS', 'and no more');

    for my $method (qw(PUT PATCH DELETE FOO PROPFIND)) {
        my $answer = ask(head_of($method => '/api/me', $me));
        is_said($answer, '405 method_not_allowed', "$method is not for this path");
        is(header($answer, 'Allow'), 'GET, HEAD, OPTIONS', 'and the answer says what is');
    }
    is_said(ask(with_body(POST => '/api/me', '{}', $me, $type)), '405 method_not_allowed', 'POST with a body neither');
};

subtest 'paths' => sub {
    is_said(ask(head_of(GET => $_, $me)), '404 not_found', "no resource: $_")
        for qw(/api/ /api/nothing /api/me/ /api/me/x /api/ME /api/me%2F /api/health%20 /api/communities//x/members/ /api/users/x /api/me%0a);
    is(ask(head_of(GET => $_, $me))->{status}, 200, "the same resource: $_")
        for qw(/api/me /api/%6de /api//me /api/x/../me /api/./me /api/me?);
    is_said(ask(head_of(GET => '/api/communities/x', $me)), '422 invalid_field community', 'a parameter is checked and named');
    is_said(ask(head_of(GET => '/api/communities/' . 'x' x 3000, $me)), '422 invalid_field community', 'a long one too');
    is_said(ask(head_of(GET => '/api/invites/%22%5c%c3%a9%01')), '404 invite_not_found code', 'odd characters in a path are data');
    is_said(ask(head_of(GET => '/api/invites/%ff%fe')), '422 invalid_field code', 'and must be UTF-8');
    is(ask(head_of(GET => '/api/invites/a%00b'))->{status}, 400, 'a NUL is refused by nginx');
};

subtest 'query' => sub {
    is(ask(head_of(GET => "/api/inbox$_", $me))->{status}, 200, "good: $_")
        for '?after=0', '?limit=%31%30', '?after=0&limit=1', '?&after=0&', '?limit=200';
    my %bad = (
        '?x=1'           => 'unknown_field x', '?after'          => 'invalid_field after', '?after='      => 'invalid_field after',
        '?after=1&after=1' => 'invalid_field after', '?after=-1' => 'invalid_field after', '?after=1x'    => 'invalid_field after',
        '?after=+1'      => 'invalid_field after', '?after=1%00' => 'invalid_field after', '?after=1.0'   => 'invalid_field after',
        '?after=9007199254740992' => 'invalid_field after',
        '?after=99999999999999999999' => 'invalid_field after', '?limit=0' => 'invalid_field limit', '?limit=201' => 'invalid_field limit',
        '?%61fter=x'     => 'invalid_field after', '?AFTER=1'    => 'unknown_field AFTER', '?=1'          => 'unknown_field',
        '?%ff=1'         => 'unknown_field', '?after=1;limit=2'  => 'invalid_field after', '?%'           => 'unknown_field',
        '?' . 'x' x 4000 => 'unknown_field', '?' . 'after=x&' x 500 => 'invalid_field after',
    );
    is_said(ask(head_of(GET => "/api/inbox$_", $me)), "422 $bad{$_}", 'bad: ' . substr $_, 0, 30) for sort keys %bad;
    is_said(ask(head_of(GET => '/api/health?x')), '422 unknown_field x', 'a route without parameters takes none');
};

# --- headers ------------------------------------------------------------------------------------------------------------

subtest 'headers' => sub {
    my $answer = ask(head_of(GET => '/api/nothing'));
    is(header($answer, 'Content-Type'), 'application/json', 'errors are JSON');
    is(header($answer, 'Cache-Control'), 'no-store', 'and not kept');
    is(header($answer, 'X-Request-Id'), $answer->{json}{error}{request_id}, 'the request id is in the header and in the error');
    like($answer->{json}{error}{request_id}, qr/^[0-9a-f]{32}$/, 'in nginx\'s form');
    is(header(ask(head_of(GET => '/api/me', $me)), 'Cache-Control'), 'no-store', 'answers are not kept either');

    my $document = ask(head_of(GET => '/api/openapi.json'));
    my $tag = header($document, 'ETag');
    is(header($document, 'Cache-Control'), 'no-cache', 'the OpenAPI document may be kept');
    is(ask(head_of(GET => '/api/openapi.json', "If-None-Match: $tag"), head => 1)->{status}, 304, 'against its ETag');
    is(ask(head_of(GET => '/api/openapi.json', 'If-None-Match: "x"'))->{status}, 200, 'and no other');

    for my $bad ('', 'Bearer', 'Bearer ', 'Basic eDp5', 'Bearer x', 'Bearer a.b.c', 'Bearer ' . 'x' x 3000, 'Bearer ' . $owner->token . 'x',
        $owner->token) {
        my $refused = ask(head_of(GET => '/api/me', "Authorization: $bad"));
        is_said($refused, '401 unauthorized', 'no good token: ' . substr $bad, 0, 20);
        is(header($refused, 'WWW-Authenticate'), 'Bearer', 'and which scheme is asked for');
    }
    is(ask(head_of(GET => '/api/me', 'authorization: bearer  ' . $owner->token))->{status}, 200, 'names of headers and schemes are without case');
    is(ask(head_of(GET => '/api/health', 'Authorization: Bearer x'))->{status}, 200, 'where no token is asked for none is looked at');
    my $enrol = $owner->login->{json}{enrol_token};
    is_said(ask(head_of(GET => '/api/me', "Authorization: Bearer $enrol")), '403 wrong_scope', 'an enrol token only admits a device');
    is_said(ask(with_body(POST => '/api/devices', '{}', $me, $type)), '403 wrong_scope', 'and a full one does not');
    is(ask(head_of(GET => '/api/me', $me, "User-Agent: $_"))->{status}, 200, 'any User-Agent will do')
        for "\xff\xfe", "a\tb", 'x' x 3000, "'; drop table data.users; --";
};

# --- bodies ---------------------------------------------------------------------------------------------------------------

my $login = sub { return $json->encode({ username => 'owner', login_key => b64u($owner->keys->{login_key}), @_ }) };
my $prelogin = '{"username":"owner"}';
my $prelogin_path = '/api/auth/prelogin';

subtest 'what a body must be' => sub {
    my $post = sub { my ($body, @headers) = @_; return ask(with_body(POST => $prelogin_path, $body, @headers)) };
    is($post->($prelogin, $_)->{status}, 200, $_)
        for $type, "$type; charset=utf-8", 'content-type: Application/JSON ;charset="utf-8"', "$type ";
    is_said($post->($prelogin, @$_), '415 unsupported_media_type', $_->[0] // 'no content type')
        for [], ['Content-Type: text/plain'], ['Content-Type: application/jsonx'], ['Content-Type: application/json-patch+json'], ['Content-Type: application'];
    is_said($post->('', $type), '400 invalid_json', 'an empty body where one is needed');
    is_said(ask(head_of(POST => $prelogin_path)), '400 invalid_json', 'no body at all');
    my %bad = (
        '{' => 'cut off', '[]' => 'an array', '1' => 'a number', '"x"' => 'a string', 'null' => 'null', '{"username":"owner"}x' => 'more behind it',
        '{"username":"owner"} {}' => 'two', '{"username":"own\u0000er"}' => 'a NUL', "{\"username\":\"\xff\xfe\"}" => 'no UTF-8',
        "{\"username\":\"\xed\xa0\x80\"}" => 'a surrogate in UTF-8', "{'username':'owner'}" => 'single quotes', '{"username":"owner",}' => 'a comma',
        '//x' . "\n" . $prelogin => 'a comment', "\xef\xbb\xbf$prelogin" => 'a byte order mark', '[' x 100000 => 'very deep',
        '{"a":' x 100 . '1' . '}' x 100 => 'deep', '[' . '0,' x 20000 . '0]' => 'many values', "{\"username\":\"owner\"}\0" => 'a NUL behind',
        '{"username":NaN}' => 'NaN', '{"username":01}' => 'a leading zero',
    );
    is_said($post->($_, $type), '400 invalid_json', $bad{$_}) for sort { $bad{$a} cmp $bad{$b} } keys %bad;
    my %refused = (
        '{}' => 'missing_field username', '{"username":"owner","x":1}' => 'unknown_field x', '{"username":1}' => 'invalid_field username',
        '{"username":null}' => 'invalid_field username', '{"username":"o"}' => 'invalid_field username',
        '{"username":"owner","username":"other"}' => 'invalid_field username', '{"username":["owner"]}' => 'invalid_field username',
        '{"Username":"owner"}' => 'unknown_field Username',
    );
    like(said($post->($_, $type)), qr/^422 \w+ ?(?:username|x|Username)?/, "refused: $_") for sort keys %refused;
    is($post->("\r\n\t {\"username\" : \"owner\"}\n ", $type)->{status}, 200, 'white space round it');
    is($post->('{"\u0075sername":"\u006fwner"}', $type)->{status}, 200, 'escapes');
    is(ask(with_body(POST => '/api/auth/logout', $_, $me, $type))->{status}, 422, "no parameters: $_") for '{"x":1}';
};

subtest 'bodies in pieces' => sub {
    for my $kind (['with a length', with_body(POST => $prelogin_path, $prelogin, $type)],
        ['chunked', head_of(POST => $prelogin_path, $type, 'Transfer-Encoding: chunked') . join('', map {"1\r\n$_\r\n"} split //, $prelogin) . "0\r\n\r\n"],
        ['chunked with a trailer', head_of(POST => $prelogin_path, $type, 'Transfer-Encoding: chunked') . sprintf("%x;ext=1\r\n%s\r\n0\r\nX: y\r\n\r\n", length $prelogin, $prelogin)],
    ) {
        my ($name, $text) = @$kind;
        my $whole = ask($text);
        is($whole->{json}{ops}, 3, "$name, at once");
        my $socket = dial();
        $socket->sockopt(Socket::TCP_NODELAY(), 1) if defined &Socket::TCP_NODELAY;
        for my $byte (split //, $text) { say_to($socket, $byte); select undef, undef, undef, 0.001 }
        is(hear($socket)->{body}, $whole->{body}, "$name, byte by byte");
    }
    my $socket = dial();
    say_to($socket, head_of(POST => $prelogin_path, $type, 'Expect: 100-continue', 'Content-Length: ' . length $prelogin));
    is(hear($socket, continue => 1)->{status}, 100, 'a client that asks first may go on');
    say_to($socket, $prelogin);
    is(hear($socket)->{json}{ops}, 3, 'and is answered');
    my $refused = dial();
    say_to($refused, head_of(POST => '/api/backup', $type, 'Expect: 100-continue', 'Content-Length: 100'));
    is_said(hear($refused), '401 unauthorized', 'one that may not is refused without its body') ;
};

subtest 'large bodies' => sub {
    my $item = sub { return { id => $owner->uuid, data => b64u(random_bytes($_[0])) } };
    my $body = $json->encode({ items => [ map { $item->(65536) } 1 .. 11 ] });
    is(ask(with_body(POST => '/api/backup', $body, $me, $type))->{json}{stored}, 11, length($body) . ' bytes are taken');
    my $filled = $body . ' ' x (1024 * 1024 - length $body);
    is(ask(with_body(POST => '/api/backup', $filled, $me, $type))->{json}{stored}, 0, 'exactly 1 MiB too');
    my $chunked = head_of(POST => '/api/backup', $me, $type, 'Transfer-Encoding: chunked')
        . join('', map { sprintf "%x\r\n%s\r\n", length, $_ } unpack '(a5000)*', $filled) . "0\r\n\r\n";
    is(ask($chunked)->{json}{stored}, 0, 'also in chunks');
    my $over = ask(with_body(POST => '/api/backup', "$filled ", $me, $type));
    is_said($over, '413 too_large', 'one byte more is too large');
    $chunked =~ s/0\r\n\r\n\z/1\r\n \r\n0\r\n\r\n/;
    is_said(ask($chunked), '413 too_large', 'in chunks as well');
    my $socket = dial();
    say_to($socket, head_of(POST => '/api/backup', $me, $type, 'Content-Length: 99999999999'));
    is_said(hear($socket), '413 too_large', 'an enormous one is refused at once');
    is_said(ask(with_body(POST => '/api/backup', $json->encode({ items => [ map { $item->(1) } 1 .. 101 ] }), $me, $type)), '422 invalid_field items', 'a list has a bound');
    is_said(ask(with_body(POST => '/api/backup', $json->encode({ items => [$item->(65537)] }), $me, $type)), '422 invalid_field items[0].data', 'and so has an item, which is named');
    like(said(ask(head_of(POST => $prelogin_path, $type, 'Transfer-Encoding: chunked') . "zz\r\n")), qr/^400 /, 'a broken chunk is refused');
};

# --- connections ------------------------------------------------------------------------------------------------------------

subtest 'kept connections' => sub {
    my $socket = dial();
    say_to($socket, join '', (map { head_of(GET => '/api/me', $me) } 1 .. 20), with_body(POST => $prelogin_path, $prelogin, $type) x 5, head_of(GET => '/api/nothing'), head_of(GET => '/api/health'));
    is(scalar(grep { my $a = hear($socket); $a && ($a->{json}{username} // '') eq 'owner' } 1 .. 20), 20, 'twenty in one go');
    is(scalar(grep { hear($socket)->{json}{ops} } 1 .. 5), 5, 'five with bodies behind them');
    is_said(hear($socket), '404 not_found', 'a refusal');
    is(hear($socket)->{json}{status}, 'ok', 'and on');

    my @unread = (
        ['GET with a body', with_body(GET => '/api/health', 'GET /evil HTTP/1.1' . "\r\n\r\n"), 200],
        ['GET with a chunked body', head_of(GET => '/api/health', 'Transfer-Encoding: chunked') . "5\r\nhello\r\n0\r\n\r\n", 200],
        ['HEAD-like refusal: no token', with_body(POST => '/api/backup', 'x' x 100_000, $type), 401],
        ['no resource', with_body(POST => '/api/nothing', 'x' x 100_000), 404],
        ['no method', with_body(PUT => '/api/me', 'x' x 100_000), 405],
        ['OPTIONS', with_body(OPTIONS => '/api/me', 'x' x 10), 204],
        ['DELETE with a body', with_body(DELETE => '/api/communities/x/members/y', '{}', $me), 422],
        ['wrong type', with_body(POST => $prelogin_path, 'x' x 1000), 415],
        ['wrong JSON', with_body(POST => $prelogin_path, 'x' x 1000, $type), 400],
    );
    for my $case (@unread) {
        my ($name, $text, $status) = @$case;
        my $kept = dial();
        say_to($kept, $text . head_of(GET => '/api/health'));
        is(hear($kept)->{status}, $status, "$name: answered");
        my $next = hear($kept);
        is($next ? $next->{status} : 'closed', 200, "$name: the next request on the connection is the next request");

        # the body comes only after the answer
        my ($first, $body) = $text =~ /\A(.*?\r\n\r\n)(.*)\z/s;
        next if $status == 415 || $status == 400;
        my $slow = dial();
        say_to($slow, $first);
        is(hear($slow)->{status}, $status, "$name, body later: answered");
        say_to($slow, $body . head_of(GET => '/api/health'));
        $next = hear($slow);
        is($next ? $next->{status} : 'closed', 200, "$name, body later: and the next");
    }
};

subtest 'clients that go away' => sub {
    for my $delay (0, 0.002, 0.02, 0.1) {
        for my $text (with_body(POST => '/api/auth/login', $login->(), $type), with_body(POST => '/api/auth/register', $json->encode(
                    Test::Chatalot::Person->new(server => $chat, name => 'gone' . int(1000 * $delay))->registration), $type),
            head_of(GET => '/api/communities', $me), with_body(POST => '/api/auth/login', $login->(), $type) x 3) {
            my $socket = dial();
            say_to($socket, $text);
            select undef, undef, undef, $delay;
            setsockopt $socket, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'II', 1, 0 if $delay == 0.02;
            close $socket;
        }
    }
    my $half = dial();
    say_to($half, substr with_body(POST => '/api/auth/login', $login->(), $type), 0, -5);
    close $half;
    my $stalled = dial();
    say_to($stalled, substr with_body(POST => $prelogin_path, $prelogin, $type), 0, -5);
    my $answer = hear($stalled, seconds => 10);
    ok(!$answer || $answer->{status} == 408, 'a body that does not come is waited for only so long');
    await('it is calm', sub { $chat->is_healthy });
    is(ask(with_body(POST => '/api/auth/login', $login->(), $type))->{status}, 200, 'the others are served');
};

subtest 'without the database' => sub {
    $chat->stop_postgres('immediate');
    my $began = time;
    my $answer = ask(head_of(GET => '/api/auth/config'), seconds => 15);
    is_said($answer, '503 unavailable', 'what needs it is refused');
    like(header($answer, 'Retry-After') // '', qr/^[1-9]\d*$/, 'with the time to come back');
    await('the loss is known', sub { my $began = time; ask(head_of(GET => '/api/auth/config'), seconds => 15); time - $began < 0.5 });
    pass('and quickly, once that is known');
    my $health = ask(head_of(GET => '/api/health'));
    is($health->{status}, 503, 'health says so');
    is_deeply([ @{ $health->{json} }{qw(status database redis)} ], ['degraded', JSON::PP::false, JSON::PP::true], 'and why');
    ok(header($health, 'Retry-After'), 'with the time to come back');
    is_said(ask(head_of(GET => '/api/me')), '401 unauthorized', 'what does not need it is answered as ever');
    $chat->start_postgres;
    await('it is back', sub { $chat->is_healthy }, 30);
    is(ask(head_of(GET => '/api/me', $me))->{status}, 200, 'and all is well again');
};

subtest 'secrets stay out of the logs' => sub {
    my $log = $chat->error_log;
    for my $file (glob $chat->dir . '/log/*') { open my $in, '<', $file or next; local $/; $log .= <$in> // '' }
    my $keys = $owner->keys;
    for my $name (qw(login_key recovery_key)) {
        ok(index($log, b64u($keys->{$name})) < 0 && index($log, unpack 'H*', $keys->{$name}) < 0, $name);
    }
    unlike($log, qr/buffered to a temporary file/, 'no body was written to the disk');
    ok(index($log, $owner->token) < 0, 'access token');
    ok(index($log, $owner->{refresh_token}) < 0, 'refresh token');
};

$chat->done;
