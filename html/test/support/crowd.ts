// SPDX-License-Identifier: GPL-3.0-or-later
// Members in great number, known to the server only: real accounts and certified devices with real prekeys, that nobody
// runs. Cheap, for nothing is registered or derived from a password.
import { toBase64url, type Bytes } from '../../src/lib/core/bytes';
import { uuidBytes } from '../../src/lib/core/uuid';
import type { Library } from '../../src/lib/crypto/library';
import { newUuid, type Relay, type RelayCommunity, type RelayDevice } from './relay';

export function addCrowd(relay: Relay, library: Library, into: RelayCommunity, members: number, devices: number) {
	const crowd: RelayDevice[] = [];
	for (let n = 0; n < members; n++) {
		const { user, own } = addPerson(relay, library, `member${n}`, devices);
		into.members.set(user, 'member');
		into.channel.members.set(user, into.channel.log.length);
		crowd.push(...own.map(({ device }) => device));
	}
	into.channel.roster++;
	relay.announce(into.channel);
	return crowd;
}

/** A key for the channel, made by somebody who is not in it any more. */
export function keyOfStranger(relay: Relay, library: Library, username: string, channel: string): Bytes {
	const { party, secret } = addPerson(relay, library, username, 1).own[0]!;
	return library.shareSenderChain(library.createSenderChain(uuidBytes(channel), 1, party, secret));
}

function addPerson(relay: Relay, library: Library, username: string, devices: number) {
	const user = newUuid();
	const keys = library.createAccount();
	const body = {
		user,
		username,
		display_name: username,
		account_key: toBase64url(keys.accountKey),
		backup_key: toBase64url(keys.backupKey)
	};
	const own = Array.from({ length: devices }, () => deviceOf(library, user, keys.accountSecret));
	relay.users.set(user, { body, role: 'member', devices: own.map(({ device }) => device), backup: [] });
	return { user, own };
}

function deviceOf(library: Library, user: string, accountSecret: Uint8Array) {
	const id = newUuid();
	const { secret, key } = library.createDevice();
	const party = { user: uuidBytes(user), device: uuidBytes(id), deviceKey: key };
	const upload = {
		id,
		name: 'Device',
		device_key: toBase64url(key),
		certificate: toBase64url(library.createDeviceCertificate(accountSecret, party, 1)),
		created_at: 1,
		signed_prekey: toBase64url(library.createSignedPrekey(secret, party.device, 1, Date.now()).prekey)
	};
	const empty = { once: [], onceHigh: -1, inbox: [], inboxSeq: 0 };
	const device: RelayDevice = { id, user, upload, ...empty, refresh: new Map(), access: new Set(), live: true };
	return { device, party, secret };
}
