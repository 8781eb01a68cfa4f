// SPDX-License-Identifier: GPL-3.0-or-later
// A component that is fetched when it is first wanted, and then kept for all that want it.
import type { Component } from 'svelte';
import { toasts } from '$lib/features/toasts/state.svelte';
import { t } from '$lib/text';

export class Fetched<C extends Component<never, object, string>> {
	#current = $state.raw<C | undefined>();
	#load: () => Promise<{ default: C }>;

	constructor(load: () => Promise<{ default: C }>) {
		this.#load = load;
	}

	get current() {
		return this.#current;
	}

	/** False: it cannot be fetched, which has been said. Browsers remember that of a module, so another try would be none. */
	async fetch(): Promise<boolean> {
		try {
			this.#current ??= (await this.#load()).default;
			return true;
		} catch {
			toasts.say(t.shell.partMissing, 'danger');
			return false;
		}
	}
}
