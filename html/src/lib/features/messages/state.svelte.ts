// SPDX-License-Identifier: GPL-3.0-or-later
// The conversations held by the page and what can be done with messages. A handful of conversations are kept, so that
// going back to one is instant and at the same place; the rest are read again from the core's store.
import type { Id, Message, Page } from '$lib/core/types';
import { t } from '$lib/text';
import { core, hear, toProblem } from '../core';
import { toasts } from '../toasts/state.svelte';
import { Log } from './log.svelte';

const kept = 8;

class Messages {
	#logs = new Map<Id, Log>();
	#announcement = $state('');
	#shown: Id | undefined;

	/** For the live region: what was just said in the conversation that is shown. */
	get announcement() {
		return this.#announcement;
	}

	constructor() {
		hear({
			messages: ({ channel, messages, gone }) => {
				const fresh = this.#logs.get(channel)?.apply(messages, gone);
				if (fresh && channel === this.#shown) this.#announce(fresh);
			},
			account: ({ phase }) => {
				if (phase === 'signed-out') this.#logs.clear();
			}
		});
	}

	/** What is stored of the conversation that will be shown first. */
	fill(channel: Id, page: Page) {
		this.#hold(channel).fill(page);
	}

	/** Has the conversation read that will be shown next. */
	prepare(channel: Id) {
		void this.#hold(channel).prepare();
	}

	/** The conversation, made the most recent of those kept; the oldest visited is let go. */
	show(channel: Id, unread: number): Log {
		const log = this.#hold(channel);
		this.#shown = channel;
		this.#announcement = '';
		void log.open(unread);
		return log;
	}

	#hold(channel: Id): Log {
		const log = this.#logs.get(channel) ?? new Log(channel);
		this.#logs.delete(channel);
		this.#logs.set(channel, log);
		for (const oldest of this.#logs.keys()) {
			if (this.#logs.size <= kept) break;
			this.#logs.delete(oldest);
		}
		return log;
	}

	hide(channel: Id) {
		if (this.#shown === channel) this.#shown = undefined;
	}

	/** Queues a message. Throws a Problem if it could not even be stored; then the writer still has the text. */
	async send(channel: Id, text: string): Promise<void> {
		const message = await core.send(channel, text);
		const log = this.#logs.get(channel);
		if (log && !log.messages.some((m) => m.id === message.id)) log.apply([message], []);
		log?.forgetUnreadLine();
	}

	async retry(message: Message): Promise<void> {
		await core.retry(message.id).catch((thrown: unknown) => toasts.problem(toProblem(thrown)));
	}

	async discard(message: Message): Promise<void> {
		try {
			await core.discard(message.id);
			this.#logs.get(message.channel)?.apply([], [message.id]);
		} catch (thrown) {
			toasts.problem(toProblem(thrown));
		}
	}

	/** A cursor that could not be moved now is moved by the next message read. */
	async markRead(channel: Id, seq: number): Promise<void> {
		await core.markRead(channel, seq).catch(() => undefined);
	}

	#announce(fresh: Message[]) {
		const others = fresh.filter((message) => !message.own);
		if (others.length === 0) return;
		this.#announcement =
			others.length > 3
				? t.conversation.newMessages(others.length)
				: others
						.map(({ sender, state, text }) =>
							state === 'received'
								? t.conversation.announce(sender.displayName, text.slice(0, 300))
								: t.conversation.announceUnread(sender.displayName)
						)
						.join('\n');
	}
}

export const messages = new Messages();
