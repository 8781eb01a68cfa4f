// SPDX-License-Identifier: GPL-3.0-or-later
// The one error type of the core: a Problem that can be thrown, sent over the wire to the page, and explained there.
import type { Problem } from './types';

export class Failure extends Error {
	readonly problem: Problem;
	/** Status of the HTTP answer, where there was one. */
	readonly status: number | undefined;
	/** Whatever the server added, for example the current roster and epoch. */
	readonly details: unknown;

	constructor(problem: Problem, o: { status?: number; details?: unknown } = {}) {
		super(`${problem.code}: ${problem.message}`);
		this.name = 'Failure';
		this.problem = problem;
		this.status = o.status;
		this.details = o.details;
	}

	get code(): string {
		return this.problem.code;
	}
}

export function fail(code: string, message: string, more: Partial<Problem> = {}): never {
	throw new Failure({ ...more, code, message });
}

/** Codes that say nothing about the request itself: it may be tried again as it is. */
const passing = new Set([
	'network',
	'timeout',
	'unavailable',
	'offline',
	'busy',
	'rate_limited',
	'too_many_pending',
	'not_ready',
	'backup_unread',
	'backup_withheld',
	'server_error'
]);

export function isPassing(error: unknown): boolean {
	if (!(error instanceof Failure)) return false;
	return passing.has(error.code) || error.status === 429 || (error.status ?? 0) >= 500;
}

/** Whatever was thrown, as something a person can be told; an unexpected error keeps its text for the log only. */
export function toProblem(error: unknown): Problem {
	if (error instanceof Failure) return error.problem;
	return { code: 'internal', message: 'Something unexpected went wrong on this device.' };
}
