// SPDX-License-Identifier: GPL-3.0-or-later
// What happens before the page has the answer of the start, which may be before it has ears at all, is told after it.
import type { CoreEvent } from './types';

/** So many are kept: a page whose own modules did not come never asks. */
const most = 1_000;

export class Early {
	#events: CoreEvent[] | undefined = [];
	#overrun = false;

	constructor(private readonly post: (event: CoreEvent) => void) {}

	tell(event: CoreEvent): void {
		if (!this.#events) return this.post(event);
		this.#overrun ||= this.#events.length === most;
		if (this.#overrun) this.#events = [];
		else this.#events.push(event);
	}

	/** What `start` answers. With fewer events than all it would not hold: then what has become of them is read anew. */
	async start<T>(start: () => Promise<T>): Promise<T> {
		let answer = await start();
		while (this.#overrun) {
			this.#overrun = false;
			answer = await start();
		}
		return answer;
	}

	/** The answer is out. */
	end(): void {
		for (const event of this.#events ?? []) this.post(event);
		this.#events = undefined;
	}
}
