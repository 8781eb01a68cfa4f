// SPDX-License-Identifier: GPL-3.0-or-later
// A server that lies: what it forges, moves, repeats, withholds, adds or downgrades is refused by the real client, and
// said so; nothing is ever sent in clear or to somebody nobody vouched for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../src/lib/core/problem';
import type { Id, Message } from '../../src/lib/core/types';
import type { Person } from '../support/person';
import { Relay, type Json, type RelayUser } from '../support/relay';
import { arrive, inject, password, register, scene, uuid } from '../support/scene';

const byId = (person: Person, channel: Id, id: Id): Promise<Message> =>
	person.until(`message ${id}`, () => person.messages(channel).find((message) => message.id === id));

test('a message under another sender, device, id, epoch, thread or channel is not believed', async () => {
	const { relay, ben, channel, log, users } = await scene();
	const place = relay.channels.get(channel)!;
	const original = log[0];
	const other = users.ben.devices[0]!;
	const lies = [
		{ ...original, id: uuid(1), sender: other.user, device: other.id },
		{ ...original, id: uuid(2) },
		{ ...original, id: uuid(3), epoch: 2 },
		{ ...original, id: uuid(4), thread: original.id },
		{ ...original, id: uuid(5), ref: original.id },
		{ ...original, id: uuid(6), ciphertext: flip(original.ciphertext) },
		{ ...original, id: uuid(7), kind: 'announcement' }
	];
	for (const lie of lies) {
		const { id } = inject(relay, place, lie);
		const shown = await byId(ben, channel, id);
		assert.ok(['unreadable', 'waiting'].includes(shown.state), `${id} is ${shown.state}`);
		assert.equal(shown.text, '');
	}
	assert.equal(ben.messages(channel).filter(({ text }) => text === 'from ada').length, 1);
});

test('a message moved to another channel is not believed', async () => {
	const { relay, ben, dm, log } = await scene();
	const { id } = inject(relay, relay.channels.get(dm)!, { ...log[0], id: uuid(9) });
	assert.notEqual((await byId(ben, dm, id)).state, 'received');
});

test('a message that comes again at another place is not shown again', async () => {
	const { relay, ada, ben, channel, log } = await scene();
	inject(relay, relay.channels.get(channel)!, log[0]);
	await ada.core.send(channel, 'after the replay');
	await ben.message(channel, 'after the replay');
	assert.deepEqual(
		ben.messages(channel).map(({ text }) => text),
		['from ada', 'from ben', 'after the replay']
	);
});

test('a message with another commitment could not be reported, and is not shown', async () => {
	const { relay, ada, ben, channel } = await scene();
	relay.tamperFrame = (frame) => {
		if (frame.type !== 'entry' || frame.seq !== 3) return frame;
		return { ...frame, commitment: 'A'.repeat(43) };
	};
	await ada.core.send(channel, 'uncommitted');
	const shown = await ben.until('it', () => ben.messages(channel).find(({ seq }) => seq === 3));
	assert.equal(shown.state, 'unreadable');
	assert.equal(shown.problem!.code, 'not_committed');
});

test('a device that the server adds gets no keys, and the lock says so', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	const ghost = await ghostOf(relay, users.ben);
	await ada.core.send(channel, 'not for ghosts');
	await ben.message(channel, 'not for ghosts', 'received');
	assert.equal(ghost.inbox.length, 0);
	assert.equal((await ada.core.security(channel)).state, 'attention');
});

test('a private message waits rather than go to a device that nobody vouches for', async () => {
	const { relay, ada, dm, users } = await scene();
	const ghost = await ghostOf(relay, users.ben);
	await ada.core.send(dm, 'for ben alone');
	const failed = await ada.message(dm, 'for ben alone', 'failed');
	assert.equal(failed.problem!.code, 'device_uncertified');
	assert.equal(ghost.inbox.length, 0);
});

test('another identity under a known name gets nothing before that was looked at', async () => {
	const { relay, ada, channel, dm, users } = await scene();
	const mallory = await register(relay, 'mallory');
	const [, , evil] = [...relay.users.values()] as RelayUser[];
	users.ben.body.account_key = evil!.body.account_key;
	relay.rosterMoved(users.ben.body.user);
	for (const place of [channel, dm]) {
		await ada.core.send(place, `to ${place}`);
		const failed = await ada.message(place, `to ${place}`, 'failed');
		assert.equal(failed.problem!.code, 'identity_changed');
		const security = await ada.core.security(place);
		assert.deepEqual([security.state, security.changed.map(({ person }) => person.username)], ['attention', ['ben']]);
	}
	assert.ok(ada.events.some((event) => event.type === 'security'));
	await mallory.core.signOut();
});

test('prekeys that are not the device’s begin no session', async () => {
	const { relay, ada, users } = await scene();
	const cem = await register(relay, 'cem');
	const community = ada.last('communities')![0]!;
	relay.tamperReply = (path, reply) => {
		if (path !== '/prekeys/claim') return reply;
		const { signed_prekey } = users.ada.devices[0]!.upload;
		return { bundles: reply.bundles.map((bundle: Json) => ({ ...bundle, signed_prekey })) };
	};
	await cem.core.acceptInvite((await ada.core.createInvite(community.id, {})).code);
	await cem.core.send(community.groups[0]!.channels[0]!.id, 'hello?');
	await cem.message(community.groups[0]!.channels[0]!.id, 'hello?', 'sent');
	const sender = (await cem.core.start()).account!.id;
	assert.ok(!users.ben.devices[0]!.inbox.some((item) => item.sender === sender));
	assert.ok(cem.tab.logged.some((line) => line.includes('its prekeys are not good')));
});

test('a cheap or a ruinous hashing of the password is refused before it begins', async () => {
	const relay = new Relay();
	await register(relay, 'ada');
	const again = await arrive(relay, 'ada');
	const refused = async (kdf: { ops: number; mem: number }, code: string) => {
		relay.kdf = kdf;
		const trying = again.core.signIn({ username: 'ada', password });
		await assert.rejects(trying, (error: Failure) => error.code === code, code);
	};
	await refused({ ops: 1, mem: 64 << 20 }, 'kdf_weak');
	await refused({ ops: 3, mem: 1 << 20 }, 'kdf_weak');
	await refused({ ops: 3, mem: (64 << 20) + 1 }, 'kdf_weak');
	await refused({ ops: 1_000, mem: 64 << 20 }, 'kdf_excessive');
	await refused({ ops: 3, mem: 2 ** 40 }, 'kdf_excessive');
	assert.ok(!relay.calls.includes('POST /auth/login'));
});

test('a keyring of somebody else is not taken for one’s own', async () => {
	const relay = new Relay();
	await register(relay, 'ada');
	await register(relay, 'ben');
	const [ada, ben] = [...relay.users.values()] as [RelayUser, RelayUser];
	const again = await arrive(relay, 'ada');
	const { keyring_password, account_key } = ben.body;
	const trying = () => again.core.signIn({ username: 'ada', password });
	const mismatch = (error: Failure) => error.code === 'keyring_mismatch';
	relay.tamperReply = (path, reply) => (path === '/auth/login' ? { ...reply, keyring_password } : reply);
	await assert.rejects(trying(), mismatch);
	relay.tamperReply = (path, reply) => (path === '/auth/login' ? { ...reply, account_key } : reply);
	await assert.rejects(trying(), mismatch);
	assert.equal(ada.devices.length, 1);
});

test('an older list of members than before is refused', async () => {
	const { relay, ada, channel, users } = await scene();
	const place = relay.channels.get(channel)!;
	const old = structuredClone({ roster: place.roster, epoch: place.epoch });
	const told = () => ada.events.filter((event) => event.type === 'security' && event.data.channel === channel).length;
	for (const times of [told() + 1, told() + 2]) {
		await ada.core.security(channel);
		relay.rosterMoved(users.ben.body.user);
		await ada.until('the news of the roster', () => told() >= times);
	}
	await ada.core.security(channel);
	relay.tamperReply = (path, reply) => (path.endsWith('/roster') ? { ...reply, ...old } : reply);
	relay.rosterMoved(users.ben.body.user);
	await ada.core.send(channel, 'to whom?');
	assert.equal((await ada.message(channel, 'to whom?', 'failed')).problem!.code, 'roster_old');
});

test('key material that is rubbish, repeated, of strangers or for others does no harm', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	const target = users.ben.devices[0]!;
	const from = users.ada.devices[0]!;
	const item = (n: number, change: object) => ({
		id: uuid(100 + n),
		channel,
		ref: null,
		sender: from.user,
		device: from.id,
		payload: 'AQEC' + 'A'.repeat(200),
		...change
	});
	let caught: string | undefined;
	relay.tamperFrame = (frame) => {
		if (frame.type === 'inbox') caught ??= frame.item.payload;
		return frame;
	};
	await ada.core.removeMember(ada.last('communities')![0]!.id, uuid(5)).catch(() => undefined);
	relay.put(target, item(1, {}));
	relay.put(target, item(2, { payload: 'AA' }));
	relay.put(target, item(3, { device: uuid(77) }));
	relay.put(target, item(4, { sender: target.user }));
	relay.put(target, item(5, { payload: caught ?? 'AQEB' }));
	for (let n = 10; n < 40; n++)
		relay.put(
			target,
			item(n, { payload: Buffer.from(crypto.getRandomValues(new Uint8Array(300))).toString('base64url') })
		);
	await ada.core.send(channel, 'still here');
	await ben.message(channel, 'still here', 'received');
	await ben.until('the acknowledgement', () => target.inbox.length === 0);
});

test('answers and frames of the wrong shape or size are refused, and nothing breaks', async () => {
	const { relay, ada, ben, channel } = await scene();
	for (const reply of [
		null,
		[],
		'x',
		{},
		{ devices: {} },
		{ devices: [{ id: 'x' }] },
		{ devices: new Array(1001).fill({}) }
	]) {
		relay.tamperReply = (path, real) => (path === '/devices' ? reply : real);
		await assert.rejects(ada.core.devices(), (error: Failure) => error.code === 'bad_reply');
	}
	relay.tamperReply = (_path, reply) => reply;
	for (const socket of relay.sockets)
		for (const frame of [
			{ type: 'entry' },
			{ type: 'inbox', item: {} },
			{ type: 'roster', channel },
			{ type: '__proto__' },
			{ type: 'ok', ref: '99' }
		])
			socket.push(frame);
	await ada.core.send(channel, 'unharmed');
	await ben.message(channel, 'unharmed', 'received');
});

test('a key that was lost on the way is asked for and comes', async () => {
	const { relay, ada, ben, dm, users } = await scene();
	const target = users.ben.devices[0]!;
	const put = relay.put.bind(relay);
	relay.put = (device, item) => {
		if (device !== target || item.ref === null) put(device, item);
	};
	await ada.core.send(dm, 'the key is lost');
	const waiting = await ben.until('it', () => ben.messages(dm).find(({ state }) => state === 'waiting'));
	assert.equal(waiting.text, '');
	ben.tab.skew = 20_000;
	ben.tab.wake();
	await ben.message(dm, 'the key is lost', 'received');
});

/** A device of a person, made by the server: its certificate is signed with a key of its own. */
async function ghostOf(relay: Relay, user: RelayUser) {
	const mallory = await register(relay, `ghost${relay.users.size}`);
	const evil = [...relay.users.values()].at(-1)!.devices[0]!;
	await mallory.core.close();
	const ghost = { ...evil, user: user.body.user, id: uuid(50), upload: { ...evil.upload, id: uuid(50) }, inbox: [] };
	user.devices.push(ghost);
	relay.rosterMoved(user.body.user);
	return ghost;
}

function flip(text: string): string {
	const data = Buffer.from(text, 'base64url');
	data[data.length >> 1]! ^= 1;
	return data.toString('base64url');
}
