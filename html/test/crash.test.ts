// SPDX-License-Identifier: GPL-3.0-or-later
// What is on the disk before it leaves: the client dies right before and right after each write that something sent rests
// on. Then it starts again: nothing is lost, nothing comes twice, no key is used twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableName } from '../src/lib/store/tables';
import { Unit } from '../src/lib/store/unit';
import { Person } from './support/person';
import { engineOf, scene, stay, type Scene } from './support/scene';

type When = 'before' | 'after';

/** Lets a tab die at its next write to these tables; resolves when it has. */
function crash(person: Person, when: When, tables: TableName[], meta?: string): Promise<void> {
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
			if (!isIt) return commit.call(this);
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
