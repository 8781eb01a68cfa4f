// SPDX-License-Identifier: GPL-3.0-or-later
// This device's own sender key of a channel: made, replaced when its epoch, age or length asks for it, and given to every
// certified device of the members before anything is sealed with it.
import { toBase64url } from '../core/bytes';
import { Failure } from '../core/problem';
import type { Id } from '../core/types';
import { isUuid, uuidBytes } from '../core/uuid';
import { limits, senderKeyOf } from '../crypto/library';
import type { DeliveryRecord, OwnKeyRecord, RosterRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import { newId, type Context } from './context';
import { learnSenderKey } from './keys';
import { isForNewcomers, turnOf } from './policy';
import { otherDevices } from './rosters';
import type { Sessions } from './sessions';

const KEY_AGE = 7 * 24 * 3600 * 1000;
/** Envelopes sealed under one hold of the state lock, and sent in one frame. */
const CHUNK = 100;

export class Distribution {
	constructor(
		private readonly ctx: Context,
		private readonly sessions: Sessions
	) {}

	/** Returns when every device of the roster that can be reached has the key that the next message is sealed with. */
	async prepare(roster: RosterRecord): Promise<void> {
		const { channel } = roster;
		const devices = otherDevices(roster, this.ctx.own.device);
		await this.flush(channel, new Set(devices));
		const own = await this.ctx.store.change((unit) => this.ownKey(unit, roster));
		const given = (await this.ctx.store.read.get('senderKeys', this.placeOf(own)))?.givenAt ?? {};
		const lacking = devices.filter((device) => !Object.hasOwn(given, device));
		if (lacking.length === 0) return;
		// Chunk by chunk from the claim to the delivery, each on the disk when it is done: nobody waits long for the state
		// lock or for a turn on the socket, and what a crash interrupts goes on with the chunk that it was at.
		for (let at = 0; at < lacking.length; at += CHUNK) {
			const chunk = lacking.slice(at, at + CHUNK);
			await this.sessions.ensure(chunk);
			await this.seal(own, chunk);
			await this.flush(channel, new Set(devices));
		}
	}

	/**
	 * The key to send with: the present one, or a new one where that has had its time, or where somebody has it who is not
	 * among the readers any more. An honest server has begun a new epoch then; it need not be one.
	 */
	async ownKey(unit: Unit, roster: RosterRecord): Promise<OwnKeyRecord> {
		const { channel, epoch } = roster;
		const { ctx } = this;
		const now = ctx.platform.now();
		const known = await unit.get('ownKeys', channel);
		const isGood = known && known.epoch === epoch && now - known.createdAt < KEY_AGE && !this.isSpent(known);
		if (isGood && (await this.isOfThisTurn(unit, known)) && (await this.isOnlyWith(unit, known, roster))) return known;
		const chain = ctx.library.createSenderChain(uuidBytes(channel), epoch, ctx.own.party, ctx.own.deviceSecret);
		const keyId = toBase64url(ctx.library.inspectSenderChain(chain).keyId);
		// The own copy is what this and the person's other devices read their own messages with, now and from the backup.
		await learnSenderKey(ctx, unit, ctx.library.shareSenderChain(chain), 'made');
		const made: OwnKeyRecord = { channel, epoch, keyId, createdAt: now, chain };
		unit.put('ownKeys', made);
		return made;
	}

	/** What was sealed while the channel's policy was another one is not what newcomers are told that they can read. */
	private async isOfThisTurn(unit: Unit, own: OwnKeyRecord): Promise<boolean> {
		const copy = await unit.get('senderKeys', this.placeOf(own));
		return (copy?.turn ?? 0) === (await turnOf(unit, own.channel));
	}

	private async isOnlyWith(unit: Unit, own: OwnKeyRecord, roster: RosterRecord): Promise<boolean> {
		const readers = new Set(otherDevices(roster, this.ctx.own.device));
		const given = (await unit.get('senderKeys', this.placeOf(own)))?.givenAt ?? {};
		return Object.keys(given).every((device) => readers.has(device));
	}

	private placeOf(own: OwnKeyRecord): [Id, string, Id] {
		return [own.channel, own.keyId, this.ctx.own.device];
	}

	private isSpent(key: OwnKeyRecord): boolean {
		return this.ctx.library.inspectSenderChain(key.chain).counter >= limits.senderChain;
	}

	private seal(own: OwnKeyRecord, devices: Id[]): Promise<void> {
		const { ctx } = this;
		return ctx.store.change(async (unit) => {
			const current = await unit.get('ownKeys', own.channel);
			if (current?.keyId !== own.keyId) return;
			await unit.preload('sessions', devices);
			const senderKey = await this.shared(unit, current);
			const { counter } = ctx.library.inspectSenderKey(senderKey);
			const { channel, keyId } = own;
			for (const device of devices) {
				const payload = await this.sessions.seal(unit, device, { kind: 'sender_key', senderKey });
				if (!payload) {
					ctx.platform.log('warn', `no key for device ${device}: there is no session with it`);
					continue;
				}
				unit.put('deliveries', { id: newId(ctx.platform), channel, device, payload, keyId, counter });
			}
		});
	}

	/** From its present counter on; all of it, where newcomers may read what was written before. */
	private async shared(unit: Unit, own: OwnKeyRecord) {
		const copy = await unit.get('senderKeys', this.placeOf(own));
		if (copy && isForNewcomers(await unit.get('pins', own.channel), copy)) return senderKeyOf(copy.record);
		return this.ctx.library.shareSenderChain(own.chain);
	}

	/** Sends what is ready for the channel's devices. What was for others counts as given: only its answer may be lost. */
	async flush(channel: Id, devices: Set<Id>): Promise<void> {
		const { ctx } = this;
		const ready = await ctx.store.read.by('deliveries', 'channel', channel);
		const stale = ready.filter((one) => !devices.has(one.device));
		if (stale.length > 0) await this.delivered(channel, stale);
		const wanted = ready.filter((one) => devices.has(one.device));
		for (let at = 0; at < wanted.length; at += CHUNK) await this.deliver(channel, wanted.slice(at, at + CHUNK));
	}

	private async deliver(channel: Id, records: DeliveryRecord[]): Promise<void> {
		const { ctx } = this;
		const items = records.map(({ device, id, payload }) => ({ device, id, payload: toBase64url(payload) }));
		try {
			if (items.length > 0) await ctx.connection.request({ type: 'deliver', channel, items });
			await this.delivered(channel, records);
		} catch (error) {
			const full = fullInbox(error);
			if (full === null || !records.some((record) => record.device === full)) throw error;
			// A device that has not been seen for so long asks for the key when it comes back.
			ctx.platform.log('warn', `the inbox of device ${full} is full`);
			await this.delivered(
				channel,
				records.filter((record) => record.device === full)
			);
			await this.deliver(
				channel,
				records.filter((record) => record.device !== full)
			);
		}
	}

	private delivered(channel: Id, records: DeliveryRecord[]): Promise<void> {
		return this.ctx.store.change(async (unit) => {
			const own = await unit.get('ownKeys', channel);
			const key = own && (await unit.get('senderKeys', this.placeOf(own)));
			const givenAt = { ...key?.givenAt };
			for (const { keyId, device, counter } of records)
				if (keyId === key?.keyId) givenAt[device] = Math.min(counter, givenAt[device] ?? counter);
			if (key) unit.put('senderKeys', { ...key, givenAt });
			for (const record of records) unit.delete('deliveries', record.id);
		});
	}
}

function fullInbox(error: unknown): Id | null {
	if (!(error instanceof Failure) || error.code !== 'inbox_full') return null;
	const device: unknown = Reflect.get(Object(error.details), 'device');
	return typeof device === 'string' && isUuid(device) ? device : null;
}
