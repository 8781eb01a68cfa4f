// SPDX-License-Identifier: GPL-3.0-or-later
// Who is signed in on this device, and how the connection is. Knows nothing of conversations.
import type { Account, AuthConfig, Connection, CoreEvents, Id, Person, Phase, Problem, Start } from '$lib/core/types';
import { core, hear, isOver, toProblem } from '../core';

type Stage = 'starting' | 'failed' | Phase;

class Session {
	#stage = $state<Stage>('starting');
	#account = $state.raw<Account | undefined>();
	#connection = $state.raw<Connection>({ state: 'connecting', attempt: 0 });
	#config = $state.raw<AuthConfig | undefined>();
	#restore = $state.raw<CoreEvents['restore'] | undefined>();
	#problem = $state.raw<Problem | undefined>();
	#lastChannel = $state<Id | undefined>();

	/** Whose password was right, but does not open the keys. */
	locked = $state.raw<Person | undefined>();

	/** True while a new person is still looking at the recovery code: nothing may navigate that away. */
	onboarding = $state(false);

	get stage() {
		return this.#stage;
	}
	get account() {
		return this.#account;
	}
	get connection() {
		return this.#connection;
	}
	get config() {
		return this.#config;
	}
	get restore() {
		return this.#restore;
	}
	/** Why the start failed. */
	get problem() {
		return this.#problem;
	}
	get lastChannel() {
		return this.#lastChannel;
	}
	get mayCreateCommunity() {
		const role = this.#account?.role;
		return role === 'owner' || role === 'admin' || this.#config?.communityCreation === 'open';
	}

	constructor() {
		hear({
			connection: (connection) => (this.#connection = connection),
			account: ({ phase, account }) => {
				this.#stage = phase;
				this.#account = account;
				this.#restore = undefined;
				if (!this.onboarding) this.locked = undefined;
				if (phase === 'signed-out') this.#lastChannel = undefined;
			},
			restore: (progress) => (this.#restore = progress.problem || progress.done < progress.total ? progress : undefined)
		});
	}

	begin(start: Start) {
		this.#account = start.account;
		this.#connection = start.connection;
		this.#lastChannel = start.lastChannel;
		this.#stage = isOver(start.connection) ? 'signed-out' : start.phase;
		void this.loadConfig();
	}

	fail(problem: Problem) {
		this.#problem = problem;
		this.#stage = 'failed';
	}

	/** What this server allows; needed before signing in, useful after. Returns the problem if it cannot be had. */
	async loadConfig(): Promise<Problem | undefined> {
		try {
			this.#config = await core.authConfig();
			return undefined;
		} catch (thrown) {
			return toProblem(thrown);
		}
	}

	visited(channel: Id) {
		this.#lastChannel = channel;
	}
}

export const session = new Session();
