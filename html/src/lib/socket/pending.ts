// SPDX-License-Identifier: GPL-3.0-or-later
// Requests on the socket that wait for their answer: matched by ref, bounded in number and time.
import type { Decoder } from '../api/decode';
import { Malformed } from '../api/decode';
import { Failure } from '../core/problem';
import type { Platform } from '../core/platform';

const MOST = 256;

interface Waiting {
	type: string;
	settle(result: unknown): void;
	refuse(failure: Failure): void;
	cancelTimer(): void;
}

export class Pending {
	private readonly waiting = new Map<string, Waiting>();
	private next = 1;

	constructor(private readonly platform: Platform) {}

	/** Registers a request and returns its ref and the promise of its result. */
	add<T>(type: string, decoder: Decoder<T>, timeout: number): { ref: string; result: Promise<T> } {
		if (this.waiting.size >= MOST) throw new Failure({ code: 'busy', message: 'Too many requests are on their way.' });
		const ref = String(this.next++);
		const result = new Promise<T>((resolve, reject) => {
			const cancelTimer = this.platform.after(timeout, () => {
				this.waiting.delete(ref);
				reject(new Failure({ code: 'timeout', message: `The server did not answer (${type}).` }));
			});
			this.waiting.set(ref, {
				type,
				cancelTimer,
				refuse: reject,
				settle: (value) => {
					try {
						resolve(decoder(value, ''));
					} catch (error) {
						const where = error instanceof Malformed ? error.message : String(error);
						reject(
							new Failure({ code: 'bad_reply', message: `The server's answer makes no sense (${type}: ${where}).` })
						);
					}
				}
			});
		});
		return { ref, result };
	}

	settle(ref: string, result: unknown): boolean {
		const found = this.take(ref);
		found?.settle(result);
		return found !== undefined;
	}

	refuse(ref: string, failure: Failure): boolean {
		const found = this.take(ref);
		found?.refuse(failure);
		return found !== undefined;
	}

	/** The connection is gone: what was not answered may or may not have happened. */
	dropAll(): void {
		for (const ref of [...this.waiting.keys()])
			this.refuse(ref, new Failure({ code: 'network', message: 'The connection was lost.' }));
	}

	private take(ref: string): Waiting | undefined {
		const found = this.waiting.get(ref);
		this.waiting.delete(ref);
		found?.cancelTimer();
		return found;
	}
}
