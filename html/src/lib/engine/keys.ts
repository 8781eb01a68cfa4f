// SPDX-License-Identifier: GPL-3.0-or-later
// The keys that open messages: sender keys and content keys, however they were learnt. Each new one goes to the backup
// queue, and messages that waited for it are opened again.
import { fromBase64url, sameBytes, toBase64url, type Bytes } from '../core/bytes';
import type { Id } from '../core/types';
import { uuidBytes, uuidOf } from '../core/uuid';
import { CryptoError, senderKeyOf, type Item, type KeyRequest } from '../crypto/library';
import type { ContentKeyRecord, SenderKeyRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { turnOf } from './policy';

/** What a waiting message waits for. */
export const wantsSenderKey = (keyId: Bytes): string => `sender:${toBase64url(keyId)}`;
export const wantsContentKey = (message: string): string => `content:${message}`;

export interface Learnt {
	channel: string;
	wants: string;
}

/**
 * Whom a sender key came from: only its own sender can say that another copy of it was false. `made`: this device, just now;
 * `member`: somebody else who has it, so that its chain may be none until it has opened something.
 */
export type Source = 'sender' | 'made' | 'own device' | 'backup' | 'member';

/** Sender keys of one device in one channel that have opened nothing yet; a year's worth of weekly ones. */
const UNPROVEN = 64;

/**
 * Takes a sender key whose sender has been vouched for: by the envelope it came in, or by the own backup. Null when it
 * brings nothing new. Throws CryptoError.
 */
export async function learnSenderKey(
	ctx: Context,
	unit: Unit,
	senderKey: Bytes,
	source: Source
): Promise<Learnt | null> {
	const { library } = ctx;
	const info = library.inspectSenderKey(senderKey);
	const channel = uuidOf(info.channel);
	const keyId = toBase64url(info.keyId);
	const user = uuidOf(info.sender.user);
	const device = uuidOf(info.sender.device);
	// By device too: nobody can take the place of another's key by choosing its id.
	const known = await unit.get('senderKeys', [channel, keyId, device]);
	if (known && (known.user !== user || known.epoch !== info.epoch))
		throw new CryptoError('auth', 'sender key of another sender');
	const record = known ? merge(ctx, known, senderKey, source) : library.acceptSenderKey(senderKey);
	if (known && sameBytes(senderKeyOf(known.record), senderKeyOf(record))) return null;
	const { handed: _, ...before } = known ?? {};
	const learnt: SenderKeyRecord = { ...before, channel, keyId, user, device, epoch: info.epoch, record };
	if (source === 'member' && (!known || known.handed)) learnt.handed = true;
	if (!known && (await isNew(unit, source, `sender:${keyId}`))) learnt.turn = await turnOf(unit, channel);
	if (!known && source === 'sender' && user !== ctx.own.user) {
		await countUnproven(unit, device, channel, 1);
		learnt.unproven = true;
	}
	unit.put('senderKeys', learnt);
	if (source !== 'backup' && !learnt.handed) queueBackup(unit, learnt);
	return { channel, wants: `sender:${keyId}` };
}

/** A key that its sender gives of itself begins now, as far as this device can know; one that was asked for is older. */
async function isNew(unit: Unit, source: Source, wants: string): Promise<boolean> {
	if (source === 'made') return true;
	return source === 'sender' && !Object.hasOwn((await unit.meta('asked')) ?? {}, wants);
}

/**
 * A copy that does not lie on the chain that is known is refused, unless the sender itself says that this is its key, or the
 * known one is a stranger's word itself.
 */
function merge(ctx: Context, known: SenderKeyRecord, senderKey: Bytes, source: Source): Bytes {
	try {
		return ctx.library.mergeSenderKey(known.record, senderKey);
	} catch (error) {
		const mayReplace = source === 'sender' || known.handed;
		if (!mayReplace || !(error instanceof CryptoError) || error.code !== 'auth') throw error;
		return ctx.library.acceptSenderKey(senderKey);
	}
}

/**
 * The key has opened an entry: it no longer counts among those that a device could fill this one's disk with, and one that
 * was handed on is good.
 */
export async function proven(unit: Unit, key: SenderKeyRecord): Promise<SenderKeyRecord> {
	if (!key.unproven && !key.handed) return key;
	if (key.unproven) await countUnproven(unit, key.device, key.channel, -1);
	const { unproven: _, handed, ...rest } = key;
	if (handed) queueBackup(unit, rest);
	return rest;
}

async function countUnproven(unit: Unit, device: Id, channel: Id, by: 1 | -1): Promise<void> {
	const known = await unit.get('devices', device);
	if (!known) throw new CryptoError('auth', 'sender key of a device that is not known');
	const count = (known.unproven?.[channel] ?? 0) + by;
	if (count > UNPROVEN) throw new CryptoError('exhausted', 'too many sender keys that have opened nothing');
	unit.put('devices', { ...known, unproven: { ...known.unproven, [channel]: Math.max(0, count) } });
}

/** Likewise for the key of one DM message. */
export async function learnContentKey(
	ctx: Context,
	unit: Unit,
	contentKey: Bytes,
	backUp: boolean
): Promise<Learnt | null> {
	const info = ctx.library.inspectContentKey(contentKey);
	const channel = uuidOf(info.channel);
	const message = uuidOf(info.message);
	const user = uuidOf(info.user);
	const device = uuidOf(info.device);
	if (await unit.get('contentKeys', [channel, message, device])) return null;
	const learnt: ContentKeyRecord = { channel, message, user, device, contentKey };
	unit.put('contentKeys', learnt);
	if (backUp) queueBackup(unit, learnt);
	return { channel, wants: wantsContentKey(message) };
}

/** One place in the queue for each key: the later copy of it, or the key of a message that was sealed anew, is the one. */
export function queueBackup(unit: Unit, key: SenderKeyRecord | ContentKeyRecord): void {
	const { channel, device } = key;
	const item: Item =
		'keyId' in key
			? { kind: 'sender_key', body: senderKeyOf(key.record) }
			: { kind: 'content_key', body: key.contentKey };
	const id = [item.kind, channel, 'keyId' in key ? key.keyId : key.message, device].join('/');
	unit.put('backup', { id, ...item });
}

/** The id in a request for what `wants` names. */
export function wantedId(wants: string): { what: KeyRequest['what']; id: Bytes } | null {
	const [kind, rest] = wants.split(':', 2);
	if (kind === 'content' && rest) return { what: 'content_key', id: uuidBytes(rest) };
	const id = kind === 'sender' && rest ? fromBase64url(rest) : null;
	return id ? { what: 'sender_key', id } : null;
}
