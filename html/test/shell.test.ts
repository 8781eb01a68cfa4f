// SPDX-License-Identifier: GPL-3.0-or-later
// The tree of channels, read from the server while it changes here: what came meanwhile stays, what went stays away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Relay } from './support/relay';
import { engineOf, register, scene } from './support/scene';

/** Holds the next answer to this request, as the server gave it, until it is let go. */
function hold(relay: Relay, call: string): { asked: Promise<void>; letGo: () => void } {
	const { fetch } = relay;
	let letGo: () => void = () => undefined;
	let hear: () => void = () => undefined;
	const asked = new Promise<void>((resolve) => (hear = resolve));
	const gate = new Promise<void>((resolve) => (letGo = resolve));
	relay.fetch = async (url, init) => {
		const answer = await fetch(url, init);
		if (`${init.method} ${new URL(url).pathname}` !== call) return answer;
		relay.fetch = fetch;
		hear();
		await gate;
		return answer;
	};
	return { asked, letGo };
}

test('a community that is made while the list is on its way stays, with what is written in it', async () => {
	const { relay, ada } = await scene();
	const held = hold(relay, 'GET /api/communities');
	const reading = engineOf(ada).shell.refresh();
	await held.asked;
	const made = await ada.core.createCommunity('Orchard');
	const place = made.groups[0]!.channels[0]!.id;
	const sending = ada.core.send(place, 'the first apple');
	held.letGo();
	await reading;
	await sending;
	await ada.message(place, 'the first apple', 'sent');
	const { communities } = await ada.core.start();
	assert.deepEqual(communities.map(({ name }) => name).sort(), ['Garden', 'Orchard']);
	assert.equal((await ada.open(place)).length, 1);
});

test('so does a private conversation that is begun meanwhile', async () => {
	const { relay, ada } = await scene();
	await register(relay, 'cem');
	const cem = [...relay.users.keys()].at(-1)!;
	const held = hold(relay, 'GET /api/dms');
	const reading = engineOf(ada).shell.refresh();
	await held.asked;
	const { id } = await ada.core.openDm(cem);
	const sending = ada.core.send(id, 'psst');
	held.letGo();
	await reading;
	await sending;
	await ada.message(id, 'psst', 'sent');
	assert.ok((await ada.core.start()).dms.some((dm) => dm.id === id));
});

test('a channel that went meanwhile does not come back', async () => {
	const { relay, ada, channel } = await scene();
	const held = hold(relay, 'GET /api/communities');
	const reading = engineOf(ada).shell.refresh();
	await held.asked;
	const garden = [...relay.communities.values()][0]!;
	relay.leave(garden, ada.user);
	await ada.until('its end', async () => !(await engineOf(ada).ctx.store.read.get('channels', channel)));
	held.letGo();
	await reading;
	assert.equal(await engineOf(ada).ctx.store.read.get('channels', channel), undefined);
	assert.deepEqual((await ada.core.start()).communities, []);
});

test('a list that changes at each reading is not read for ever, and nothing of it is lost', async () => {
	const { relay, ada } = await scene();
	const { fetch } = relay;
	const { shell } = engineOf(ada);
	let times = 0;
	const made: string[] = [];
	relay.fetch = async (url, init) => {
		const answer = await fetch(url, init);
		if (`${init.method} ${new URL(url).pathname}` === 'GET /api/communities' && times++ < 50)
			made.push((await ada.core.createCommunity(`Number ${times}`)).groups[0]!.channels[0]!.id);
		return answer;
	};
	await assert.rejects(shell.refresh(), { code: 'busy' });
	assert.ok(times < 20, `${times} times`);
	relay.fetch = fetch;
	for (const id of made) assert.ok(await engineOf(ada).ctx.store.read.get('channels', id));
	await shell.refresh();
	for (const id of made) assert.ok(await engineOf(ada).ctx.store.read.get('channels', id));
});
