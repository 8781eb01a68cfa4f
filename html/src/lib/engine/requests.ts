// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that never came: asking the sender's devices for them, and answering those who ask this one. An answer goes only
// to a certified device that was entitled to the key when it was made.
import { toBase64url } from '../core/bytes';
import { isPassing } from '../core/problem';
import type { Id, Problem } from '../core/types';
import { uuidBytes, uuidOf } from '../core/uuid';
import { senderKeyOf, type KeyRequest, type Letter } from '../crypto/library';
import type { DeviceKeyRecord, MessageRecord, Meta } from '../store/tables';
import type { Unit } from '../store/unit';
import { newId, type Context } from './context';
import type { Entries } from './entries';
import type { Asked } from './inbox';
import { wantedId, wantsContentKey } from './keys';
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
/** Waiting messages that one look goes through. */
const PAGE = 200;
const PAGES = 20;
/** Notes of what was asked for, before they are cleared up. */
const ASKED = 500;
const NEVER_CAME: Problem = {
	code: 'key_never_came',
	message: 'The key for this message never came, though its sender was asked for it.'
};

export class Requests {
	/** Where the last look ended. */
	private place: MessageRecord | undefined;

	constructor(
		private readonly ctx: Context,
		private readonly sessions: Sessions,
		private readonly rosters: Rosters,
		private readonly entries: Entries
	) {}

	/**
	 * Asks for what messages have been waiting for. Called when the inbox is caught up and the backup restored. Each look
	 * goes on where the last one ended, so that messages whose key never comes do not hide the others.
	 */
	async ask(): Promise<void> {
		const asked = await this.forgetAsked();
		const due = new Map<string, MessageRecord>();
		let again = this.place !== undefined;
		for (let page = 0; page < PAGES && due.size < MOST; page++) {
			const waiting = await this.ctx.store.read.waiting(PAGE, this.place);
			for (const message of waiting) {
				this.place = message;
				const wants = message.wants ?? '';
				if (!due.has(wants) && (await this.isDue(message, asked[wants]))) due.set(wants, message);
				if (due.size >= MOST) break;
			}
			if (waiting.length === PAGE || due.size >= MOST) continue;
			this.place = undefined;
			if (!again) break;
			again = false;
		}
		for (const [wants, message] of due) await this.askFor(wants, message);
	}

	private async isDue(message: MessageRecord, before: Meta['asked'][string] | undefined): Promise<boolean> {
		const now = this.ctx.platform.now();
		const wants = message.wants ?? '';
		if (message.state !== 'waiting' || now - message.at < PATIENCE) return false;
		if (await this.isHere(message, wants)) return false;
		if (before && now - before.at < AGAIN) return false;
		if (before && before.times >= TIMES) {
			await this.giveUp(wants);
			return false;
		}
		return true;
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
		await this.entries.reopenRest(await ctx.store.change((unit) => this.entries.reopen(unit, learnt)));
		return true;
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

	private async askFor(wants: string, message: MessageRecord): Promise<void> {
		const { ctx } = this;
		const wanted = wantedId(wants);
		const raw = message.raw;
		if (!wanted || !raw) return;
		const roster = await this.rosters.current(message.channel);
		const devices = roster.members.find((member) => member.user === message.sender)?.devices ?? [];
		const peers = devices.filter((device) => device !== ctx.own.device);
		const first = peers.includes(message.device) ? [message.device] : peers;
		const channel = uuidBytes(message.channel);
		const letter: Letter = { kind: 'request', request: { ...wanted, channel, epoch: raw.epoch } };
		for (const device of first) await this.post(message.channel, device, letter);
		await ctx.store.change(async (unit) => {
			const all = { ...((await unit.meta('asked')) ?? {}) };
			all[wants] = { at: ctx.platform.now(), times: (all[wants]?.times ?? 0) + 1 };
			unit.setMeta('asked', all);
		});
	}

	/** Says so; should the key come after all, the message is opened. */
	private async giveUp(wants: string): Promise<void> {
		const { ctx } = this;
		await ctx.store.change(async (unit) => {
			for (const message of await unit.by('messages', 'wants', wants)) {
				if (message.state !== 'waiting') continue;
				const record: MessageRecord = { ...message, state: 'unreadable', problem: NEVER_CAME };
				unit.put('messages', record);
				const messages = [await showMessage(ctx, unit, record)];
				unit.emit({ type: 'messages', data: { channel: record.channel, messages, gone: [] } });
			}
		});
	}

	async answer(asked: Asked[]): Promise<void> {
		for (const one of asked.slice(0, ANSWERS)) {
			try {
				await this.answerOne(one);
			} catch (error) {
				if (!isPassing(error)) this.ctx.platform.log('warn', 'a key request was not answered', String(error));
			}
		}
	}

	private async answerOne({ peer, request }: Asked): Promise<void> {
		const { ctx } = this;
		const channel = uuidOf(request.channel);
		if (!(await ctx.store.read.get('channels', channel))) return;
		const roster = await this.rosters.current(channel);
		const member = roster.members.find(({ user }) => user === peer.user);
		if (!member || member.changed || !member.devices.includes(peer.id)) return;
		const letter = await ctx.store.change((unit) => this.answerTo(unit, peer, request));
		if (letter) await this.post(channel, peer.id, letter);
	}

	/** A key that this device made, as far as the peer may have it. */
	private async answerTo(unit: Unit, peer: DeviceKeyRecord, request: KeyRequest): Promise<Letter | null> {
		const { library, own } = this.ctx;
		const channel = uuidOf(request.channel);
		if (request.what === 'content_key') {
			const found = await unit.get('contentKeys', [channel, uuidOf(request.id), own.device]);
			return found ? { kind: 'content_key', contentKey: found.contentKey } : null;
		}
		const found = await unit.get('senderKeys', [channel, toBase64url(request.id), own.device]);
		if (!found) return null;
		if (peer.user === own.user) return { kind: 'sender_key', senderKey: senderKeyOf(found.record) };
		// Another person's device gets again what it was given before, from where it was given, and nothing else.
		const counter = found.givenAt?.[peer.id];
		if (counter === undefined) return null;
		return { kind: 'sender_key', senderKey: senderKeyOf(library.senderKeyAt(found.record, counter)) };
	}

	/** One letter to one device, through a new session: the one there was has let somebody down. */
	private async post(channel: Id, device: Id, letter: Letter): Promise<void> {
		const { ctx } = this;
		await this.sessions.renew(device);
		const item = await ctx.store.change(async (unit) => {
			const payload = await this.sessions.seal(unit, device, letter);
			return payload && { device, id: newId(ctx.platform), payload: toBase64url(payload) };
		});
		if (item) await ctx.connection.request({ type: 'deliver', channel, items: [item] });
	}
}
