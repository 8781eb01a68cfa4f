// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that never came: asking the sender's devices and one's own others for them, and other members where newcomers read
// the past; and answering those who ask this one. An answer goes only to a certified device that is entitled to the key.
import { toBase64url } from '../core/bytes';
import { Failure, isPassing } from '../core/problem';
import type { Id, Problem } from '../core/types';
import { uuidBytes, uuidOf } from '../core/uuid';
import { senderKeyOf, type Item, type KeyRequest, type Letter } from '../crypto/library';
import type {
	DeviceKeyRecord,
	MessageRecord,
	Meta,
	RequestRecord,
	RosterRecord,
	SenderKeyRecord
} from '../store/tables';
import { newId, type Context } from './context';
import type { Entries } from './entries';
import { NONE, tally } from './health';
import { wantedId, wantsContentKey } from './keys';
import { expectPast, helpersOf, pastFor } from './past';
import type { Rosters } from './rosters';
import type { Sessions } from './sessions';
import { showMessage } from './view';

/** A key that is on its way is given so long before it is asked for. */
const PATIENCE = 15_000;
const AGAIN = 10 * 60_000;
const TIMES = 6;
/** In one go, so that a history without keys does not flood its senders. */
const MOST = 20;
const ANSWERS = 50;
/** To answer one request. */
const ATTEMPTS = 5;
/** Waiting messages that one look goes through. */
const PAGE = 200;
const PAGES = 20;
/** Keys in one letter: 15 × 241 bytes fit an inbox item's 4,096. */
const ITEMS = 15;
/** When another member was asked for much at once, before the rest is asked for. */
const SOON = 20_000;
/** Before the next keys are asked for, where there are more than go in one go. */
const NEXT = 5_000;
/** After something began to wait, before it is looked at how long it is to wait. */
const GLANCE = 1_000;
const PAST_AN_HOUR = 6;
const GIVEN = 1000;
/** How long a session that was begun for a request is good for further ones. */
const RENEWED = 60_000;
/** Notes of what was asked for, before they are cleared up. */
const ASKED = 500;
const NEVER_CAME: Problem = {
	code: 'key_never_came',
	message: 'The key for this message never came, though its sender was asked for it.'
};

export class Requests {
	/** Where the last look ended. */
	private place: MessageRecord | undefined;
	private asking = false;
	private again = false;
	private next: { at: number; cancel: () => void } | undefined;
	/** When devices were given keys of the past, by device and channel. */
	private readonly given = new Map<string, number[]>();
	/** When a session was begun with devices that were asked. */
	private readonly renewed = new Map<Id, number>();

	constructor(
		private readonly ctx: Context,
		private readonly sessions: Sessions,
		private readonly rosters: Rosters,
		private readonly entries: Entries
	) {}

	stop(): void {
		this.next?.cancel();
		this.next = undefined;
	}

	/** Something waits for its key now. */
	waited(): void {
		this.later(GLANCE);
	}

	/** One look at a time; who asks meanwhile gets another one. */
	async ask(): Promise<void> {
		this.again = true;
		if (this.asking) return;
		this.asking = true;
		try {
			while (this.again) {
				this.again = false;
				await this.look();
			}
		} finally {
			this.asking = false;
		}
	}

	/**
	 * Asks for what messages have been waiting for, when the backup is restored. Each look goes on where the last one ended,
	 * so that messages whose key never comes do not hide the others, and sees to the next one where something still waits.
	 */
	private async look(): Promise<void> {
		const restore = await this.ctx.store.read.meta('restore');
		if (restore && (!restore.finished || restore.identities === 'sought')) return;
		const asked = await this.forgetAsked();
		const due = new Map<string, MessageRecord>();
		const seen = new Set<string>();
		let again = this.place !== undefined;
		for (let page = 0; page < PAGES && due.size < MOST; page++) {
			const waiting = await this.ctx.store.read.waiting(PAGE, this.place);
			for (const message of waiting) {
				this.place = message;
				const wants = message.wants ?? '';
				if (message.state !== 'waiting' || seen.has(wants)) continue;
				seen.add(wants);
				if (await this.isDue(message, asked[wants])) due.set(wants, message);
				if (due.size >= MOST) break;
			}
			if (waiting.length === PAGE || due.size >= MOST) continue;
			this.place = undefined;
			if (!again) break;
			again = false;
		}
		if (due.size >= MOST) this.later(NEXT);
		await this.send(due);
	}

	private async isDue(message: MessageRecord, before: Meta['asked'][string] | undefined): Promise<boolean> {
		const now = this.ctx.platform.now();
		const wants = message.wants ?? '';
		// The server's clock: one that is far ahead of this device's keeps nothing waiting.
		const age = now - message.at;
		if (Math.abs(age) < PATIENCE) return this.notYet(PATIENCE - age);
		if (await this.isHere(message, wants)) return false;
		const since = now - (before?.at ?? -Infinity);
		if (Math.abs(since) < AGAIN) return this.notYet(AGAIN - since);
		if (before && before.times >= TIMES) {
			await this.giveUp(wants);
			return false;
		}
		return true;
	}

	private notYet(ms: number): false {
		this.later(ms);
		return false;
	}

	/** The key has come, but not everything was opened before this tab or its predecessor ended. */
	private async isHere(message: MessageRecord, wants: string): Promise<boolean> {
		const { ctx } = this;
		const { channel, id, device } = message;
		const isContent = wants === wantsContentKey(id);
		const found = isContent
			? await ctx.store.read.get('contentKeys', [channel, id, device])
			: await ctx.store.read.get('senderKeys', [channel, wants.slice('sender:'.length), device]);
		if (!found) return false;
		const learnt = [{ channel, wants }];
		await ctx.store.change((unit) => this.entries.reopen(unit, learnt));
		await this.entries.reopenRest();
		// What another member handed on may be no good.
		return (await ctx.store.read.get('messages', [channel, message.seq]))?.state !== 'waiting';
	}

	/** What was asked for, without what no message waits for any more; that is looked up when it has become much. */
	private async forgetAsked(): Promise<Meta['asked']> {
		const { read } = this.ctx.store;
		const asked = (await read.meta('asked')) ?? {};
		if (Object.keys(asked).length <= ASKED) return asked;
		const kept: Meta['asked'] = {};
		for (const [wants, one] of Object.entries(asked))
			if ((await read.count('messages', 'wants', wants)) > 0) kept[wants] = one;
		await this.ctx.store.change(async (unit) => unit.setMeta('asked', kept));
		return kept;
	}

	/**
	 * One delivery a device and channel, however much it is asked for. A channel or device that fails keeps none of the others
	 * from being asked.
	 */
	private async send(due: Map<string, MessageRecord>): Promise<void> {
		const channels = new Map<Id, Map<Id, Letter[]>>();
		for (const [wants, message] of due) {
			const devices = channels.get(message.channel) ?? new Map<Id, Letter[]>();
			channels.set(message.channel, devices);
			if ((await this.attempt(() => this.askFor(wants, message, devices))) === 'passing') this.later(SOON);
		}
		for (const [channel, devices] of channels) {
			const outcomes = new Set<string>();
			for (const [device, letters] of devices)
				outcomes.add(await this.attempt(() => this.request(channel, device, letters)));
			if (!outcomes.has('passing') || outcomes.has('done')) continue;
			await this.unask([...due].filter(([, message]) => message.channel === channel).map(([wants]) => wants));
			this.later(SOON);
		}
	}

	private async request(channel: Id, device: Id, letters: Letter[]): Promise<void> {
		await this.renew(device);
		await this.post(channel, device, letters);
	}

	private async attempt(work: () => Promise<void>): Promise<'done' | 'passing' | 'refused'> {
		try {
			await work();
			return 'done';
		} catch (error) {
			if (isPassing(error)) return 'passing';
			if (!(error instanceof Failure)) throw error;
			this.ctx.platform.log('warn', 'a key was not asked for', error.code);
			return 'refused';
		}
	}

	/** What reached nobody counts as not asked for, but for that an answer is no news. */
	private async unask(wanted: string[]): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const all = { ...((await unit.meta('asked')) ?? {}) };
			for (const wants of wanted) if (all[wants]) all[wants] = { at: 0, times: Math.max(0, all[wants].times - 1) };
			unit.setMeta('asked', all);
		});
	}

	/** Puts the request to those that are to be asked. */
	private async askFor(wants: string, message: MessageRecord, letters: Map<Id, Letter[]>): Promise<void> {
		const { ctx } = this;
		const wanted = wantedId(wants);
		const raw = message.raw;
		if (!wanted || !raw) return;
		const { channel } = message;
		const roster = await this.rosters.current(channel);
		const helpers = wanted.what === 'sender_key' ? await helpersOf(ctx, roster, channel) : [];
		// One answer of theirs holds much of the past: what is still missing then is asked for after it.
		if (helpers.length > 0 && letters.size > 0) return this.later(SOON);
		const devices = new Set([...this.authorities(roster, message), ...helpers]);
		const letter: Letter = { kind: 'request', request: { ...wanted, channel: uuidBytes(channel), epoch: raw.epoch } };
		// Before it leaves: an answer that comes at once is one that was waited for.
		await ctx.store.change(async (unit) => {
			const all = { ...((await unit.meta('asked')) ?? {}) };
			all[wants] = { at: ctx.platform.now(), times: (all[wants]?.times ?? 0) + 1 };
			unit.setMeta('asked', all);
			const health = (await unit.meta('health')) ?? NONE;
			unit.setMeta('health', { ...health, requested: health.requested + 1 });
			if (helpers.length > 0) await expectPast(ctx, unit, channel, helpers);
		});
		for (const device of devices) letters.set(device, [...(letters.get(device) ?? []), letter]);
	}

	/** Whose word is good in any case: the sender's devices, the one that wrote it if it is there, and one's own others. */
	private authorities(roster: RosterRecord, { sender, device }: MessageRecord): Id[] {
		const { own } = this.ctx;
		const of = (user: Id) => {
			const devices = roster.members.find((member) => member.user === user)?.devices ?? [];
			return devices.filter((one) => one !== own.device);
		};
		const senders = of(sender).includes(device) ? [device] : of(sender);
		return [...senders, ...of(own.user)];
	}

	/** Looks again then, or earlier. */
	private later(ms: number): void {
		const { platform, connection } = this.ctx;
		const at = platform.now() + ms;
		if (this.next && this.next.at <= at) return;
		this.next?.cancel();
		const cancel = platform.after(ms, () => {
			this.next = undefined;
			if (!connection.online) return;
			this.ask().catch((error: unknown) => {
				if (!isPassing(error)) platform.log('warn', 'key requests', String(error));
			});
		});
		this.next = { at, cancel };
	}

	/** Says so; should the key come after all, the message is opened. */
	private async giveUp(wants: string): Promise<void> {
		const { ctx } = this;
		await ctx.store.change(async (unit) => {
			for (const message of await unit.by('messages', 'wants', wants)) {
				if (message.state !== 'waiting') continue;
				const record: MessageRecord = { ...message, state: 'unreadable', problem: NEVER_CAME };
				await tally(unit, message, record);
				unit.put('messages', record);
				const messages = [await showMessage(ctx, unit, record)];
				unit.emit({ type: 'messages', data: { channel: record.channel, messages, gone: [] } });
			}
		});
	}

	/** What others have asked for. What fails for now is thrown, and answered when this is called again. */
	async answer(): Promise<void> {
		for (;;) {
			const asked = await this.ctx.store.read.all('requests', ANSWERS);
			let later: unknown;
			for (const one of asked) {
				const failure = await this.attemptAnswer(one);
				const isLater = failure !== undefined && one.failed + 1 < ATTEMPTS;
				await this.settle(one, isLater ? { ...one, failed: one.failed + 1 } : undefined);
				if (isLater) later = failure;
			}
			if (later !== undefined) throw later;
			if (asked.length < ANSWERS) return;
		}
	}

	/** Returns what may pass. */
	private async attemptAnswer(one: RequestRecord): Promise<unknown> {
		try {
			await this.answerOne(one);
		} catch (error) {
			if (isPassing(error)) return error;
			this.ctx.platform.log('warn', 'a key request was not answered', String(error));
		}
		return undefined;
	}

	private settle({ id }: RequestRecord, next?: RequestRecord): Promise<void> {
		return this.ctx.store.change(async (unit) => (next ? unit.put('requests', next) : unit.delete('requests', id)));
	}

	private async answerOne({ device, request }: RequestRecord): Promise<void> {
		const peer = await this.ctx.store.read.get('devices', device);
		if (!peer) return;
		const { ctx } = this;
		const channel = uuidOf(request.channel);
		if (!(await ctx.store.read.get('channels', channel))) return;
		if (!(await this.isReader(channel, peer))) return;
		const letters = peer.user === ctx.own.user ? await this.forOwn(request) : await this.forOther(peer, request);
		// The request has come on a session that works: the answer goes back on it.
		if (letters.length > 0) await this.post(channel, peer.id, letters);
	}

	/** A device that has just come may ask before the news of it is here. */
	private async isReader(channel: Id, { id, user }: DeviceKeyRecord): Promise<boolean> {
		const isIn = ({ members }: RosterRecord) =>
			members.some((member) => member.user === user && !member.changed && member.devices.includes(id));
		return isIn(await this.rosters.current(channel)) || isIn(await this.rosters.fetch(channel));
	}

	/** Another device of the same person gets whatever there is of the key, whoever made it. */
	private async forOwn(request: KeyRequest): Promise<Letter[]> {
		const { read } = this.ctx.store;
		const channel = uuidOf(request.channel);
		if (request.what === 'content_key') {
			const id = uuidOf(request.id);
			const found = await read.range('contentKeys', [channel, id], [channel, id, []]);
			return lettersOf(found.map(({ contentKey: body }): Item => ({ kind: 'content_key', body })));
		}
		const id = toBase64url(request.id);
		const found = (await read.range('senderKeys', [channel, id], [channel, id, []])).filter(({ handed }) => !handed);
		return lettersOf(found.map(itemOf));
	}

	/**
	 * Another person's device gets again what this one gave it before, from where it was given; and where newcomers read the
	 * past, what of it is theirs to read. Nothing else.
	 */
	private async forOther(peer: DeviceKeyRecord, request: KeyRequest): Promise<Letter[]> {
		const { library, own, store } = this.ctx;
		const channel = uuidOf(request.channel);
		if (request.what === 'content_key') {
			const found = await store.read.get('contentKeys', [channel, uuidOf(request.id), own.device]);
			return found ? [{ kind: 'content_key', contentKey: found.contentKey }] : [];
		}
		const id = toBase64url(request.id);
		const made = await store.read.get('senderKeys', [channel, id, own.device]);
		const counter = made?.givenAt?.[peer.id];
		const again: Letter[] =
			made && counter !== undefined
				? [{ kind: 'sender_key', senderKey: senderKeyOf(library.senderKeyAt(made.record, counter)) }]
				: [];
		const past = this.mayGivePast(peer.id, channel) ? await pastFor(this.ctx, channel, id) : [];
		return [...again, ...lettersOf(past.map(itemOf))];
	}

	/** So often an hour, for it is much to read and to seal. */
	private mayGivePast(device: Id, channel: Id): boolean {
		const name = `${device}/${channel}`;
		const now = this.ctx.platform.now();
		const times = (this.given.get(name) ?? []).filter((at) => now - at < 3600_000);
		if (this.given.size > GIVEN) this.given.clear();
		this.given.set(name, [...times, now].slice(-PAST_AN_HOUR - 1));
		return times.length < PAST_AN_HOUR;
	}

	/**
	 * A new session with the device, for the one there was has let somebody down; but not one after the other: of few that
	 * are kept, those that are still to be heard on would be pushed out.
	 */
	private async renew(device: Id): Promise<void> {
		const now = this.ctx.platform.now();
		if (Math.abs(now - (this.renewed.get(device) ?? -Infinity)) < RENEWED) return this.sessions.ensure([device]);
		await this.sessions.renew(device);
		if (this.renewed.size > GIVEN) this.renewed.clear();
		this.renewed.set(device, now);
	}

	/** To one device that there is a session with. */
	private async post(channel: Id, device: Id, letters: Letter[]): Promise<void> {
		const { ctx } = this;
		const items = await ctx.store.change(async (unit) => {
			const made: { device: Id; id: Id; payload: string }[] = [];
			for (const letter of letters) {
				const payload = await this.sessions.seal(unit, device, letter);
				if (payload) made.push({ device, id: newId(ctx.platform), payload: toBase64url(payload) });
			}
			return made;
		});
		if (items.length > 0) await ctx.connection.request({ type: 'deliver', channel, items });
	}
}

const itemOf = ({ record }: SenderKeyRecord): Item => ({ kind: 'sender_key', body: senderKeyOf(record) });

function lettersOf(items: Item[]): Letter[] {
	const letters: Letter[] = [];
	for (let at = 0; at < items.length; at += ITEMS) letters.push({ kind: 'items', items: items.slice(at, at + ITEMS) });
	return letters;
}
