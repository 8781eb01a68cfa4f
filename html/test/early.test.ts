// SPDX-License-Identifier: GPL-3.0-or-later
// Between a core that begins by itself and a page that asks for it late.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Early } from '../src/lib/core/early';
import type { CoreEvent } from '../src/lib/core/types';

const event = (): CoreEvent => ({ type: 'dms', data: [] });

test('what happens before the answer is told after it, in order', async () => {
	const told: CoreEvent[] = [];
	const early = new Early((one) => told.push(one));
	const events = [event(), event(), event()];
	early.tell(events[0]!);
	assert.equal(await early.start(async () => 'read'), 'read');
	early.tell(events[1]!);
	assert.deepEqual(told, []);
	early.end();
	early.tell(events[2]!);
	assert.equal(told.length, 3);
	assert.ok(told.every((one, i) => one === events[i]));
});

test('of more than can be kept none is told: what is so by then is read anew', async () => {
	const told: CoreEvent[] = [];
	const early = new Early((one) => told.push(one));
	for (let n = 0; n <= 1_000; n++) early.tell(event());
	let reads = 0;
	assert.equal(await early.start(async () => ++reads), 2);
	early.end();
	assert.deepEqual(told, []);
	const last = event();
	early.tell(last);
	assert.deepEqual(told, [last]);
});
