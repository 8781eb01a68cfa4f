// SPDX-License-Identifier: GPL-3.0-or-later
// The worker's entry: makes the core on the browser's platform and answers the page's calls.
import { browserPlatform } from './browser';
import { ClientCore } from './core';
import { Early } from './early';
import { Failure, toProblem } from './problem';
import { methods, type CallMessage, type PageMessage, type WorkerMessage } from './rpc';
import type { Problem } from './types';

const platform = browserPlatform();
const post = (message: WorkerMessage) => postMessage(message);
const early = new Early((event) => post({ event }));
const core = new ClientCore(platform, (event) => early.tell(event));
core.begin();

addEventListener('message', ({ data }: MessageEvent<PageMessage>) => {
	if ('wake' in data) platform.woke();
	else if ('network' in data) platform.networkChanged();
	else void answer(data);
});

async function answer({ call, method, args }: CallMessage): Promise<void> {
	try {
		if (!Object.hasOwn(methods, method)) throw new Error(`no method ${method}`);
		const run = core[method].bind(core) as (...args: unknown[]) => Promise<unknown>;
		const value = await (method === 'start' ? early.start(() => run(...args)) : run(...args));
		post({ answer: call, value });
	} catch (error) {
		if (!(error instanceof Failure)) platform.log('error', method, error);
		post({ answer: call, problem: plain(toProblem(error)) });
	}
	if (method === 'start') early.end();
}

/** Only what can be cloned, whatever was thrown. */
function plain({ code, message, field, requestId, retryAfter, communities }: Problem): Problem {
	return { code, message, field, requestId, retryAfter, communities };
}
