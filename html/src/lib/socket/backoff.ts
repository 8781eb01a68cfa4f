// SPDX-License-Identifier: GPL-3.0-or-later
// How long to wait before trying again: exponential with full jitter, so that a thousand clients of a restarted server do
// not come back in step.

export interface Backoff {
	base: number;
	max: number;
}

/** `attempt` counts from 0; `random` is in [0, 1). Never less than half the base. */
export function backoffDelay(backoff: Backoff, attempt: number, random: number): number {
	const ceiling = Math.min(backoff.max, backoff.base * 2 ** Math.min(attempt, 30));
	return Math.round(Math.max(backoff.base / 2, ceiling * random));
}
