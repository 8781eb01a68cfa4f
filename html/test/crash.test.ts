// SPDX-License-Identifier: GPL-3.0-or-later
// What is on the disk before it leaves: the client dies right before and right after each write that something sent rests
// on. Then it starts again: nothing is lost, nothing comes twice, no key is used twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { senderKeyOf } from '../src/lib/crypto/library';
import type { TableName } from '../src/lib/store/tables';
import { Unit } from '../src/lib/store/unit';
import { Person } from './support/person';
import { Refusal, type Json } from './support/relay';
import {
	deliver,
	engineOf,
	joinLast,
	register,
	scene,
	secondDevice,
	senderKeysOf,
	stay,
	type Scene
} from './support/scene';

type When = 'before' | 'after';

/** Lets a tab die at its next write to these tables, or the one after so many; resolves when it has. */
function crash(person: Person, when: When, tables: TableName[], meta?: string, after = 0): Promise<void> {
	const { read } = engineOf(person).ctx.store;
	const commit = Unit.prototype.commit;
	return new Promise((resolve) => {
		Unit.prototype.commit = async function (this: Unit) {
			const dirty = [...(Reflect.get(this, 'dirty') as Map<string, { table: TableName; key: unknown }>).values()];
			const names = new Set(dirty.map(({ table }) => table));
			const isIt =
				Reflect.get(this, 'reader') === read &&
				tables.every((table) => names.has(table)) &&
				(meta === undefined || dirty.some(({ table, key }) => table === 'meta' && key === meta));
			if (!isIt || after-- > 0) return commit.call(this);
			Unit.prototype.commit = commit;
			if (when === 'after') await commit.call(this);
			person.tab.die();
			resolve();
			return new Promise<void>(() => undefined);
		};
	});
}

interface Point {
	what: string;
	tables: TableName[];
	meta?: string;
	/** What makes the client write it; the text that is to arrive, if one is. */
	act(s: Scene, text: string): Promise<unknown>;
	at: 'channel' | 'dm';
	/** Who reads the text in the end. */
	reader: 'ada' | 'ben';
	/** What is lost when it dies before: nobody has been told yet that it is there. */
	mayBeLost?: true;
}

function rotate({ relay, channel }: Scene): void {
	const place = relay.channels.get(channel)!;
	place.epoch++;
	place.roster++;
	relay.announce(place);
}

const points: Point[] = [
	{
		what: 'a message in the outbox',
		tables: ['outbox', 'meta'],
		act: async ({ ada, channel }, text) => void ada.core.send(channel, text),
		at: 'channel',
		reader: 'ben',
		mayBeLost: true
	},
	{
		what: 'a new key and its own copy',
		tables: ['ownKeys', 'senderKeys'],
		act: (s, text) => (rotate(s), s.ada.core.send(s.channel, text)),
		at: 'channel',
		reader: 'ben'
	},
	{
		what: 'envelopes with the key, and the sessions after them',
		tables: ['sessions', 'deliveries'],
		act: (s, text) => (rotate(s), s.ada.core.send(s.channel, text)),
		at: 'channel',
		reader: 'ben'
	},
	{
		what: 'what was sealed for the channel, and the chain after it',
		tables: ['ownKeys', 'outbox'],
		act: ({ ada, channel }, text) => ada.core.send(channel, text),
		at: 'channel',
		reader: 'ben'
	},
	{
		what: 'a private message, its key and the sessions',
		tables: ['contentKeys', 'sessions', 'outbox'],
		act: ({ ada, dm }, text) => ada.core.send(dm, text),
		at: 'dm',
		reader: 'ben'
	},
	{
		what: 'what the inbox held, before it is acknowledged',
		tables: ['sessions', 'senderKeys'],
		meta: 'inbox',
		act: (s, text) => (rotate(s), s.ben.core.send(s.channel, text)),
		at: 'channel',
		reader: 'ada'
	},
	{
		what: 'the key of a private message, before it is acknowledged',
		tables: ['sessions', 'contentKeys'],
		meta: 'inbox',
		act: ({ ben, dm }, text) => ben.core.send(dm, text),
		at: 'dm',
		reader: 'ada'
	}
];

test('a client that dies at any write loses nothing and does nothing twice', async (t) => {
	const s = await scene();
	const { relay, ben, channel, dm } = s;
	for (const point of points)
		for (const when of ['before', 'after'] as const)
			await t.test(`${when}: ${point.what}`, async () => {
				const place = point.at === 'dm' ? dm : channel;
				const text = `${point.what}, ${when}`;
				const died = crash(s.ada, when, point.tables, point.meta);
				await point.act(s, text);
				await died;
				s.ada = stay(new Person(s.ada.machine));
				await s.ada.core.start();
				await s.ada.online();
				if (!(point.mayBeLost && when === 'before')) {
					await s.ada.open(place);
					await (point.reader === 'ben' ? ben : s.ada).message(
						place,
						text,
						point.reader === 'ben' ? 'received' : undefined
					);
				}
				await s.ada.core.send(place, `after ${text}`);
				await ben.message(place, `after ${text}`, 'received');
				await ben.core.send(place, `answer to ${text}`);
				await s.ada.message(place, `answer to ${text}`, 'received');
				assert.ok(ben.messages(place).filter((message) => message.text === text).length <= 1);
			});
	const { library } = engineOf(ben).ctx;
	const used = relay.channels.get(channel)!.log.map(({ ciphertext }) => {
		const { keyId, counter } = library.inspectChannelMessage(new Uint8Array(Buffer.from(ciphertext, 'base64url')));
		return `${Buffer.from(keyId).toString('hex')} ${counter}`;
	});
	assert.equal(new Set(used).size, used.length, 'no position of a chain was used twice');
	for (const person of [s.ada, ben]) {
		const { waiting, unreadable } = await person.core.keyHealth();
		assert.deepEqual([waiting, unreadable], [0, 0], 'everything can be read');
	}
});

/** A new tab where the old one died. */
async function again(dead: Person, skew = 0): Promise<Person> {
	const person = stay(new Person(dead.machine));
	person.tab.skew = skew;
	await person.core.start();
	await person.online();
	return person;
}

const HOUR = 3600_000;
const LIMIT = { timeout: 240_000 };

test('a client that dies while it exchanges its token stays signed in', LIMIT, async (t) => {
	const s = await scene();
	let skew = 0;
	for (const [what, nth] of [
		['the token that is to come', 0],
		['the token that came', 1]
	] as const)
		for (const when of ['before', 'after'] as const)
			await t.test(`${when}: ${what}`, async () => {
				const died = crash(s.ada, when, ['meta'], 'tokens', nth);
				s.ada.tab.skew = skew += HOUR;
				void s.ada.core.devices().catch(() => undefined);
				await died;
				s.ada = await again(s.ada, skew);
				assert.equal((await s.ada.core.devices()).length, 1);
				await s.ada.core.send(s.channel, `${when} ${what}`);
				await s.ben.message(s.channel, `${when} ${what}`, 'received');
			});
	assert.ok(s.users.ada.devices[0]!.live, 'no token was used twice');
});

test('a client that dies while it uploads prekeys has the secret of each that the server has', LIMIT, async (t) => {
	for (const [what, nth] of [
		['new prekeys', 0],
		['that they arrived', 1]
	] as const)
		for (const when of ['before', 'after'] as const)
			await t.test(`${when}: ${what}`, async () => {
				const s = await scene();
				const device = s.users.ada.devices[0]!;
				device.once = [];
				const died = crash(s.ada, when, ['prekeys'], undefined, nth);
				s.ada.tab.skew = 2 * HOUR;
				s.ada.tab.wake();
				await died;
				// Whatever arrived is handed out, but for one, before the client is back.
				const handedOut = device.once.splice(0, Math.max(0, device.once.length - 1));
				s.ada = await again(s.ada, 4 * HOUR);
				await s.ada.until('the prekeys', () => device.once.length >= 75);
				const ids = new Set((await engineOf(s.ada).ctx.store.read.all('prekeys')).map(({ id }) => id));
				const all = [...handedOut, ...device.once];
				assert.ok(all.every(({ id }) => ids.has(id)));
				assert.equal(new Set(all.map(({ key }) => key)).size, all.length, 'no key twice');
				assert.equal(new Set(all.map(({ id }) => id)).size, all.length, 'no id twice');
				const { store } = engineOf(s.ada).ctx;
				await s.ada.until('the note of it', async () =>
					(await store.read.all('prekeys')).every(({ unsent }) => !unsent)
				);
			});
});

test('a client that dies while it backs up keys has all of them in the backup in the end', LIMIT, async (t) => {
	const s = await scene();
	await s.ada.backedUp();
	for (const [what, tables] of [
		['a key in the queue', ['ownKeys', 'backup']],
		['that it is in the backup', ['backup', 'meta']]
	] as [string, TableName[]][])
		for (const when of ['before', 'after'] as const)
			await t.test(`${when}: ${what}`, async () => {
				const text = `${when} ${what}`;
				const died = crash(s.ada, when, tables, tables.includes('meta') ? 'snapshot' : undefined);
				rotate(s);
				await s.ada.core.send(s.channel, text);
				await died;
				s.ada = await again(s.ada);
				await s.ben.message(s.channel, text, 'received');
				await s.ada.backedUp();
			});
	const other = await secondDevice(s.relay, 'ada');
	const texts = s.ben.messages(s.channel).map(({ text }) => text);
	await other.until('everything', async () => {
		const shown = await other.open(s.channel).catch(() => []);
		return shown.length === texts.length && shown.every(({ state }) => state === 'sent' || state === 'received');
	});
	assert.equal((await other.core.keyHealth()).requested, 0, 'from the backup alone');
});

test('a client that dies while it answers its person’s other device answers it when it is back', LIMIT, async (t) => {
	const s = await scene();
	await s.ada.backedUp();
	const other = await secondDevice(s.relay, 'ada');
	await other.until('the conversation', async () => (await other.core.start()).dms.some(({ id }) => id === s.dm));
	const [, target] = s.users.ada.devices as [Json, Json];
	const put = s.relay.put.bind(s.relay);
	// Neither the key with the message, nor what Ben is asked, arrives: only the first device can help.
	s.relay.put = (to, item) => {
		const isLost =
			(to === target && item.ref !== null) || (to.user === s.users.ben.body.user && item.device === target.id);
		if (!isLost) put(to, item);
	};
	other.tab.skew = 20_000;
	const points: [string, string | undefined, number][] = [
		['what it is asked', 'inbox', 0],
		['that it has answered', undefined, 1]
	];
	for (const [what, meta, nth] of points)
		for (const when of ['before', 'after'] as const)
			await t.test(`${when}: ${what}`, async () => {
				const text = `${when} ${what}`;
				const died = crash(s.ada, when, ['requests'], meta, nth);
				await s.ben.core.send(s.dm, text);
				await died;
				s.ada = await again(s.ada);
				await other.message(s.dm, text, 'received');
			});
	assert.equal((await other.core.keyHealth()).requested, points.length * 2, 'each was asked for once');
});

test(
	'a client that dies while keys are handed on whose maker it has to get to know takes each in the end',
	LIMIT,
	async (t) => {
		const s = await scene();
		const { relay, ada, channel } = s;
		let other = await secondDevice(relay, 'ada');
		const target = s.users.ada.devices[1]!;
		// Nobody but the first device can help, and it does so only when it is told to.
		const put = relay.put.bind(relay);
		relay.put = (to, item) => {
			const isLost = item.device === target.id || (to === target && item.sender !== s.users.ada.body.user);
			if (!isLost) put(to, item);
		};
		relay.before = (call) => {
			if (call === 'GET /backup') throw new Refusal(503, 'unavailable');
		};
		const points: [string, number][] = [
			['the keys that were handed on', 0],
			['that they are learnt', 1]
		];
		for (const [what, nth] of points)
			for (const when of ['before', 'after'] as const)
				await t.test(`${when}: ${what}`, async () => {
					const text = `${when} ${what}`;
					const maker = await register(relay, `maker-${when}-${nth}`);
					const { devices } = joinLast(relay);
					const device = devices[0]!.id;
					await maker.until('the channel', () => maker.last('communities')?.length);
					await maker.core.send(channel, text);
					await ada.message(channel, text, 'received');
					await other.until('the message, without its key', () =>
						other.messages(channel).find((one) => one.sender.id === devices[0]!.user && one.state === 'waiting')
					);
					relay.leave([...relay.communities.values()][0]!, devices[0]!.user);
					await engineOf(other).ctx.store.change(async (unit) => unit.delete('devices', device));
					const [known] = await senderKeysOf(ada, channel, device);
					const body = senderKeyOf(known!.record);
					const died = crash(other, when, ['handed'], undefined, nth);
					await deliver(ada, channel, target.id, [{ kind: 'items', items: [{ kind: 'sender_key', body }] }]);
					await died;
					other = await again(other);
					await other.until('the message', async () =>
						(await other.open(channel)).some((one) => one.text === text && one.state === 'received')
					);
					const { read } = engineOf(other).ctx.store;
					await other.until('nothing to be left', async () => (await read.count('handed')) === 0);
				});
	}
);
