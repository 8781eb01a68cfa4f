// SPDX-License-Identifier: GPL-3.0-or-later
// What is known of the security of the conversations that are looked at, read again when the core says it changed; and
// whose card is open. Everything that shows a lock, a mark or a warning reads it here.
import type { Id, Person, Problem, Security } from '$lib/core/types';
import { core, hear, toProblem } from '../core';

export class Trust {
	#known = $state.raw<Record<Id, Security>>({});
	#problems = $state.raw<Record<Id, Problem>>({});
	#watched = new Map<Id, number>();
	/** The person whose card is open, and the conversation from which it was opened. */
	card = $state.raw<{ person: Person; channel?: Id } | undefined>();

	constructor() {
		hear({
			security: ({ channel }) => {
				if (this.#watched.has(channel)) void this.load(channel);
			},
			account: ({ phase }) => {
				if (phase === 'signed-in') return;
				this.#known = {};
				this.#problems = {};
				this.card = undefined;
			}
		});
	}

	of(channel: Id): Security | undefined {
		return this.#known[channel];
	}

	problem(channel: Id): Problem | undefined {
		return this.#problems[channel];
	}

	/** Keeps it fresh as long as the conversation is shown. */
	watch(channel: Id): () => void {
		this.#watched.set(channel, (this.#watched.get(channel) ?? 0) + 1);
		void this.load(channel);
		return () => {
			const left = (this.#watched.get(channel) ?? 1) - 1;
			if (left > 0) this.#watched.set(channel, left);
			else this.#watched.delete(channel);
		};
	}

	async load(channel: Id): Promise<void> {
		try {
			this.#take(channel, await core.security(channel));
		} catch (thrown) {
			this.#problems = { ...this.#problems, [channel]: toProblem(thrown) };
		}
	}

	/** The changed identity of a member was looked at. */
	async accept(channel: Id, user: Id): Promise<void> {
		this.#take(channel, await core.acceptIdentity(channel, user));
	}

	isVerified(channel: Id, user: Id): boolean {
		return this.#known[channel]?.members.some(({ person, verified }) => verified && person.id === user) ?? false;
	}

	#take(channel: Id, security: Security) {
		this.#known = { ...this.#known, [channel]: security };
		const { [channel]: _, ...others } = this.#problems;
		this.#problems = others;
	}
}

export const trust = new Trust();
