// SPDX-License-Identifier: GPL-3.0-or-later
// Keys that were handed on, made by devices that are not known here: all of them are learnt, however many made them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOfStranger } from './support/crowd';
import { engineOf, scene, uuid } from './support/scene';

/** More than are got to know at a time. */
const MAKERS = 60;

test('keys of many who left are all learnt', async () => {
	const { relay, ada, channel } = await scene();
	const { library, store } = engineOf(ada).ctx;
	const keys = Array.from({ length: MAKERS }, (_, n) => keyOfStranger(relay, library, `left${n}`, channel));
	const known = (await store.read.all('senderKeys')).length;
	await store.change(async (unit) => {
		keys.forEach((body, n) => unit.put('handed', { id: uuid(n), body, channel, source: 'own device' }));
	});
	ada.tab.wake();
	await ada.until('all to be dealt with', async () => (await store.read.count('handed')) === 0);
	assert.equal((await store.read.all('senderKeys')).length - known, MAKERS);
});
