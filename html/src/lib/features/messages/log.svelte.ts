// SPDX-License-Identifier: GPL-3.0-or-later
// One conversation as the page holds it: the newest messages and as many older pages as were asked for, without a gap.
import type { Id, Message, Page, Problem } from '$lib/core/types';
import { core, toProblem } from '../core';
import { applyChanges, applyPage } from './order';
import { buildTimeline, type Timeline } from './timeline';

type Stage = 'opening' | 'open' | 'failed';

export class Log {
	readonly channel: Id;
	#messages = $state.raw<Message[]>([]);
	#more = $state(false);
	#stage = $state<Stage>('opening');
	#problem = $state.raw<Problem | undefined>();
	#loading = $state(false);
	#olderProblem = $state.raw<Problem | undefined>();
	#unreadFrom = $state<Id | undefined>();
	#timeline: Timeline | undefined;
	/** Being read, or read, for the first showing. */
	#prepared: Promise<void> | undefined;
	/** How many of the newest were new when it was shown. */
	#unread = 0;

	constructor(channel: Id) {
		this.channel = channel;
	}

	get messages() {
		return this.#messages;
	}
	/** Not a $derived: that would belong to the component which first showed the conversation, and end with it. */
	get rows() {
		const [messages, more, unreadFrom] = [this.#messages, this.#more, this.#unreadFrom];
		const known = this.#timeline;
		if (known?.messages === messages && known.more === more && known.unreadFrom === unreadFrom) return known.rows;
		this.#timeline = buildTimeline(messages, { more, unreadFrom }, known);
		return this.#timeline.rows;
	}
	get more() {
		return this.#more;
	}
	get stage() {
		return this.#stage;
	}
	get problem() {
		return this.#problem;
	}
	get loading() {
		return this.#loading;
	}
	get olderProblem() {
		return this.#olderProblem;
	}
	get newest(): Message | undefined {
		return this.#messages.at(-1);
	}
	/** The highest place the server has given in this channel, as far as it is shown. */
	get newestSeq(): number | undefined {
		for (let i = this.#messages.length - 1; i >= 0; i--) {
			const seq = this.#messages[i]!.seq;
			if (seq !== null) return seq;
		}
		return undefined;
	}

	/** Reads what is stored here, before it is shown. */
	prepare() {
		if (this.#stage !== 'open') this.#prepared ??= this.#read();
	}

	/** As if that had been read here. */
	fill(page: Page) {
		this.#take(page);
		this.#prepared = Promise.resolve();
	}

	/** Shows what is stored here. `unread`: how many of the newest are new, for the line before them. */
	async open(unread: number): Promise<void> {
		const prepared = this.#prepared;
		this.#prepared = undefined;
		this.#unread = unread;
		// At once, for whoever shows it goes to the line.
		if (prepared && this.#stage === 'open') this.#drawUnreadLine();
		else await (prepared ?? this.#read());
	}

	async #read(): Promise<void> {
		const first = this.#stage !== 'open';
		if (first) this.#stage = 'opening';
		try {
			this.#take(await core.open(this.channel));
		} catch (thrown) {
			this.#problem = toProblem(thrown);
			if (first) this.#stage = 'failed';
		}
	}

	#take(page: Page) {
		this.#messages = applyPage(this.#messages, page.messages);
		if (this.#stage !== 'open') this.#more = page.more;
		this.#stage = 'open';
		this.#problem = undefined;
		this.#drawUnreadLine();
	}

	async loadOlder(): Promise<void> {
		const before = this.#messages[0]?.seq;
		if (this.#loading || !this.#more || before === undefined || before === null) return;
		this.#loading = true;
		this.#olderProblem = undefined;
		try {
			const page = await core.older(this.channel, before);
			this.#messages = applyPage(this.#messages, page.messages);
			this.#more = page.more;
		} catch (thrown) {
			this.#olderProblem = toProblem(thrown);
		} finally {
			this.#loading = false;
		}
	}

	/** Takes an event in; returns what was not known before. */
	apply(changed: Message[], gone: Id[]): Message[] {
		const { messages, fresh } = applyChanges(this.#messages, changed, gone, this.#more);
		this.#messages = messages;
		return fresh;
	}

	forgetUnreadLine() {
		this.#unreadFrom = undefined;
	}

	#drawUnreadLine() {
		const unread = this.#unread;
		if (unread > 0) this.#unreadFrom = this.#messages.filter((m) => !m.own && m.seq !== null).at(-unread)?.id;
		else this.#unreadFrom = undefined;
	}
}
