// SPDX-License-Identifier: GPL-3.0-or-later
// Messages that waited for their keys, when several keys come at once: opened in changes that stay small, and all of them
// in the end, also where the tab ends on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableName } from '../src/lib/store/tables';
import { Unit } from '../src/lib/store/unit';
import { Person } from './support/person';
import type { Json } from './support/relay';
import { engineOf, joinLast, register, scene, stay, writeMany } from './support/scene';

const KEYS = 3;
const EACH = 250;
/** Messages that one change may open. */
const MOST = 500;

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
