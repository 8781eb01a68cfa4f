// SPDX-License-Identifier: GPL-3.0-or-later
// Reading a conversation: what is stored here at once, older pages from here or from the server.
import { isPassing } from '../core/problem';
import type { Id, Message, Page } from '../core/types';
import type { ChannelRecord } from '../store/tables';
import type { Context } from './context';
import type { Entries } from './entries';
import type { Outbox } from './outbox';
import type { Rosters } from './rosters';
import { meetStranger } from './strangers';
import { showMessage } from './view';

const PAGE = 50;
const FETCH = 100;
/** Requests to fill one page, for a server that answers with next to nothing. */
const FETCHES = 5;
const UNREAD_MOST = 1000;
/** Repeated readings of a page while things happen. */
const READS = 5;
const ASKED = 1000;

export class History {
	/** One fetch at a time for a channel: two would fetch the same. */
	private readonly fetching = new Map<Id, Promise<void>>();
	/** Former members of whom the server was asked. */
	private readonly asked = new Set<Id>();

	constructor(
		private readonly ctx: Context,
		private readonly entries: Entries,
		private readonly outbox: Outbox,
		private readonly rosters: Rosters
	) {}

	/** As it is when it returns: an event that was told while it was read would be undone by an older page. */
	async open(channel: Id): Promise<Page> {
		const { store } = this.ctx;
		for (let tries = 0; ; tries++) {
			const { told } = store;
			const page = await this.readPage(channel);
			if (store.told === told || tries >= READS) return page;
		}
	}

	private async readPage(channel: Id): Promise<Page> {
		const { read } = this.ctx.store;
		const known = await read.get('channels', channel);
		if (!known) return { messages: [], more: false };
		const stored = await this.stored(known, Infinity);
		const waiting = await this.outbox.shown(channel);
		const here = new Set(stored.map((message) => message.id));
		if (stored.length < PAGE && !known.complete) void this.fill(known, stored.length);
		const messages = [...stored, ...waiting.filter((message) => !here.has(message.id))];
		return { messages, more: !known.complete || (stored[0]?.seq ?? 0) > known.first };
	}

	async older(channel: Id, before: number): Promise<Page> {
		const { read } = this.ctx.store;
		for (let round = 0; ; round++) {
			const known = await read.get('channels', channel);
			if (!known) return { messages: [], more: false };
			const messages = await this.stored(known, before - 1);
			const enough = messages.length >= PAGE || known.complete || round >= FETCHES;
			if (enough) return { messages, more: !known.complete || (messages[0]?.seq ?? 0) > known.first };
			try {
				await this.fetch(channel);
			} catch (error) {
				if (messages.length === 0 || !isPassing(error)) throw error;
				return { messages, more: true };
			}
		}
	}

	/** The first page of channels that have none yet, so that opening them needs no waiting. */
	async prefetch(most: number): Promise<void> {
		const records = await this.ctx.store.read.all('channels');
		const empty = records.filter((record) => !record.complete && record.first > record.last);
		for (const { id } of empty.slice(0, most)) await this.fetch(id);
	}

	async markRead(channel: Id, seq: number): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const known = await unit.get('channels', channel);
			if (!known) return;
			const read = Math.min(Math.max(known.read, seq), known.last);
			const after = await this.ctx.store.read.messages(channel, read + 1, known.last, UNREAD_MOST);
			const unread = after.filter((message) => message.sender !== this.ctx.own.user).length;
			if (read === known.read && unread === known.unread) return;
			unit.durable = false;
			unit.put('channels', { ...known, read, unread });
			this.onRead(unit);
		});
	}

	/** Set by the engine: unread counts show in the tree. */
	onRead: (unit: Parameters<Parameters<Context['store']['change']>[0]>[0]) => void = () => undefined;

	/** Set by the engine: what was fetched may wait for keys. */
	onFetched: () => void = () => undefined;

	private async stored(known: ChannelRecord, upTo: number): Promise<Message[]> {
		const { read } = this.ctx.store;
		const records = await read.messages(known.id, known.first, Math.min(upTo, known.last), PAGE);
		return Promise.all(records.map((record) => showMessage(this.ctx, read, record)));
	}

	/**
	 * Behind an opened conversation that has little stored: what comes is shown by events. All that is older than what the
	 * page was given, also if somebody else has just fetched it.
	 */
	private async fill({ id: channel, first: before }: ChannelRecord, have: number): Promise<void> {
		try {
			await this.fetch(channel);
			const known = await this.ctx.store.read.get('channels', channel);
			if (!known || known.first >= before) return;
			const records = await this.ctx.store.read.messages(channel, known.first, before - 1, PAGE - have);
			const messages = await Promise.all(records.map((record) => showMessage(this.ctx, this.ctx.store.read, record)));
			if (messages.length > 0) this.ctx.store.tell({ type: 'messages', data: { channel, messages, gone: [] } });
		} catch (error) {
			if (!isPassing(error)) this.ctx.platform.log('warn', 'history', String(error));
		}
	}

	private fetch(channel: Id): Promise<void> {
		const running = this.fetching.get(channel);
		if (running) return running;
		const started = this.fetchPage(channel).finally(() => this.fetching.delete(channel));
		this.fetching.set(channel, started);
		return started;
	}

	private async fetchPage(channel: Id): Promise<void> {
		const known = await this.ctx.store.read.get('channels', channel);
		if (!known || known.complete) return;
		const page = await this.ctx.api.entries(channel, known.first, FETCH);
		await this.knowSenders(channel, new Set(page.entries.map((entry) => entry.sender)));
		await this.entries.prepend(channel, page);
		this.onFetched();
	}

	/** Names come with the roster; those of who has left are asked for, each once while this tab lives. */
	private async knowSenders(channel: Id, senders: Set<Id>): Promise<void> {
		if ((await this.unnamed(senders)).length === 0) return;
		await this.rosters.learn(channel);
		for (const user of await this.unnamed(senders)) {
			if (this.asked.has(user)) continue;
			if (this.asked.size >= ASKED) this.asked.clear();
			this.asked.add(user);
			await meetStranger(this.ctx, user, channel);
		}
	}

	private async unnamed(senders: Set<Id>): Promise<Id[]> {
		const others = [...senders].filter((sender) => sender !== this.ctx.own.user);
		const people = await this.ctx.store.read.many('people', others);
		return others.filter((_, i) => !people[i]?.username);
	}
}
