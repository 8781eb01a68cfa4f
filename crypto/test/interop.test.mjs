// SPDX-License-Identifier: GPL-3.0-or-later
// A second reader of vectors/v1.json, by the formulas of docs/e2ee.md: it shares no code with the library and uses Node's own
// primitives. Not covered: Argon2id (Node 20 has none, the root is taken as given), sealing, and the envelopes after the
// third, which need ratchet secrets that the vectors do not hold. TAP.

import {
	createCipheriv,
	createDecipheriv,
	createHash,
	createHmac,
	createPrivateKey,
	createPublicKey
} from 'node:crypto';
import { diffieHellman, hkdfSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const vectors = JSON.parse(readFileSync(new URL('../vectors/v1.json', import.meta.url), 'utf8'));

let count = 0;
function ok(condition, name) {
	console.log(`${condition ? 'ok' : 'not ok'} ${++count} - ${name}`);
	if (!condition) process.exitCode = 1;
}

// 1  Conventions

const hex = (text) => Buffer.from(text, 'hex');
const join = (...parts) => Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p, 'ascii') : p)));
const V = hex('0101');
const u8 = (n) => Buffer.from([n]);
const u32 = (n) => hex(n.toString(16).padStart(8, '0'));
const u64 = (n) => hex(n.toString(16).padStart(16, '0'));
const sha256 = (data) => createHash('sha256').update(data).digest();
const sha512 = (data) => createHash('sha512').update(data).digest();
const hmac = (key, data) => createHmac('sha256', key).update(data).digest();
const hkdf = (salt, key, info, n) => Buffer.from(hkdfSync('sha256', key, salt ?? Buffer.alloc(32), info, n));
const same = (a, b) => Buffer.compare(a, b) === 0;

const okp = { x25519: '302a300506032b656e032100', ed25519: '302a300506032b6570032100' };
const publicKey = (kind, raw) => createPublicKey({ key: join(hex(okp[kind]), raw), format: 'der', type: 'spki' });
const secretKey = (raw) =>
	createPrivateKey({ key: join(hex('302e020100300506032b656e04220420'), raw), format: 'der', type: 'pkcs8' });
const dh = (secret, key) => diffieHellman({ privateKey: secretKey(secret), publicKey: publicKey('x25519', key) });
const base = (secret) => createPublicKey(secretKey(secret)).export({ format: 'der', type: 'spki' }).subarray(12);
const signed = (key, message, signature) => verify(null, message, publicKey('ed25519', key), signature);

/** HChaCha20: 20 rounds over constants, key and 16 bytes of nonce; the first and last row are the subkey. */
function hchacha20(key, nonce) {
	const s = new Uint32Array(16);
	[0x61707865, 0x3320646e, 0x79622d32, 0x6b206574].forEach((word, i) => (s[i] = word));
	for (let i = 0; i < 8; i++) s[4 + i] = key.readUInt32LE(i * 4);
	for (let i = 0; i < 4; i++) s[12 + i] = nonce.readUInt32LE(i * 4);
	const turn = (word, bits) => (word << bits) | (word >>> (32 - bits));
	const quarter = (a, b, c, d) => {
		s[a] += s[b];
		s[d] = turn(s[d] ^ s[a], 16);
		s[c] += s[d];
		s[b] = turn(s[b] ^ s[c], 12);
		s[a] += s[b];
		s[d] = turn(s[d] ^ s[a], 8);
		s[c] += s[d];
		s[b] = turn(s[b] ^ s[c], 7);
	};
	for (let round = 0; round < 10; round++) {
		for (let i = 0; i < 4; i++) quarter(i, 4 + i, 8 + i, 12 + i);
		for (let i = 0; i < 4; i++) quarter(i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4));
	}
	const out = Buffer.alloc(32);
	[0, 1, 2, 3, 12, 13, 14, 15].forEach((from, i) => out.writeUInt32LE(s[from], i * 4));
	return out;
}

function open(key, nonce, ad, sealed) {
	const subkey = hchacha20(key, nonce.subarray(0, 16));
	const cipher = createDecipheriv('chacha20-poly1305', subkey, join(Buffer.alloc(4), nonce.subarray(16)), {
		authTagLength: 16
	});
	cipher.setAAD(ad);
	cipher.setAuthTag(sealed.subarray(-16));
	return join(cipher.update(sealed.subarray(0, -16)), cipher.final());
}

const openWith = (keyAndNonce, ad, sealed) => open(keyAndNonce.subarray(0, 32), keyAndNonce.subarray(32), ad, sealed);

/** The X25519 form of an Ed25519 public key: u = (1 + y) / (1 - y). */
function montgomery(key) {
	const p = 2n ** 255n - 19n;
	const mod = (n) => ((n % p) + p) % p;
	const power = (b, e) => {
		let result = 1n;
		for (; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b);
		return result;
	};
	const y = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`) & (2n ** 255n - 1n);
	const u = mod((1n + y) * power(mod(1n - y), p - 2n));
	return hex(u.toString(16).padStart(64, '0')).reverse();
}

const montgomerySecret = (seed) => sha512(seed).subarray(0, 32);

// 2  Keys

const people = {};
for (const name of ['alice', 'bob']) {
	people[name] = Object.fromEntries(Object.entries(vectors[name]).map(([field, value]) => [field, hex(value)]));
	ok(same(base(people[name].backup_secret), people[name].backup_key), `${name}'s backup key`);
}

const devices = {};
for (const [field, name, owner] of [
	['phone_of_alice', 'phone', people.alice],
	['laptop_of_bob', 'laptop', people.bob]
]) {
	const v = vectors[field];
	const d = { secret: hex(v.device_secret), key: hex(v.device_key), id: hex(v.device) };
	d.party = join(owner.user, d.id, d.key);
	d.signedSecret = hex(v.signed_prekey_secret);
	d.oneTimeSecret = hex(v.one_time_prekey_secret);
	devices[name] = d;

	const certificate = hex(v.certificate);
	ok(
		same(certificate.subarray(0, 2), V) &&
			signed(
				owner.account_key,
				join('chatalot/v1/device-certificate', V, owner.user, d.id, d.key, u64(v.created_at_ms)),
				certificate.subarray(2)
			),
		`the ${name}'s certificate`
	);
	const prekey = hex(v.signed_prekey);
	ok(
		same(prekey.subarray(0, 6), join(V, u32(v.signed_prekey_id))) &&
			same(prekey.subarray(6, 38), base(d.signedSecret)) &&
			same(prekey.subarray(38, 46), u64(v.created_at_ms)) &&
			signed(d.key, join('chatalot/v1/signed-prekey', d.id, prekey.subarray(0, 46)), prekey.subarray(46)),
		`the ${name}'s signed prekey`
	);
	ok(same(base(d.oneTimeSecret), hex(v.one_time_prekey)), `the ${name}'s one-time prekey`);
}

function keyring(wrapKey, which, blob) {
	const ad = join('chatalot/v1/keyring', V, people.alice.user, which);
	const secrets = open(wrapKey, blob.subarray(2, 26), ad, blob.subarray(26));
	return same(secrets, join(people.alice.account_secret, people.alice.backup_secret));
}

const { password, recovery } = vectors;
const wrap = hkdf(null, hex(password.root), 'chatalot/v1/wrap', 32);
ok(
	same(hkdf(null, hex(password.root), 'chatalot/v1/login', 32), hex(password.login_key)) &&
		same(wrap, hex(password.wrap_key)),
	'login and wrap key of the password'
);
ok(keyring(wrap, 'password', hex(password.keyring_of_alice)), 'the keyring under the password');

const digits = [...recovery.text.replaceAll('-', '')].map((c) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(c));
const code = digits.reduce((number, digit) => number * 32n + BigInt(digit), 0n);
ok(code.toString(16).padStart(30, '0') === recovery.code, 'the recovery code as text');
const recoveryWrap = hkdf(null, hex(recovery.code), 'chatalot/v1/recovery/wrap', 32);
ok(
	same(hkdf(null, hex(recovery.code), 'chatalot/v1/recovery/auth', 32), hex(recovery.recovery_key)) &&
		same(recoveryWrap, hex(recovery.wrap_key)),
	'the keys of the recovery code'
);
ok(keyring(recoveryWrap, 'recovery', hex(recovery.keyring_of_alice)), 'the keyring under the recovery code');

function half({ account_key, user }) {
	let h = sha512(join('chatalot/v1/safety-number', V, account_key, user));
	for (let i = 0; i < 5200; i++) h = sha512(join(h, account_key));
	let text = '';
	for (let i = 0; i < 30; i += 5) text += String(h.readUIntBE(i, 5) % 100000).padStart(5, '0');
	return text;
}
ok([half(people.alice), half(people.bob)].sort().join('') === vectors.safety_number, 'the safety number');

// 3  Sessions, both sides

const { phone, laptop } = devices;
const AD = join('chatalot/v1/session', V, phone.party, laptop.party);

const kdfRoot = (root, agreed) => {
	const out = hkdf(root, agreed, 'chatalot/v1/ratchet/root', 64);
	return [out.subarray(0, 32), out.subarray(32)];
};

/** A reader of a session. Its own ratchet pairs come from the record in the vectors, since they are random. */
function reader(root, ownSecrets) {
	const state = { root, peer: null, chain: null, number: 0 };
	return (envelope, headerLength) => {
		const header = envelope.subarray(headerLength - 40, headerLength);
		if (!state.peer || !same(header.subarray(0, 32), state.peer)) {
			state.peer = header.subarray(0, 32);
			const own = ownSecrets.shift();
			[state.root, state.chain] = kdfRoot(state.root, dh(own, state.peer));
			if (ownSecrets[0]) state.root = kdfRoot(state.root, dh(ownSecrets[0], state.peer))[0];
			state.number = 0;
		}
		for (; state.number < header.readUInt32BE(36); state.number++) state.chain = hmac(state.chain, u8(2));
		const key = hkdf(null, hmac(state.chain, u8(1)), 'chatalot/v1/envelope', 56);
		return openWith(key, join(AD, envelope.subarray(0, headerLength)), envelope.subarray(headerLength));
	};
}

// what the record in the vectors says of its one session (3, "Session record")
function session(record) {
	const at = 2 + 128 + 1 + record[130] * 16 + 1;
	const field = (offset, length) => record.subarray(at + offset, at + offset + length);
	return { id: field(5, 16), ephemeral: field(21, 32), root: field(61, 32), ownSecret: field(93, 32) };
}

const initial = hex(vectors.session.envelopes[0].envelope);
const ephemeral = initial.subarray(35, 67);
ok(
	same(initial.subarray(0, 35), join(V, u8(1), phone.key)) &&
		initial.readUInt32BE(67) === 7 &&
		initial[71] === 1 &&
		initial.readUInt32BE(72) === 12,
	'the header of an initial envelope'
);

const shared = hkdf(
	null,
	join(
		Buffer.alloc(32, 0xff),
		dh(laptop.signedSecret, montgomery(phone.key)),
		dh(montgomerySecret(laptop.secret), ephemeral),
		dh(laptop.signedSecret, ephemeral),
		dh(laptop.oneTimeSecret, ephemeral)
	),
	'chatalot/v1/x3dh',
	32
);

const started = session(hex(vectors.session.record_of_phone));
const ended = session(hex(vectors.session.record_of_laptop));
const id = sha256(join('chatalot/v1/session-id', ephemeral, phone.party, laptop.party)).subarray(0, 16);
ok(same(started.id, id) && same(ended.id, id) && same(started.ephemeral, ephemeral), 'the session id');
ok(
	same(kdfRoot(shared, dh(laptop.signedSecret, initial.subarray(76, 108)))[0], started.root),
	'X3DH and the first root step'
);

// The phone reads with the pair it started with; that is all it needs for the first answer.
const phoneReads = reader(started.root, [started.ownSecret]);
const third = hex(vectors.session.envelopes[2].envelope);
ok(
	same(third.subarray(0, 19), join(V, u8(2), id)) &&
		phoneReads(third, 59).toString() === hex(vectors.session.envelopes[2].letter).toString(),
	'the phone opens a normal envelope'
);

// The laptop reads the initial ones with its signed prekey.
const laptopReads = reader(shared, [laptop.signedSecret]);
for (const i of [0, 1]) {
	const { envelope, letter } = vectors.session.envelopes[i];
	ok(same(laptopReads(hex(envelope), 116), hex(letter)), `the laptop opens initial envelope ${i + 1}`);
}

// 4, 5  A letter with a sender key, and channel messages

const { channel } = vectors;
const senderKey = hex(channel.sender_key);
ok(same(hex(channel.letter), join(V, u8(2), senderKey)), 'a letter with a sender key');
ok(
	same(senderKey.subarray(0, 26), join(V, hex(channel.channel), u64(channel.epoch))) &&
		same(senderKey.subarray(42, 106), phone.party) &&
		signed(phone.key, join('chatalot/v1/sender-key', senderKey.subarray(0, 138)), senderKey.subarray(138, 202)),
	'the sender key is attested'
);
ok(
	same(hex(channel.sender_chain).subarray(0, 238), senderKey) &&
		same(base25519(hex(channel.sender_chain).subarray(238)), senderKey.subarray(106, 138)),
	'the sender chain is the sender key and the seed of its signing key'
);

function base25519(seed) {
	const key = createPrivateKey({
		key: join(hex('302e020100300506032b657004220420'), seed),
		format: 'der',
		type: 'pkcs8'
	});
	return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(12);
}

function binding({ id: message, thread, ref }, epoch) {
	const none = Buffer.alloc(16);
	return join(
		V,
		hex(channel.channel),
		u64(epoch),
		u8(7),
		'message',
		hex(message),
		thread ? hex(thread) : none,
		ref ? hex(ref) : none,
		people.alice.user,
		phone.id
	);
}

function padmé(length) {
	const e = Math.floor(Math.log2(length));
	const s = Math.floor(Math.log2(e)) + 1;
	const step = e > s ? 2 ** (e - s) : 1;
	return Math.ceil(length / step) * step;
}

function unpad(padded) {
	const length = padded.readUInt32BE(0);
	if (length === 0 || padded.length !== padmé(4 + length)) return null;
	if (padded.subarray(4 + length).some((byte) => byte !== 0)) return null;
	return padded.subarray(4, 4 + length);
}

let chain = senderKey.subarray(206);
channel.messages.forEach((m, i) => {
	const bound = binding(m, channel.epoch);
	const message = hex(m.message);
	const [header, sealed] = [message.subarray(0, 22), message.subarray(22, -64)];
	const key = hkdf(null, hmac(chain, u8(1)), 'chatalot/v1/channel-message/key', 56);
	chain = hmac(chain, u8(2));
	ok(
		same(bound, hex(m.binding)) &&
			same(header, join(V, senderKey.subarray(26, 42), u32(i))) &&
			signed(
				senderKey.subarray(106, 138),
				join('chatalot/v1/channel-message/signature', bound, sha256(message.subarray(0, -64))),
				message.subarray(-64)
			) &&
			same(unpad(openWith(key, join('chatalot/v1/channel-message', bound, header), sealed)), hex(m.payload)),
		`channel message ${i}`
	);
});

// 6  A DM message

const { dm } = vectors;
const contentKey = hex(dm.content_key);
const message = hex(dm.message);
const bound = binding({ id: channel.messages[0].id }, 0);
ok(
	same(bound, hex(dm.binding)) &&
		same(
			contentKey.subarray(0, 66),
			join(V, hex(channel.channel), hex(channel.messages[0].id), people.alice.user, phone.id)
		) &&
		same(contentKey.subarray(98), sha256(message)) &&
		same(
			unpad(
				open(
					contentKey.subarray(66, 98),
					message.subarray(2, 26),
					join('chatalot/v1/dm-message', bound, V),
					message.subarray(26)
				)
			),
			hex(dm.payload)
		),
	'a DM message'
);

// 7  Backup

const { backup_secret: b, backup_key: B, user } = people.bob;
const backup = hex(vectors.backup_of_bob.backup);
const e = backup.subarray(2, 34);
const items = openWith(
	hkdf(null, join(dh(b, e), dh(b, B)), 'chatalot/v1/backup', 56),
	join('chatalot/v1/backup', V, user, B, e),
	backup.subarray(34)
);
ok(
	same(items, hex(vectors.backup_of_bob.items)) && same(items, join(u8(1), hex('00ee'), senderKey)),
	'a backup with a sender key'
);

// 8  Franking

const { franking } = vectors;
ok(same(hmac(hex(franking.franking_key), hex(franking.payload)), hex(franking.commitment)), 'a commitment');

// 7  An identity among items

const { bob } = people;
const { item, since_ms: since } = vectors.identity_of_bob;
ok(
	same(hex(item), join(u8(3), hex('003a'), bob.user, bob.account_key, hex('0001'), u64(since))),
	'a verified identity'
);

// 2  Approval, as the newcomer computes it and as the approver does

const approval = Object.fromEntries(
	Object.entries(vectors.approval_by_alice).map(([field, value]) => [field, field === 'digits' ? value : hex(value)])
);
const commitment = sha256(
	join('chatalot/v1/approval/commitment', V, approval.id, approval.newcomer_key, approval.nonce)
);
const transcript = sha256(
	join(
		'chatalot/v1/approval',
		V,
		approval.id,
		commitment,
		approval.newcomer_key,
		approval.nonce,
		approval.approver_key,
		people.alice.user
	)
);
ok(
	same(commitment, approval.commitment) &&
		same(base(approval.newcomer_secret), approval.newcomer_key) &&
		same(base(approval.approver_secret), approval.approver_key),
	'the keys of an approval and the commitment'
);
for (const [side, agreed] of [
	['newcomer', dh(approval.newcomer_secret, approval.approver_key)],
	['approver', dh(approval.approver_secret, approval.newcomer_key)]
]) {
	const number = hkdf(null, agreed, join('chatalot/v1/approval/compare', transcript), 8).readBigUInt64BE();
	ok(String(number % 1000000n).padStart(6, '0') === approval.digits, `the digits, as the ${side} sees them`);
	const key = hkdf(null, agreed, join('chatalot/v1/approval/keyring', transcript), 56);
	ok(
		same(approval.sealed.subarray(0, 2), V) &&
			same(
				openWith(key, transcript, approval.sealed.subarray(2)),
				join(people.alice.user, people.alice.account_secret, people.alice.backup_secret)
			),
		`the sealed secrets, by the key of the ${side}`
	);
}

// 8  A file

/** Poly1305 over the integers (RFC 8439, section 2.5). */
function poly1305(key, data) {
	const little = (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`);
	const r = little(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
	let sum = 0n;
	for (let at = 0; at < data.length; at += 16) {
		const block = data.subarray(at, at + 16);
		sum = ((sum + little(block) + (1n << BigInt(8 * block.length))) * r) % (2n ** 130n - 5n);
	}
	const tag = (sum + little(key.subarray(16, 32))) % 2n ** 128n;
	return hex(tag.toString(16).padStart(32, '0')).reverse();
}

const littleEndian = (n, size) => {
	const out = Buffer.alloc(size);
	out.writeUInt32LE(n);
	return out;
};

/** The sealed chunks of a file. */
function sealFile(key, header, chunks) {
	const subkey = hchacha20(key, header.subarray(2, 18));
	const ad = join('chatalot/v1/file', V);
	let nonce = join(littleEndian(1, 4), header.subarray(18));
	return chunks.map((plain, i) => {
		const stream = (counter, data) =>
			createCipheriv('chacha20', subkey, join(littleEndian(counter, 4), nonce)).update(data);
		const mark = stream(1, join(u8(i === chunks.length - 1 ? 3 : 0), Buffer.alloc(63)));
		const c = stream(2, plain);
		const mac = poly1305(
			stream(0, Buffer.alloc(32)),
			join(
				ad,
				Buffer.alloc(-ad.length & 15),
				mark,
				c,
				Buffer.alloc(c.length & 15),
				littleEndian(ad.length, 8),
				littleEndian(64 + c.length, 8)
			)
		);
		const inner = Buffer.from(nonce.subarray(4).map((byte, at) => byte ^ mac[at]));
		nonce = join(littleEndian(i + 2, 4), inner);
		return join(mark.subarray(0, 1), c, mac);
	});
}

const { file } = vectors;
const content = Buffer.from(Array.from({ length: file.length }, (_, i) => i % 251));
const [first, last] = sealFile(hex(file.key), hex(file.header), [content.subarray(0, 65536), content.subarray(65536)]);
ok(
	same(hex(file.header).subarray(0, 2), V) && same(sha256(first), hex(file.sha256_of_first_chunk)),
	'the first chunk of a file'
);
ok(same(last, hex(file.last_chunk)), 'and the last');

console.log(`1..${count}`);
