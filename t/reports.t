#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A report is kept only when what it says was sent is what was sent: payload, key and commitment flipped one by one. Who may
# report, who sees it, and what nobody learns. t/sql/reports.sql has the rest of the rules.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(decode_base64url);
use Test::Chatalot;
use Test::Chatalot::Keys qw(b64u random_bytes uuid);
use Test::More;

my $chat    = Test::Chatalot->new(settings => { chatalot_websocket_rate => 1000, chatalot_websocket_burst => 1000 });
my $nobody  = $chat->nobody;
my $owner   = $chat->owner;
my $home    = $chat->community;
my $channel = $home->{groups}[0]{channels}[0];
my ($anna, $ben, $mona) = map { $chat->member($_, $home) } qw(anna ben mona);
my $away    = $chat->community(name => 'Away');
my $zoe     = $chat->member('zoe', $away);
$chat->sql("update data.community_members set role = 'moderator' where user_id = '" . $mona->id . "'");

# What somebody writes: the payload and the key are what its readers find inside. "text" is the payload; all else goes into
# the frame.
sub writes {
    my ($person, $place, %change) = @_;
    my $text = delete $change{text} // qq({"type":"text","text":"secret of @{[ $person->name ]}"});
    my %said = (payload => $text, key => random_bytes(32));
    my $frame = $person->message($person->roster($place), commitment => b64u(hmac_sha256($said{payload}, $said{key})), %change);
    my $answer = $chat->socket($person)->request($frame);
    die "not sent: $answer->{error}{code}\n" if $answer->{type} ne 'ok';
    return { %said, channel => $frame->{channel}, entry => $frame->{id}, seq => $answer->{result}{seq} };
}

sub report {
    my ($of, %change) = @_;
    my %body = (
        id => uuid(), channel => $of->{channel}, entry => $of->{entry}, payload => b64u($of->{payload}),
        franking_key => b64u($of->{key}), reason => 'Rude', %change,
    );
    delete $body{$_} for grep { !defined $body{$_} } keys %body;
    return \%body;
}

# The bytes with one bit of the n-th changed.
sub flipped { my ($bytes, $n) = @_; substr($bytes, $n, 1) = chr(1 ^ ord substr $bytes, $n, 1); return $bytes }

sub kept { return $chat->sql('select count(*) from data.reports') }

# --- forged --------------------------------------------------------------------------------------------------------

my $said = writes($ben, $channel);
my $last = length($said->{payload}) - 1;
for my $case (
    [ 'the first byte of the payload', payload => b64u(flipped($said->{payload}, 0)) ],
    [ 'the last byte of the payload', payload => b64u(flipped($said->{payload}, $last)) ],
    [ 'a byte more', payload => b64u($said->{payload} . "\0") ],
    [ 'a byte less', payload => b64u(substr $said->{payload}, 0, $last) ],
    [ 'other words', payload => b64u('{"type":"text","text":"I never said that"}') ],
    [ 'the first byte of the key', franking_key => b64u(flipped($said->{key}, 0)) ],
    [ 'the last byte of the key', franking_key => b64u(flipped($said->{key}, 31)) ],
    [ 'another key', franking_key => b64u(random_bytes(32)) ],
) {
    my ($name, %change) = @$case;
    refuses($anna->post('/api/reports', report($said, %change)), 422, 'report_forged', "$name: not what was sent", 'payload');
}
for my $byte (0, 31) {
    my $commitment = hmac_sha256($said->{payload}, $said->{key});
    my $false = writes($ben, $channel, commitment => b64u(flipped($commitment, $byte)));
    refuses($anna->post('/api/reports', report({ %$false, %{$said}{qw(payload key)} })), 422, 'report_forged',
        "byte $byte of the commitment: not what was sent");
}
my $other = writes($anna, $channel);
refuses($mona->post('/api/reports', report($said, entry => $other->{entry})), 422, 'report_forged', 'what Ben wrote is not pinned on Anna');
is(kept(), 0, 'none of it is kept');

# --- who may report ------------------------------------------------------------------------------------------------

refuses($nobody->post('/api/reports', report($said)), 401, 'unauthorized', 'nobody reports');
refuses($zoe->post('/api/reports', report($said)), 404, 'channel_not_found', 'who is not in the channel does not');
refuses($anna->post('/api/reports', report($said, channel => uuid())), 404, 'channel_not_found', 'no channel');
refuses($anna->post('/api/reports', report($said, entry => uuid())), 404, 'entry_not_found', 'no entry');
my $late = $chat->member('late', $home);
refuses($late->post('/api/reports', report($said)), 404, 'entry_not_found', 'who came later cannot read it, nor report it');
refuses($anna->post('/api/reports', report($said, payload => b64u(random_bytes(131073)))), 422, 'invalid_field', 'too long a payload', 'payload');
refuses($anna->post('/api/reports', report($said, payload => '')), 422, 'invalid_field', 'none', 'payload');
refuses($anna->post('/api/reports', report($said, reason => 'x' x 1001)), 422, 'invalid_field', 'too long a reason', 'reason');
refuses($anna->post('/api/reports', report($said, franking_key => undef)), 422, 'missing_field', 'no key', 'franking_key');
my $wiped = writes($ben, $channel);
$chat->sql("update data.entries set ciphertext = null, commitment = null where id = '$wiped->{entry}'");
refuses($anna->post('/api/reports', report($wiped)), 409, 'entry_wiped', 'what was wiped cannot be shown to have been said');
is(kept(), 0, 'nothing is kept');

my $report = report($said);
answers($anna->post('/api/reports', $report), 200, 'a true report');
answers($anna->post('/api/reports', $report), 200, 'the same again is harmless');
answers($anna->post('/api/reports', report($said)), 200, 'under another id too');
is(kept(), 1, 'one is kept');
refuses($mona->post('/api/reports', report($said, id => $report->{id})), 409, 'id_taken', 'another\'s id');
my $long = writes($ben, $channel, text => 'x' x 131072);
answers($mona->post('/api/reports', report($long, reason => undef)), 200, 'the longest payload, without a reason');

my $dm = $anna->must(POST => '/api/dms', { id => uuid(), user => $ben->id });
my @others = grep { $_ ne $ben->device } map { map { $_->{id} } @{ $_->{devices} } } @{ $ben->roster($dm)->{members} };
my $private = writes($ben, $dm, text => 'between us', envelopes => [ map { { device => $_, id => uuid(), payload => b64u('x') } } @others ]);
answers($anna->post('/api/reports', report($private)), 200, 'of a direct message');
refuses($owner->post('/api/reports', report($private)), 404, 'channel_not_found', 'the owner of the instance is not in it');

# --- who sees it ---------------------------------------------------------------------------------------------------

my $mine = "/api/reports?community=$home->{id}";
for my $case (
    [ $nobody, $mine, 401, 'unauthorized', 'nobody' ], [ $nobody, '/api/reports', 401, 'unauthorized', 'nobody' ],
    [ $anna, $mine, 403, 'forbidden', 'a member' ], [ $mona, $mine, 403, 'forbidden', 'a moderator' ],
    [ $zoe, $mine, 404, 'community_not_found', 'somebody of another community' ],
    [ $anna, '/api/reports', 403, 'forbidden', 'a member' ], [ $zoe, '/api/reports', 403, 'forbidden', 'somebody of another community' ],
) {
    my ($who, $path, $status, $code, $name) = @$case;
    refuses($who->get($path), $status, $code, "$name does not see " . ($path eq $mine ? 'a community\'s' : 'all'));
}
refuses($owner->get('/api/reports?community=' . uuid()), 404, 'community_not_found', 'reports of no community');
refuses($owner->get('/api/reports?limit=51'), 422, 'invalid_field', 'too many at once', 'limit');

my $list = answers($owner->get($mine), 200, 'the owner sees those of the community');
is_deeply([ map { $_->{entry} } @{ $list->{reports} } ], [ map { $_->{entry} } $long, $said ], 'newest first, without the DM\'s');
my $seen = $list->{reports}[1];
is(decode_base64url($seen->{payload}), $said->{payload}, 'with what was really written');
is_deeply([ $seen->{sender}{username}, $seen->{reporter}{username}, @{$seen}{qw(id kind seq channel community reason resolved_at)} ],
    [ 'ben', 'anna', $report->{id}, 'text', $said->{seq}, $channel->{id}, $home->{id}, 'Rude', undef ], 'by whom, told by whom, and where');
my $all = answers($owner->get('/api/reports?limit=2'), 200, 'the instance\'s owner sees all');
is_deeply([ map { $_->{kind} } @{ $all->{reports} } ], [ 'dm', 'text' ], 'direct messages too');
ok($all->{more}, 'page by page');
is_deeply([ map { $_->{id} } @{ $owner->must(GET => "/api/reports?before=$all->{reports}[1]{id}")->{reports} } ], [ $report->{id} ], 'to the end');
$chat->sql("update data.community_members set role = 'admin' where user_id in ('" . $ben->id . "', '" . $mona->id . "')");
is(scalar @{ $mona->must(GET => $mine)->{reports} }, 2, 'an admin of the community sees them');
is_deeply($ben->must(GET => $mine), { reports => [], more => JSON::PP::false() }, 'but not those about themselves');
refuses($ben->post("/api/reports/$report->{id}/resolve"), 404, 'report_not_found', 'nor are they theirs to resolve');

refuses($nobody->post("/api/reports/$report->{id}/resolve"), 401, 'unauthorized', 'nobody resolves');
refuses($anna->post("/api/reports/$report->{id}/resolve"), 404, 'report_not_found', 'for a member it does not exist');
refuses($zoe->post("/api/reports/$report->{id}/resolve"), 404, 'report_not_found', 'nor elsewhere');
refuses($mona->post("/api/reports/$all->{reports}[0]{id}/resolve"), 404, 'report_not_found', 'a DM\'s is the instance\'s alone');
answers($mona->post("/api/reports/$report->{id}/resolve"), 200, 'an admin resolves');
answers($owner->post("/api/reports/$report->{id}/resolve"), 200, 'again is harmless');
($seen) = grep { $_->{id} eq $report->{id} } @{ $owner->must(GET => $mine)->{reports} };
ok($seen->{resolved_at} && $seen->{resolved_by} eq $mona->id, 'the first who did it is named');

# --- what is kept --------------------------------------------------------------------------------------------------

my $key = unpack 'H*', $said->{key};
my $dump = $chat->sql('select string_agg(r::text, \'\') from data.reports r');
unlike($dump, qr/\Q$key\E/, 'the key is not kept');
unlike($chat->error_log, qr/secret of|\Q@{[ b64u($said->{payload}) ]}\E|\Q@{[ b64u($said->{key}) ]}\E/, 'and the log knows nothing of it');

$chat->done;
