// SPDX-License-Identifier: GPL-3.0-or-later
// This device's own keys: made, certified by the account's key, and stored at once with all that came with them.
import type { DeviceUpload } from '../api/api';
import type { WireTokens } from '../api/shapes';
import { sameBytes, toBase64url, type Bytes } from '../core/bytes';
import type { Platform } from '../core/platform';
import { fail } from '../core/problem';
import type { Id } from '../core/types';
import { uuidBytes } from '../core/uuid';
import type { AccountKeys, Library } from '../crypto/library';
import type { Reader } from '../store/reader';
import { Damaged } from '../store/seal';
import type { Store } from '../store/store';
import type { DeviceRecord, Meta, PrekeyRecord, TokenRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import { newId } from './context';
import { queueBackup } from './keys';
import { Tokens } from './tokens';

export const ONE_TIME_PREKEYS = 100;
/** Nothing was ever sealed for this identity. */
const NOTHING: Meta['restore'] = { before: null, total: 0, finished: true, identities: 'known' };

/** All that a new device has to keep. */
export interface NewDevice {
	device: DeviceRecord;
	tokens: TokenRecord;
	prekeys: PrekeyRecord[];
	/** Of its identity: there is no backup to restore. */
	isFirst: boolean;
}

export interface DeviceKeys {
	upload: DeviceUpload;
	secret: Bytes;
	key: Bytes;
	prekeys: PrekeyRecord[];
}

export function makeDevice(platform: Platform, library: Library, user: Id, accountSecret: Bytes): DeviceKeys {
	const id = newId(platform);
	const now = platform.now();
	const { secret, key } = library.createDevice();
	const party = { user: uuidBytes(user), device: uuidBytes(id), deviceKey: key };
	const signed = library.createSignedPrekey(secret, party.device, 1, now);
	const once = makeOneTimePrekeys(library, 1, ONE_TIME_PREKEYS, now);
	return {
		secret,
		key,
		prekeys: [{ kind: 'signed', id: 1, secret: signed.secret, createdAt: now }, ...once.records],
		upload: {
			id,
			name: platform.deviceName,
			device_key: toBase64url(key),
			certificate: toBase64url(library.createDeviceCertificate(accountSecret, party, now)),
			created_at: now,
			signed_prekey: toBase64url(signed.prekey),
			one_time_prekeys: once.upload
		}
	};
}

/** The device as the server admitted it: of this account, and this very one. */
export function admitted(
	platform: Platform,
	tokens: WireTokens,
	user: Id,
	keys: AccountKeys,
	device: DeviceKeys,
	isFirst = false
): NewDevice {
	if (tokens.user.id !== user) fail('bad_reply', 'The server signed in another account.');
	if (tokens.device !== device.upload.id) fail('bad_reply', 'The server admitted another device than was asked for.');
	const { id, username, display_name: displayName, role } = tokens.user;
	return {
		device: {
			account: { id, username, displayName, role, device: tokens.device },
			accountKey: keys.accountKey,
			accountSecret: keys.accountSecret,
			backupKey: keys.backupKey,
			backupSecret: keys.backupSecret,
			deviceKey: device.key,
			deviceSecret: device.secret,
			session: tokens.session
		},
		tokens: Tokens.record(platform, tokens, tokens.refresh_token),
		prekeys: device.prekeys,
		isFirst
	};
}

export function makeOneTimePrekeys(library: Library, from: number, count: number, now: number) {
	const records: PrekeyRecord[] = [];
	const upload: { id: number; key: string }[] = [];
	for (let id = from; id < from + count; id++) {
		const { secret, key } = library.createOneTimePrekey();
		records.push({ kind: 'once', id, secret, createdAt: now });
		upload.push({ id, key: toBase64url(key) });
	}
	return { records, upload };
}

/** What the same person's next device on this machine takes over. */
const kept = ['people', 'devices', 'pins', 'notes', 'senderKeys', 'contentKeys', 'backup'] as const;

/** Everything at once: a device that is half there would be one the server knows and nobody has. */
export function storeNewDevice(store: Store, made: NewDevice, now: number): Promise<void> {
	return store.begin(async (unit, before) => {
		const last = await lastDevice(before);
		const isKept = isSamePerson(last, made.device);
		// Also where the account has another identity now, which whoever came to it may have given it.
		if (last?.account.id === made.device.account.id) await keepOwnDevices(unit, before);
		if (isKept) await keep(unit, before);
		const identities = isKept ? ((await before.meta('restore'))?.identities ?? 'known') : 'sought';
		const sought: Meta['restore'] = { before: null, total: 0, finished: false, identities };
		putDevice(unit, made, now, made.isFirst ? NOTHING : sought);
	});
}

/**
 * Another identity of the same person, on the same device: what could be read stays, and every key of it goes up anew, to
 * the new backup. What the old identity vouched for or sealed is over, and so is whatever still runs for it.
 */
export function storeNewIdentity(store: Store, made: NewDevice, now: number): Promise<void> {
	return store.succeed(async (unit) => {
		for (const { device } of await unit.all('sessions')) unit.delete('sessions', device);
		for (const { channel } of await unit.all('ownKeys')) unit.delete('ownKeys', channel);
		for (const { id } of await unit.all('deliveries')) unit.delete('deliveries', id);
		for (const { kind, id } of await unit.all('prekeys')) unit.delete('prekeys', [kind, id]);
		for (const { id } of await unit.by('devices', 'user', made.device.account.id)) unit.delete('devices', id);
		for (const roster of await unit.all('rosters')) unit.put('rosters', { ...roster, stale: true });
		for (const { sealed: _, ...message } of await unit.all('outbox'))
			if (message.state !== 'sent') unit.put('outbox', message);
		// What another member handed on, and has opened nothing yet, may be no key at all.
		const proven = (await unit.all('senderKeys')).filter(({ handed }) => !handed);
		for (const key of [...proven, ...(await unit.all('contentKeys'))]) queueBackup(unit, key);
		const self = await unit.get('people', made.device.account.id);
		if (self) unit.put('people', { ...self, accountKey: made.device.accountKey, changedKey: null });
		for (const name of ['inbox', 'asked', 'snapshot'] as const) unit.deleteMeta(name);
		// That removes all other devices, and is what was to be done about an unknown one.
		const own = await unit.meta('ownDevices');
		if (own) unit.setMeta('ownDevices', { ...own, unknown: [] });
		putDevice(unit, made, now, NOTHING);
	});
}

function putDevice(unit: Unit, made: NewDevice, now: number, restore: Meta['restore']): void {
	unit.setMeta('device', made.device);
	unit.setMeta('tokens', made.tokens);
	unit.setMeta('prekeys', { nextOnce: ONE_TIME_PREKEYS + 1, nextSigned: 2, rotatedAt: now, checkedAt: now });
	unit.setMeta('restore', restore);
	for (const prekey of made.prekeys) unit.put('prekeys', prekey);
}

/** Who was signed in here before, where that can be read. */
async function lastDevice(before: Reader): Promise<DeviceRecord | undefined> {
	try {
		return await before.meta('device');
	} catch (error) {
		if (error instanceof Damaged) return undefined;
		throw error;
	}
}

function isSamePerson(last: DeviceRecord | undefined, now: DeviceRecord): boolean {
	return last?.account.id === now.account.id && sameBytes(last.accountKey, now.accountKey);
}

/** Whoever ended this machine's session, and came to the account before or since, is still asked about. */
async function keepOwnDevices(unit: Unit, before: Reader): Promise<void> {
	const own = await before.meta('ownDevices');
	if (own) unit.setMeta('ownDevices', own);
}

/**
 * Somebody whose session ended, which the server can cause at any time, signs in again: whom they have met, who could
 * read what, what they have written, and keys that the backup may not have got stay. Messages come back from the server;
 * what was sealed was sealed by a device that is no more.
 */
async function keep(unit: Unit, before: Reader): Promise<void> {
	for (const table of [...kept, 'rosters', 'drafts'] as const)
		for (const record of await before.all(table)) unit.put(table, record);
	for (const { id, channel, order, writtenAt, text, state, problem } of await before.all('outbox'))
		if (state !== 'sent')
			unit.put('outbox', { id, channel, order, writtenAt, text, state, ...(problem && { problem }) });
	const counter = await before.meta('counter');
	if (counter) unit.setMeta('counter', counter);
}
