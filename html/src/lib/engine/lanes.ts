// SPDX-License-Identifier: GPL-3.0-or-later
// The queues of the outbox, one a channel: what one of them waits for (thousands of devices that need a key, a server that
// refuses) holds up no other. One tab at a time works on a channel's.
import { Failure, isPassing } from '../core/problem';
import type { Id } from '../core/types';
import type { Context } from './context';

const LOCK = 'chatalot-outbox';
/** Channels that are sent to at once; the others wait for their turn. */
const LANES = 16;
const PAUSE = { first: 1_500, most: 60_000 };

interface Lane {
	/** Something was written since it began. */
	again: boolean;
	running: boolean;
	pause: number;
	cancelRetry?: () => void;
}

export class Lanes {
	private readonly lanes = new Map<Id, Lane>();
	private running = 0;

	constructor(
		private readonly ctx: Context,
		/** Sends what is queued for the channel; throws what makes it worth trying again later. */
		private readonly sendAll: (channel: Id) => Promise<void>
	) {}

	/** Sends what is queued for these channels, now. */
	start(channels: Iterable<Id>): void {
		if (!this.ctx.connection.online) return;
		for (const channel of channels) {
			const lane = this.lanes.get(channel) ?? { again: false, running: false, pause: 0 };
			lane.again = true;
			lane.cancelRetry?.();
			this.lanes.set(channel, lane);
		}
		this.fill();
	}

	stop(): void {
		for (const lane of this.lanes.values()) lane.cancelRetry?.();
		this.lanes.clear();
	}

	private fill(): void {
		for (const [channel, lane] of this.lanes) {
			if (this.running >= LANES) return;
			if (lane.running || !lane.again) continue;
			lane.running = true;
			this.running++;
			void this.run(channel, lane);
		}
	}

	private async run(channel: Id, lane: Lane): Promise<void> {
		try {
			while (lane.again) {
				lane.again = false;
				await this.ctx.platform.locks.request(`${LOCK}/${channel}`, {}, () => this.sendAll(channel));
			}
			if (this.lanes.get(channel) === lane) this.lanes.delete(channel);
		} catch (error) {
			this.later(channel, lane, error);
		} finally {
			lane.running = false;
			this.running--;
			this.fill();
		}
	}

	/** What failed is tried again after a while; each time after a longer one. */
	private later(channel: Id, lane: Lane, error: unknown): void {
		const { connection, platform } = this.ctx;
		if (!isPassing(error)) platform.log('error', 'outbox', error);
		lane.again = false;
		if (!connection.online) return;
		lane.pause = Math.min(PAUSE.most, Math.max(PAUSE.first, lane.pause * 2));
		const asked = error instanceof Failure ? (error.problem.retryAfter ?? 0) * 1000 : 0;
		lane.cancelRetry = platform.after(Math.max(lane.pause, Math.min(asked, PAUSE.most)), () => this.start([channel]));
	}
}
