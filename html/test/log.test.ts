// SPDX-License-Identifier: GPL-3.0-or-later
// A conversation as the page holds it, over a worker that answers when the test says so: what is prepared before it is
// shown is asked for once, and hears from then on what happens.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { Message, Page } from '../src/lib/core/types';
import type { Log } from '../src/lib/features/messages/log.svelte';

interface Asked {
	call: number;
	method: string;
}

const workers: FakeWorker[] = [];
let asked: Asked[] = [];

class FakeWorker {
	onmessage: ((event: { data: unknown }) => void) | null = null;
	constructor() {
		workers.push(this);
	}
	postMessage(message: Asked) {
		asked.push(message);
	}
}
Object.assign(globalThis, { Worker: FakeWorker, addEventListener: () => undefined });
Object.assign(globalThis, { document: { addEventListener: () => undefined } });

async function makeLog(): Promise<Log> {
	const { Log } = await import('../src/lib/features/messages/log.svelte');
	return new Log('c');
}

const tell = (data: unknown) => workers[0]!.onmessage?.({ data });

async function answer(page: Page): Promise<void> {
	tell({ answer: asked.at(-1)!.call, value: page });
	await new Promise((resolve) => setImmediate(resolve));
}

const message = (seq: number): Message => ({
	id: `m${seq}`,
	channel: 'c',
	seq,
	at: seq * 1000,
	sender: { id: 'ada', username: 'ada', displayName: 'Ada' },
	own: false,
	state: 'received',
	text: `line ${seq}`
});
const page = (...seqs: number[]): Page => ({ messages: seqs.map(message), more: false });
const lineBefore = (log: Log) => log.rows[log.rows.findIndex(({ kind }) => kind === 'unread') + 1]?.key;

beforeEach(() => (asked = []));

test('what is being read when it is shown is not asked for again', async () => {
	const log = await makeLog();
	log.prepare();
	void log.open(1);
	assert.deepEqual(
		asked.map(({ method }) => method),
		['open']
	);
	await answer(page(1, 2, 3));
	assert.equal(log.stage, 'open');
	assert.equal(lineBefore(log), 'm3');
});

test('what was read before is there at once, with its line', async () => {
	const log = await makeLog();
	log.prepare();
	await answer(page(1, 2, 3));
	void log.open(2);
	assert.equal(log.stage, 'open');
	assert.equal(lineBefore(log), 'm2');
	assert.equal(asked.length, 1);
});

test('what came with the start is shown without being asked for, with its line', async () => {
	const log = await makeLog();
	log.fill(page(1, 2, 3));
	log.apply([message(4)], []);
	void log.open(2);
	assert.equal(log.stage, 'open');
	assert.equal(lineBefore(log), 'm3');
	assert.equal(asked.length, 0);
});

test('what happens between reading and showing is not undone', async () => {
	const log = await makeLog();
	log.prepare();
	await answer(page(1, 2, 3));
	log.apply([message(4)], ['m2']);
	void log.open(0);
	assert.deepEqual(
		log.messages.map(({ id }) => id),
		['m1', 'm3', 'm4']
	);
});

test('shown a second time it is read again', async () => {
	const log = await makeLog();
	log.prepare();
	await answer(page(1));
	void log.open(0);
	void log.open(0);
	assert.equal(asked.length, 2);
	await answer(page(1, 2));
	assert.equal(log.messages.length, 2);
});

test('a failed reading is told, and can be tried again', async () => {
	const log = await makeLog();
	log.prepare();
	tell({ answer: asked.at(-1)!.call, problem: { code: 'unavailable', message: 'not now' } });
	await log.open(0);
	assert.equal(log.stage, 'failed');
	assert.equal(log.problem?.code, 'unavailable');
	void log.open(0);
	assert.equal(log.stage, 'opening');
	await answer(page(1));
	assert.equal(log.stage, 'open');
});
