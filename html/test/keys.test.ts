// SPDX-License-Identifier: GPL-3.0-or-later
// Keys at their edges, with an honest server: rosters that move while a message is on its way, devices restored later,
// long histories that wait for one key.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from './support/relay';
import { engineOf, joinLast, register, scene, secondDevice, writeMany } from './support/scene';

test('who joins while a message is on its way can read it', async () => {
	const { relay, ada, ben, channel } = await scene();
	const cem = await register(relay, 'cem');
	let joined = false;
	relay.before = (call) => {
		if (call !== 'ws send' || joined) return;
		joined = true;
		joinLast(relay);
	};
	await ada.core.send(channel, 'hello all');
	await cem.message(channel, 'hello all', 'received');
	await ben.message(channel, 'hello all', 'received');
	await ada.core.send(channel, 'and again');
	await cem.message(channel, 'and again', 'received');
});

test('who joins before a failed message is tried again can read it', async () => {
	const { relay, ada, ben, channel } = await scene();
	const cem = await register(relay, 'cem');
	relay.before = (call) => {
		if (call === 'ws send') throw new Refusal(403, 'read_only');
	};
	const { id } = await ada.core.send(channel, 'second try');
	await ada.message(channel, 'second try', 'failed');
	relay.before = () => undefined;
	joinLast(relay);
	await ada.core.send(channel, 'welcome');
	await cem.message(channel, 'welcome', 'received');
	await ada.core.retry(id);
	await cem.message(channel, 'second try', 'received');
	await ben.message(channel, 'second try', 'received');
	assert.deepEqual(
		cem.messages(channel).map(({ text }) => text),
		['welcome', 'second try']
	);
});

test('a private message that was sealed anew can be read on a device that is restored later', async () => {
	const { relay, ada, ben, dm, users } = await scene();
	const bens = await secondDevice(relay, 'ben');
	let removed = false;
	relay.before = (call) => {
		if (call !== 'ws send' || removed) return;
		removed = true;
		relay.removeDevice(users.ben.devices[1]!);
	};
	await ada.core.send(dm, 'sealed twice');
	await ben.message(dm, 'sealed twice', 'received');
	assert.equal(relay.channels.get(dm)!.log.at(-1).epoch, 2);
	await bens.core.close();
	ada.tab.wake();
	await ada.backedUp();
	const again = await secondDevice(relay, 'ada');
	await again.until('the conversation', () => again.last('dms')?.some(({ id }) => id === dm));
	await again.until('the message', async () => (await again.open(dm)).some(({ text }) => text === 'sealed twice'));
});

test('everything that waits for one key is opened when it comes, however much it is', async () => {
	const { relay, ada, channel } = await scene();
	const cem = await register(relay, 'cem');
	const device = joinLast(relay).devices[0]!;
	const put = relay.put.bind(relay);
	relay.put = (target, item) => {
		if (target !== device) put(target, item);
	};
	await ada.core.send(channel, 'the first');
	await ada.message(channel, 'the first', 'sent');
	relay.put = put;
	await writeMany(relay, ada, channel, 700);
	await cem.until('all of them', () => cem.messages(channel).length === 701);
	assert.ok(cem.messages(channel).every(({ state }) => state === 'waiting'));
	cem.tab.skew = 20_000;
	cem.tab.wake();
	await cem.message(channel, 'the first', 'received');
	await cem.message(channel, 'line 699', 'received');
	assert.ok(cem.messages(channel).every(({ state }) => state === 'received'));
});

test('prekeys that did not arrive are uploaded again, not made again', async () => {
	const { relay, ada, users } = await scene();
	const device = users.ada.devices[0]!;
	const secrets = async () => (await engineOf(ada).ctx.store.read.all('prekeys')).length;
	const before = await secrets();
	let tries = 0;
	relay.before = (call) => {
		if (call === 'POST /prekeys' && ++tries <= 3) throw new Refusal(500, 'internal');
	};
	for (let hour = 1; hour <= 4; hour++) {
		device.once = [];
		ada.tab.skew = hour * 2 * 3600_000;
		ada.tab.wake();
		await ada.until(`attempt ${hour}`, () => tries === hour);
	}
	await ada.until('the prekeys', () => device.once.length === 100);
	assert.equal(await secrets(), before + 100);
	const { store } = engineOf(ada).ctx;
	await ada.until('the note of it', async () => (await store.read.all('prekeys')).every(({ unsent }) => !unsent));
	const ids = new Set((await store.read.all('prekeys')).map(({ id }) => id));
	assert.ok(device.once.every(({ id }) => ids.has(id)));
});

test('keys that did not come are asked for without anything else happening, however many', async () => {
	const { relay, ada, ben, dm, users } = await scene();
	const target = users.ben.devices[0]!;
	const lines = Array.from({ length: 23 }, (_, n) => `line ${n}`);
	const put = relay.put.bind(relay);
	let dropped = 0;
	relay.put = (to, item) => {
		if (to === target && item.ref) dropped++;
		else put(to, item);
	};
	ben.tab.skew = 20_000;
	for (const line of lines) await ada.core.send(dm, line);
	for (const line of lines) await ben.message(dm, line, 'received');
	assert.equal(dropped, lines.length);
});
