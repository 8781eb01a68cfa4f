// SPDX-License-Identifier: GPL-3.0-or-later
// Taking entries of channel logs into the local store: each seq once, each id once, in order, opened if its key is here.
// Opens again what waited, when its key comes.
import type { WireEntry, WirePage } from '../api/shapes';
import { sameBytes, toBase64url } from '../core/bytes';
import type { Id, Message } from '../core/types';
import type { ChannelRecord, LateRange, MessageRecord, Reopening } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { extend, isLate, lateUpTo, spansOf } from './epochs';
import { tally } from './health';
import type { Learnt } from './keys';
import { DELETED, openEntry, outOfOrder, wiped, type Reading, type SealedEntry } from './opening';
import type { Shell } from './shell';
import { firstLine, showMessage } from './view';

/** Waiting messages that are opened in one change, whatever keys it brings. */
const REOPEN = 500;
/** Messages that one change looks at, whether they are of an epoch that was over where they stand. */
const LATE = 500;

export class Entries {
	/** By this tab, and not worked off yet. */
	private foundLate = false;

	constructor(
		private readonly ctx: Context,
		private readonly shell: Shell
	) {}

	/**
	 * Entries that follow what is stored, oldest first. Those that are here already are passed over; at a gap it stops.
	 * Returns the channel's last seq, or null if there is no such channel here.
	 */
	async append(channel: Id, entries: WireEntry[]): Promise<number | null> {
		const last = await this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', channel);
			if (!known) return null;
			const run: WireEntry[] = [];
			for (const entry of entries) {
				if (entry.channel !== channel || entry.seq <= known.last + run.length) continue;
				if (entry.seq !== known.last + run.length + 1) break;
				run.push(entry);
			}
			const last = run.at(-1)?.seq;
			if (last === undefined) return known.last;
			const next = { ...known, last, head: Math.max(known.head, last) };
			const shown: Message[] = [];
			await this.preload(unit, known.kind, run);
			for (const entry of run) {
				const record = await this.take(unit, next, entry, 'arriving');
				if (!record) continue;
				note(this.ctx, next, record);
				shown.push(await showMessage(this.ctx, unit, record));
			}
			unit.put('channels', next);
			// Everything in it can be had again from the server, except that outbox records go: also kept there till acked.
			unit.durable = false;
			this.tell(unit, channel, shown);
			return last;
		});
		if (this.foundLate) await this.hideLate();
		return last;
	}

	/**
	 * A page of history, newest first, that ends right before the stored stretch. Returns how far back it reaches now. One
	 * from before somebody's account was deleted of whom this device has heard meanwhile still has what is to be forgotten.
	 */
	async prepend(channel: Id, page: WirePage): Promise<number> {
		const first = await this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', channel);
			if (!known) return 0;
			if (page.wiped < (known.wiped ?? 0)) return known.first;
			const { entries, more } = page;
			const run: WireEntry[] = [];
			for (const entry of entries) {
				if (entry.channel !== channel || entry.seq >= known.first - run.length) continue;
				if (entry.seq !== known.first - run.length - 1) break;
				run.push(entry);
			}
			const next = { ...known, first: known.first - run.length };
			await this.preload(unit, known.kind, run);
			// Oldest first: what a page itself puts out of order is then seen as it is in one that arrives.
			for (const entry of run.reverse()) {
				if (await unit.get('messages', [channel, entry.seq])) continue;
				const record = await this.take(unit, next, entry, 'history');
				if (record && record.text && record.seq > (next.latest?.seq ?? 0)) note(this.ctx, next, record, false);
			}
			next.complete = next.first <= 1 || (!more && (entries.length === 0 || next.first < known.first));
			unit.durable = false;
			unit.put('channels', next);
			this.shell.changed(unit);
			return next.first;
		});
		if (this.foundLate) await this.hideLate();
		return first;
	}

	/** All that taking these entries in will ask for one by one. */
	private async preload(unit: Unit, kind: ChannelRecord['kind'], entries: WireEntry[]): Promise<void> {
		const { library, own } = this.ctx;
		const keys = entries.flatMap(({ channel, id, device, ciphertext }): IDBValidKey[] => {
			if (!ciphertext) return [];
			if (kind === 'dm') return [[channel, id, device]];
			const keyId = senderKeyId(library, ciphertext);
			return keyId === null ? [] : [[channel, keyId, device]];
		});
		await Promise.all([
			unit.preloadBy('messages', 'id', entries.map(({ id }) => id)), // prettier-ignore
			unit.preload('messages', entries.map(({ channel, seq }) => [channel, seq])), // prettier-ignore
			unit.preload(kind === 'dm' ? 'contentKeys' : 'senderKeys', keys),
			unit.preload('people', entries.map(({ sender }) => sender)), // prettier-ignore
			unit.preload('outbox', entries.filter(({ device }) => device === own.device).map(({ id }) => id)) // prettier-ignore
		]);
	}

	/** Set by the engine: what waits for its key, or for a better copy of it, is to be looked for. */
	onWaiting: () => void = () => undefined;

	/** Opens what waited for these keys; what is left is for `reopenRest`, when the unit is committed. */
	async reopen(unit: Unit, learnt: Learnt[]): Promise<void> {
		const rest = await this.reopenSome(unit, learnt);
		if (rest.length === 0) return;
		// From the beginning where it was on the way: this is another copy of the key.
		const isOther = (one: Reopening) => rest.every((now) => now.wants !== one.wants || now.channel !== one.channel);
		const before = (await unit.meta('reopening'))?.rest ?? [];
		unit.setMeta('reopening', { rest: [...before.filter(isOther), ...rest] });
	}

	/** In further changes, so that nobody waits long for the state lock; also what a tab that ended has left. */
	async reopenRest(): Promise<void> {
		const { store } = this.ctx;
		while (await store.read.meta('reopening'))
			await store.change(async (unit) => {
				const rest = await this.reopenSome(unit, (await unit.meta('reopening'))?.rest ?? []);
				if (rest.length > 0) unit.setMeta('reopening', { rest });
				else unit.deleteMeta('reopening');
			});
		await this.hideLate();
	}

	private async reopenSome(unit: Unit, learnt: Reopening[]): Promise<Reopening[]> {
		const shown = new Map<Id, Message[]>();
		const rest: Reopening[] = [];
		let room = REOPEN;
		for (const one of learnt) {
			const { channel, wants } = one;
			const waiting = room > 0 ? await unit.waiting(room, one.after, wants) : [];
			const last = waiting.at(-1);
			if (room === 0) rest.push(one);
			else if (last && waiting.length >= room)
				rest.push({ channel, wants, after: { channel: last.channel, seq: last.seq, wants } });
			room -= waiting.length;
			for (const message of waiting) {
				const known = message.raw && (await unit.get('channels', channel));
				if (message.channel !== channel || !message.raw || !known) continue;
				const sealed = { ...message, ...message.raw };
				const opened = await openEntry(this.ctx, unit, known.kind, sealed, 'history');
				if (opened.state === 'waiting' || isSame(opened, message)) continue;
				const next = { ...known };
				const record = await this.place(unit, next, opened);
				await tally(unit, message, record);
				unit.put('messages', record);
				note(this.ctx, next, record, false);
				unit.put('channels', next);
				shown.set(channel, [...(shown.get(channel) ?? []), await showMessage(this.ctx, unit, record)]);
			}
		}
		for (const [channel, messages] of shown) this.tell(unit, channel, messages);
		return rest;
	}

	/** The accounts of these senders are gone, and what they wrote in the channel with them: here too. */
	async wipe(channel: Id, senders: Id[]): Promise<void> {
		const gone = new Set(senders);
		gone.delete(this.ctx.own.user);
		if (gone.size === 0) return;
		const { read } = this.ctx.store;
		// All the way back: what was stored before the present stretch began is still there.
		for (let to = Number.MAX_SAFE_INTEGER; ;) {
			const page = await read.messages(channel, 1, to, REOPEN);
			if (page.length === 0) return;
			const theirs = page.filter(({ sender, problem }) => gone.has(sender) && problem?.code !== DELETED.code);
			if (theirs.length > 0) await this.wipePart(channel, gone, theirs);
			to = page[0]!.seq - 1;
		}
	}

	private async wipePart(channel: Id, gone: Set<Id>, messages: MessageRecord[]): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const shown: Message[] = [];
			for (const { seq, id, sender, device, at } of messages) {
				const before = await unit.get('messages', [channel, seq]);
				if (!before) continue;
				const record: MessageRecord = { channel, seq, id, sender, device, at, state: 'unreadable', text: '' };
				record.problem = DELETED;
				await tally(unit, before, record);
				unit.put('messages', record);
				shown.push(await showMessage(this.ctx, unit, record));
			}
			const known = await unit.get('channels', channel);
			if (known?.latest && gone.has(known.latest.sender)) {
				const { latest: _, ...rest } = known;
				unit.put('channels', rest);
			}
			this.tell(unit, channel, shown);
		});
	}

	/** Stores one entry; null when it is a repetition of an id, which no honest server sends. */
	private async take(
		unit: Unit,
		channel: ChannelRecord,
		entry: WireEntry,
		reading: Reading
	): Promise<MessageRecord | null> {
		const twins = await unit.by('messages', 'id', entry.id);
		if (twins.some((twin) => twin.channel === entry.channel && twin.seq !== entry.seq)) {
			this.ctx.platform.log('warn', `entry ${entry.seq} of ${entry.channel} repeats the id of another one`);
			return null;
		}
		const record = await this.place(unit, channel, await this.opened(unit, channel, entry, reading));
		await tally(unit, undefined, record);
		unit.put('messages', record);
		if (record.state === 'waiting' || record.state === 'unreadable') unit.afterwards.push(() => this.onWaiting());
		// Sealed anew meanwhile, while the server had it as it was sealed first.
		if (record.state === 'sent' && record.device === this.ctx.own.device) unit.delete('outbox', record.id);
		return record;
	}

	private async opened(unit: Unit, channel: ChannelRecord, entry: WireEntry, reading: Reading): Promise<MessageRecord> {
		const { ciphertext, commitment } = entry;
		if (ciphertext === null || commitment === null) return wiped(entry);
		const { seq, id, sender, device, created_at: at, kind, ref, thread, epoch } = entry;
		const sealed = {
			channel: channel.id,
			seq,
			id,
			sender,
			device,
			at,
			kind,
			ref,
			thread,
			epoch,
			ciphertext,
			commitment
		};
		return (await this.own(unit, sealed)) ?? (await openEntry(this.ctx, unit, channel.kind, sealed, reading));
	}

	/**
	 * An entry that was opened takes its place in the log, where epochs do not fall: no honest server lets one of a past
	 * epoch follow, and its writer may be somebody who has been removed since. Whichever of two comes first here, the one
	 * that stands later in the log with the lower epoch is not shown: `hideLate` goes through those that came first.
	 * `channel` is changed, and for the caller to put.
	 */
	private async place(unit: Unit, channel: ChannelRecord, record: MessageRecord): Promise<MessageRecord> {
		const { epoch, seq } = record;
		if (epoch === undefined) return record;
		const spans = spansOf(channel);
		if (isLate(spans, epoch, seq)) return outOfOrder(record);
		const late = lateUpTo(spans, epoch, seq);
		channel.spans = extend(spans, epoch, seq);
		if (late === null) return record;
		this.foundLate = true;
		const before = (await unit.meta('late'))?.ranges ?? [];
		unit.setMeta('late', { ranges: [...before, { channel: channel.id, epoch, from: seq + 1, to: late }] });
		return record;
	}

	/** In further changes, however many they are; also what a tab that ended has left. */
	private async hideLate(): Promise<void> {
		const { store } = this.ctx;
		this.foundLate = false;
		while (await store.read.meta('late'))
			await store.change(async (unit) => {
				const [range, ...others] = (await unit.meta('late'))?.ranges ?? [];
				const rest = range && (await this.hideSome(unit, range));
				const ranges = rest ? [rest, ...others] : others;
				if (ranges.length > 0) unit.setMeta('late', { ranges });
				else unit.deleteMeta('late');
			});
	}

	/** The last of them first; returns where others are left. */
	private async hideSome(unit: Unit, range: LateRange): Promise<LateRange | null> {
		const { channel, epoch, from, to } = range;
		const messages = await unit.messages(channel, from, to, LATE);
		const late = messages.filter((message) => message.epoch !== undefined && message.epoch < epoch);
		const shown: Message[] = [];
		for (const message of late) {
			const record = outOfOrder(message);
			await tally(unit, message, record);
			unit.put('messages', record);
			shown.push(await showMessage(this.ctx, unit, record));
		}
		const known = await unit.get('channels', channel);
		if (known?.latest && late.some(({ seq }) => seq === known.latest?.seq)) {
			const { latest: _, ...others } = known;
			unit.put('channels', others);
		}
		this.tell(unit, channel, shown);
		const next = messages[0]?.seq;
		return next === undefined || messages.length < LATE ? null : { ...range, to: next - 1 };
	}

	/** An own message from the outbox: what was written here is known without opening it, if it is the very same bytes. */
	private async own(unit: Unit, entry: SealedEntry): Promise<MessageRecord | null> {
		if (entry.sender !== this.ctx.own.user || entry.device !== this.ctx.own.device) return null;
		const written = await unit.get('outbox', entry.id);
		if (!written?.sealed || written.channel !== entry.channel) return null;
		if (written.sealed.epoch !== entry.epoch || !sameBytes(written.sealed.ciphertext, entry.ciphertext)) return null;
		if (entry.kind !== 'message' || entry.ref !== null || entry.thread !== null) return null;
		const { channel, seq, id, sender, device, at, epoch } = entry;
		return { channel, seq, id, sender, device, at, epoch, state: 'sent', text: written.text };
	}

	private tell(unit: Unit, channel: Id, messages: Message[]): void {
		if (messages.length > 0) unit.emit({ type: 'messages', data: { channel, messages, gone: [] } });
		this.shell.changed(unit);
	}
}

/** Which sender key an entry names; null when it is malformed, which opening it says. */
export function senderKeyId(library: Context['library'], ciphertext: WireEntry['ciphertext']): string | null {
	try {
		return ciphertext && toBase64url(library.inspectChannelMessage(ciphertext).keyId);
	} catch {
		return null;
	}
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
