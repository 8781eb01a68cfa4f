// SPDX-License-Identifier: GPL-3.0-or-later
// The device inbox in the hands of the server: items that are repeated, withheld, moved, relabelled or made up give
// nobody a key, spoil none, and stop nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Person } from '../support/person';
import type { Json, RelayDevice } from '../support/relay';
import {
	deliver,
	engineOf,
	joinLast,
	register,
	scene,
	secondDevice,
	senderKeysOf,
	uuid,
	type Scene
} from '../support/scene';

let next = 300;

/** Everything that was put into the inbox of a device from here on. */
function recorded({ relay }: Scene, device: RelayDevice): Json[] {
	const items: Json[] = [];
	const put = relay.put.bind(relay);
	relay.put = (to, item) => {
		if (to === device) items.push(structuredClone(item));
		put(to, item);
	};
	return items;
}

const taken = (person: Person, device: RelayDevice) =>
	person.until('the acknowledgement', () => device.inbox.length === 0 && device.inboxSeq > 0);

/** A number of what is wrong with items, from the log: one line each. */
const refusals = (person: Person) => person.tab.logged.filter((line) => line.includes('inbox item')).length;

/** The conversation goes on both ways, and nothing waits. */
async function goesOn({ ada, ben, channel, dm }: Scene): Promise<void> {
	for (const place of [channel, dm]) {
		await ada.core.send(place, `still here ${place}`);
		await ben.message(place, `still here ${place}`, 'received');
		await ben.core.send(place, `me too ${place}`);
		await ada.message(place, `me too ${place}`, 'received');
	}
	assert.ok([...ben.messages(channel), ...ben.messages(dm)].every(({ state }) => state !== 'waiting'));
}

test('an item that comes again is refused, and the session goes on', async () => {
	const made = await scene();
	const { relay, ada, ben, dm, users } = made;
	const target = users.ben.devices[0]!;
	const items = recorded(made, target);
	await ada.core.send(dm, 'once only');
	await ben.message(dm, 'once only', 'received');
	assert.equal(items.length, 1);
	const before = refusals(ben);
	for (let n = 0; n < 3; n++) relay.put(target, { ...items[0], id: uuid(next++) });
	await ben.until('their refusal', () => refusals(ben) === before + 3);
	await goesOn(made);
});

test('the first item of a session that comes again begins no second one', async () => {
	const made = await scene();
	const { relay, ada, ben, users } = made;
	const target = users.ben.devices[0]!;
	const items = recorded(made, target);
	const cem = await register(relay, 'cem');
	joinLast(relay);
	await cem.until('the channel', () => cem.last('communities')?.length);
	await cem.core.send(made.channel, 'I am new here');
	await ben.message(made.channel, 'I am new here', 'received');
	const initial = items.find(({ payload }) => Buffer.from(payload, 'base64url')[2] === 1);
	const { id } = engineOf(cem).ctx.own.account;
	assert.equal(initial.sender, id);
	const before = refusals(ben);
	relay.put(target, { ...initial, id: uuid(next++) });
	await ben.until('its refusal', () => refusals(ben) === before + 1);
	await ada.message(made.channel, 'I am new here', 'received');
	await goesOn(made);
});

test('an item in the name of another device, certified as it may be, is refused', async () => {
	const made = await scene();
	const { relay, ada, ben, dm, users } = made;
	const cem = await register(relay, 'cem');
	joinLast(relay);
	await cem.until('the channel', () => cem.last('communities')?.length);
	await cem.core.send(made.channel, 'certified and known');
	await ben.message(made.channel, 'certified and known', 'received');
	const { own } = engineOf(cem).ctx;
	const target = users.ben.devices[0]!;
	const put = relay.put.bind(relay);
	relay.put = (to, item) =>
		put(to, to === target && item.ref ? { ...item, sender: own.user, device: own.device } : item);
	await ada.core.send(dm, 'from whom is the key?');
	await ben.until('it', () => ben.messages(dm).some(({ state }) => state === 'waiting'));
	await taken(ben, target);
	assert.ok(refusals(ben) > 0);
	const contentKeys = await engineOf(ben).ctx.store.read.all('contentKeys');
	assert.ok(!contentKeys.some(({ device }) => device === own.device));
	relay.put = put;
	ben.tab.skew = 20_000;
	ben.tab.wake();
	await ben.message(dm, 'from whom is the key?', 'received');
	await goesOn(made);
});

test('an item from a device of somebody who is nobody to this person is refused', async () => {
	const made = await scene();
	const { relay, ben, channel, users } = made;
	const target = users.ben.devices[0]!;
	const mallory = await register(relay, 'mallory');
	const { own, library } = engineOf(mallory).ctx;
	relay.tamperReply = (path, reply) =>
		path === `/users/${own.user}/devices` ? { ...reply, account_key: users.ada.body.account_key } : reply;
	const chain = library.createSenderChain(new Uint8Array(16), 1, own.party, own.deviceSecret);
	const session = library.startSession(
		null,
		own.party,
		own.deviceSecret,
		engineOf(ben).ctx.own.party,
		new Uint8Array(Buffer.from(target.upload.signed_prekey, 'base64url')),
		null,
		Date.now()
	);
	const letter = library.makeLetter({ kind: 'sender_key', senderKey: library.shareSenderChain(chain) });
	const payload = Buffer.from(library.sealEnvelope(session, letter).envelope).toString('base64url');
	const before = refusals(ben);
	relay.put(target, { id: uuid(next++), channel, ref: null, sender: own.user, device: own.device, payload });
	await ben.until('its refusal', () => refusals(ben) === before + 1);
	assert.equal((await senderKeysOf(ben, channel, own.device)).length, 0);
	await goesOn(made);
});

test('an item for another channel than its key is for is refused', async () => {
	const made = await scene();
	const { relay, ada, ben, users } = made;
	const second = await ada.core.createCommunity('Orchard');
	const other = second.groups[0]!.channels[0]!.id;
	await ben.core.acceptInvite((await ada.core.createInvite(second.id, {})).code);
	await ben.until('the channel', () => ben.last('communities')?.length === 2);
	const target = users.ben.devices[0]!;
	const put = relay.put.bind(relay);
	relay.put = (to, item) => put(to, to === target ? { ...item, channel: made.channel } : item);
	const before = refusals(ben);
	await ada.core.send(other, 'in the orchard');
	await ben.until('it', () => ben.messages(other).some(({ state }) => state === 'waiting'));
	await ben.until('the refusal', () => refusals(ben) > before);
	assert.equal((await senderKeysOf(ben, other, users.ada.devices[0]!.id)).length, 0);
	relay.put = put;
	ben.tab.skew = 20_000;
	ben.tab.wake();
	await ben.message(other, 'in the orchard', 'received');
});

test('items that are dropped are asked for, and what waits for them says so until they come', async () => {
	const made = await scene();
	const { relay, ada, ben, dm, users } = made;
	const target = users.ben.devices[0]!;
	const put = relay.put.bind(relay);
	relay.put = (to, item) => {
		if (to !== target) put(to, item);
	};
	await ada.core.send(dm, 'its key is dropped');
	const waiting = await ben.until('it', () => ben.messages(dm).find(({ state }) => state === 'waiting'));
	assert.equal(waiting.text, '');
	relay.put = put;
	ben.tab.skew = 20_000;
	ben.tab.wake();
	await ben.message(dm, 'its key is dropped', 'received');
	await goesOn(made);
});

test('keys that are never let through end in a reason, and in nothing else', async () => {
	const made = await scene();
	const { relay, ada, ben, dm, users } = made;
	const target = users.ben.devices[0]!;
	const put = relay.put.bind(relay);
	relay.put = (to, item) => {
		if (to !== target) put(to, item);
	};
	await ada.core.send(dm, 'never to be read');
	const refused = await ben.until('the reason', () => {
		const shown = ben.messages(dm).find(({ seq }) => seq === 2);
		if (shown?.state === 'unreadable') return shown;
		ben.tab.skew += 11 * 60_000;
		ben.tab.wake();
		return undefined;
	});
	assert.deepEqual([refused.text, refused.problem!.code], ['', 'key_never_came']);
});

test('a request for keys in the name of a member, made by the server, is not answered', async () => {
	const made = await scene();
	const { relay, ada, channel, users } = made;
	const mallory = await register(relay, 'mallory');
	const { own } = engineOf(mallory).ctx;
	const [adas, bens] = [users.ada.devices[0]!, users.ben.devices[0]!];
	const evil = relay.device(own.device)!;
	const items = recorded(made, evil);
	const [key] = await senderKeysOf(ada, channel, adas.id);
	const id = new Uint8Array(Buffer.from(key!.keyId, 'base64url'));
	const bytes = new Uint8Array(Buffer.from(channel.replaceAll('-', ''), 'hex'));
	const put = relay.put.bind(relay);
	relay.put = (to, item) => put(to, { ...item, sender: bens.user, device: bens.id });
	const before = refusals(ada);
	// What mallory's own device seals to ada, the server passes on as ben's.
	relay.channels.get(channel)!.members.set(own.user, 0);
	await mallory.until('the channel', async () => (await mallory.core.start()).communities.length >= 0);
	await deliver(mallory, channel, adas.id, [
		{ kind: 'request', request: { what: 'sender_key', channel: bytes, epoch: 1, id } }
	]);
	await ada.until('its refusal', () => refusals(ada) > before);
	assert.deepEqual(items, []);
	relay.put = put;
	relay.channels.get(channel)!.members.delete(own.user);
	await goesOn(made);
});

test('history from somebody else’s device is not taken', async () => {
	const made = await scene();
	const { relay, ada, ben, channel, users } = made;
	const again = await secondDevice(relay, 'ada');
	await again.until('the channel', () => again.last('communities')?.length);
	const target = users.ben.devices[0]!;
	const [key] = await senderKeysOf(ada, channel, users.ada.devices[0]!.id);
	const before = refusals(ben);
	const body = key!.record.slice(0, 238);
	await deliver(ada, channel, target.id, [{ kind: 'items', items: [{ kind: 'sender_key', body }] }]);
	await ben.until('its refusal', () => refusals(ben) > before);
	await goesOn(made);
});
