// SPDX-License-Identifier: GPL-3.0-or-later
// The TypeScript binding on the WebAssembly library that the client serves: two people, one conversation, from registration
// to the restored backup on a second device. TAP.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const html = join(dirname(fileURLToPath(import.meta.url)), '../../html');

if (!existsSync(join(html, 'node_modules/esbuild'))) {
	console.log('Bail out! html/node_modules is missing: run npm ci there');
	process.exit(1);
}

const { buildSync } = createRequire(join(html, 'package.json'))('esbuild');
const { outputFiles } = buildSync({
	entryPoints: [join(html, 'src/lib/crypto/library.ts')],
	bundle: true,
	format: 'esm',
	platform: 'neutral',
	write: false
});
const binding = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
const { Library, CryptoError, compile, deriveRoot, senderKeyOf } = binding;

let count = 0;
function ok(condition, name) {
	count++;
	console.log(`${condition ? 'ok' : 'not ok'} ${count} - ${name}`);
	if (!condition) process.exitCode = 1;
}

function same(a, b) {
	return Buffer.from(a).equals(Buffer.from(b));
}

function throws(code, work, name) {
	try {
		work();
	} catch (error) {
		ok(error instanceof CryptoError && error.code === code, `${name}: ${error.message}`);
		return;
	}
	ok(false, `${name}: nothing was thrown`);
}

const wasm = readFileSync(join(html, 'src/lib/crypto/chatalot.wasm'));
const module = await compile(wasm);
const library = new Library(module);
const id = () => crypto.getRandomValues(new Uint8Array(16));
const text = (s) => new TextEncoder().encode(s);
const now = 1_700_000_000_000;

ok(
	JSON.stringify(WebAssembly.Module.imports(module)) ===
		JSON.stringify([{ module: 'env', name: 'random', kind: 'function' }]),
	'the module imports env.random and nothing else'
);

// Registration

function person() {
	return { user: id(), ...library.createAccount() };
}

function device(owner) {
	const { secret, key } = library.createDevice();
	const party = { user: owner.user, device: id(), deviceKey: key };
	const signed = library.createSignedPrekey(secret, party.device, 7, now);
	const oneTime = { id: 12, ...library.createOneTimePrekey() };
	const certificate = library.createDeviceCertificate(owner.accountSecret, party, now);
	return { party, secret, signed, oneTime, certificate };
}

const alice = person();
const bob = person();
const phone = device(alice);
const laptop = device(bob);

library.verifyDeviceCertificate(phone.certificate, alice.accountKey, phone.party, now);
ok(true, 'a device certificate is good under its account key');
throws(
	'auth',
	() => library.verifyDeviceCertificate(phone.certificate, bob.accountKey, phone.party, now),
	'and under no other'
);

const salt = id();
const root = deriveRoot(module, 'correct horse', salt, 3, 65536);
ok(same(root, deriveRoot(module, 'correct horse', salt, 3, 65536)), 'the root key comes from the password alone');
throws('parameters', () => deriveRoot(module, 'correct horse', salt, 1, 65536), 'one pass is refused');

const { wrapKey, loginKey } = library.passwordKeys(root);
ok(!same(wrapKey, loginKey), 'login key and wrap key differ');
const keyring = library.sealKeyring(wrapKey, alice.user, 'password', alice.accountSecret, alice.backupSecret);
const recovery = library.createRecoveryCode();
ok(same(library.parseRecoveryCode(` ${recovery.text.toLowerCase()} `), recovery.code), `a recovery code is read back`);
const recoveryWrap = library.recoveryKeys(recovery.code).wrapKey;
const rewrapped = library.rewrapKeyring(wrapKey, 'password', keyring, alice.user, recoveryWrap, 'recovery');
ok(
	same(library.openKeyring(recoveryWrap, alice.user, 'recovery', rewrapped).accountSecret, alice.accountSecret),
	'the keyring opens with the recovery code'
);
throws('auth', () => library.openKeyring(loginKey, alice.user, 'password', keyring), 'a wrong wrap key');

// A session

const oneTime = { id: laptop.oneTime.id, key: laptop.oneTime.key };
const begin = (time) =>
	library.startSession(null, phone.party, phone.secret, laptop.party, laptop.signed.prekey, oneTime, time);
throws('exhausted', () => begin(now + 98 * 24 * 3600 * 1000), 'a signed prekey of 98 days');
let fromPhone = begin(now);
let fromLaptop = null;

function give(letter) {
	const sealed = library.sealEnvelope(fromPhone, library.makeLetter(letter));
	fromPhone = sealed.record;
	return sealed.envelope;
}

function receive(envelope) {
	const info = library.inspectEnvelope(envelope);
	const secrets =
		info.type === 'initial' ? { signedPrekey: laptop.signed.secret, oneTimePrekey: laptop.oneTime.secret } : {};
	const opened = library.openEnvelope(fromLaptop, laptop.party, laptop.secret, phone.party, secrets, envelope);
	fromLaptop = opened.record;
	return { ...opened, info, content: library.openLetter(opened.letter, phone.party, bob.user) };
}

const channel = id();
let chain = library.createSenderChain(channel, 3, phone.party, phone.secret);
const envelope = give({ kind: 'sender_key', senderKey: library.shareSenderChain(chain) });
const arrived = receive(envelope);
ok(
	arrived.info.type === 'initial' && arrived.info.signedPrekey === 7 && arrived.info.oneTimePrekey === 12,
	'the first envelope names the prekeys it was made for'
);
ok(arrived.started && arrived.content.kind === 'sender_key', 'it begins a session and brings a sender key');
throws('replay', () => receive(envelope), 'the same envelope again');
ok(library.inspectSession(fromLaptop).confirmed, 'the receiving side has heard its peer');

// A channel message

let record = library.acceptSenderKey(arrived.content.senderKey);
const binding1 = {
	channel,
	epoch: 3,
	kind: 'message',
	message: id(),
	thread: null,
	ref: null,
	user: alice.user,
	device: phone.party.device
};
const sealed = library.sealChannelMessage(chain, binding1, text('hello'));
chain = sealed.chain;
const opened = library.openChannelMessage(record, binding1, sealed.message, false);
record = opened.record;
ok(Buffer.from(opened.payload).toString() === 'hello', 'a channel message is read');
throws(
	'auth',
	() => library.openChannelMessage(record, { ...binding1, kind: 'edit' }, sealed.message, true),
	'the same message as another kind'
);
ok(library.inspectSenderChain(chain).counter === 1, 'the sender chain has moved on');

// A DM message

const binding2 = { ...binding1, message: id() };
const dm = library.sealDmMessage(binding2, text('just you'));
const key = receive(give({ kind: 'content_key', contentKey: dm.contentKey })).content.contentKey;
ok(Buffer.from(library.openDmMessage(key, binding2, dm.message)).toString() === 'just you', 'a DM message is read');
const request = { what: 'sender_key', channel, epoch: 3, id: library.inspectSenderKey(record).keyId };
const asked = receive(give({ kind: 'request', request })).content.request;
ok(asked.epoch === 3 && same(asked.id, request.id) && asked.what === 'sender_key', 'a request is read');

// Backup, on a second device

const items = [
	{ kind: 'sender_key', body: senderKeyOf(record) },
	{ kind: 'content_key', body: key }
];
const backup = library.sealBackup(bob.backupSecret, bob.user, items);
const restored = library.openBackup(bob.backupSecret, bob.user, backup);
ok(restored.length === 2 && same(restored[1].body, key), 'a backup is opened');
const again = library.openChannelMessage(library.acceptSenderKey(restored[0].body), binding1, sealed.message, true);
ok(Buffer.from(again.payload).toString() === 'hello', 'and what was read before is read again');
throws('auth', () => library.openBackup(alice.backupSecret, bob.user, backup), 'another backup key');

const franking = crypto.getRandomValues(new Uint8Array(32));
const commitment = library.frankingCommit(franking, text('hello'));
library.frankingVerify(franking, text('hello'), commitment);
throws('auth', () => library.frankingVerify(franking, text('other'), commitment), 'a payload that was not sent');

const number = library.safetyNumber(alice.user, alice.accountKey, bob.user, bob.accountKey);
ok(
	/^\d{60}$/.test(number) && number === library.safetyNumber(bob.user, bob.accountKey, alice.user, alice.accountKey),
	'both see the same safety number'
);

// Identities, in a backup and in letters to own devices

const met = { user: alice.user, accountKey: alice.accountKey, state: 'met', since: now };
const verified = { ...met, state: 'verified', since: now + 1 };
const told = library
	.openBackup(
		bob.backupSecret,
		bob.user,
		library.sealBackup(
			bob.backupSecret,
			bob.user,
			[met, verified].map((one) => ({ kind: 'identity', body: library.makeIdentity(one) }))
		)
	)
	.map(({ kind, body }) => ({ kind, ...library.readIdentity(body) }));
ok(
	told.length === 2 &&
		told.every(
			(one) => one.kind === 'identity' && same(one.user, alice.user) && same(one.accountKey, alice.accountKey)
		) &&
		told[0].state === 'met' &&
		told[0].since === now &&
		told[1].state === 'verified' &&
		told[1].since === now + 1,
	'identities are restored'
);
throws(
	'auth',
	() => receive(give({ kind: 'items', items: [{ kind: 'identity', body: library.makeIdentity(met) }] })),
	'an identity in a letter of somebody else'
);

// Approval

const approvalId = id();
const newcomer = library.approvalBegin(approvalId);
const approver = library.approvalAnswer();
const approval = {
	id: approvalId,
	commitment: newcomer.commitment,
	newcomerKey: newcomer.key,
	nonce: newcomer.nonce,
	approverKey: approver.key,
	user: alice.user
};
const shown = library.approvalDigits('newcomer', newcomer.secret, approval);
ok(
	/^\d{6}$/.test(shown) && shown === library.approvalDigits('approver', approver.secret, approval),
	'both devices show the same six digits'
);
const handed = library.approvalSeal(approver.secret, approval, alice.accountSecret, alice.backupSecret);
const received = library.approvalOpen(newcomer.secret, approval, handed);
ok(
	same(received.user, alice.user) &&
		same(received.accountSecret, alice.accountSecret) &&
		same(received.backupSecret, alice.backupSecret),
	'the new device has the keyring'
);
throws(
	'auth',
	() => library.approvalDigits('approver', approver.secret, { ...approval, nonce: id() }),
	'a nonce that was not committed to'
);
throws(
	'auth',
	() => library.approvalOpen(newcomer.secret, { ...approval, user: bob.user }, handed),
	'secrets that were sealed for another user'
);
throws(
	'format',
	() => library.approvalDigits('approver', approver.secret, { ...approval, id: salt.slice(1) }),
	'a short id'
);

// A file

const { lengths, sealedFileLength, sealedFileChunk } = binding;
const picture = new Uint8Array(2 * lengths.fileChunk + 77).map((_, i) => i * 7);

function sealFile(content) {
	const { key, header, state: begun } = library.fileSealBegin();
	const parts = [header];
	let [state, at] = [begun, 0];
	do {
		const part = content.subarray(at, at + lengths.fileChunk);
		at += part.length;
		const chunk = library.fileSealChunk(state, part, at === content.length);
		parts.push(chunk.sealed);
		state = chunk.state;
	} while (at < content.length);
	library.fileEnded(state);
	return { key, sealed: Buffer.concat(parts) };
}

function openFile(key, sealed) {
	let state = library.fileOpenBegin(key, sealed.subarray(0, lengths.fileHeader));
	const parts = [];
	for (let at = lengths.fileHeader; at < sealed.length; at += sealedFileChunk) {
		const chunk = library.fileOpenChunk(state, sealed.subarray(at, at + sealedFileChunk));
		parts.push(chunk.plain);
		state = chunk.state;
	}
	library.fileEnded(state);
	return Buffer.concat(parts);
}

for (const content of [picture, picture.subarray(0, 2 * lengths.fileChunk), picture.subarray(0, 0)]) {
	const { key: fileKey, sealed: sealedFile } = sealFile(content);
	ok(
		sealedFile.length === sealedFileLength(content.length) && same(openFile(fileKey, sealedFile), content),
		`a file of ${content.length} bytes`
	);
}
const { key: pictureKey, sealed: sealedPicture } = sealFile(picture);
throws(
	'format',
	() => openFile(pictureKey, sealedPicture.subarray(0, lengths.fileHeader + 2 * sealedFileChunk)),
	'a file that ends before its last chunk'
);
throws('auth', () => openFile(pictureKey, sealedPicture.subarray(0, -1)), 'or inside it');
throws('auth', () => openFile(pictureKey, Buffer.concat([sealedPicture, sealedPicture])), 'or goes on after it');
const { key: fullKey, sealed: sealedFull } = sealFile(picture.subarray(0, lengths.fileChunk));
throws('format', () => openFile(fullKey, Buffer.concat([sealedFull, sealedPicture])), 'or after a full chunk');

throws('format', () => library.openKeyring(wrapKey, alice.user, 'password', keyring.slice(1)), 'a short argument');
throws('parameters', () => library.createSenderChain(channel, -1, phone.party, phone.secret), 'a negative epoch');

console.log(`1..${count}`);
