// SPDX-License-Identifier: GPL-3.0-or-later
// Keeping up with the server: what it pushes is taken in one thing after the other; whenever something may have been
// missed, the inbox and every channel that moved are fetched. Holes in a channel are waited for briefly, then fetched.
import type { WireEntry } from '../api/shapes';
import { isPassing } from '../core/problem';
import type { Id } from '../core/types';
import type { Pushed, Ready, Result } from '../socket/frames';
import type { Context } from './context';
import { senderKeyId, type Entries } from './entries';
import type { Inbox } from './inbox';
import type { Rosters } from './rosters';
import type { Shell } from './shell';

const GAP_PATIENCE = 400;
const POLL = 5 * 60_000;
const POLL_DEGRADED = 4_000;
const RETRY = 3_000;
/** Pushed frames waiting to be taken in; beyond it they are dropped and fetched. */
const QUEUE = 500;
/** Entries held back behind a hole, over all channels. */
const HELD = 500;
/** A channel that is further behind starts anew at its head; what lies between is history. */
const JUMP = 1000;
const CHANNELS = 1000;
const ROUNDS = 300;
const PORTION = 100;

type Synced = Result<'sync'>['channels'][number];

export class Sync {
	private queue: Pushed[] = [];
	private taking = false;
	private wanted = false;
	/** The tree of channels is read again as well. */
	private treeWanted = true;
	private degraded = false;
	private cancelTimer: (() => void) | undefined;
	private cancelGap: (() => void) | undefined;
	private readonly held = new Map<Id, Map<number, WireEntry>>();
	private stopped = false;

	constructor(
		private readonly ctx: Context,
		private readonly parts: { inbox: Inbox; entries: Entries; shell: Shell; rosters: Rosters },
		/** After each complete catching up. */
		private readonly onCaughtUp: () => void,
		/** The own devices changed, or what was said of them may have been missed: catches up, too. */
		private readonly onDevices: () => void
	) {}

	ready(ready: Ready): void {
		this.degraded = ready.degraded;
		this.queue = [];
		this.held.clear();
		this.treeWanted = true;
		this.now();
	}

	pushed(frame: Pushed): void {
		if (this.queue.length >= QUEUE) {
			this.queue = [];
			return this.onDevices();
		}
		this.queue.push(frame);
		this.work();
	}

	/** Catch up as soon as what is being taken in is done. */
	now(): void {
		this.wanted = true;
		this.work();
	}

	stop(): void {
		this.stopped = true;
		this.cancelTimer?.();
		this.cancelGap?.();
	}

	private work(): void {
		if (this.taking || this.stopped) return;
		this.taking = true;
		void this.run().finally(() => {
			this.taking = false;
		});
	}

	private async run(): Promise<void> {
		while (!this.stopped && this.ctx.connection.online && (this.wanted || this.queue.length > 0)) {
			try {
				if (this.wanted) {
					this.wanted = false;
					await this.catchUp();
				} else {
					const frame = this.queue.shift();
					if (frame) await this.take(frame);
				}
			} catch (error) {
				if (!isPassing(error)) this.ctx.platform.log('error', 'sync', error);
				this.schedule(RETRY);
				return;
			}
		}
	}

	private schedule(ms: number): void {
		this.cancelTimer?.();
		if (!this.stopped) this.cancelTimer = this.ctx.platform.after(ms, () => this.now());
	}

	private async take(frame: Pushed): Promise<void> {
		const { inbox, shell } = this.parts;
		switch (frame.type) {
			case 'entry':
				return this.takeEntry(frame.data);
			case 'inbox':
				return inbox.arrived(frame.data.item);
			case 'roster':
				return this.takeRoster(frame.data);
			case 'channel_added':
				await shell.addChannel(frame.data.channel);
				this.wanted = true;
				return;
			case 'channel':
				await shell.updateChannel(frame.data.channel);
				return;
			case 'channel_removed':
				return shell.removeChannel(frame.data.channel);
			case 'sender_wiped':
				return this.parts.entries.wipe(frame.data.channel, [frame.data.sender]);
			case 'communities':
				this.wanted = this.treeWanted = true;
				return;
			case 'devices':
				return this.onDevices();
			case 'resync':
				this.treeWanted = true;
				return this.onDevices();
			case 'degraded':
				this.degraded = frame.data.degraded;
				this.ctx.connection.setDegraded(this.degraded);
				this.wanted = this.treeWanted = true;
		}
	}

	private async takeEntry(entry: WireEntry): Promise<void> {
		const { entries, inbox } = this.parts;
		// A DM's key and its entry come by different ways: most often the key is there, it only has not been taken in.
		if (await this.lackKeys([entry])) await inbox.catchUp();
		await this.knowSender(entry);
		const last = await entries.append(entry.channel, [entry]);
		if (last === null) this.wanted = this.treeWanted = true;
		else if (last < entry.seq) this.hold(entry);
		else await this.release(entry.channel, last);
	}

	/** Whether the key of any of them is not here: the store is asked once for each key, not for each entry. */
	private async lackKeys(entries: WireEntry[]): Promise<boolean> {
		const { library, own, store } = this.ctx;
		const sealed = entries.filter(({ device, ciphertext }) => device !== own.device && ciphertext !== null);
		const channels = await store.read.many('channels', [...new Set(sealed.map(({ channel }) => channel))]);
		const dms = new Set(channels.flatMap((channel) => (channel?.kind === 'dm' ? [channel.id] : [])));
		const contentKeys = new Map<string, Id[]>();
		const senderKeys = new Map<string, Id[]>();
		for (const { channel, id, device, ciphertext } of sealed) {
			const isDm = dms.has(channel);
			const keyId = isDm ? id : senderKeyId(library, ciphertext);
			if (keyId === null) continue;
			const key = [channel, keyId, device];
			(isDm ? contentKeys : senderKeys).set(key.join(), key);
		}
		const found = await Promise.all([
			store.read.many('contentKeys', [...contentKeys.values()]),
			store.read.many('senderKeys', [...senderKeys.values()])
		]);
		return found.flat().includes(undefined);
	}

	private async knowSender(entry: WireEntry): Promise<void> {
		if (entry.sender === this.ctx.own.user) return;
		if ((await this.ctx.store.read.get('people', entry.sender))?.username) return;
		await this.parts.rosters.learn(entry.channel);
	}

	private hold(entry: WireEntry): void {
		let total = 0;
		for (const entries of this.held.values()) total += entries.size;
		if (total >= HELD) this.held.clear();
		const held = this.held.get(entry.channel) ?? new Map<number, WireEntry>();
		held.set(entry.seq, entry);
		this.held.set(entry.channel, held);
		this.cancelGap ??= this.ctx.platform.after(GAP_PATIENCE, () => {
			this.cancelGap = undefined;
			if (this.held.size > 0) this.now();
		});
	}

	private async release(channel: Id, last: number): Promise<void> {
		const held = this.held.get(channel);
		if (!held) return;
		const next: WireEntry[] = [];
		for (let seq = last + 1; held.has(seq); seq++) next.push(held.get(seq)!);
		if (next.length > 0) await this.parts.entries.append(channel, next);
		for (const seq of [...held.keys()]) if (seq <= last + next.length) held.delete(seq);
		if (held.size === 0) this.held.delete(channel);
	}

	private async takeRoster(told: { channel: Id; roster: number; epoch: number }): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', told.channel);
			if (!known || (known.roster >= told.roster && known.epoch >= told.epoch)) return;
			const roster = Math.max(known.roster, told.roster);
			unit.put('channels', { ...known, roster, epoch: Math.max(known.epoch, told.epoch) });
			unit.emit({ type: 'security', data: { channel: told.channel } });
		});
	}

	private async catchUp(): Promise<void> {
		this.held.clear();
		if (this.treeWanted) {
			await this.parts.shell.refresh();
			this.treeWanted = false;
		}
		await this.parts.inbox.catchUp();
		for (let round = 0; round < ROUNDS; round++) if (!(await this.round())) break;
		this.schedule(this.degraded ? POLL_DEGRADED : POLL);
		this.onCaughtUp();
	}

	/** One request for each thousand channels; true when there was progress and there is more. */
	private async round(): Promise<boolean> {
		await this.jump();
		const records = await this.ctx.store.read.all('channels');
		let more = false;
		for (let at = 0; at < records.length; at += CHANNELS) {
			const asked = records.slice(at, at + CHANNELS);
			const channels = Object.fromEntries(asked.map((record) => [record.id, record.last]));
			const heard = asked.flatMap(({ id, wiped }) => (wiped ? [[id, wiped] as const] : []));
			const wiped = Object.fromEntries(heard);
			const reply = await this.ctx.connection.request({ type: 'sync', channels, wiped });
			// What was written after the inbox was read has its key there by now.
			if (await this.lackKeys(reply.channels.flatMap(({ entries }) => entries ?? []))) await this.parts.inbox.catchUp();
			for (const synced of reply.channels)
				if (Object.hasOwn(channels, synced.id)) more = (await this.takeSynced(synced)) || more;
		}
		return more;
	}

	private async takeSynced(synced: Synced): Promise<boolean> {
		const { entries, shell } = this.parts;
		if (synced.removed) {
			await shell.removeChannel(synced.id);
			return false;
		}
		const before = await this.note(synced);
		let last = before;
		// In portions, so that nobody waits long for the state lock.
		for (let at = 0; at < (synced.entries?.length ?? 0); at += PORTION)
			last = await entries.append(synced.id, synced.entries!.slice(at, at + PORTION));
		const forgot = await this.forget(synced);
		return synced.more === true && (forgot || (last !== null && before !== null && last > before));
	}

	/** Who was deleted while this device was away; noted when it is done. Whether there was anything. */
	private async forget({ id, wiped }: Synced): Promise<boolean> {
		if (!wiped) return false;
		await this.parts.entries.wipe(id, wiped.senders);
		return this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', id);
			if (!known || wiped.to <= (known.wiped ?? 0)) return false;
			unit.put('channels', { ...known, wiped: wiped.to });
			return true;
		});
	}

	/** Returns the last seq before the entries are taken in. What lies before `after` is not this reader's. */
	private async note(synced: Synced): Promise<number | null> {
		return this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', synced.id);
			if (!known) return null;
			const next = { ...known };
			next.head = Math.max(known.head, synced.head ?? 0);
			next.roster = Math.max(known.roster, synced.roster ?? 0);
			next.epoch = Math.max(known.epoch, synced.epoch ?? 0);
			if (synced.after !== undefined && synced.after > known.last) {
				next.last = synced.after;
				next.first = synced.after + 1;
				next.complete = false;
			}
			unit.durable = false;
			unit.put('channels', next);
			return next.last;
		});
	}

	/** Channels far behind start anew at their head: the newest is what people want to see first. */
	private async jump(): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			for (const record of await unit.all('channels')) {
				const behind = record.head - record.last;
				if (behind <= JUMP) continue;
				const unread = record.unread + behind;
				unit.put('channels', { ...record, first: record.head + 1, last: record.head, complete: false, unread });
			}
			unit.durable = false;
		});
	}
}
