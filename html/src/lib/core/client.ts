// SPDX-License-Identifier: GPL-3.0-or-later
// The page's side of the core worker: a Core whose methods are calls to the worker, and its events. A method that fails
// rejects with an Error that is also a Problem (code, message, …).
import { methods, type CallMessage, type Method, type PageMessage, type WorkerMessage } from './rpc';
import type { Core, CoreClient, CoreEvent, Problem } from './types';

interface Waiting {
	resolve(value: unknown): void;
	reject(error: Error): void;
}

let client: CoreClient | undefined;

/** Takes the worker that index.html has started before the page's modules were there, or makes it; once. */
export function connectCore(): CoreClient {
	client ??= makeClient();
	return client;
}

function makeClient(): CoreClient {
	const worker =
		globalThis.chatalotWorker ??
		new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'chatalot-core' });
	const waiting = new Map<number, Waiting>();
	const listeners = new Set<(event: CoreEvent) => void>();
	let calls = 0;
	let broken: Error | undefined;

	worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
		if ('event' in data) {
			if (data.event.type === 'account' && data.event.data.phase === 'signed-in') keepStorage();
			for (const listener of [...listeners]) listener(data.event);
			return;
		}
		const call = waiting.get(data.answer);
		waiting.delete(data.answer);
		if ('problem' in data) call?.reject(asError(data.problem));
		else call?.resolve(data.value);
	};
	worker.onerror = () => {
		broken = asError({ code: 'worker_failed', message: 'The part of Chatalot that holds the keys did not start.' });
		for (const call of waiting.values()) call.reject(broken);
		waiting.clear();
	};

	const call = (method: Method, args: unknown[]) =>
		new Promise<unknown>((resolve, reject) => {
			if (broken) return reject(broken);
			const message: CallMessage = { call: ++calls, method, args };
			waiting.set(message.call, { resolve, reject });
			worker.postMessage(message);
		});

	document.addEventListener('visibilitychange', () => {
		const wake: PageMessage = { wake: true };
		if (document.visibilityState === 'visible') worker.postMessage(wake);
	});
	for (const change of ['online', 'offline'])
		addEventListener(change, () => worker.postMessage({ network: true } satisfies PageMessage));

	const core: Partial<Record<Method, (...args: unknown[]) => Promise<unknown>>> = {};
	for (const method of Object.keys(methods) as Method[]) core[method] = (...args) => call(method, args);
	return {
		core: core as unknown as Core,
		on(listener) {
			listeners.add(listener);
			return () => listeners.delete(listener);
		}
	};
}

/** Keys and unsent messages are not a cache for the browser to empty. It may ask the person, so only once signed in. */
function keepStorage(): void {
	navigator.storage?.persist?.().catch(() => undefined);
}

function asError(problem: Problem): Error {
	return Object.assign(new Error(problem.message), problem);
}
