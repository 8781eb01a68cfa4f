// SPDX-License-Identifier: GPL-3.0-or-later
// Devices and prekeys of the server's making: without a certificate that the person's own identity signed a device gets
// no key, and without a prekey that the device signed no session begins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64url, toBase64url } from '../../src/lib/core/bytes';
import { uuidBytes } from '../../src/lib/core/uuid';
import { Sessions } from '../../src/lib/engine/sessions';
import type { Person } from '../support/person';
import type { Json, Relay, RelayDevice, RelayUser } from '../support/relay';
import { engineOf, joinLast, register, scene, secondDevice, uuid, type Scene } from '../support/scene';

let next = 50;

/** A device that the server puts beside the person's own. */
function addDevice(relay: Relay, user: RelayUser, like: RelayDevice, upload: Json = {}): RelayDevice {
	const id = upload.id ?? uuid(next++);
	const ghost = {
		...like,
		user: user.body.user,
		id,
		upload: { ...like.upload, id, ...upload },
		inbox: [],
		inboxSeq: 0
	};
	user.devices.push(ghost);
	relay.rosterMoved(user.body.user);
	return ghost;
}

/** In the channel the others hear of it, in the private conversation nobody does; and the lock says why, in both. */
async function getsNothing({ relay, ada, ben, channel, dm }: Scene, ghost: RelayDevice): Promise<void> {
	await ada.core.send(channel, 'not for ghosts');
	await ben.message(channel, 'not for ghosts', 'received');
	await ada.core.send(dm, 'for ben alone');
	assert.equal((await ada.message(dm, 'for ben alone', 'failed')).problem!.code, 'device_uncertified');
	assert.equal((await ada.core.security(channel)).state, 'attention');
	assert.equal((await ada.core.security(dm)).state, 'attention');
	assert.equal(ghost.inbox.length, 0);
	assert.ok(!relay.channels.get(dm)!.log.some((entry) => entry.seq > 1));
}

const certificates: [string, (made: Scene, id: string) => Json][] = [
	['nobody signed', () => ({ certificate: toBase64url(new Uint8Array(66)) })],
	['has a certificate of another suite', ({ users }) => ({ certificate: changed(users.ben, 'certificate', 1, 2) })],
	[
		'has the certificate of another device of the person',
		({ users }) => ({ device_key: key(users.ada), ...of(users.ben) })
	],
	['has its certificate under another id', ({ users }) => ({ device_key: key(users.ben), ...of(users.ben) })],
	['has a certificate for another time', ({ users }, id) => ({ ...signed(users.ben, id), created_at: 1 })],
	['is one of another person', ({ users }) => ({ device_key: key(users.ada), ...of(users.ada) })]
];
const key = (user: RelayUser): string => user.devices[0]!.upload.device_key;
const of = (user: RelayUser): Json => ({
	certificate: user.devices[0]!.upload.certificate,
	created_at: user.devices[0]!.upload.created_at
});
const changed = (user: RelayUser, field: string, at: number, to: number): string => {
	const data = Buffer.from(user.devices[0]!.upload[field], 'base64url');
	data[at] = to;
	return data.toString('base64url');
};
/** A certificate that ben's identity did sign; set by the test. */
let signed: (user: RelayUser, id: string) => Json = () => ({});

for (const [what, lie] of certificates)
	test(`a device that ${what} gets no keys, and the lock says so`, async () => {
		const made = await scene();
		const { relay, ben, users } = made;
		const { library } = engineOf(ben).ctx;
		const secret = (await engineOf(ben).ctx.store.read.meta('device'))!.accountSecret;
		signed = (user, id) => {
			const party = { user: uuidBytes(user.body.user), device: uuidBytes(id), deviceKey: fromBase64url(key(user))! };
			return { certificate: toBase64url(library.createDeviceCertificate(secret, party, 2)), device_key: key(user) };
		};
		const id = uuid(next++);
		await getsNothing(made, addDevice(relay, users.ben, users.ada.devices[0]!, { id, ...lie(made, id) }));
	});

test('a device that an identity of the server’s signed gets no keys, and the lock says so', async () => {
	const made = await scene();
	const mallory = await register(made.relay, 'mallory');
	await mallory.core.close();
	const evil = [...made.relay.users.values()].at(-1)!;
	await getsNothing(made, addDevice(made.relay, made.users.ben, evil.devices[0]!));
});

test('a device that is known keeps its key, whatever the server says later', async () => {
	const made = await scene();
	const { relay, ada, channel, users } = made;
	const mallory = await register(relay, 'mallory');
	await mallory.core.close();
	const evil = [...relay.users.values()].at(-1)!.devices[0]!;
	const target = users.ben.devices[0]!;
	await made.ben.until('the acknowledgement', () => target.inbox.length === 0);
	await made.ben.core.close();
	target.upload = { ...evil.upload, id: target.id };
	relay.rosterMoved(users.ben.body.user);
	await ada.core.send(channel, 'for the real one');
	await ada.message(channel, 'for the real one', 'sent');
	assert.equal((await ada.core.security(channel)).state, 'attention');
	assert.equal(target.inbox.length, 0);
});

test('a device that the server adds to one’s own gets neither keys nor history, and the lock says so', async () => {
	const { relay, ada, channel, dm, users } = await scene();
	const mallory = await register(relay, 'mallory');
	await mallory.core.close();
	const evil = [...relay.users.values()].at(-1)!.devices[0]!;
	const ghost = addDevice(relay, users.ada, evil);
	await ada.core.send(channel, 'still only us');
	await ada.message(channel, 'still only us', 'sent');
	await ada.core.send(dm, 'us two');
	assert.equal((await ada.message(dm, 'us two', 'failed')).problem!.code, 'device_uncertified');
	assert.equal((await ada.core.security(channel)).state, 'attention');
	assert.equal(ghost.inbox.length, 0);
});

test('another identity of one’s own is never taken from the server', async () => {
	const { relay, ada, channel, dm, users } = await scene();
	const mallory = await register(relay, 'mallory');
	await mallory.core.close();
	const evil = [...relay.users.values()].at(-1)!;
	const { accountKey } = engineOf(ada).ctx.own;
	const ghost = addDevice(relay, users.ada, evil.devices[0]!);
	users.ada.body.account_key = evil.body.account_key;
	relay.rosterMoved(users.ada.body.user);
	for (const place of [channel, dm]) {
		await ada.core.send(place, `mine in ${place}`);
		await ada.until('an outcome', () =>
			ada.messages(place).find(({ text, state }) => text === `mine in ${place}` && ['sent', 'failed'].includes(state))
		);
		assert.equal((await ada.core.security(place)).state, 'attention');
	}
	assert.equal(ghost.inbox.length, 0);
	assert.deepEqual(engineOf(ada).ctx.own.accountKey, accountKey);
	await assert.rejects(ada.core.acceptIdentity(channel, users.ada.body.user), { code: 'identity_unchanged' });
});

// --- prekeys ----------------------------------------------------------------------------------------------------------

/** Cem comes into the channel and writes, while the server gives him for ben's device what `lie` makes of its bundle. */
async function writesUnder(made: Scene, lie: (bundle: Json) => Json): Promise<{ cem: Person; sent: Json[] }> {
	const { relay, channel, users, ada } = made;
	const target = users.ben.devices[0]!;
	const cem = await register(relay, 'cem');
	const id = joinLast(relay).body.user;
	relay.tamperReply = (path, reply) =>
		path !== '/prekeys/claim'
			? reply
			: { bundles: reply.bundles.map((one: Json) => (one.device === target.id ? { ...one, ...lie(one) } : one)) };
	await cem.until('the channel', () => cem.last('communities')?.length);
	const sent: Json[] = [];
	const put = relay.put.bind(relay);
	relay.put = (device, item) => {
		if (device === target && item.sender === id) sent.push(item);
		put(device, item);
	};
	await cem.core.send(channel, 'hello from cem');
	await cem.until('an outcome', () =>
		cem.messages(channel).find(({ state }) => state === 'sent' || state === 'failed')
	);
	await ada.until(
		'it',
		() => ada.messages(channel).find(({ text }) => text === 'hello from cem') ?? failedAt(cem, channel)
	);
	return { cem, sent };
}
const failedAt = (person: Person, channel: string) => person.messages(channel).find(({ state }) => state === 'failed');

const bundles: [string, (made: Scene) => (bundle: Json) => Json][] = [
	[
		'another device signed',
		({ users }) =>
			() => ({ signed_prekey: users.ada.devices[0]!.upload.signed_prekey })
	],
	['nobody signed', () => (bundle) => ({ signed_prekey: zeroed(bundle.signed_prekey, 46, 110) })],
	['has another key than was signed', () => (bundle) => ({ signed_prekey: zeroed(bundle.signed_prekey, 6, 38) })],
	['is said to be younger than it is', () => (bundle) => ({ signed_prekey: zeroed(bundle.signed_prekey, 44, 46) })],
	['is of another suite', () => (bundle) => ({ signed_prekey: set(bundle.signed_prekey, 1, 2) })]
];
const zeroed = (text: string, from: number, to: number) => {
	const data = Buffer.from(text, 'base64url');
	data.fill(0, from, to);
	return data.toString('base64url');
};
const set = (text: string, at: number, to: number) => {
	const data = Buffer.from(text, 'base64url');
	data[at] = to;
	return data.toString('base64url');
};

for (const [what, lie] of bundles)
	test(`a prekey that ${what} begins no session`, async () => {
		const made = await scene();
		const { cem, sent } = await writesUnder(made, lie(made));
		assert.deepEqual(sent, []);
		assert.ok(cem.tab.logged.some((line) => line.includes('its prekeys are not good')));
		await made.ben.until('it', () => made.ben.messages(made.channel).at(-1)!.state === 'waiting');
		await noted(cem, made.channel);
	});

async function noted(person: Person, channel: string): Promise<void> {
	const { notes } = await person.core.security(channel);
	assert.deepEqual(
		notes.filter(({ what }) => what === 'prekeys_refused').map(({ person: of }) => of?.username),
		['ben']
	);
}

test('a prekey that the device has replaced begins no session any more', async () => {
	const made = await scene();
	const { relay, ada, ben, channel, dm, users } = made;
	const target = users.ben.devices[0]!;
	const old = target.upload.signed_prekey;
	ben.tab.skew = 8 * 24 * 3600_000;
	ben.tab.wake();
	await ben.until('a new prekey', () => target.upload.signed_prekey !== old);
	const sessions = new Sessions(engineOf(ada).ctx);
	const record = async () => (await engineOf(ada).ctx.store.read.get('sessions', target.id))!.record;
	await sessions.renew(target.id);
	const before = await record();
	relay.tamperReply = (path, reply) =>
		path === '/prekeys/claim'
			? { bundles: reply.bundles.map((bundle: Json) => ({ ...bundle, signed_prekey: old })) }
			: reply;
	await sessions.renew(target.id);
	assert.deepEqual(await record(), before);
	assert.ok(ada.tab.logged.some((line) => line.includes('its prekeys are not good (replay)')));
	await noted(ada, channel);
	await noted(ada, dm);
	await ada.core.send(dm, 'on the session there is');
	await ben.message(dm, 'on the session there is', 'received');
});

test('a prekey bundle with the device key of the server’s begins no session, and the message fails', async () => {
	const made = await scene();
	const mallory = await register(made.relay, 'mallory');
	const own = [...made.relay.users.values()].at(-1)!.devices[0]!.upload;
	const { cem, sent } = await writesUnder(made, () => ({
		device_key: own.device_key,
		signed_prekey: own.signed_prekey
	}));
	assert.equal(failedAt(cem, made.channel)!.problem!.code, 'bundle_mismatch');
	assert.deepEqual(sent, []);
	await mallory.core.close();
});

test('a one-time prekey of the server’s making opens nothing to anyone, and the key comes when the lie ends', async () => {
	const made = await scene();
	const { relay, ben, channel, users } = made;
	const { library } = engineOf(made.ada).ctx;
	const { key: evil } = library.createOneTimePrekey();
	const { sent } = await writesUnder(made, (bundle) => ({
		one_time_prekey: { id: bundle.one_time_prekey.id, key: toBase64url(evil) }
	}));
	assert.ok(sent.length > 0);
	await ben.until('the acknowledgement', () => users.ben.devices[0]!.inbox.length === 0);
	assert.ok(ben.tab.logged.some((line) => line.includes('inbox item')));
	assert.equal(ben.messages(channel).at(-1)!.state, 'waiting');
	relay.tamperReply = (_path, reply) => reply;
	ben.tab.skew = 20_000;
	ben.tab.wake();
	await ben.message(channel, 'hello from cem', 'received');
});

test('a one-time prekey that is handed out to two begins no second session that could be read as the first', async () => {
	const made = await scene();
	const { relay, ben, channel, users } = made;
	const target = users.ben.devices[0]!;
	const once = { ...target.once[0]! };
	const { cem } = await writesUnder(made, () => ({ one_time_prekey: once }));
	await ben.message(channel, 'hello from cem', 'received');
	await ben.until('the acknowledgement', () => target.inbox.length === 0);
	const again = await secondDevice(relay, 'cem');
	await again.until('the channel', () => again.last('communities')?.length);
	await again.core.send(channel, 'with the same prekey');
	await again.message(channel, 'with the same prekey', 'sent');
	await ben.until('it', () => ben.messages(channel).at(-1)!.state === 'waiting');
	assert.ok(ben.tab.logged.some((line) => line.includes('inbox item')));
	relay.tamperReply = (_path, reply) => reply;
	ben.tab.skew = 20_000;
	ben.tab.wake();
	await ben.message(channel, 'with the same prekey', 'received');
	await cem.message(channel, 'with the same prekey');
});

test('a server that gives no prekeys at all keeps a private message from going out, and says so', async () => {
	const { relay, ada } = await scene();
	const cem = await register(relay, 'cem');
	const { id } = await ada.core.openDm((await cem.core.start()).account!.id).catch(() => ({ id: '' }));
	relay.tamperReply = (path, reply) => (path === '/prekeys/claim' ? { bundles: [] } : reply);
	await ada.core.send(id, 'is anybody there?');
	const shown = await ada.until('an outcome', () => ada.messages(id).find(({ problem }) => problem));
	assert.equal(shown.problem!.code, 'no_session');
	assert.equal(relay.channels.get(id)!.log.length, 0);
});
