// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps below the server's limit of messages a connection (docs/realtime.md): a burst, then so many a second.
import type { Platform } from '../core/platform';

export interface Rate {
	burst: number;
	/** A second. */
	rate: number;
}

/** Until the server has told its own (docs/realtime.md, `limits`). */
const USUAL: Rate = { burst: 10, rate: 5 };

export class Pace {
	private readonly burst: number;
	/** Milliseconds for one more. */
	private readonly every: number;
	private free: number;
	private since: number;
	private queue: Promise<void> = Promise.resolve();

	constructor(
		private readonly platform: Platform,
		{ burst, rate }: Rate = USUAL
	) {
		// A little below, for the server's clock is another one.
		this.burst = Math.max(1, burst - 1);
		this.every = 1050 / Math.max(1, rate);
		this.free = this.burst;
		this.since = platform.now();
	}

	/** Resolves when one more message may be sent; in the order asked. */
	turn(): Promise<void> {
		this.queue = this.queue.then(() => this.wait());
		return this.queue;
	}

	private async wait(): Promise<void> {
		const now = this.platform.now();
		const gained = Math.max(0, Math.floor((now - this.since) / this.every));
		this.free = Math.min(this.burst, this.free + gained);
		this.since = this.free === this.burst ? now : this.since + gained * this.every;
		if (this.free === 0) {
			await new Promise<void>((resolve) => this.platform.after(Math.max(1, this.since + this.every - now), resolve));
			return this.wait();
		}
		this.free--;
	}
}
