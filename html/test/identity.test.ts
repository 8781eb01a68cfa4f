// SPDX-License-Identifier: GPL-3.0-or-later
// Becoming and ceasing to be a device: what ends with it, and what a person who signs in again keeps.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { password, register, scene, stay, verify } from './support/scene';
import { Person } from './support/person';
import { Refusal } from './support/relay';

async function count(person: Person, table: string): Promise<number> {
	const done = <T>(request: IDBRequest<T>) =>
		new Promise<T>((resolve, reject) => {
			request.onsuccess = () => resolve(request.result);
			request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
		});
	const db = await done(person.tab.indexedDB.open('chatalot'));
	const found = await done(db.transaction(table).objectStore(table).count());
	db.close();
	return found;
}

for (const next of ['nobody', 'carol'])
	test(`an answer that comes after signing out is not kept, with ${next} signed in then`, async () => {
		const { relay, ben, users } = await scene();
		const inner = relay.fetch;
		let release: () => void = () => undefined;
		const gate = new Promise<void>((open) => (release = open));
		let asked = false;
		let given = false;
		relay.fetch = async (url, init) => {
			const reply = await inner(url, init);
			if (asked || !url.endsWith('/api/communities') || init.method !== 'GET') return reply;
			asked = true;
			await gate;
			given = true;
			return reply;
		};
		relay.sendTo(({ user }) => user === users.ben.body.user, { type: 'communities' });
		await ben.until('the question', () => asked);
		await ben.core.signOut();
		if (next !== 'nobody') {
			await ben.core.register({ username: next, displayName: next, password });
			await ben.online();
		}
		release();
		await ben.until('the late answer', () => given);
		await ben.until('its refusal', () => ben.tab.logged.some((line) => line.includes('signed_out')));
		for (const table of ['channels', 'people', 'pins']) assert.equal(await count(ben, table), 0, table);
		assert.deepEqual((await ben.core.start()).communities, []);
	});

test('who signs in again after the server ended the session still knows everybody, and has what was written', async () => {
	const { relay, ada, ben, channel, dm, users } = await scene();
	relay.before = (call) => {
		if (call === 'ws send') throw new Refusal(503, 'unavailable');
	};
	await verify(ada, users.ben.body.user);
	await ada.core.send(channel, 'written before the end');
	await ada.core.saveDraft(channel, 'half a tho');
	relay.removeDevice(users.ada.devices[0]!);
	await ada.until('the end', () => ada.last('connection')?.state === 'ended');
	relay.before = () => undefined;
	await ada.core.signIn({ username: 'ada', password });
	await ben.message(channel, 'written before the end', 'received');
	assert.equal(await ada.core.draft(channel), 'half a tho');

	const mallory = await register(relay, 'mallory');
	await mallory.core.close();
	const evil = [...relay.users.values()].at(-1)!;
	relay.removeDevice(users.ada.devices[1]!);
	await ada.until('the end', () => ada.last('connection')?.state === 'ended');
	users.ben.body.account_key = evil.body.account_key;
	relay.rosterMoved(users.ben.body.user);
	await ada.core.signIn({ username: 'ada', password });
	await ada.until('the conversation', async () => (await ada.core.start()).dms.some(({ id }) => id === dm));
	await ada.core.send(dm, 'for the real ben');
	assert.equal((await ada.message(dm, 'for the real ben', 'failed')).problem!.code, 'identity_changed');
	assert.equal((await ada.core.security(dm)).state, 'attention');
});

test('that the server ended the session is known at the next start, which asks it nothing', async () => {
	const { relay, ada, users, channel } = await scene();
	await ada.core.saveDraft(channel, 'half a tho');
	relay.removeDevice(users.ada.devices[0]!);
	await ada.until('the end', () => ada.last('connection')?.state === 'ended');
	await ada.core.close();

	const again = stay(new Person(ada.machine));
	relay.before = (call) => assert.fail(`${call} was asked`);
	const start = await again.core.start();
	assert.equal(start.phase, 'signed-out');
	assert.deepEqual([start.communities, start.dms], [[], []]);
	assert.equal(start.connection.state === 'ended' && start.connection.problem.code, 'session_ended');
	relay.before = () => undefined;
	await again.core.signIn({ username: 'ada', password });
	await again.online();
	assert.equal(await again.core.draft(channel), 'half a tho');
	assert.equal((await again.core.start()).phase, 'signed-in');
});

test('somebody else who signs in on the device finds nothing of who was there', async () => {
	const { relay, ada, channel, users } = await scene();
	await register(relay, 'cem');
	await ada.core.saveDraft(channel, 'half a tho');
	relay.removeDevice(users.ada.devices[0]!);
	await ada.until('the end', () => ada.last('connection')?.state === 'ended');
	await ada.core.signIn({ username: 'cem', password });
	for (const table of ['people', 'devices', 'pins', 'drafts', 'outbox'])
		assert.equal(await count(ada, table), 0, table);
});
