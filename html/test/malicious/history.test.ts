// SPDX-License-Identifier: GPL-3.0-or-later
// The past of a conversation, against a server that lies about it: what was written before does not reach those who came
// later, and what was sealed before a removal is not shown after it, however the log is cut into pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuidBytes } from '../../src/lib/core/uuid';
import { deliver, engineOf, inject, joinLast, register, scene, secondDevice, senderKeysOf } from '../support/scene';

test('what is late is not shown, whichever page of the log comes first', async () => {
	const { relay, ada, ben, channel } = await scene();
	const place = relay.channels.get(channel)!;
	relay.tamperFrame = (frame) => (frame.type === 'entry' && frame.seq === 3 ? null : frame);
	await ben.core.send(channel, 'held back');
	await ben.message(channel, 'held back', 'sent');
	const held = place.log.pop();
	relay.tamperFrame = (frame) => frame;
	place.epoch++;
	place.roster++;
	relay.announce(place);
	await ada.core.send(channel, 'among ourselves');
	await ada.until('its entry', () => ada.messages(channel).find(({ seq }) => seq === 3));
	inject(relay, place, held);
	await ada.until('the late one', () => ada.messages(channel).find(({ seq }) => seq === 4));
	await ada.backedUp();

	relay.pageLimit = 1;
	const later = await secondDevice(relay, 'ada');
	await later.until('the late one, alone', async () => (await later.open(channel)).some(({ seq }) => seq === 4));
	await later.message(channel, 'held back', 'received');
	await later.core.older(channel, 4);
	const refused = await later.until('it to go', () =>
		later.messages(channel).find(({ seq, state }) => seq === 4 && state === 'unreadable')
	);
	assert.deepEqual([refused.text, refused.problem!.code], ['', 'out_of_order']);
	const shown = (await later.core.open(channel)).messages.map(({ text }) => text);
	assert.deepEqual(shown, ['from ada', 'from ben', 'among ourselves', '']);
});

test('a server that opens a channel to newcomers by itself, and puts in one of its own, learns nothing of the past', async () => {
	const { relay, ada, ben, channel } = await scene();
	const place = relay.channels.get(channel)!;
	// No new epoch, and no owner's wish: the policy just is another one, to everybody.
	place.history = 'all';
	relay.tellHistory(place);
	for (const person of [ada, ben])
		await person.until('the news', async () =>
			(await person.core.security(channel)).notes.some(({ what }) => what === 'history_all')
		);
	const ghost = await register(relay, 'ghost');
	const device = joinLast(relay).devices[0]!;
	ghost.tab.skew = 20_000;
	await ghost.until('the channel', () => ghost.last('communities')?.length);
	const read = await ghost.until('what the server let it have', async () => {
		const opened = await ghost.open(channel);
		if (opened.length < 2) await ghost.core.older(channel, 3);
		return opened.length >= 2 && opened;
	});
	assert.deepEqual(
		read.map(({ state, text }) => [state, text]),
		[
			['waiting', ''],
			['waiting', '']
		]
	);
	await ghost.until('it to ask for keys', async () => (await ghost.core.keyHealth()).requested > 0);
	await ghost.until('its requests to be taken', () =>
		[...relay.users.values()].every(({ devices }) => devices.every((one) => one === device || one.inbox.length === 0))
	);
	await ada.core.send(channel, 'who are you?');
	await ghost.message(channel, 'who are you?', 'received');
	await ghost.until('everything to be taken in', () => device.inbox.length === 0);
	const known = await engineOf(ghost).ctx.store.read.all('senderKeys');
	const old = new Set(place.log.slice(0, 2).map(({ ciphertext }) => keyIdOf(ciphertext)));
	assert.ok(known.every(({ keyId }) => !old.has(keyId)));
	assert.deepEqual(
		(await ghost.core.open(channel)).messages.map(({ text }) => text),
		['', '', 'who are you?']
	);
});

test('keys of the past are taken from nobody who was not asked, and only where newcomers read it', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	const mallory = await register(relay, 'mallory');
	joinLast(relay);
	const target = users.ben.devices[0]!;
	await ada.core.send(channel, 'to all');
	await mallory.message(channel, 'to all', 'received');
	await ben.message(channel, 'to all', 'received');
	const { library, own } = engineOf(mallory).ctx;
	const chain = library.createSenderChain(uuidBytes(channel), 1, own.party, own.deviceSecret);
	const body = library.shareSenderChain(chain);
	const before = await senderKeysOf(ben, channel, own.device);
	for (const history of ['since_joining', 'all'] as const) {
		relay.setHistory(relay.channels.get(channel)!, history);
		await deliver(mallory, channel, target.id, [{ kind: 'items', items: [{ kind: 'sender_key', body }] }]);
		await ben.until('the acknowledgement', () => target.inbox.length === 0);
		assert.deepEqual(await senderKeysOf(ben, channel, own.device), before);
	}
	assert.ok(ben.tab.logged.some((line) => line.includes('was not asked')));
});

const keyIdOf = (ciphertext: string) => Buffer.from(ciphertext, 'base64url').subarray(2, 18).toString('base64url');
