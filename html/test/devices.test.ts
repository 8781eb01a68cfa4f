// SPDX-License-Identifier: GPL-3.0-or-later
// Another device of the account is shown on those that were there, until the person at each of them knows it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Device } from '../src/lib/core/types';
import { engineOf, scene, secondDevice, stay } from './support/scene';
import { Person } from './support/person';
import { Refusal } from './support/relay';

const names = (person: Person) => person.last('unknownDevices')?.map(({ name }) => name);
const shows = (person: Person, wanted: string[]) =>
	person.until(`unknown devices: ${wanted.join(', ') || 'none'}`, () => names(person)?.join() === wanted.join());

/** The list was read once: what comes from now on is new. */
const looked = (person: Person) =>
	person.until('the list of devices', () => engineOf(person).ctx.store.read.meta('knownDevices'));

async function unknownOf(person: Person): Promise<Device> {
	const [device] = await person.until('an unknown device', () => person.last('unknownDevices'));
	return device!;
}

async function anotherTab(person: Person): Promise<Person> {
	const tab = stay(new Person(person.machine));
	await tab.core.start();
	await tab.online();
	return tab;
}

test('a device that signs in is shown on the others until the person there knows it', async () => {
	const { relay, ada, ben } = await scene();
	await Promise.all([looked(ada), looked(ben)]);
	const second = await secondDevice(relay, 'ada');
	await looked(second);
	await shows(ada, ['ada 2']);
	const tab = await anotherTab(ada);
	await shows(tab, ['ada 2']);

	await tab.core.knowDevice((await unknownOf(tab)).id);
	await shows(tab, []);
	await shows(ada, []);
	const third = await secondDevice(relay, 'ada');
	await shows(ada, ['ada 2']);
	const [, , { id }] = (await ada.core.devices()) as [Device, Device, Device];
	assert.equal((await unknownOf(ada)).id, id, 'only the one that is new');
	await shows(second, ['ada 2']);
	await looked(third);
	assert.equal(third.last('unknownDevices'), undefined, 'whoever comes is told of nobody who was there');
	assert.equal(ben.last('unknownDevices'), undefined, 'nor is anybody else');
});

test('one that signed in while nobody was there to hear it is found, and one that is removed is shown no more', async () => {
	const { relay, ada } = await scene();
	await looked(ada);
	ada.tab.setOnline(false);
	await ada.until('being offline', () => ada.last('connection')?.state === 'offline');
	const second = await secondDevice(relay, 'ada');
	assert.equal(ada.last('unknownDevices'), undefined);
	ada.tab.setOnline(true);
	await shows(ada, ['ada 2']);

	await ada.core.removeDevice((await unknownOf(ada)).id);
	await shows(ada, []);
	await second.until('the end', () => second.last('connection')?.state === 'ended');
});

test('a list that cannot be had for the moment is asked for again', async () => {
	const { relay, ada } = await scene();
	await looked(ada);
	let refused = 0;
	relay.before = (call) => {
		if (call !== 'GET /devices') return;
		refused++;
		throw new Refusal(503, 'unavailable');
	};
	await secondDevice(relay, 'ada');
	await ada.until('both devices to have asked', () => refused === 2);
	relay.before = () => undefined;
	ada.tab.setOnline(false);
	ada.tab.setOnline(true);
	await shows(ada, ['ada 2']);
});
