# SPDX-License-Identifier: GPL-3.0-or-later
#
# The keys of one account at one device, with a real certificate and signed prekey as docs/e2ee.md gives them, made with
# another implementation of Ed25519 and X25519 (CryptX) than the server's.

package Test::Chatalot::Keys;

use strict;
use warnings;

use Crypt::PK::Ed25519 ();
use Crypt::PK::X25519 ();
use Digest::SHA qw(sha256);
use Exporter 'import';
use JSON::PP ();
use MIME::Base64 qw(decode_base64 decode_base64url encode_base64url);
use Time::HiRes ();

use Chatalot::Stack;

our @EXPORT_OK = qw(b64u random_bytes uuid now_ms jwt_sign jwt_claims uuid_bytes);

# version and suite of every structure
use constant HEAD => "\x01\x01";

sub b64u { return encode_base64url($_[0]) }

sub random_bytes { return Chatalot::Stack::random_bytes($_[0]) }

sub now_ms { return int(Time::HiRes::time() * 1000) }

# UUIDv7 (RFC 9562, section 5.7)
sub uuid {
    my $bytes = substr(pack('Q>', now_ms()), 2) . random_bytes(10);
    substr($bytes, 6, 1) = chr(0x70 | ord(substr $bytes, 6, 1) & 0x0f);
    substr($bytes, 8, 1) = chr(0x80 | ord(substr $bytes, 8, 1) & 0x3f);
    return join '-', unpack '(H8)(H4)(H4)(H4)(H12)', $bytes;
}

sub uuid_bytes { my ($uuid) = @_; $uuid =~ tr/-//d; return pack 'H*', $uuid }

sub ed25519 {
    my $key = Crypt::PK::Ed25519->new;
    $key->generate_key;
    return $key;
}

sub x25519_public { my $key = Crypt::PK::X25519->new; $key->generate_key; return $key->export_key_raw('public') }

sub new {
    my ($class) = @_;
    my $account = ed25519();
    my $self = bless {
        user             => uuid(),
        account          => $account,
        account_public   => $account->export_key_raw('public'),
        backup_public    => x25519_public(),
        salt             => random_bytes(16),
        login_key        => random_bytes(32),
        recovery_key     => random_bytes(32),
        keyring_password => HEAD . random_bytes(24 + 64 + 16),
        keyring_recovery => HEAD . random_bytes(24 + 64 + 16),
    }, $class;
    return $self->new_device;
}

sub another_device { my ($self) = @_; return (bless {%$self}, ref $self)->new_device }

sub new_device {
    my ($self) = @_;
    my $key = ed25519();
    @{$self}{qw(device device_key device_public created_at)} = (uuid(), $key, $key->export_key_raw('public'), now_ms());
    return $self;
}

# The same account and device with another password and another recovery code.
sub other_credentials {
    my ($self) = @_;
    return bless {
        %$self,
        salt             => random_bytes(16),
        login_key        => random_bytes(32),
        recovery_key     => random_bytes(32),
        keyring_password => HEAD . random_bytes(24 + 64 + 16),
        keyring_recovery => HEAD . random_bytes(24 + 64 + 16),
    }, ref $self;
}

# Another identity of the same account, on a new device.
sub other_identity {
    my ($self) = @_;
    my $other = ref($self)->new;
    return bless { %$other, map { $_ => $self->{$_} } qw(user salt login_key) }, ref $self;
}

# docs/e2ee.md, device certificate
sub certificate {
    my ($self, %change) = @_;
    my %of = (%$self, %change);
    return HEAD . $of{account}->sign_message('chatalot/v1/device-certificate' . HEAD
            . uuid_bytes($of{user}) . uuid_bytes($of{device}) . $of{device_public} . pack('Q>', $of{created_at}));
}

# docs/e2ee.md, signed prekey
sub signed_prekey {
    my ($self, %change) = @_;
    my %of = (%$self, key_id => 1, prekey_at => now_ms(), prekey => x25519_public(), %change);
    my $prekey = HEAD . pack('N', $of{key_id}) . $of{prekey} . pack('Q>', $of{prekey_at});
    return $prekey . $of{device_key}->sign_message('chatalot/v1/signed-prekey' . uuid_bytes($of{device}) . $prekey);
}

sub one_time_prekeys {
    my ($self, $from, $n) = @_;
    return [ map { { id => $_, key => b64u(x25519_public()) } } $from .. $from + $n - 1 ];
}

# DEVICE of docs/api.md
sub device_json {
    my ($self) = @_;
    return {
        id               => $self->{device},
        name             => 'Test device',
        device_key       => b64u($self->{device_public}),
        certificate      => b64u($self->certificate),
        created_at       => $self->{created_at},
        signed_prekey    => b64u($self->signed_prekey),
        one_time_prekeys => $self->one_time_prekeys(1, 5),
    };
}

# --- tokens --------------------------------------------------------------------------------------------------------

sub jwt_claims { my ($token) = @_; return JSON::PP::decode_json(decode_base64url((split /\./, $token)[1])) }

# A token with these claims, signed with the seed in a key file (base64) or with a key object.
sub jwt_sign {
    my ($claims, $key, %header) = @_;
    if (!ref $key) {
        open my $in, '<', $key or die "$key: $!\n";
        $key = Crypt::PK::Ed25519->new->import_key_raw(decode_base64(scalar <$in>), 'private');
    }
    my $kid  = unpack 'H16', sha256($key->export_key_raw('public'));
    my @part = ({ alg => 'EdDSA', typ => 'JWT', kid => $kid, %header }, $claims);
    my $text = join '.', map { b64u(JSON::PP->new->canonical->encode($_)) } @part;
    return "$text." . b64u($key->sign_message($text));
}

1;
