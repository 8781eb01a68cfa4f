// SPDX-License-Identifier: GPL-3.0-or-later
// Another device of the account is shown on those that were there, until the person at each of them knows it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { UnknownDevice } from '../src/lib/core/types';
import { engineOf, password, scene, secondDevice, stay } from './support/scene';
import { Person } from './support/person';
import { Refusal } from './support/relay';

const asked = (person: Person) =>
	(person.last('unknownDevices') ?? []).map(({ name, gone }) => (gone ? `${name} gone` : name));
const asks = (person: Person, ...wanted: string[]) =>
	person.until(`a question about: ${wanted.join(', ')}`, () => {
		return person.last('unknownDevices') && asked(person).join() === wanted.join();
	});

async function unknownOf(person: Person): Promise<UnknownDevice> {
	const [device] = await person.until('an unknown device', () => person.last('unknownDevices'));
	return device!;
}

async function anotherTab(person: Person): Promise<Person> {
	const tab = stay(new Person(person.machine));
	await tab.core.start();
	await tab.online();
	return tab;
}

/** Ada, who has seen the list of her devices: what comes from now on is new. */
async function beside() {
	const made = await scene();
	await Promise.all([asks(made.ada), asks(made.ben)]);
	return made;
}

test('a device that signs in is asked about on the others until the person there knows it', async () => {
	const { relay, ada, ben } = await beside();
	const second = await secondDevice(relay, 'ada');
	await asks(second);
	await asks(ada, 'ada 2');
	const tab = await anotherTab(ada);
	await asks(tab, 'ada 2');
	const { id } = await unknownOf(tab);
	const third = await secondDevice(relay, 'ada');
	for (const one of [ada, tab]) await asks(one, 'ada 2', 'ada 2');
	assert.equal((await unknownOf(ada)).id, id, 'which is asked about first does not change');

	await tab.core.knowDevice(id);
	for (const one of [ada, tab]) await asks(one, 'ada 2');
	assert.notEqual((await unknownOf(ada)).id, id);
	await asks(second, 'ada 2');
	await asks(third);
	assert.deepEqual(asked(ben), []);
	const { unknownDevices } = await stay(new Person(ada.machine)).core.start();
	assert.equal(unknownDevices.length, 1, 'a page that begins knows of it before the network answers');
});

test('one that came while nobody was there to hear it is found, and one that went is asked about all the same', async () => {
	const { relay, ada, users } = await beside();
	ada.tab.setOnline(false);
	await ada.until('being offline', () => ada.last('connection')?.state === 'offline');
	await secondDevice(relay, 'ada');
	assert.deepEqual(asked(ada), []);
	ada.tab.setOnline(true);
	await asks(ada, 'ada 2');
	relay.removeDevice(users.ada.devices[1]!);
	await asks(ada, 'ada 2 gone');
	await ada.core.knowDevice((await unknownOf(ada)).id);
	await asks(ada);
});

test('removed from here and answered, it is asked about no more', async () => {
	const { relay, ada } = await beside();
	const second = await secondDevice(relay, 'ada');
	await asks(ada, 'ada 2');
	const { id } = await unknownOf(ada);
	await ada.core.removeDevice(id);
	await ada.core.knowDevice(id);
	await asks(ada);
	await second.until('the end', () => second.last('connection')?.state === 'ended');
});

test('who is put out by an unknown device and signs in again is asked about it', async () => {
	const { relay, ada, users } = await beside();
	await secondDevice(relay, 'ada');
	await asks(ada, 'ada 2');
	relay.removeDevice(users.ada.devices[0]!);
	await ada.until('the end', () => ada.last('connection')?.state === 'ended');
	await ada.core.signIn({ username: 'ada', password });
	await ada.online();
	await asks(ada, 'ada 2');
});

test('a new identity, which removes all others, ends the question', async () => {
	const { relay, ada } = await beside();
	await secondDevice(relay, 'ada');
	await asks(ada, 'ada 2');
	await ada.core.replaceIdentity(password);
	await asks(ada);
});

test('a list that cannot be had for the moment is asked for again', async () => {
	const { relay, ada } = await beside();
	let refused = 0;
	relay.before = (call) => {
		if (call !== 'GET /devices') return;
		refused++;
		throw new Refusal(503, 'unavailable');
	};
	await secondDevice(relay, 'ada');
	await ada.until('both devices to have asked', () => refused >= 2);
	relay.before = () => undefined;
	await asks(ada, 'ada 2');
	assert.ok(engineOf(ada).ctx.connection.online);
});
