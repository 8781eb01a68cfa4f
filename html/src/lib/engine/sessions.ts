// SPDX-License-Identifier: GPL-3.0-or-later
// Pairwise sessions with other devices: begun from claimed prekeys, sealing and opening envelopes.
import type { WireBundle, WireInboxItem } from '../api/shapes';
import { sameBytes, type Bytes } from '../core/bytes';
import { fail } from '../core/problem';
import type { Id } from '../core/types';
import { CryptoError, type Letter } from '../crypto/library';
import type { DeviceKeyRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { addNote } from './notes';
import { requireAcquainted } from './identities';
import { partyOf } from './trust';

const CLAIM = 100;

export class Sessions {
	constructor(private readonly ctx: Context) {}

	/** Begins sessions with those of these certified devices that have none. Devices that are gone stay without one. */
	async ensure(devices: Id[]): Promise<void> {
		const { read } = this.ctx.store;
		const known = await read.many('sessions', devices);
		const missing = devices.filter((_, i) => !known[i]);
		for (let at = 0; at < missing.length; at += CLAIM) {
			const asked = new Set(missing.slice(at, at + CLAIM));
			const { bundles } = await this.ctx.api.claimPrekeys([...asked]);
			await this.ctx.store.change(async (unit) => {
				await unit.preload('devices', [...asked]);
				await unit.preload('sessions', [...asked]);
				for (const bundle of bundles) if (asked.has(bundle.device)) await this.begin(unit, bundle, false);
			});
		}
	}

	/** A new session with a device whose state was lost, here or there. */
	async renew(device: Id): Promise<void> {
		const { bundles } = await this.ctx.api.claimPrekeys([device]);
		await this.ctx.store.change(async (unit) => {
			for (const bundle of bundles) if (bundle.device === device) await this.begin(unit, bundle, true);
		});
	}

	/** The envelope for a device that has a session, else null. The unit must be committed before it leaves. */
	async seal(unit: Unit, device: Id, letter: Letter): Promise<Bytes | null> {
		await requireAcquainted(unit);
		const session = await unit.get('sessions', device);
		if (!session) return null;
		const { record, envelope } = this.ctx.library.sealEnvelope(session.record, this.ctx.library.makeLetter(letter));
		unit.put('sessions', { ...session, record });
		return envelope;
	}

	/** Opens what a certified device sent. Throws CryptoError, and then has changed nothing. */
	async open(unit: Unit, peer: DeviceKeyRecord, item: WireInboxItem): Promise<Letter> {
		const { library, own } = this.ctx;
		const info = library.inspectEnvelope(item.payload);
		const session = await unit.get('sessions', peer.id);
		const initial = info.type === 'initial' ? info : null;
		if (initial && !sameBytes(initial.deviceKey, peer.deviceKey)) throw new CryptoError('auth', 'device key');
		const signed = initial ? await unit.get('prekeys', ['signed', initial.signedPrekey]) : undefined;
		const onceId = initial?.oneTimePrekey ?? null;
		const once = onceId === null ? undefined : await unit.get('prekeys', ['once', onceId]);
		const secrets = { signedPrekey: signed?.secret, oneTimePrekey: once?.secret };
		const party = partyOf(peer);
		const opened = library.openEnvelope(
			session?.record ?? null,
			own.party,
			own.deviceSecret,
			party,
			secrets,
			item.payload
		);
		const letter = library.openLetter(opened.letter, party, own.userBytes);
		unit.put('sessions', { device: peer.id, user: peer.user, record: opened.record });
		if (opened.started && onceId !== null) unit.delete('prekeys', ['once', onceId]);
		return letter;
	}

	private async begin(unit: Unit, bundle: WireBundle, anew: boolean): Promise<void> {
		const { library, own, platform } = this.ctx;
		const peer = await unit.get('devices', bundle.device);
		const session = await unit.get('sessions', bundle.device);
		if (session && !anew) return;
		if (!peer || peer.user !== bundle.user || !sameBytes(peer.deviceKey, bundle.device_key))
			fail('bundle_mismatch', 'The server gave keys that do not belong to the device they were asked for.');
		try {
			const record = library.startSession(
				session?.record ?? null,
				own.party,
				own.deviceSecret,
				partyOf(peer),
				bundle.signed_prekey,
				bundle.one_time_prekey,
				platform.now()
			);
			const { keyId } = library.inspectSignedPrekey(bundle.signed_prekey);
			// Signed as it is: whoever got hold of its secret since could read along, if the server gave it out again.
			if (keyId < (peer.signedPrekey ?? 0)) throw new CryptoError('replay', 'a signed prekey that was replaced');
			if (keyId !== peer.signedPrekey) unit.put('devices', { ...peer, signedPrekey: keyId });
			unit.put('sessions', { device: peer.id, user: peer.user, record });
		} catch (error) {
			if (!(error instanceof CryptoError)) throw error;
			platform.log('warn', `no session with device ${peer.id}: its prekeys are not good (${error.code})`);
			for (const { channel, members } of await unit.all('rosters'))
				if (members.some(({ user }) => user === peer.user))
					await addNote(this.ctx, unit, channel, 'prekeys_refused', peer.user);
		}
	}
}
