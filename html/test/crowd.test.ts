// SPDX-License-Identifier: GPL-3.0-or-later
// A channel with 1,000 members and 2,000 devices: the first message under a new key goes out in the background, chunk by
// chunk, while everything else goes on; what a crash interrupts is resumed, and no device gets the key twice or not at all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCrowd } from './support/crowd';
import { Person } from './support/person';
import { Refusal, type Json, type Relay, type RelayDevice } from './support/relay';
import { engineOf, scene, stay } from './support/scene';

const MEMBERS = 998;
const CHUNK = 100;

/** Holds back the answers to deliveries from the one that `from` names on, until it is told to let go. */
function holdDeliveries(relay: Relay, from: number) {
	const held: (() => void)[] = [];
	let deliveries = 0;
	let holding = true;
	const waiting = new Set<string>();
	relay.before = (call, body) => {
		if (call === 'POST /prekeys/claim') assert.ok(body.devices.length <= CHUNK);
		if (call !== 'ws deliver') return;
		assert.ok(body.items.length <= CHUNK);
		if (++deliveries >= from && holding) waiting.add(body.ref);
	};
	relay.tamperFrame = (frame: Json, device) => {
		if (frame.type !== 'ok' || !waiting.delete(frame.ref)) return frame;
		const socket = [...relay.sockets].find((one) => one.device === device)!;
		held.push(() => socket.push(frame));
		return null;
	};
	return {
		deliveries: () => deliveries,
		isHeld: () => held.length > 0,
		letGo: () => {
			holding = false;
			for (const release of held.splice(0)) release();
		}
	};
}

/** What each of these devices has in its inbox. */
const counts = (crowd: RelayDevice[]) => new Set(crowd.map(({ inbox }) => inbox.length));

test('the key goes to 2,000 devices in the background, and everything else goes on meanwhile', async () => {
	const { relay, ada, ben, channel, dm } = await scene();
	const place = [...relay.communities.values()][0]!;
	const crowd = addCrowd(relay, engineOf(ada).ctx.library, place, MEMBERS, 2);
	assert.equal(place.channel.members.size, 1000);
	const gate = holdDeliveries(relay, 5);
	await ada.core.send(channel, 'to a thousand');
	await ada.until('the fifth chunk to be on its way', () => gate.isHeld());

	const state = async () => (await ada.core.open(channel)).messages.find(({ text }) => text === 'to a thousand')?.state;
	assert.equal(await state(), 'sending');
	await ben.core.send(dm, 'are you busy?');
	await ada.message(dm, 'are you busy?', 'received');
	await ben.core.send(channel, 'and here').catch(() => undefined);
	await ada.core.send(dm, 'not at all');
	await ada.message(dm, 'not at all', 'sent');
	await ben.message(dm, 'not at all', 'received');
	await ada.core.saveDraft(channel, 'meanwhile');
	assert.equal(await ada.core.draft(channel), 'meanwhile');
	assert.equal(await state(), 'sending');
	assert.equal(crowd.filter(({ inbox }) => inbox.some((item) => item.sender === ada.user)).length < crowd.length, true);

	gate.letGo();
	await ada.message(channel, 'to a thousand', 'sent');
	await ben.message(channel, 'to a thousand', 'received');
	const fromAda = crowd.map(({ inbox }) => inbox.filter(({ sender }) => sender === ada.user).length);
	assert.deepEqual(new Set(fromAda), new Set([1]));
});

test('a distribution that was cut off goes on where it was, and gives no key twice', async () => {
	const { relay, ada, ben, channel } = await scene();
	const place = [...relay.communities.values()][0]!;
	const crowd = addCrowd(relay, engineOf(ada).ctx.library, place, MEMBERS, 2);
	const gate = holdDeliveries(relay, 7);
	await ada.core.send(channel, 'in spite of it all');
	await ada.until('the seventh chunk to be on its way', () => gate.isHeld());
	// What was delivered last is in the inboxes; that it is, was never heard here.
	await ada.core.close();
	const claims = relay.calls.filter((call) => call === 'POST /prekeys/claim').length;
	const before = crowd.filter(({ inbox }) => inbox.length > 0).length;
	assert.ok(before >= 600 && before < crowd.length);
	relay.before = () => undefined;
	relay.tamperFrame = (frame) => frame;

	const again = stay(new Person(ada.machine));
	await again.core.start();
	await again.message(channel, 'in spite of it all', 'sent');
	assert.deepEqual(counts(crowd), new Set([1]));
	await ben.message(channel, 'in spite of it all', 'received');
	const more = relay.calls.filter((call) => call === 'POST /prekeys/claim').length - claims;
	assert.ok(more <= Math.ceil((crowd.length - before) / CHUNK) + 1, `${more} claims for the rest`);
	assert.equal(place.channel.log.filter(({ sender }) => sender === again.user).length, 2);
});

test('a device whose inbox is full, and one that is gone, keep nobody else waiting', async () => {
	const { relay, ada, ben, channel } = await scene();
	const place = [...relay.communities.values()][0]!;
	const crowd = addCrowd(relay, engineOf(ada).ctx.library, place, 120, 2);
	const [full, gone] = [crowd[3]!, crowd[150]!];
	relay.before = (call, body) => {
		if (call === 'POST /prekeys/claim') gone.live = false;
		if (call === 'ws deliver' && body.items.some((item: Json) => item.device === full.id))
			throw new Refusal(429, 'inbox_full', { device: full.id });
	};
	await ada.core.send(channel, 'to most');
	await ben.message(channel, 'to most', 'received');
	const without = crowd.filter(({ inbox }) => inbox.length === 0);
	assert.deepEqual(new Set(without), new Set([full, gone]));
});
