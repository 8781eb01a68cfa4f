// SPDX-License-Identifier: GPL-3.0-or-later
// Taking entries of channel logs into the local store: each seq once, each id once, in order, opened if its key is here.
// Opens again what waited, when its key comes.
import type { WireEntry } from '../api/shapes';
import { sameBytes } from '../core/bytes';
import type { Id, Message } from '../core/types';
import type { ChannelRecord, MessageRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import type { Learnt } from './keys';
import { openEntry, outOfOrder, type Reading, type SealedEntry } from './opening';
import type { Shell } from './shell';
import { firstLine, showMessage } from './view';

/** Waiting messages that one key opens in one change. */
const REOPEN = 500;

/** Where the opening of what waited for a key goes on. */
export interface Rest {
	learnt: Learnt;
	after: MessageRecord;
}

export class Entries {
	constructor(
		private readonly ctx: Context,
		private readonly shell: Shell
	) {}

	/**
	 * Entries that follow what is stored, oldest first. Those that are here already are passed over; at a gap it stops.
	 * Returns the channel's last seq, or null if there is no such channel here.
	 */
	async append(channel: Id, entries: WireEntry[]): Promise<number | null> {
		return this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', channel);
			if (!known) return null;
			const next = { ...known };
			const shown: Message[] = [];
			for (const entry of entries) {
				if (entry.channel !== channel || entry.seq <= next.last) continue;
				if (entry.seq !== next.last + 1) break;
				next.last = entry.seq;
				next.head = Math.max(next.head, entry.seq);
				const record = await this.take(unit, next, entry, 'arriving', next.lastEpoch ?? 0);
				if (!record) continue;
				note(this.ctx, next, record);
				shown.push(await showMessage(this.ctx, unit, record));
			}
			if (next.last === known.last) return known.last;
			unit.put('channels', next);
			// Everything in it can be had again from the server, except that outbox records go: also kept there till acked.
			unit.durable = false;
			this.tell(unit, channel, shown);
			return next.last;
		});
	}

	/** A page of history, newest first, that ends right before the stored stretch. Returns how far back it reaches now. */
	async prepend(channel: Id, entries: WireEntry[], more: boolean): Promise<number> {
		return this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', channel);
			if (!known) return 0;
			const next = { ...known };
			const floors = floorsOf(entries);
			for (const entry of entries) {
				if (entry.channel !== channel || entry.seq >= next.first) continue;
				if (entry.seq !== next.first - 1) break;
				next.first = entry.seq;
				if (await unit.get('messages', [channel, entry.seq])) continue;
				const record = await this.take(unit, next, entry, 'history', floors.get(entry.seq) ?? 0);
				if (record && record.text && record.seq > (next.latest?.seq ?? 0)) note(this.ctx, next, record, false);
			}
			next.complete = next.first <= 1 || (!more && (entries.length === 0 || next.first < known.first));
			unit.durable = false;
			unit.put('channels', next);
			this.shell.changed(unit);
			return next.first;
		});
	}

	/** Opens what waited for these keys. What is returned is for `reopenRest`, when the unit is committed. */
	async reopen(unit: Unit, learnt: Learnt[], after?: MessageRecord): Promise<Rest[]> {
		const shown = new Map<Id, Message[]>();
		const rest: Rest[] = [];
		for (const one of learnt) {
			const { channel, wants } = one;
			const waiting = await unit.waiting(REOPEN, after, wants);
			const last = waiting.at(-1);
			if (last && waiting.length >= REOPEN) rest.push({ learnt: one, after: last });
			for (const message of waiting) {
				if (message.channel !== channel || !message.raw) continue;
				const known = await unit.get('channels', channel);
				if (!known) continue;
				const record = await openEntry(this.ctx, unit, known.kind, { ...message, ...message.raw }, 'history');
				if (record.state === 'waiting' || isSame(record, message)) continue;
				unit.put('messages', record);
				const next = { ...known };
				note(this.ctx, next, record, false);
				unit.put('channels', next);
				shown.set(channel, [...(shown.get(channel) ?? []), await showMessage(this.ctx, unit, record)]);
			}
		}
		for (const [channel, messages] of shown) this.tell(unit, channel, messages);
		return rest;
	}

	/** In further changes, so that nobody waits long for the state lock. */
	async reopenRest(rest: Rest[]): Promise<void> {
		for (const { learnt, after } of rest)
			await this.reopenRest(await this.ctx.store.change((unit) => this.reopen(unit, [learnt], after)));
	}

	/**
	 * Stores one entry; null when it is a repetition of an id, which no honest server sends. Nor does one let an entry of a
	 * past epoch follow: its writer may be somebody who has been removed since.
	 */
	private async take(
		unit: Unit,
		channel: ChannelRecord,
		entry: WireEntry,
		reading: Reading,
		floor: number
	): Promise<MessageRecord | null> {
		const twins = await unit.by('messages', 'id', entry.id);
		if (twins.some((twin) => twin.channel === entry.channel && twin.seq !== entry.seq)) {
			this.ctx.platform.log('warn', `entry ${entry.seq} of ${entry.channel} repeats the id of another one`);
			return null;
		}
		const record =
			entry.epoch < floor
				? outOfOrder(sealed(entry))
				: ((await this.own(unit, entry)) ?? (await openEntry(this.ctx, unit, channel.kind, sealed(entry), reading)));
		if (record.text !== '') channel.lastEpoch = Math.max(channel.lastEpoch ?? 0, entry.epoch);
		unit.put('messages', record);
		// Sealed anew meanwhile, while the server had it as it was sealed first.
		if (record.state === 'sent' && record.device === this.ctx.own.device) unit.delete('outbox', record.id);
		return record;
	}

	/** An own message from the outbox: what was written here is known without opening it, if it is the very same bytes. */
	private async own(unit: Unit, entry: WireEntry): Promise<MessageRecord | null> {
		if (entry.sender !== this.ctx.own.user || entry.device !== this.ctx.own.device) return null;
		const written = await unit.get('outbox', entry.id);
		if (!written?.sealed || written.channel !== entry.channel) return null;
		if (written.sealed.epoch !== entry.epoch || !sameBytes(written.sealed.ciphertext, entry.ciphertext)) return null;
		if (entry.kind !== 'message' || entry.ref !== null || entry.thread !== null) return null;
		const { channel, seq, id, sender, device, created_at: at } = entry;
		return { channel, seq, id, sender, device, at, state: 'sent', text: written.text };
	}

	private tell(unit: Unit, channel: Id, messages: Message[]): void {
		if (messages.length > 0) unit.emit({ type: 'messages', data: { channel, messages, gone: [] } });
		this.shell.changed(unit);
	}
}

/** The highest epoch before each entry of a page. */
function floorsOf(entries: WireEntry[]): Map<number, number> {
	const floors = new Map<number, number>();
	let highest = 0;
	for (const { seq, epoch } of [...entries].sort((a, b) => a.seq - b.seq)) {
		floors.set(seq, highest);
		highest = Math.max(highest, epoch);
	}
	return floors;
}

function sealed(entry: WireEntry): SealedEntry {
	const { channel, seq, id, sender, device, created_at: at, kind, ref, thread, epoch, ciphertext, commitment } = entry;
	return { channel, seq, id, sender, device, at, kind, ref, thread, epoch, ciphertext, commitment };
}

/** Another copy of the key may have changed nothing. */
function isSame(a: MessageRecord, b: MessageRecord): boolean {
	return a.state === b.state && a.problem?.code === b.problem?.code;
}

/** Keeps count and the newest line. */
function note(ctx: Context, channel: ChannelRecord, record: MessageRecord, count = true): void {
	const own = record.sender === ctx.own.user;
	if (own && count) {
		channel.read = Math.max(channel.read, record.seq);
		channel.unread = 0;
	} else if (count) channel.unread++;
	if (record.text && record.seq >= (channel.latest?.seq ?? 0))
		channel.latest = { at: record.at, sender: record.sender, text: firstLine(record.text), seq: record.seq };
}
