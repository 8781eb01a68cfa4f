// SPDX-License-Identifier: GPL-3.0-or-later
// Sealing one message of the outbox for the channel's present roster, and writing what was sealed, with the state of the
// keys after it, before anything leaves: a crash can neither lose the message nor use a key twice.
import { fail } from '../core/problem';
import type { Id } from '../core/types';
import type { ChannelRecord, OutboxRecord, RosterRecord, SealedSend } from '../store/tables';
import type { Unit } from '../store/unit';
import { newId, type Context } from './context';
import type { Distribution } from './distribution';
import { requireAcquainted } from './identities';
import { queueBackup } from './keys';
import { bindingOf } from './opening';
import { encodePayload } from './payload';
import { otherDevices, requireUnchanged } from './rosters';
import type { Sessions } from './sessions';

export class Sealing {
	constructor(
		private readonly ctx: Context,
		private readonly sessions: Sessions,
		private readonly distribution: Distribution
	) {}

	/**
	 * The message as it is to be sent now. What was sealed for this roster stays. For another roster a channel message is
	 * sealed anew, in the same epoch too: newcomers get the key from its present counter on, past what was sealed before,
	 * and the refusal says that the server has nothing under this id.
	 */
	async seal(message: OutboxRecord, channel: ChannelRecord, roster: RosterRecord): Promise<SealedSend> {
		const { sealed } = message;
		if (sealed && sealed.epoch === roster.epoch && sealed.roster === roster.roster) return sealed;
		await requireAcquainted(this.ctx.store.read);
		requireUnchanged(roster);
		if (channel.kind === 'dm') return this.sealDm(message, roster);
		await this.distribution.prepare(roster);
		return this.change(message, (unit) => this.sealText(unit, message, roster));
	}

	private async sealText(unit: Unit, message: OutboxRecord, roster: RosterRecord): Promise<SealedSend> {
		const { ctx } = this;
		const own = await unit.get('ownKeys', message.channel);
		if (!own || own.epoch !== roster.epoch) fail('busy', 'The key was replaced meanwhile.');
		const { payload, commitment } = this.payload(message.text);
		const sealed = ctx.library.sealChannelMessage(own.chain, bindingOf(this.place(message, roster.epoch)), payload);
		unit.put('ownKeys', { ...own, chain: sealed.chain });
		return { roster: roster.roster, epoch: roster.epoch, ciphertext: sealed.message, commitment };
	}

	private async sealDm(message: OutboxRecord, roster: RosterRecord): Promise<SealedSend> {
		const uncertified = roster.members.flatMap((member) => member.uncertified);
		if (uncertified.length > 0)
			fail('device_uncertified', 'The server names a device that nobody vouches for. Nothing is sent to it.');
		const devices = otherDevices(roster, this.ctx.own.device);
		await this.sessions.ensure(devices);
		return this.change(message, async (unit) => {
			const current = await this.dmCiphertext(unit, message, roster);
			const envelopes: NonNullable<SealedSend['envelopes']> = [];
			for (const device of devices) {
				const before = current.sealed.envelopes?.find((one) => one.device === device);
				envelopes.push(before ?? (await this.envelope(unit, device, current.contentKey)));
			}
			return { ...current.sealed, roster: roster.roster, envelopes };
		});
	}

	/** Sealed anew for a new epoch; else what there is, with its key, for devices that came since. */
	private async dmCiphertext(unit: Unit, message: OutboxRecord, roster: RosterRecord) {
		const { ctx } = this;
		const place = [message.channel, message.id, ctx.own.device];
		const known = await unit.get('contentKeys', place);
		if (message.sealed && known && message.sealed.epoch === roster.epoch)
			return { sealed: message.sealed, contentKey: known.contentKey };
		const { payload, commitment } = this.payload(message.text);
		const made = ctx.library.sealDmMessage(bindingOf(this.place(message, roster.epoch)), payload);
		const { user, device } = ctx.own;
		const { channel, id } = message;
		const key = { channel, message: id, user, device, contentKey: made.contentKey };
		unit.put('contentKeys', key);
		queueBackup(unit, key);
		const sealed: SealedSend = { roster: roster.roster, epoch: roster.epoch, ciphertext: made.message, commitment };
		return { sealed, contentKey: made.contentKey };
	}

	private async envelope(unit: Unit, device: Id, contentKey: Uint8Array<ArrayBuffer>) {
		const payload = await this.sessions.seal(unit, device, { kind: 'content_key', contentKey });
		if (!payload) fail('no_session', 'One of the devices in this conversation offers no keys.', { retryAfter: 30 });
		return { device, id: newId(this.ctx.platform), payload };
	}

	private payload(text: string) {
		const frankingKey = this.ctx.platform.random(32);
		const payload = encodePayload(text, frankingKey);
		return { payload, commitment: this.ctx.library.frankingCommit(frankingKey, payload) };
	}

	private place(message: OutboxRecord, epoch: number) {
		const { user: sender, device } = this.ctx.own;
		return {
			channel: message.channel,
			epoch,
			kind: 'message',
			id: message.id,
			thread: null,
			ref: null,
			sender,
			device
		};
	}

	private change(message: OutboxRecord, work: (unit: Unit) => Promise<SealedSend>): Promise<SealedSend> {
		return this.ctx.store.change(async (unit) => {
			const current = await unit.get('outbox', message.id);
			if (!current) fail('discarded', 'This message was discarded.');
			// Somebody may have been seen with another identity since the list was looked at.
			if ((await unit.get('rosters', message.channel))?.stale) fail('busy', 'The list of members is to be read again.');
			const sealed = await work(unit);
			unit.put('outbox', { ...current, sealed });
			return sealed;
		});
	}
}
