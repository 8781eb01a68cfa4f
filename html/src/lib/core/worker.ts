// SPDX-License-Identifier: GPL-3.0-or-later
// The worker's entry: makes the core on the browser's platform and answers the page's calls.
import { browserPlatform } from './browser';
import { ClientCore } from './core';
import { Failure, toProblem } from './problem';
import { methods, type CallMessage, type PageMessage, type WorkerMessage } from './rpc';
import type { CoreEvent, Problem } from './types';

const platform = browserPlatform();
const post = (message: WorkerMessage) => postMessage(message);
/** What happens before the page has the answer of the start, which may be before it has ears at all, is told after it. */
let early: CoreEvent[] | undefined = [];
/** So many of them: a page whose own modules did not come never asks. With fewer than all it would be of no use. */
const EARLY = 1_000;
let overrun = false;
const OVERRUN: Problem = { code: 'worker_failed', message: 'Chatalot took too long to load. Load the page again.' };
const core = new ClientCore(platform, tell);
core.begin();

addEventListener('message', ({ data }: MessageEvent<PageMessage>) => {
	if ('wake' in data) platform.woke();
	else if ('network' in data) platform.networkChanged();
	else void answer(data);
});

function tell(event: CoreEvent): void {
	if (!early) return post({ event });
	overrun ||= early.length === EARLY;
	if (overrun) early = [];
	else early.push(event);
}

function tellEarly(): void {
	for (const event of early ?? []) post({ event });
	early = undefined;
}

async function answer({ call, method, args }: CallMessage): Promise<void> {
	try {
		if (!Object.hasOwn(methods, method)) throw new Error(`no method ${method}`);
		const run = core[method].bind(core) as (...args: unknown[]) => Promise<unknown>;
		const value = await run(...args);
		if (method === 'start' && overrun) throw new Failure(OVERRUN);
		post({ answer: call, value });
	} catch (error) {
		if (!(error instanceof Failure)) platform.log('error', method, error);
		post({ answer: call, problem: plain(toProblem(error)) });
	}
	if (method === 'start' && !overrun) tellEarly();
}

/** Only what can be cloned, whatever was thrown. */
function plain({ code, message, field, requestId, retryAfter, communities }: Problem): Problem {
	return { code, message, field, requestId, retryAfter, communities };
}
