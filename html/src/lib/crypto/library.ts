// SPDX-License-Identifier: GPL-3.0-or-later
// The cryptographic library for TypeScript: one method for each function of chatalot_crypto.h, in its order; what they
// do is described there and in docs/e2ee.md. It holds no key and no state, and runs in a worker and in Node alike.

import { CryptoError, Memory, u32, u64, type Bytes, type Frame } from './memory';

export { CryptoError, type Bytes, type CryptoCode } from './memory';

export const limits = {
	payload: 131072,
	items: 60000,
	letter: 60003,
	senderChain: 5000,
	senderSkip: 2000,
	/** What chatalot_password_root takes. */
	passwordBytes: 1024,
	passes: { min: 3, max: 16 },
	memoryKib: { min: 65536, max: 1048576 }
} as const;

/** Lengths of the structures of fixed size. */
export const lengths = {
	id: 16,
	key: 32,
	salt: 16,
	party: 64,
	recoveryCode: 15,
	keyring: 106,
	certificate: 66,
	signedPrekey: 110,
	senderChain: 270,
	senderKey: 238,
	senderKeyRecord: 310,
	contentKey: 130,
	request: 41,
	identity: 58,
	approval: 144,
	approvalSealed: 98,
	fileHeader: 26,
	fileState: 47,
	fileChunk: 65536
} as const;

const padding = { session: 1024, skipped: 2000 * 68 } as const;
const overhead = { envelope: 132, channelMessage: 102, dmMessage: 42, backup: 50, file: 17 } as const;

/** One device of one user: who seals or opens. Ids are the 16 bytes of the UUID. */
export interface Party {
	user: Uint8Array;
	device: Uint8Array;
	deviceKey: Uint8Array;
}

export type KeyringKind = 'password' | 'recovery';
const keyringKinds = { password: 1, recovery: 2 } as const;

export interface AccountKeys {
	accountSecret: Bytes;
	accountKey: Bytes;
	backupSecret: Bytes;
	backupKey: Bytes;
}

export interface KeyPair {
	secret: Bytes;
	key: Bytes;
}

export interface Binding {
	channel: Uint8Array;
	epoch: number;
	kind: string;
	message: Uint8Array;
	thread?: Uint8Array | null;
	ref?: Uint8Array | null;
	user: Uint8Array;
	device: Uint8Array;
}

export type EnvelopeInfo =
	| { type: 'initial'; deviceKey: Bytes; signedPrekey: number; oneTimePrekey: number | null }
	| { type: 'normal'; session: Bytes };

export type KeyRequest = { what: 'sender_key' | 'content_key'; channel: Bytes; epoch: number; id: Bytes };
const requestKinds = { sender_key: 1, content_key: 2 } as const;

const itemKinds = { sender_key: 1, content_key: 2, identity: 3 } as const;
export type Item = { kind: keyof typeof itemKinds; body: Bytes };

const itemNames = new Map(Object.entries(itemKinds).map(([name, kind]) => [kind as number, name as Item['kind']]));

/** What a device remembers of a person; the body of an item of kind `identity`. */
export interface Identity {
	user: Bytes;
	accountKey: Bytes;
	state: 'met' | 'verified';
	/** When this device took that state, in milliseconds. */
	since: number;
}
const identityStates = { met: 0, verified: 1 } as const;

export type ApprovalSide = 'newcomer' | 'approver';
const approvalSides = { newcomer: 1, approver: 2 } as const;

/** What both sides of an approval know of it. */
export interface Approval {
	id: Uint8Array;
	commitment: Uint8Array;
	newcomerKey: Uint8Array;
	nonce: Uint8Array;
	approverKey: Uint8Array;
	user: Uint8Array;
}

export type Letter =
	| { kind: 'content_key'; contentKey: Bytes }
	| { kind: 'sender_key'; senderKey: Bytes }
	| { kind: 'request'; request: KeyRequest }
	| { kind: 'items'; items: Item[] };
const letterKinds = { content_key: 1, sender_key: 2, request: 3, items: 4 } as const;

export interface SenderKeyInfo {
	channel: Bytes;
	epoch: number;
	keyId: Bytes;
	sender: { user: Bytes; device: Bytes; deviceKey: Bytes };
	/** The earliest counter it can read. */
	counter: number;
}

/** Compiles the library. `source` is where it lies or its bytes. */
export async function compile(source: string | URL | BufferSource): Promise<WebAssembly.Module> {
	if (typeof source !== 'string' && !(source instanceof URL)) return WebAssembly.compile(source);
	const response = await fetch(source);
	if (!response.ok) throw new Error(`${response.status} for ${source}`);
	return WebAssembly.compileStreaming(response);
}

/**
 * chatalot_password_root, in an instance of its own: Argon2id takes its memory from the instance for good, so that
 * instance is dropped. The password is taken in Unicode normal form NFKC.
 */
export function deriveRoot(
	module: WebAssembly.Module,
	password: string,
	salt: Uint8Array,
	passes: number,
	memoryKib: number
): Bytes {
	const text = new TextEncoder().encode(password.normalize('NFKC'));
	const memory = new Memory(module);
	try {
		return memory.run((f) => {
			const root = f.output(32);
			memory.call(
				'chatalot_password_root',
				f.input(text),
				text.length,
				f.fixed(salt, lengths.salt),
				u32(passes),
				u32(memoryKib),
				root
			);
			return f.take(root, 32);
		});
	} finally {
		text.fill(0);
	}
}

function party(f: Frame, { user, device, deviceKey }: Party): number {
	const joined = new Uint8Array(64);
	if (user.length !== 16 || device.length !== 16 || deviceKey.length !== 32) throw new CryptoError('format', 'party');
	joined.set(user);
	joined.set(device, 16);
	joined.set(deviceKey, 32);
	return f.input(joined);
}

function approval(f: Frame, { id, commitment, newcomerKey, nonce, approverKey, user }: Approval): number {
	const joined = new Uint8Array(lengths.approval);
	let at = 0;
	for (const [part, length] of [
		[id, 16],
		[commitment, 32],
		[newcomerKey, 32],
		[nonce, 16],
		[approverKey, 32],
		[user, 16]
	] as const) {
		if (part.length !== length) throw new CryptoError('format', 'approval');
		joined.set(part, at);
		at += length;
	}
	return f.input(joined);
}

function splitParty(joined: Bytes): SenderKeyInfo['sender'] {
	return { user: joined.slice(0, 16), device: joined.slice(16, 32), deviceKey: joined.slice(32) };
}

export class Library {
	private readonly memory: Memory;

	constructor(module: WebAssembly.Module) {
		this.memory = new Memory(module);
	}

	// 2  Account

	createAccount(): AccountKeys {
		return this.memory.run((f) => {
			const [secret, key, backupSecret, backupKey] = [f.output(32), f.output(32), f.output(32), f.output(32)];
			this.memory.call('chatalot_account_create', secret, key, backupSecret, backupKey);
			return {
				accountSecret: f.take(secret, 32),
				accountKey: f.take(key, 32),
				backupSecret: f.take(backupSecret, 32),
				backupKey: f.take(backupKey, 32)
			};
		});
	}

	accountPublic(accountSecret: Uint8Array, backupSecret: Uint8Array): { accountKey: Bytes; backupKey: Bytes } {
		return this.memory.run((f) => {
			const [key, backupKey] = [f.output(32), f.output(32)];
			this.memory.call(
				'chatalot_account_public',
				f.fixed(accountSecret, 32),
				f.fixed(backupSecret, 32),
				key,
				backupKey
			);
			return { accountKey: f.take(key, 32), backupKey: f.take(backupKey, 32) };
		});
	}

	createDevice(): KeyPair {
		return this.pair('chatalot_device_create');
	}

	private pair(name: string): KeyPair {
		return this.memory.run((f) => {
			const [secret, key] = [f.output(32), f.output(32)];
			this.memory.call(name, secret, key);
			return { secret: f.take(secret, 32), key: f.take(key, 32) };
		});
	}

	// 3  Password and recovery code

	passwordKeys(root: Uint8Array): { loginKey: Bytes; wrapKey: Bytes } {
		return this.memory.run((f) => {
			const [login, wrap] = [f.output(32), f.output(32)];
			this.memory.call('chatalot_password_keys', f.fixed(root, 32), login, wrap);
			return { loginKey: f.take(login, 32), wrapKey: f.take(wrap, 32) };
		});
	}

	createRecoveryCode(): { code: Bytes; text: string } {
		return this.memory.run((f) => {
			const [code, text] = [f.output(15), f.output(29)];
			this.memory.call('chatalot_recovery_create', code, text);
			return { code: f.take(code, 15), text: String.fromCharCode(...f.take(text, 29)) };
		});
	}

	parseRecoveryCode(text: string): Bytes {
		return this.memory.run((f) => {
			const typed = new TextEncoder().encode(text);
			const code = f.output(15);
			this.memory.call('chatalot_recovery_parse', f.input(typed), typed.length, code);
			return f.take(code, 15);
		});
	}

	recoveryKeys(code: Uint8Array): { recoveryKey: Bytes; wrapKey: Bytes } {
		return this.memory.run((f) => {
			const [auth, wrap] = [f.output(32), f.output(32)];
			this.memory.call('chatalot_recovery_keys', f.fixed(code, 15), auth, wrap);
			return { recoveryKey: f.take(auth, 32), wrapKey: f.take(wrap, 32) };
		});
	}

	// 4  Keyring

	sealKeyring(
		wrapKey: Uint8Array,
		user: Uint8Array,
		kind: KeyringKind,
		accountSecret: Uint8Array,
		backupSecret: Uint8Array
	): Bytes {
		return this.memory.run((f) => {
			const keyring = f.output(lengths.keyring);
			this.memory.call(
				'chatalot_keyring_seal',
				f.fixed(wrapKey, 32),
				f.fixed(user, 16),
				keyringKinds[kind],
				f.fixed(accountSecret, 32),
				f.fixed(backupSecret, 32),
				keyring
			);
			return f.take(keyring, lengths.keyring);
		});
	}

	openKeyring(
		wrapKey: Uint8Array,
		user: Uint8Array,
		kind: KeyringKind,
		keyring: Uint8Array
	): { accountSecret: Bytes; backupSecret: Bytes } {
		return this.memory.run((f) => {
			const [account, backup] = [f.output(32), f.output(32)];
			this.memory.call(
				'chatalot_keyring_open',
				f.fixed(wrapKey, 32),
				f.fixed(user, 16),
				keyringKinds[kind],
				f.fixed(keyring, lengths.keyring),
				account,
				backup
			);
			return { accountSecret: f.take(account, 32), backupSecret: f.take(backup, 32) };
		});
	}

	rewrapKeyring(
		wrapKey: Uint8Array,
		kind: KeyringKind,
		keyring: Uint8Array,
		user: Uint8Array,
		newWrapKey: Uint8Array,
		newKind: KeyringKind
	): Bytes {
		return this.memory.run((f) => {
			const rewrapped = f.output(lengths.keyring);
			this.memory.call(
				'chatalot_keyring_rewrap',
				f.fixed(wrapKey, 32),
				keyringKinds[kind],
				f.fixed(keyring, lengths.keyring),
				f.fixed(user, 16),
				f.fixed(newWrapKey, 32),
				keyringKinds[newKind],
				rewrapped
			);
			return f.take(rewrapped, lengths.keyring);
		});
	}

	// 5  Device certificate

	createDeviceCertificate(accountSecret: Uint8Array, { user, device, deviceKey }: Party, createdAt: number): Bytes {
		return this.memory.run((f) => {
			const certificate = f.output(lengths.certificate);
			this.memory.call(
				'chatalot_device_certificate_create',
				f.fixed(accountSecret, 32),
				f.fixed(user, 16),
				f.fixed(device, 16),
				f.fixed(deviceKey, 32),
				u64(createdAt),
				certificate
			);
			return f.take(certificate, lengths.certificate);
		});
	}

	/** Throws unless the device belongs to the holder of the account key. */
	verifyDeviceCertificate(
		certificate: Uint8Array,
		accountKey: Uint8Array,
		{ user, device, deviceKey }: Party,
		createdAt: number
	): void {
		this.memory.run((f) =>
			this.memory.call(
				'chatalot_device_certificate_verify',
				f.fixed(certificate, lengths.certificate),
				f.fixed(accountKey, 32),
				f.fixed(user, 16),
				f.fixed(device, 16),
				f.fixed(deviceKey, 32),
				u64(createdAt)
			)
		);
	}

	// 6  Prekeys

	createSignedPrekey(
		deviceSecret: Uint8Array,
		device: Uint8Array,
		keyId: number,
		createdAt: number
	): { secret: Bytes; prekey: Bytes } {
		return this.memory.run((f) => {
			const [secret, prekey] = [f.output(32), f.output(lengths.signedPrekey)];
			this.memory.call(
				'chatalot_signed_prekey_create',
				f.fixed(deviceSecret, 32),
				f.fixed(device, 16),
				u32(keyId),
				u64(createdAt),
				secret,
				prekey
			);
			return { secret: f.take(secret, 32), prekey: f.take(prekey, lengths.signedPrekey) };
		});
	}

	verifySignedPrekey(prekey: Uint8Array, device: Uint8Array, deviceKey: Uint8Array): void {
		this.memory.run((f) =>
			this.memory.call(
				'chatalot_signed_prekey_verify',
				f.fixed(prekey, lengths.signedPrekey),
				f.fixed(device, 16),
				f.fixed(deviceKey, 32)
			)
		);
	}

	inspectSignedPrekey(prekey: Uint8Array): { keyId: number; key: Bytes; createdAt: number } {
		return this.memory.run((f) => {
			const [keyId, key, createdAt] = [f.output(4), f.output(32), f.output(8)];
			this.memory.call('chatalot_signed_prekey_inspect', f.fixed(prekey, lengths.signedPrekey), keyId, key, createdAt);
			return { keyId: f.u32(keyId), key: f.take(key, 32), createdAt: f.u64(createdAt) };
		});
	}

	createOneTimePrekey(): KeyPair {
		return this.pair('chatalot_one_time_prekey_create');
	}

	// 7  Session

	/** `record` is what there is with this peer, or null. The peer's certificate has been verified by the caller. */
	startSession(
		record: Uint8Array | null,
		own: Party,
		ownSecret: Uint8Array,
		peer: Party,
		signedPrekey: Uint8Array,
		oneTimePrekey: { id: number; key: Uint8Array } | null,
		now: number
	): Bytes {
		return this.memory.run((f) => {
			const next = f.room((record?.length ?? 0) + padding.session);
			this.memory.call(
				'chatalot_session_start',
				record ? f.input(record) : 0,
				record?.length ?? 0,
				party(f, own),
				f.fixed(ownSecret, 32),
				party(f, peer),
				f.fixed(signedPrekey, lengths.signedPrekey),
				oneTimePrekey ? u32(oneTimePrekey.id) : 0,
				f.optional(oneTimePrekey?.key, 32),
				u64(now),
				next.pointer,
				next.length
			);
			return f.takeRoom(next);
		});
	}

	inspectSession(record: Uint8Array): { session: Bytes; confirmed: boolean; sessions: number } {
		return this.memory.run((f) => {
			const [id, confirmed, sessions] = [f.output(16), f.output(1), f.output(1)];
			this.memory.call('chatalot_session_inspect', f.input(record), record.length, id, confirmed, sessions);
			return { session: f.take(id, 16), confirmed: f.u8(confirmed) === 1, sessions: f.u8(sessions) };
		});
	}

	// 8  Envelope

	/** Store the new record before the envelope leaves. */
	sealEnvelope(record: Uint8Array, letter: Uint8Array): { record: Bytes; envelope: Bytes } {
		return this.memory.run((f) => {
			const next = f.room(record.length + padding.session);
			const envelope = f.room(letter.length + overhead.envelope);
			this.memory.call(
				'chatalot_envelope_seal',
				f.input(record),
				record.length,
				f.input(letter),
				letter.length,
				next.pointer,
				next.length,
				envelope.pointer,
				envelope.length
			);
			return { record: f.takeRoom(next), envelope: f.takeRoom(envelope) };
		});
	}

	inspectEnvelope(envelope: Uint8Array): EnvelopeInfo {
		return this.memory.run((f) => {
			const [type, session, deviceKey] = [f.output(1), f.output(16), f.output(32)];
			const [signed, hasOneTime, oneTime] = [f.output(4), f.output(1), f.output(4)];
			this.memory.call(
				'chatalot_envelope_inspect',
				f.input(envelope),
				envelope.length,
				type,
				session,
				deviceKey,
				signed,
				hasOneTime,
				oneTime
			);
			if (f.u8(type) === 2) return { type: 'normal', session: f.take(session, 16) };
			return {
				type: 'initial',
				deviceKey: f.take(deviceKey, 32),
				signedPrekey: f.u32(signed),
				oneTimePrekey: f.u8(hasOneTime) === 1 ? f.u32(oneTime) : null
			};
		});
	}

	/**
	 * `secrets` are those of the prekeys that inspectEnvelope() names, null where they are not there. When `started`,
	 * the one-time prekey must be deleted in the transaction that stores the record.
	 */
	openEnvelope(
		record: Uint8Array | null,
		own: Party,
		ownSecret: Uint8Array,
		peer: Party,
		secrets: { signedPrekey?: Uint8Array | null; oneTimePrekey?: Uint8Array | null },
		envelope: Uint8Array
	): { record: Bytes; letter: Bytes; started: boolean } {
		return this.memory.run((f) => {
			const next = f.room((record?.length ?? 0) + padding.session + padding.skipped);
			const letter = f.room(envelope.length);
			const started = f.output(1);
			this.memory.call(
				'chatalot_envelope_open',
				record ? f.input(record) : 0,
				record?.length ?? 0,
				party(f, own),
				f.fixed(ownSecret, 32),
				party(f, peer),
				f.optional(secrets.signedPrekey, 32),
				f.optional(secrets.oneTimePrekey, 32),
				f.input(envelope),
				envelope.length,
				next.pointer,
				next.length,
				letter.pointer,
				letter.length,
				started
			);
			return { record: f.takeRoom(next), letter: f.takeRoom(letter), started: f.u8(started) === 1 };
		});
	}

	// 9  Letter

	makeLetter(letter: Letter): Bytes {
		const body = this.letterBody(letter);
		return this.memory.run((f) => {
			const out = f.room(body.length + 3);
			this.memory.call(
				'chatalot_letter_make',
				letterKinds[letter.kind],
				f.input(body),
				body.length,
				out.pointer,
				out.length
			);
			return f.takeRoom(out);
		});
	}

	private letterBody(letter: Letter): Bytes {
		switch (letter.kind) {
			case 'content_key':
				return letter.contentKey;
			case 'sender_key':
				return letter.senderKey;
			case 'request':
				return this.makeRequest(letter.request);
			case 'items':
				return this.joinItems(letter.items);
		}
	}

	/** What `peer` wrote, checked against who it came from. */
	openLetter(letter: Uint8Array, peer: Party, ownUser: Uint8Array): Letter {
		return this.memory.run((f) => {
			const [kind, offset, length] = [f.output(1), f.output(4), f.output(4)];
			this.memory.call(
				'chatalot_letter_open',
				f.input(letter),
				letter.length,
				party(f, peer),
				f.fixed(ownUser, 16),
				kind,
				offset,
				length
			);
			const body = letter.slice(f.u32(offset), f.u32(offset) + f.u32(length)) as Bytes;
			switch (f.u8(kind)) {
				case letterKinds.content_key:
					return { kind: 'content_key', contentKey: body };
				case letterKinds.sender_key:
					return { kind: 'sender_key', senderKey: body };
				case letterKinds.request:
					return { kind: 'request', request: this.readRequest(body) };
				default:
					return { kind: 'items', items: this.splitItems(body) };
			}
		});
	}

	private makeRequest({ what, channel, epoch, id }: KeyRequest): Bytes {
		return this.memory.run((f) => {
			const request = f.output(lengths.request);
			this.memory.call(
				'chatalot_request_make',
				requestKinds[what],
				f.fixed(channel, 16),
				u64(epoch),
				f.fixed(id, 16),
				request
			);
			return f.take(request, lengths.request);
		});
	}

	private readRequest(body: Bytes): KeyRequest {
		return this.memory.run((f) => {
			const [what, channel, epoch, id] = [f.output(1), f.output(16), f.output(8), f.output(16)];
			this.memory.call('chatalot_request_read', f.fixed(body, lengths.request), what, channel, epoch, id);
			return {
				what: f.u8(what) === requestKinds.sender_key ? 'sender_key' : 'content_key',
				channel: f.take(channel, 16),
				epoch: f.u64(epoch),
				id: f.take(id, 16)
			};
		});
	}

	// 10  Binding

	private binding(f: Frame, b: Binding): { pointer: number; length: number } {
		const kind = new TextEncoder().encode(b.kind);
		const room = f.room(139);
		this.memory.call(
			'chatalot_binding_make',
			f.fixed(b.channel, 16),
			u64(b.epoch),
			f.input(kind),
			kind.length,
			f.fixed(b.message, 16),
			f.optional(b.thread, 16),
			f.optional(b.ref, 16),
			f.fixed(b.user, 16),
			f.fixed(b.device, 16),
			room.pointer,
			room.length
		);
		return { pointer: room.pointer, length: f.u32(room.length) };
	}

	// 11  Sender key

	createSenderChain(channel: Uint8Array, epoch: number, own: Party, ownSecret: Uint8Array): Bytes {
		return this.memory.run((f) => {
			const chain = f.output(lengths.senderChain);
			this.memory.call(
				'chatalot_sender_chain_create',
				f.fixed(channel, 16),
				u64(epoch),
				party(f, own),
				f.fixed(ownSecret, 32),
				chain
			);
			return f.take(chain, lengths.senderChain);
		});
	}

	/** The sender key at the chain's present counter. */
	shareSenderChain(chain: Uint8Array): Bytes {
		return this.memory.run((f) => {
			const key = f.output(lengths.senderKey);
			this.memory.call('chatalot_sender_chain_share', f.fixed(chain, lengths.senderChain), key);
			return f.take(key, lengths.senderKey);
		});
	}

	inspectSenderChain(chain: Uint8Array): { channel: Bytes; epoch: number; keyId: Bytes; counter: number } {
		return this.memory.run((f) => {
			const [channel, epoch, id, counter] = [f.output(16), f.output(8), f.output(16), f.output(4)];
			this.memory.call(
				'chatalot_sender_chain_inspect',
				f.fixed(chain, lengths.senderChain),
				channel,
				epoch,
				id,
				counter
			);
			return {
				channel: f.take(channel, 16),
				epoch: f.u64(epoch),
				keyId: f.take(id, 16),
				counter: f.u32(counter)
			};
		});
	}

	/** Of a sender key, or of a record at its start. */
	inspectSenderKey(senderKey: Uint8Array): SenderKeyInfo {
		return this.memory.run((f) => {
			const [channel, epoch, id] = [f.output(16), f.output(8), f.output(16)];
			const [sender, counter] = [f.output(64), f.output(4)];
			this.memory.call(
				'chatalot_sender_key_inspect',
				f.fixed(senderKeyOf(senderKey), lengths.senderKey),
				channel,
				epoch,
				id,
				sender,
				counter
			);
			return {
				channel: f.take(channel, 16),
				epoch: f.u64(epoch),
				keyId: f.take(id, 16),
				sender: splitParty(f.take(sender, 64)),
				counter: f.u32(counter)
			};
		});
	}

	acceptSenderKey(senderKey: Uint8Array): Bytes {
		return this.memory.run((f) => {
			const record = f.output(lengths.senderKeyRecord);
			this.memory.call('chatalot_sender_key_accept', f.fixed(senderKey, lengths.senderKey), record);
			return f.take(record, lengths.senderKeyRecord);
		});
	}

	mergeSenderKey(record: Uint8Array, senderKey: Uint8Array): Bytes {
		return this.memory.run((f) => {
			const merged = f.output(lengths.senderKeyRecord);
			this.memory.call(
				'chatalot_sender_key_merge',
				f.fixed(record, lengths.senderKeyRecord),
				f.fixed(senderKey, lengths.senderKey),
				merged
			);
			return f.take(merged, lengths.senderKeyRecord);
		});
	}

	senderKeyAt(record: Uint8Array, counter: number): Bytes {
		return this.memory.run((f) => {
			const moved = f.output(lengths.senderKeyRecord);
			this.memory.call('chatalot_sender_key_at', f.fixed(record, lengths.senderKeyRecord), u32(counter), moved);
			return f.take(moved, lengths.senderKeyRecord);
		});
	}

	/** Store the new chain before the message leaves. */
	sealChannelMessage(chain: Uint8Array, binding: Binding, payload: Uint8Array): { chain: Bytes; message: Bytes } {
		return this.memory.run((f) => {
			const bound = this.binding(f, binding);
			const next = f.output(lengths.senderChain);
			const message = f.room(this.paddedLength(payload.length) + overhead.channelMessage);
			this.memory.call(
				'chatalot_channel_message_seal',
				f.fixed(chain, lengths.senderChain),
				bound.pointer,
				bound.length,
				f.input(payload),
				payload.length,
				next,
				message.pointer,
				message.length
			);
			return { chain: f.take(next, lengths.senderChain), message: f.takeRoom(message) };
		});
	}

	inspectChannelMessage(message: Uint8Array): { keyId: Bytes; counter: number } {
		return this.memory.run((f) => {
			const [id, counter] = [f.output(16), f.output(4)];
			this.memory.call('chatalot_channel_message_inspect', f.input(message), message.length, id, counter);
			return { keyId: f.take(id, 16), counter: f.u32(counter) };
		});
	}

	openChannelMessage(
		record: Uint8Array,
		binding: Binding,
		message: Uint8Array,
		history: boolean
	): { record: Bytes; payload: Bytes } {
		return this.memory.run((f) => {
			const bound = this.binding(f, binding);
			const next = f.output(lengths.senderKeyRecord);
			const payload = f.room(message.length);
			this.memory.call(
				'chatalot_channel_message_open',
				f.fixed(record, lengths.senderKeyRecord),
				bound.pointer,
				bound.length,
				f.input(message),
				message.length,
				history ? 1 : 0,
				next,
				payload.pointer,
				payload.length
			);
			return { record: f.take(next, lengths.senderKeyRecord), payload: f.takeRoom(payload) };
		});
	}

	// 12  Content key

	sealDmMessage(binding: Binding, payload: Uint8Array): { contentKey: Bytes; message: Bytes } {
		return this.memory.run((f) => {
			const bound = this.binding(f, binding);
			const contentKey = f.output(lengths.contentKey);
			const message = f.room(this.paddedLength(payload.length) + overhead.dmMessage);
			this.memory.call(
				'chatalot_dm_message_seal',
				bound.pointer,
				bound.length,
				f.input(payload),
				payload.length,
				contentKey,
				message.pointer,
				message.length
			);
			return { contentKey: f.take(contentKey, lengths.contentKey), message: f.takeRoom(message) };
		});
	}

	openDmMessage(contentKey: Uint8Array, binding: Binding, message: Uint8Array): Bytes {
		return this.memory.run((f) => {
			const bound = this.binding(f, binding);
			const payload = f.room(message.length);
			this.memory.call(
				'chatalot_dm_message_open',
				f.fixed(contentKey, lengths.contentKey),
				bound.pointer,
				bound.length,
				f.input(message),
				message.length,
				payload.pointer,
				payload.length
			);
			return f.takeRoom(payload);
		});
	}

	inspectContentKey(contentKey: Uint8Array): { channel: Bytes; message: Bytes; user: Bytes; device: Bytes } {
		return this.memory.run((f) => {
			const [channel, message, user, device] = [f.output(16), f.output(16), f.output(16), f.output(16)];
			this.memory.call(
				'chatalot_content_key_inspect',
				f.fixed(contentKey, lengths.contentKey),
				channel,
				message,
				user,
				device
			);
			return {
				channel: f.take(channel, 16),
				message: f.take(message, 16),
				user: f.take(user, 16),
				device: f.take(device, 16)
			};
		});
	}

	// 13  Padding and franking

	private paddedLength(payloadLength: number): number {
		return this.memory.invoke('chatalot_padded_length', payloadLength) >>> 0;
	}

	frankingCommit(frankingKey: Uint8Array, payload: Uint8Array): Bytes {
		return this.memory.run((f) => {
			const commitment = f.output(32);
			this.memory.call(
				'chatalot_franking_commit',
				f.fixed(frankingKey, 32),
				f.input(payload),
				payload.length,
				commitment
			);
			return f.take(commitment, 32);
		});
	}

	frankingVerify(frankingKey: Uint8Array, payload: Uint8Array, commitment: Uint8Array): void {
		this.memory.run((f) =>
			this.memory.call(
				'chatalot_franking_verify',
				f.fixed(frankingKey, 32),
				f.input(payload),
				payload.length,
				f.fixed(commitment, 32)
			)
		);
	}

	// 14  Items and backup

	makeIdentity({ user, accountKey, state, since }: Identity): Bytes {
		return this.memory.run((f) => {
			const identity = f.output(lengths.identity);
			this.memory.call(
				'chatalot_identity_make',
				f.fixed(user, 16),
				f.fixed(accountKey, 32),
				identityStates[state],
				u64(since),
				identity
			);
			return f.take(identity, lengths.identity);
		});
	}

	readIdentity(identity: Uint8Array): Identity {
		return this.memory.run((f) => {
			const [user, accountKey, state, since] = [f.output(16), f.output(32), f.output(2), f.output(8)];
			this.memory.call('chatalot_identity_read', f.fixed(identity, lengths.identity), user, accountKey, state, since);
			return {
				user: f.take(user, 16),
				accountKey: f.take(accountKey, 32),
				state: f.u8(state) === identityStates.verified ? 'verified' : 'met',
				since: f.u64(since)
			};
		});
	}

	joinItems(items: Item[]): Bytes {
		const parts = items.map(({ kind, body }) =>
			this.memory.run((f) => {
				const out = f.room(body.length + 3);
				this.memory.call('chatalot_item_make', itemKinds[kind], f.input(body), body.length, out.pointer, out.length);
				return f.takeRoom(out);
			})
		);
		const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
		let at = 0;
		for (const part of parts) {
			joined.set(part, at);
			at += part.length;
		}
		return joined;
	}

	/** Items of kinds that this client does not know are left out. */
	splitItems(joined: Uint8Array): Item[] {
		return this.memory.run((f) => {
			const data = f.input(joined);
			const [offset, kind, bodyAt, bodyLength] = [f.output(4), f.output(1), f.output(4), f.output(4)];
			const items: Item[] = [];
			f.setU32(offset, 0);
			while (f.u32(offset) < joined.length) {
				this.memory.call('chatalot_items_next', data, joined.length, offset, kind, bodyAt, bodyLength);
				const body = joined.slice(f.u32(bodyAt), f.u32(bodyAt) + f.u32(bodyLength)) as Bytes;
				const name = itemNames.get(f.u8(kind));
				if (name) items.push({ kind: name, body });
			}
			return items;
		});
	}

	sealBackup(backupSecret: Uint8Array, user: Uint8Array, items: Item[]): Bytes {
		const joined = this.joinItems(items);
		return this.memory.run((f) => {
			const backup = f.room(joined.length + overhead.backup);
			this.memory.call(
				'chatalot_backup_seal',
				f.fixed(backupSecret, 32),
				f.fixed(user, 16),
				f.input(joined),
				joined.length,
				backup.pointer,
				backup.length
			);
			joined.fill(0);
			return f.takeRoom(backup);
		});
	}

	openBackup(backupSecret: Uint8Array, user: Uint8Array, backup: Uint8Array): Item[] {
		return this.memory.run((f) => {
			const items = f.room(backup.length);
			this.memory.call(
				'chatalot_backup_open',
				f.fixed(backupSecret, 32),
				f.fixed(user, 16),
				f.input(backup),
				backup.length,
				items.pointer,
				items.length
			);
			return this.splitItems(f.takeRoom(items));
		});
	}

	// 15  Safety number

	safetyNumber(userA: Uint8Array, accountKeyA: Uint8Array, userB: Uint8Array, accountKeyB: Uint8Array): string {
		return this.memory.run((f) => {
			const digits = f.output(60);
			this.memory.call(
				'chatalot_safety_number',
				f.fixed(userA, 16),
				f.fixed(accountKeyA, 32),
				f.fixed(userB, 16),
				f.fixed(accountKeyB, 32),
				digits
			);
			return String.fromCharCode(...f.take(digits, 60));
		});
	}

	// 16  Approval of a new device

	/** By the newcomer. Key and nonce are kept back until the approver has answered. */
	approvalBegin(id: Uint8Array): { secret: Bytes; key: Bytes; nonce: Bytes; commitment: Bytes } {
		return this.memory.run((f) => {
			const [secret, key, nonce, commitment] = [f.output(32), f.output(32), f.output(16), f.output(32)];
			this.memory.call('chatalot_approval_begin', f.fixed(id, 16), secret, key, nonce, commitment);
			return {
				secret: f.take(secret, 32),
				key: f.take(key, 32),
				nonce: f.take(nonce, 16),
				commitment: f.take(commitment, 32)
			};
		});
	}

	/** By the approver, who has seen the commitment. */
	approvalAnswer(): KeyPair {
		return this.pair('chatalot_approval_answer');
	}

	/** Six digits. `secret` is that of `side`. Throws `auth` when the newcomer's key is not what it committed to. */
	approvalDigits(side: ApprovalSide, secret: Uint8Array, about: Approval): string {
		return this.memory.run((f) => {
			const digits = f.output(6);
			this.memory.call(
				'chatalot_approval_digits',
				approvalSides[side],
				f.fixed(secret, 32),
				approval(f, about),
				digits
			);
			return String.fromCharCode(...f.take(digits, 6));
		});
	}

	/** By the approver, once somebody has compared the digits. */
	approvalSeal(secret: Uint8Array, about: Approval, accountSecret: Uint8Array, backupSecret: Uint8Array): Bytes {
		return this.memory.run((f) => {
			const sealed = f.output(lengths.approvalSealed);
			this.memory.call(
				'chatalot_approval_seal',
				f.fixed(secret, 32),
				approval(f, about),
				f.fixed(accountSecret, 32),
				f.fixed(backupSecret, 32),
				sealed
			);
			return f.take(sealed, lengths.approvalSealed);
		});
	}

	/** By the newcomer. The caller compares the public halves with what the server says of the account. */
	approvalOpen(
		secret: Uint8Array,
		about: Approval,
		sealed: Uint8Array
	): { user: Bytes; accountSecret: Bytes; backupSecret: Bytes } {
		return this.memory.run((f) => {
			const [account, backup] = [f.output(32), f.output(32)];
			this.memory.call(
				'chatalot_approval_open',
				f.fixed(secret, 32),
				approval(f, about),
				f.fixed(sealed, lengths.approvalSealed),
				account,
				backup
			);
			return {
				user: about.user.slice() as Bytes,
				accountSecret: f.take(account, 32),
				backupSecret: f.take(backup, 32)
			};
		});
	}

	// 17  Files

	fileSealBegin(): { key: Bytes; header: Bytes; state: Bytes } {
		return this.memory.run((f) => {
			const [key, header, state] = [f.output(32), f.output(lengths.fileHeader), f.output(lengths.fileState)];
			this.memory.call('chatalot_file_seal_begin', key, header, state);
			return {
				key: f.take(key, 32),
				header: f.take(header, lengths.fileHeader),
				state: f.take(state, lengths.fileState)
			};
		});
	}

	/** All but the last have `lengths.fileChunk` bytes; the last is not empty, unless the file is. */
	fileSealChunk(state: Uint8Array, plain: Uint8Array, last: boolean): { state: Bytes; sealed: Bytes } {
		return this.memory.run((f) => {
			const next = f.output(lengths.fileState);
			const sealed = f.room(plain.length + overhead.file);
			this.memory.call(
				'chatalot_file_seal_chunk',
				f.fixed(state, lengths.fileState),
				f.input(plain),
				plain.length,
				last ? 1 : 0,
				next,
				sealed.pointer,
				sealed.length
			);
			return { state: f.take(next, lengths.fileState), sealed: f.takeRoom(sealed) };
		});
	}

	fileOpenBegin(key: Uint8Array, header: Uint8Array): Bytes {
		return this.memory.run((f) => {
			const state = f.output(lengths.fileState);
			this.memory.call('chatalot_file_open_begin', f.fixed(key, 32), f.fixed(header, lengths.fileHeader), state);
			return f.take(state, lengths.fileState);
		});
	}

	/** What opened is true as far as it goes; the file is whole once `last` is. */
	fileOpenChunk(state: Uint8Array, sealed: Uint8Array): { state: Bytes; plain: Bytes; last: boolean } {
		return this.memory.run((f) => {
			const next = f.output(lengths.fileState);
			const plain = f.room(sealed.length);
			const last = f.output(1);
			this.memory.call(
				'chatalot_file_open_chunk',
				f.fixed(state, lengths.fileState),
				f.input(sealed),
				sealed.length,
				next,
				plain.pointer,
				plain.length,
				last
			);
			return { state: f.take(next, lengths.fileState), plain: f.takeRoom(plain), last: f.u8(last) === 1 };
		});
	}

	/** Throws unless the last chunk has been sealed or opened: what was opened before may have been cut short. */
	fileEnded(state: Uint8Array): void {
		this.memory.run((f) => this.memory.call('chatalot_file_ended', f.fixed(state, lengths.fileState)));
	}
}

/** The sender key inside a record (for backup and sharing), or the sender key itself. */
export function senderKeyOf(record: Uint8Array): Bytes {
	return record.slice(0, lengths.senderKey) as Bytes;
}

/** How long a sealed file is, header and all. */
export function sealedFileLength(length: number): number {
	const chunks = Math.max(1, Math.ceil(length / lengths.fileChunk));
	return lengths.fileHeader + length + chunks * overhead.file;
}

/** The lengths of a sealed file's chunks, after its header, one after another. */
export const sealedFileChunk = lengths.fileChunk + overhead.file;
