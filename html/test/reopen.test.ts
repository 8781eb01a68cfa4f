// SPDX-License-Identifier: GPL-3.0-or-later
// Many messages that change at once, those that waited for their keys and those that turn out to be late: in changes that
// stay small, and all of them in the end, also where the tab ends on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableName } from '../src/lib/store/tables';
import { Unit } from '../src/lib/store/unit';
import { Person } from './support/person';
import type { Json } from './support/relay';
import { engineOf, joinLast, register, scene, secondDevice, stay, writeMany } from './support/scene';

const KEYS = 3;
const EACH = 250;
/** Messages that one change may open. */
const MOST = 500;
/** Messages that turn out to be late. */
const LATE_ONES = 1200;

/** Tells how many messages each change of this person's tab has written, when it is on the disk. */
function watchChanges(person: Person, told: (messages: number) => void): () => void {
	const { commit } = Unit.prototype;
	const { read } = engineOf(person).ctx.store;
	Unit.prototype.commit = async function (this: Unit) {
		await commit.call(this);
		if (Reflect.get(this, 'reader') !== read) return;
		const dirty = [...(Reflect.get(this, 'dirty') as Map<string, { table: TableName }>).values()];
		told(dirty.filter(({ table }) => table === 'messages').length);
	};
	return () => (Unit.prototype.commit = commit);
}

/** Somebody who has messages under several keys, and the way to give them all these keys at once. */
async function waiting() {
	const { relay, ada, channel } = await scene();
	const cem = await register(relay, 'cem');
	const device = joinLast(relay).devices[0]!;
	const put = relay.put.bind(relay);
	const held: Json[] = [];
	relay.put = (target, item) => void (target === device ? held.push(item) : put(target, item));
	const place = relay.channels.get(channel)!;
	for (let n = 0; n < KEYS; n++) {
		place.epoch++;
		place.roster++;
		relay.announce(place);
		await ada.core.send(channel, `key ${n}`);
		await ada.message(channel, `key ${n}`, 'sent');
		await writeMany(relay, ada, channel, EACH);
	}
	const total = KEYS * (EACH + 1);
	await cem.until('all of them', () => cem.messages(channel).length === total);
	assert.ok(cem.messages(channel).every(({ state }) => state === 'waiting'));
	const give = () => {
		relay.put = put;
		// Together: nobody is told of each.
		relay.tamperFrame = (frame) => (frame.type === 'inbox' ? null : frame);
		for (const item of held) put(device, item);
		cem.tab.wake();
	};
	const state = async (person: Person) => (await person.core.keyHealth()).waiting;
	return { cem, give, total, state };
}

test('several keys at once open all that waited for them, in changes that stay small', async () => {
	const { cem, give, total, state } = await waiting();
	const opened: number[] = [];
	const unwatch = watchChanges(cem, (messages) => opened.push(messages));
	give();
	await cem.until('all of them, readable', async () => (await state(cem)) === 0);
	unwatch();
	assert.equal(
		opened.reduce((sum, count) => sum + count, 0),
		total
	);
	assert.ok(Math.max(...opened) <= MOST, `${Math.max(...opened)} in one change`);
});

test('a tab that ends between two such changes leaves nothing behind', async () => {
	const { cem, give, state } = await waiting();
	const died = new Promise<void>((resolve) => {
		const unwatch = watchChanges(cem, (messages) => {
			if (messages === 0) return;
			unwatch();
			cem.tab.die();
			resolve();
		});
	});
	give();
	await died;
	const again = stay(new Person(cem.machine));
	await again.core.start();
	await again.online();
	await again.until('all of them, readable', async () => (await state(again)) === 0);
	assert.equal((await again.core.keyHealth()).requested, 0, 'nobody was asked for what is here');
});

/** Ben's new device has the end of a channel whose beginning the server has not given out: an entry of a later epoch. */
async function late() {
	const { relay, ada, ben, channel } = await scene();
	const place = relay.channels.get(channel)!;
	await writeMany(relay, ada, channel, LATE_ONES);
	place.epoch++;
	place.roster++;
	relay.announce(place);
	await ada.core.send(channel, 'after somebody had gone');
	await ben.message(channel, 'after somebody had gone', 'received');
	await ben.backedUp();
	// What was written last stands first now.
	place.log.unshift(place.log.pop()!);
	place.log.forEach((entry, i) => (entry.seq = i + 1));
	const other = await secondDevice(relay, 'ben');
	await other.until('the channel', () => other.last('communities')?.length);
	const oldest = async () => (await engineOf(other).ctx.store.read.get('channels', channel))?.first ?? 0;
	await other.open(channel);
	await other.until('a page', async () => (await oldest()) > 0);
	while ((await oldest()) > 101) await other.core.older(channel, await oldest());
	assert.ok((await oldest()) > 1);
	/** Those that are shown, of which one must stay. */
	const shown = async (person: Person) => {
		const stored = await engineOf(person).ctx.store.read.messages(channel, 1, LATE_ONES + 3, LATE_ONES + 3);
		return stored.filter(({ state }) => state !== 'unreadable');
	};
	assert.ok((await shown(other)).length > LATE_ONES - 200, 'the others were shown');
	const before = await oldest();
	const reveal = () => other.core.older(channel, before);
	return { other, channel, reveal, shown };
}

test('an entry that makes many others late hides them in changes that stay small', async () => {
	const { other, channel, reveal, shown } = await late();
	const written: number[] = [];
	const unwatch = watchChanges(other, (messages) => written.push(messages));
	await reveal();
	unwatch();
	assert.deepEqual(
		(await shown(other)).map(({ text }) => text),
		['after somebody had gone']
	);
	assert.ok(Math.max(...written) <= MOST, `${Math.max(...written)} in one change`);
	assert.ok((await other.open(channel)).every(({ text }) => text === ''));
});

test('a tab that ends before all of them are hidden shows none of them when it is back', async () => {
	const { other, reveal, shown } = await late();
	const died = new Promise<void>((resolve) => {
		const unwatch = watchChanges(other, (messages) => {
			if (messages < MOST) return;
			unwatch();
			other.tab.die();
			resolve();
		});
	});
	void reveal().catch(() => undefined);
	await died;
	const again = stay(new Person(other.machine));
	await again.core.start();
	await again.online();
	await again.until('none but one', async () => (await shown(again)).length === 1);
});
