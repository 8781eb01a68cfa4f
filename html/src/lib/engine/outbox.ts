// SPDX-License-Identifier: GPL-3.0-or-later
// Messages on their way: queued durably, sent in each channel in the order they were written, until the server has them or
// refuses them for good. A message keeps its id through all retries, so it arrives once.
import { Malformed } from '../api/decode';
import { staleDetails } from '../api/shapes';
import { toBase64url } from '../core/bytes';
import { fail, Failure, isPassing, toProblem } from '../core/problem';
import type { Id, Message, Problem } from '../core/types';
import type { SendFrame } from '../socket/frames';
import type { ChannelRecord, OutboxRecord, SealedSend } from '../store/tables';
import { newId, type Context } from './context';
import { Lanes } from './lanes';
import { encodePayload } from './payload';
import type { Rosters } from './rosters';
import type { Sealing } from './sealing';
import { showOutgoing } from './view';

/** Queued messages a device; a person does not write more while the network is away. */
const MOST = 1000;
/** A roster that moves at each attempt is a server at play. */
const STALE_ATTEMPTS = 6;
/** Unexpected errors of the server, before the message is shown as failed. */
const ERROR_ATTEMPTS = 5;

export class Outbox {
	private readonly lanes: Lanes;
	private readonly errors = new Map<Id, number>();
	/** Messages that this tab is sending. */
	private readonly sending = new Set<Id>();

	constructor(
		private readonly ctx: Context,
		private readonly rosters: Rosters,
		private readonly sealing: Sealing,
		/** What was sent may have been sealed with a key that the backup has not got yet. */
		private readonly onSent: () => void
	) {
		this.lanes = new Lanes(ctx, (channel) => this.sendAll(channel));
	}

	async add(channel: Id, text: string): Promise<Message> {
		if (text.trim() === '') fail('invalid_field', 'There is nothing to send.', { field: 'text' });
		encodePayload(text, new Uint8Array(32));
		const { ctx } = this;
		const message = await ctx.store.change(async (unit) => {
			if (!(await unit.get('channels', channel))) fail('channel_not_found', 'This conversation is not there any more.');
			if ((await ctx.store.read.count('outbox')) >= MOST)
				fail('outbox_full', 'Too many messages are waiting to be sent.');
			const counter = (await unit.meta('counter')) ?? { outbox: 0 };
			const order = counter.outbox + 1;
			unit.setMeta('counter', { outbox: order });
			const id = newId(ctx.platform);
			const record: OutboxRecord = { id, channel, order, writtenAt: ctx.platform.now(), text, state: 'queued' };
			unit.put('outbox', record);
			const shown = showOutgoing(ctx, record);
			unit.emit({ type: 'messages', data: { channel, messages: [shown], gone: [] } });
			return shown;
		});
		this.kick(channel);
		return message;
	}

	async retry(id: Id): Promise<void> {
		this.errors.delete(id);
		await this.update(id, ({ problem: _, ...record }) => ({ ...record, state: 'queued' }), 'failed');
		const record = await this.ctx.store.read.get('outbox', id);
		if (record) this.kick(record.channel);
	}

	/** Somebody's changed identity was looked at: what waited for that goes out, or is refused again for another's. */
	async resume(): Promise<void> {
		const held = (await this.ctx.store.read.all('outbox')).filter(
			({ state, problem }) => state === 'failed' && problem?.code === 'identity_changed'
		);
		for (const { id } of held.sort((a, b) => a.order - b.order)) await this.retry(id);
	}

	/** One that was sealed may have arrived without our knowing: then its entry still comes. */
	async discard(id: Id): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const record = await unit.get('outbox', id);
			if (!record || record.state === 'sent') return;
			unit.delete('outbox', id);
			unit.emit({ type: 'messages', data: { channel: record.channel, messages: [], gone: [id] } });
		});
	}

	async of(channel: Id): Promise<OutboxRecord[]> {
		const records = await this.ctx.store.read.by('outbox', 'channel', channel);
		return records.sort((a, b) => a.order - b.order);
	}

	/** As they are shown. */
	async shown(channel: Id): Promise<Message[]> {
		return (await this.of(channel)).map((record) => showOutgoing(this.ctx, record, this.sending.has(record.id)));
	}

	/** Everything that is queued. */
	drain(): void {
		if (!this.ctx.connection.online) return;
		this.queued().then(
			(records) => this.lanes.start(new Set(records.map(({ channel }) => channel))),
			(error: unknown) => this.ctx.platform.log('error', 'outbox', error)
		);
	}

	stop(): void {
		this.lanes.stop();
	}

	/** Sends here, and tells the other tabs in case this one has no connection. */
	private kick(channel: Id): void {
		this.ctx.store.nudge('outbox');
		this.lanes.start([channel]);
	}

	private async queued(): Promise<OutboxRecord[]> {
		return (await this.ctx.store.read.all('outbox')).filter((record) => record.state === 'queued');
	}

	/** The queue is opened once for all that wait in it, then looked at again for what was written meanwhile. */
	private async sendAll(channel: Id): Promise<void> {
		for (;;) {
			const queued = (await this.of(channel)).filter((record) => record.state === 'queued');
			if (queued.length === 0) return;
			for (const { id } of queued) {
				const record = await this.ctx.store.read.get('outbox', id);
				if (record?.state === 'queued') await this.sendOne(record);
			}
		}
	}

	/** Returns when the message is settled; throws what makes it worth trying again later. */
	private async sendOne(message: OutboxRecord): Promise<void> {
		this.show(message, true);
		try {
			const answer = await this.transmit(message);
			this.errors.delete(message.id);
			this.sending.delete(message.id);
			this.onSent();
			await this.update(message.id, (record) => ({
				...record,
				state: 'sent',
				seq: answer.seq,
				writtenAt: answer.created_at
			}));
		} catch (error) {
			const times = (this.errors.get(message.id) ?? 0) + 1;
			this.errors.set(message.id, times);
			const again =
				isPassing(error) || code(error) === 'session_ended' || (code(error) === 'internal' && times < ERROR_ATTEMPTS);
			this.sending.delete(message.id);
			if (code(error) === 'discarded') return;
			this.show(message, false, isHeldBack(error) ? toProblem(error) : undefined);
			if (again) throw error;
			const problem = toProblem(error);
			this.ctx.platform.log('warn', `a message was not sent: ${problem.code}`, String(error));
			await this.fail(message.id, problem);
		}
	}

	private async transmit(message: OutboxRecord) {
		const { ctx } = this;
		for (let attempt = 0; attempt < STALE_ATTEMPTS; attempt++) {
			const channel = await ctx.store.read.get('channels', message.channel);
			const current = await ctx.store.read.get('outbox', message.id);
			if (!channel) fail('channel_not_found', 'This conversation is not there any more.');
			if (!current) fail('discarded', 'This message was discarded.');
			const sealed = await this.prepare(current, channel, attempt);
			try {
				return await ctx.connection.request(frameOf(message, sealed));
			} catch (error) {
				if (code(error) !== 'roster_stale' && code(error) !== 'epoch_stale') throw error;
				await this.moved(message.channel, error);
			}
		}
		return fail('roster_unsteady', 'The members of this conversation changed at each attempt to send.');
	}

	/**
	 * What was sealed goes out as it is, for it may have arrived before, until the server says that the roster has moved.
	 * But not under an epoch that is known to be over: somebody was removed, and the server might take it all the same.
	 */
	private async prepare(message: OutboxRecord, channel: ChannelRecord, attempt: number): Promise<SealedSend> {
		if (message.sealed && attempt === 0 && message.sealed.epoch >= channel.epoch) return message.sealed;
		return this.sealing.seal(message, channel, await this.rosters.current(channel.id));
	}

	/** The refusal names the present versions; the roster of these, never an older one, is fetched before the next attempt. */
	private async moved(channel: Id, error: unknown): Promise<void> {
		const details = detailsOf(error);
		if (!details) {
			await this.rosters.fetch(channel);
			return;
		}
		await this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', channel);
			if (known) unit.put('channels', { ...known, roster: details.roster, epoch: details.epoch });
		});
	}

	private async fail(id: Id, problem: Problem): Promise<void> {
		await this.update(id, (record) => ({ ...record, state: 'failed', problem }));
	}

	private async update(
		id: Id,
		change: (record: OutboxRecord) => OutboxRecord,
		only?: OutboxRecord['state']
	): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const record = await unit.get('outbox', id);
			if (!record || (only && record.state !== only)) return;
			const changed = change(record);
			unit.put('outbox', changed);
			const messages = [showOutgoing(this.ctx, changed)];
			unit.emit({ type: 'messages', data: { channel: record.channel, messages, gone: [] } });
		});
	}

	private show(message: OutboxRecord, sending: boolean, problem?: Problem): void {
		if (sending) this.sending.add(message.id);
		else this.sending.delete(message.id);
		const shown = showOutgoing(this.ctx, message, sending);
		const messages = [problem ? { ...shown, problem } : shown];
		this.ctx.store.tell({ type: 'messages', data: { channel: message.channel, messages, gone: [] } });
	}
}

function frameOf(message: OutboxRecord, sealed: SealedSend): SendFrame {
	const frame: SendFrame = {
		type: 'send',
		channel: message.channel,
		id: message.id,
		kind: 'message',
		roster: sealed.roster,
		epoch: sealed.epoch,
		ciphertext: toBase64url(sealed.ciphertext),
		commitment: toBase64url(sealed.commitment)
	};
	if (sealed.envelopes)
		frame.envelopes = sealed.envelopes.map(({ device, id, payload }) => ({
			device,
			id,
			payload: toBase64url(payload)
		}));
	return frame;
}

/** Until the device knows whom the person has verified. */
function isHeldBack(error: unknown): boolean {
	return ['backup_unread', 'backup_withheld'].includes(code(error));
}

function code(error: unknown): string {
	return error instanceof Failure ? error.code : '';
}

function detailsOf(error: unknown): { roster: number; epoch: number } | null {
	try {
		return error instanceof Failure ? staleDetails(error.details, '') : null;
	} catch (malformed) {
		if (malformed instanceof Malformed) return null;
		throw malformed;
	}
}
