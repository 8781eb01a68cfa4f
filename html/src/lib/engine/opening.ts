// SPDX-License-Identifier: GPL-3.0-or-later
// Opening one entry of a channel log: what the server claims of it (sender, device, epoch, kind, id, place) must be what
// was authenticated. The outcome is always a record that can be shown; nothing an entry holds makes this throw.
import { Malformed } from '../api/decode';
import type { WireEntry } from '../api/shapes';
import { toBase64url, type Bytes } from '../core/bytes';
import type { Id, Problem } from '../core/types';
import { uuidBytes } from '../core/uuid';
import { CryptoError, type Binding } from '../crypto/library';
import type { MessageRecord, RawEntry } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { proven, wantsContentKey, wantsSenderKey } from './keys';
import { decodePayload } from './payload';
import { pinOf } from './pins';

export interface SealedEntry extends RawEntry {
	channel: Id;
	seq: number;
	id: Id;
	sender: Id;
	device: Id;
	at: number;
}

/** An entry whose author's account was deleted, and what it said with it. */
export function wiped({ channel, seq, id, sender, device, created_at: at }: WireEntry): MessageRecord {
	return { channel, seq, id, sender, device, at, state: 'unreadable', text: '', problem: DELETED };
}

export const DELETED: Problem = {
	code: 'account_deleted',
	message: 'Whoever wrote this has deleted their account, and this message with it.'
};

/** How far ahead of what was read an entry may be: an arriving one less than one read back from history. */
export type Reading = 'arriving' | 'history';

const TOO_LATE: Problem = {
	code: 'key_too_late',
	message: 'This device was not given the key for messages this old.'
};
/** What another copy of the key may cure: one that begins earlier, or one that nobody has tampered with. */
const CURABLE = new Set(['no_key', 'replay', 'auth']);
const causes: Record<string, Problem> = {
	auth: { code: 'not_authentic', message: 'This message was not sealed by who it claims to be from, or was changed.' },
	no_key: TOO_LATE,
	replay: TOO_LATE,
	too_far: { code: 'too_far', message: 'This message is further ahead than can be right.' },
	version: { code: 'unknown_version', message: 'This message needs a newer version of Chatalot.' },
	format: { code: 'malformed', message: 'This message is damaged.' },
	payload: { code: 'malformed', message: 'The content of this message is damaged.' },
	former: {
		code: 'former_device',
		message: 'This message was sealed by a device of an identity that its sender has replaced.'
	},
	order: {
		code: 'out_of_order',
		message: 'This message was sealed before others that the server placed before it.'
	},
	commitment: { code: 'not_committed', message: 'This message was sent in a way that it could not be reported.' },
	kind: { code: 'unknown_version', message: 'This entry needs a newer version of Chatalot.' }
};

export async function openEntry(
	ctx: Context,
	unit: Unit,
	kind: 'text' | 'dm',
	entry: SealedEntry,
	reading: Reading
): Promise<MessageRecord> {
	const base = {
		channel: entry.channel,
		seq: entry.seq,
		id: entry.id,
		sender: entry.sender,
		device: entry.device,
		at: entry.at
	};
	if (entry.kind !== 'message') return { ...base, state: 'unreadable', text: '', problem: causes.kind! };
	try {
		if (reading === 'arriving') await requirePresent(unit, entry);
		const opened = kind === 'dm' ? await openDm(ctx, unit, entry) : await openText(ctx, unit, entry, reading);
		if ('wants' in opened) return { ...base, state: 'waiting', text: '', raw: rawOf(entry), wants: opened.wants };
		const payload = decodePayload(opened.payload);
		checkCommitment(ctx, payload.franking_key, opened.payload, entry.commitment);
		const state = entry.sender === ctx.own.user ? 'sent' : 'received';
		return { ...base, epoch: entry.epoch, state, text: payload.text };
	} catch (error) {
		const cause = causeOf(error);
		// The cause alone: what a parser says of a payload quotes it.
		ctx.platform.log('warn', `entry ${entry.seq} of ${entry.channel} is unreadable: ${cause}`);
		const record: MessageRecord = { ...base, state: 'unreadable', text: '', problem: causes[cause] ?? causes.format! };
		const wants = CURABLE.has(cause) ? wantsOf(ctx, kind, entry) : null;
		return wants === null ? record : { ...record, raw: rawOf(entry), wants };
	}
}

/** The payload of an entry of the log, checked as for showing it; null where it does not open. */
export async function openPayload(
	ctx: Context,
	unit: Unit,
	kind: 'text' | 'dm',
	{ created_at: at, ciphertext, commitment, ...entry }: WireEntry
): Promise<Bytes | null> {
	if (!ciphertext || !commitment) return null;
	const sealed = { ...entry, at, ciphertext, commitment };
	try {
		const opened = kind === 'dm' ? await openDm(ctx, unit, sealed) : await openText(ctx, unit, sealed, 'history');
		if ('wants' in opened) return null;
		checkCommitment(ctx, decodePayload(opened.payload).franking_key, opened.payload, commitment);
		return opened.payload;
	} catch (error) {
		ctx.platform.log('warn', `entry ${entry.seq} of ${entry.channel} does not open: ${causeOf(error)}`);
		return null;
	}
}

function wantsOf(ctx: Context, kind: 'text' | 'dm', entry: SealedEntry): string | null {
	if (kind === 'dm') return wantsContentKey(entry.id);
	try {
		return wantsSenderKey(ctx.library.inspectChannelMessage(entry.ciphertext).keyId);
	} catch (error) {
		if (error instanceof CryptoError) return null;
		throw error;
	}
}

/** An entry of an epoch that was over where it stands in the log. */
export function outOfOrder(entry: Pick<MessageRecord, 'channel' | 'seq' | 'id' | 'sender' | 'device' | 'at'>) {
	const { channel, seq, id, sender, device, at } = entry;
	const record: MessageRecord = { channel, seq, id, sender, device, at, state: 'unreadable', text: '' };
	return { ...record, problem: causes.order! };
}

type Opened = { payload: Bytes } | { wants: string };

async function openText(ctx: Context, unit: Unit, entry: SealedEntry, reading: Reading): Promise<Opened> {
	const { keyId } = ctx.library.inspectChannelMessage(entry.ciphertext);
	const key = await unit.get('senderKeys', [entry.channel, toBase64url(keyId), entry.device]);
	if (!key) return { wants: wantsSenderKey(keyId) };
	if (key.user !== entry.sender || key.device !== entry.device || key.epoch !== entry.epoch)
		throw new CryptoError('auth', 'entry of another sender than its key');
	try {
		const opened = openWith(ctx, key.record, entry, reading === 'history');
		unit.put('senderKeys', { ...(await proven(unit, key)), record: opened.record });
		return { payload: opened.payload };
	} catch (error) {
		// Whoever handed it on may have spoilt it: another copy may still come.
		if (key.handed && error instanceof CryptoError && error.code === 'auth') return { wants: wantsSenderKey(keyId) };
		throw error;
	}
}

/**
 * After a long absence the newest entries are taken in first, and may be further ahead than arriving ones are: then only
 * the length of the chain bounds the search.
 */
function openWith(
	ctx: Context,
	record: Bytes,
	entry: SealedEntry,
	history: boolean
): { record: Bytes; payload: Bytes } {
	try {
		return ctx.library.openChannelMessage(record, bindingOf(entry), entry.ciphertext, history);
	} catch (error) {
		if (history || !(error instanceof CryptoError) || error.code !== 'too_far') throw error;
		return openWith(ctx, record, entry, true);
	}
}

async function openDm(ctx: Context, unit: Unit, entry: SealedEntry): Promise<Opened> {
	const { user } = ctx.own;
	if (entry.sender !== user && entry.sender !== (await pinOf(unit, entry.channel))?.peer)
		throw new CryptoError('auth', 'entry of neither of the two people');
	const key = await unit.get('contentKeys', [entry.channel, entry.id, entry.device]);
	if (!key) return { wants: wantsContentKey(entry.id) };
	if (key.user !== entry.sender || key.device !== entry.device)
		throw new CryptoError('auth', 'entry of another sender');
	return { payload: ctx.library.openDmMessage(key.contentKey, bindingOf(entry), entry.ciphertext) };
}

export function bindingOf(entry: Omit<SealedEntry, 'seq' | 'at' | 'ciphertext' | 'commitment'>): Binding {
	return {
		channel: uuidBytes(entry.channel),
		epoch: entry.epoch,
		kind: entry.kind,
		message: uuidBytes(entry.id),
		thread: entry.thread === null ? null : uuidBytes(entry.thread),
		ref: entry.ref === null ? null : uuidBytes(entry.ref),
		user: uuidBytes(entry.sender),
		device: uuidBytes(entry.device)
	};
}

function rawOf({ kind, ref, thread, epoch, ciphertext, commitment }: SealedEntry): RawEntry {
	return { kind, ref, thread, epoch, ciphertext, commitment };
}

class NotCommitted extends Error {}
class Former extends Error {}

/** A device that only a replaced identity vouches for was removed with it, and everything since has another epoch. */
async function requirePresent(unit: Unit, { channel, sender, device, epoch }: SealedEntry): Promise<void> {
	if (!(await unit.get('people', sender))?.former?.includes(device)) return;
	if (epoch >= ((await unit.get('rosters', channel))?.epoch ?? 0)) throw new Former();
}

function checkCommitment(ctx: Context, key: Bytes, payload: Bytes, commitment: Bytes): void {
	try {
		ctx.library.frankingVerify(key, payload, commitment);
	} catch {
		throw new NotCommitted('commitment');
	}
}

function causeOf(error: unknown): string {
	if (error instanceof CryptoError) return error.code;
	if (error instanceof NotCommitted) return 'commitment';
	if (error instanceof Former) return 'former';
	if (error instanceof Malformed || error instanceof SyntaxError) return 'payload';
	throw error;
}
