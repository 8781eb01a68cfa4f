# SPDX-License-Identifier: GPL-3.0-or-later
#
# A person at one device, as far as the server can tell: keys, certificate, tokens and requests. The secrets that real
# clients derive from a password are random here, and ciphertexts are random bytes: the server must not care.

package Test::Chatalot::Person;

use strict;
use warnings;

use Carp qw(croak);
use JSON::PP ();
use Mojo::UserAgent ();
use Test::Chatalot::Keys qw(b64u random_bytes);
use Time::HiRes ();

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

# server  a Test::Chatalot, or anything with url · name  the username; none: nobody in particular
sub new {
    my ($class, %arg) = @_;
    return bless {%arg}, $class;
}

sub name    { return $_[0]{name} }
sub id      { return $_[0]{user} }
sub device  { return $_[0]{keys}{device} }
sub session { return $_[0]{session} }
sub token   { return $_[0]{access_token} }
sub keys    { return $_[0]{keys} }
sub uuid    { return Test::Chatalot::Keys::uuid() }

# --- requests ------------------------------------------------------------------------------------------------------

# {status, json (undef if the body is none), body, headers (Mojo::Headers), code (of the error)}. A body that is a
# reference is sent as JSON, a string as it is. token => undef in %how sends none.
sub request {
    my ($self, $method, $path, $body, %how) = @_;
    return answer($self->agent->start($self->transaction($method, $path, $body, %how)));
}

sub transaction {
    my ($self, $method, $path, $body, %how) = @_;
    my $token = exists $how{token} ? $how{token} : $self->{access_token};
    my %header = (defined $token ? (Authorization => "Bearer $token") : (), %{ $how{headers} || {} });
    $header{'Content-Type'} //= 'application/json' if defined $body;
    return $self->agent->build_tx($method => $self->{server}->url . $path => \%header,
        defined $body ? (ref $body ? $json->encode($body) : $body) : ());
}

# One connection a request: a kept one may belong to a worker that the test has just ended.
sub agent {
    my ($self) = @_;
    return $self->{agent} //= Mojo::UserAgent->new(max_connections => 0, max_redirects => 0, inactivity_timeout => 60);
}

sub answer {
    my ($tx) = @_;
    my $response = $tx->res;
    my $text = $response->body // '';
    my $decoded = ($response->headers->content_type // '') =~ m{^application/json} ? eval { $json->decode($text) } : undef;
    return {
        status  => $response->code // 0,
        body    => $response->code ? $text : ($tx->error || {})->{message} // 'no answer',
        headers => $response->headers,
        json    => $decoded,
        code    => ref $decoded eq 'HASH' && ref $decoded->{error} eq 'HASH' ? $decoded->{error}{code} : undef,
    };
}

sub get    { my ($self, $path, %how) = @_; return $self->request(GET => $path, undef, %how) }
sub post   { my ($self, $path, $body, %how) = @_; return $self->request(POST => $path, $body // {}, %how) }
sub patch  { my ($self, $path, $body, %how) = @_; return $self->request(PATCH => $path, $body // {}, %how) }
sub delete { my ($self, $path, %how) = @_; return $self->request(DELETE => $path, undef, %how) }

# A step on the way to what is tested: its JSON, or the end of the test.
sub must {
    my ($self, $method, $path, $body) = @_;
    my $answer = $self->request($method, $path, $method =~ /^P/ ? $body // {} : undef);
    croak "$method $path: $answer->{status} $answer->{body}" if $answer->{status} != 200;
    return $answer->{json};
}

# Several requests at the same time, each [person, method, path, body]; the answers in the same order.
sub together {
    my @request = @_;
    require Mojo::Promise;
    my $agent = Mojo::UserAgent->new(max_connections => 0, inactivity_timeout => 60);
    my @answer;
    my @promise = map {
        my ($i, $person, @rest) = ($_, @{ $request[$_] });
        $agent->start_p($person->transaction(@rest))->then(
            sub { $answer[$i] = answer($_[0]) }, sub { $answer[$i] = { status => 0, body => "$_[0]" } });
    } 0 .. $#request;
    Mojo::Promise->all(@promise)->wait;
    return @answer;
}

# --- accounts ------------------------------------------------------------------------------------------------------

# A body for POST /api/auth/register; given members replace or, when undef, remove its own.
sub registration {
    my ($self, %change) = @_;
    my $keys = $self->{keys} //= Test::Chatalot::Keys->new;
    my %body = (
        user             => $keys->{user},
        username         => $self->{name},
        display_name     => ucfirst $self->{name},
        salt             => b64u($keys->{salt}),
        ops              => 3,
        mem              => 67108864,
        login_key        => b64u($keys->{login_key}),
        recovery_key     => b64u($keys->{recovery_key}),
        account_key      => b64u($keys->{account_public}),
        backup_key       => b64u($keys->{backup_public}),
        keyring_password => b64u($keys->{keyring_password}),
        keyring_recovery => b64u($keys->{keyring_recovery}),
        device           => $keys->device_json,
        %change,
    );
    delete $body{$_} for grep { !defined $body{$_} } CORE::keys %body;
    return \%body;
}

sub register {
    my ($self, %change) = @_;
    my $answer = $self->post('/api/auth/register', $self->registration(%change), token => undef);
    $self->take($answer);
    return $answer;
}

sub take {
    my ($self, $answer) = @_;
    return if $answer->{status} != 200;
    my $tokens = $answer->{json};
    @{$self}{qw(access_token refresh_token session)} = @{$tokens}{qw(access_token refresh_token session)};
    $self->{user} = $tokens->{user}{id};
    return;
}

sub login {
    my ($self, %change) = @_;
    return $self->post('/api/auth/login',
        { username => $self->{name}, login_key => b64u($self->{keys}{login_key}), %change }, token => undef);
}

# The same account on a new device, signed in: another Person.
sub another_device {
    my ($self) = @_;
    my $login = $self->login;
    croak "login: $login->{status} $login->{body}" if $login->{status} != 200;
    my $new = (ref $self)->new(server => $self->{server}, name => $self->{name}, keys => $self->{keys}->another_device);
    my $answer = $new->enrol($login->{json}{enrol_token});
    croak "new device: $answer->{status} $answer->{body}" if $answer->{status} != 200;
    return $new;
}

# The answer to a new device of the account with a token from a login.
sub another_device_by {
    my ($self, $token) = @_;
    my $new = (ref $self)->new(server => $self->{server}, name => $self->{name}, keys => $self->{keys}->another_device);
    return $new->enrol($token);
}

sub enrol {
    my ($self, $token, %change) = @_;
    my $answer = $self->post('/api/devices', {
        account_key => b64u($self->{keys}{account_public}),
        device      => { %{ $self->{keys}->device_json }, %change },
    }, token => $token);
    $self->take($answer);
    return $answer;
}

# --- access lost and regained ---------------------------------------------------------------------------------------

# The members of keys that a body has under these names.
sub of_keys { my ($keys, @name) = @_; return map { $_ => b64u($keys->{$_}) } @name }

sub begin_recovery {
    my ($self, %change) = @_;
    return $self->post('/api/auth/recovery',
        { username => $self->{name}, of_keys($self->{keys}, 'recovery_key'), %change }, token => undef);
}

# A body that completes a recovery with new credentials and a device, both in keys.
sub recovered {
    my ($self, $keys, %change) = @_;
    return {
        of_keys($keys, qw(salt login_key recovery_key keyring_password keyring_recovery)),
        ops => 3, mem => 67108864, account_key => b64u($keys->{account_public}), device => $keys->device_json, %change,
    };
}

# The account on a new device by its recovery code: another Person.
sub recover {
    my ($self) = @_;
    my $keys  = $self->{keys}->another_device->other_credentials;
    my $begun = $self->begin_recovery;
    croak "recovery: $begun->{status} $begun->{body}" if $begun->{status} != 200;
    my $new = (ref $self)->new(server => $self->{server}, name => $self->{name}, keys => $keys);
    my $answer = $new->post('/api/auth/recovery/complete', $self->recovered($keys), token => $begun->{json}{recover_token});
    croak "recovery: $answer->{status} $answer->{body}" if $answer->{status} != 200;
    $new->take($answer);
    return $new;
}

# A body that changes the password to that of keys.
sub password_change {
    my ($self, $keys, %change) = @_;
    return {
        of_keys($self->{keys}, 'login_key'),
        new => { of_keys($keys, qw(salt login_key keyring_password)), ops => 3, mem => 67108864 },
        %change,
    };
}

# A body for a new identity, that of keys.
sub identity {
    my ($self, $keys, %change) = @_;
    my %key = (account_key => 'account_public', backup_key => 'backup_public');
    return {
        of_keys($keys, qw(login_key recovery_key keyring_password keyring_recovery)),
        (map { $_ => b64u($keys->{ $key{$_} }) } CORE::keys %key), device => $keys->device_json, %change,
    };
}

# POST /api/auth/reset: a new password, that of keys.
sub use_reset {
    my ($self, $code, $keys, %change) = @_;
    return $self->post('/api/auth/reset', {
        username => $self->{name}, reset_code => $code, of_keys($keys, qw(salt login_key)), ops => 3, mem => 67108864, %change,
    }, token => undef);
}

# POST /api/auth/refresh with a next token of our choice (bytes).
sub refresh {
    my ($self, %how) = @_;
    my $next = b64u($how{next} // random_bytes(32));
    my $answer = $self->post('/api/auth/refresh',
        { refresh_token => $how{token} // $self->{refresh_token}, next_token => $next }, token => undef);
    if ($answer->{status} == 200 && !$how{keep}) {
        $self->{access_token}  = $answer->{json}{access_token};
        $self->{refresh_token} = $next;
    }
    return $answer;
}

# --- messages ------------------------------------------------------------------------------------------------------

# A "send" frame for a channel {id, roster, epoch}.
sub message {
    my ($self, $channel, %change) = @_;
    my %frame = (
        type       => 'send',
        channel    => $channel->{id},
        id         => Test::Chatalot::Keys::uuid(),
        kind       => 'message',
        roster     => $channel->{roster},
        epoch      => $channel->{epoch},
        ciphertext => b64u(random_bytes(120)),
        commitment => b64u(random_bytes(32)),
        %change,
    );
    delete $frame{$_} for grep { !defined $frame{$_} } CORE::keys %frame;
    return \%frame;
}

# The channel as it stands now: {id, roster, epoch, members}.
sub roster {
    my ($self, $channel) = @_;
    my $roster = $self->must(GET => '/api/channels/' . (ref $channel ? $channel->{id} : $channel) . '/roster');
    return { %$roster, id => $roster->{channel} };
}

1;
