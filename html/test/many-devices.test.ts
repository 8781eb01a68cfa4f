// SPDX-License-Identifier: GPL-3.0-or-later
// Five devices of two people at a real server: three are away for a while, members come and go, one device is wiped and
// comes back by password and one by recovery code, and 500 messages later every device that should shows every message,
// none that should not can, and nothing is left undecrypted. Run by t/many_devices.t; skipped without a server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Id, Message } from '../src/lib/core/types';
import { arrive, password, register, setupToken, signIn, url } from './support/live';
import type { Person } from './support/person';

const TOTAL = 500;
const LONG = 120_000;
const newPassword = 'four other words of nonsense';

interface Said {
	place: Id;
	text: string;
	by: string;
}

/** The whole conversation, from its beginning. */
async function all(person: Person, place: Id): Promise<Message[]> {
	let page = await person.core.open(place);
	const found = [...page.messages];
	while (page.more) {
		page = await person.core.older(place, found[0]?.seq ?? Number.MAX_SAFE_INTEGER);
		if (page.messages.length === 0) break;
		found.unshift(...page.messages);
	}
	return found;
}

const isOpen = ({ state }: Message) => state === 'sent' || state === 'received';

test('five devices of two people, and everything that happens to them', { skip: !url, timeout: 560_000 }, async (t) => {
	const said: Said[] = [];
	const devices = new Map<string, Person>();
	let channel!: Id, dm!: Id, community!: Id, code!: string, benCode!: string, benId!: Id;
	const device = (name: string) => devices.get(name)!;

	/** So many messages by these devices in turn, every fourth of them private. */
	async function talk(count: number, names: string[]): Promise<void> {
		const last = new Map<string, { person: Person; place: Id; text: string }>();
		for (let n = 0; n < count; n++) {
			const by = names[n % names.length]!;
			const place = n % 4 === 3 ? dm : channel;
			const text = `message ${said.length} of ${by}`;
			said.push({ place, text, by });
			await device(by).core.send(place, text);
			last.set(`${by} ${place}`, { person: device(by), place, text });
			// Both in step: otherwise one's queue would be empty long before the other's.
			if (n % 10 === 9) await sent(last);
		}
		await sent(last);
	}

	async function sent(last: Map<string, { person: Person; place: Id; text: string }>): Promise<void> {
		for (const { person, place, text } of last.values())
			await person.until(
				`"${text}" to be sent`,
				() => person.messages(place).some((one) => one.text === text && one.state === 'sent'),
				LONG
			);
		last.clear();
	}

	/** Everything that was said here is open on the device, once each, and nothing else is there. */
	async function showsAll(name: string, from = 0, to = said.length): Promise<void> {
		const person = device(name);
		for (const place of [channel, dm]) {
			const wanted = said.slice(from, to).filter((one) => one.place === place);
			let found: Message[] = [];
			const isAll = async () => {
				found = await all(person, place);
				return found.length === wanted.length && found.every(isOpen);
			};
			await person.until(`everything on ${name}`, isAll, LONG).catch((error: Error) => {
				const lacking = found
					.filter((one) => !isOpen(one))
					.map(({ seq, state, problem }) => [seq, state, problem?.code]);
				throw new Error(`${error.message}; ${found.length} of ${wanted.length}, but ${JSON.stringify(lacking)}`);
			});
			assert.deepEqual(found.map(({ text }) => text).sort(), wanted.map(({ text }) => text).sort(), name);
			for (const { text, sender } of found)
				assert.ok(text.endsWith(` of ${sender.username.charAt(0)}${text.at(-1)}`), `${text} is by ${sender.username}`);
		}
	}

	/** It knows the conversations. */
	async function there(person: Person): Promise<void> {
		await person.online();
		await person.until(
			'the conversations',
			async () => {
				const { communities, dms } = await person.core.start();
				return communities.some(({ groups }) => groups.some(({ channels }) => channels.length > 0)) && dms.length > 0;
			},
			LONG
		);
	}

	async function nothingUndecrypted(name: string): Promise<void> {
		const { waiting, unreadable } = await device(name).core.keyHealth();
		assert.deepEqual([name, waiting, unreadable], [name, 0, 0]);
	}

	/** The guest's view: what it shows is what was said in the channel while it was in, to the message. */
	const seen = (person: Person) => [...person.shown.values()].flatMap((messages) => [...messages.values()]);

	await t.test('two people with five devices', async () => {
		const ada = await register('ada', { setupToken });
		devices.set('a1', ada.person);
		const made = await ada.person.core.createCommunity('Garden');
		community = made.id;
		channel = made.groups[0]!.channels[0]!.id;
		({ code } = await ada.person.core.createInvite(community, { maxUses: 20 }));
		const ben = await register('ben', { invite: code });
		devices.set('b1', ben.person);
		benCode = ben.recoveryCode;
		benId = (await ben.person.core.start()).account!.id;
		({ id: dm } = await ada.person.core.openDm(benId));
		for (const [name, who] of [
			['a2', 'ada'],
			['a3', 'ada'],
			['b2', 'ben']
		] as const) {
			devices.set(name, await signIn(name, who));
			await there(device(name));
		}
		await talk(40, ['a1', 'b1', 'a2', 'b2', 'a3']);
		for (const name of devices.keys()) await showsAll(name);
	});

	let cem!: Person,
		dora!: Person,
		cemFrom = 0,
		cemTo = 0,
		doraFrom = 0,
		doraTo = 0;
	await t.test('three of them are away while members come and go', async () => {
		for (const name of ['a2', 'a3', 'b2']) device(name).tab.setOnline(false);
		await talk(40, ['a1', 'b1']);
		cem = (await register('cem', { invite: code })).person;
		cemFrom = said.length;
		await talk(60, ['a1', 'b1']);
		cemTo = said.length;
		await cem.until('the last of it', () => seen(cem).some(({ text }) => text === lastIn(cemTo)), LONG);
		await device('a1').core.removeMember(community, (await cem.core.start()).account!.id);
		await cem.until('the removal', () => cem.last('communities')?.length === 0, LONG);
		await talk(30, ['a1', 'b1']);
		dora = (await register('dora', { invite: code })).person;
		doraFrom = said.length;
		await talk(40, ['a1', 'b1']);
		doraTo = said.length;
		await dora.until('the last of it', () => seen(dora).some(({ text }) => text === lastIn(doraTo)), LONG);
		await dora.core.leaveCommunity(community);
		await talk(30, ['a1', 'b1']);
	});

	function lastIn(end: number): string {
		return said.slice(0, end).findLast(({ place }) => place === channel)!.text;
	}

	await t.test('they come back one after the other, and write at once', async () => {
		for (const name of ['a2', 'b2', 'a3']) {
			device(name).tab.setOnline(true);
			await device(name).online();
		}
		await talk(60, ['a2', 'b2', 'a3', 'a1', 'b1']);
		for (const name of devices.keys()) await showsAll(name);
	});

	let wiped!: Person, lost!: Person;
	await t.test('one is wiped, and restored by password', async () => {
		wiped = device('a3');
		await device('a1').backedUp();
		await device('a2').backedUp();
		await device('a3').backedUp();
		const { id } = (await wiped.core.devices()).find(({ current }) => current)!;
		await wiped.core.close();
		await device('a1').core.removeDevice(id);
		await talk(40, ['a1', 'b1', 'b2']);
		devices.set('a3', await signIn('a3 again', 'ada'));
		await there(device('a3'));
		await showsAll('a3');
		await talk(60, ['a3', 'b2', 'a1', 'a2', 'b1']);
	});

	await t.test('one is wiped, and restored by the recovery code, which ends the person’s other devices', async () => {
		lost = device('b2');
		for (const name of ['b1', 'b2']) await device(name).backedUp();
		await lost.core.close();
		const again = await arrive('b2 again');
		const { recoveryCode } = await again.core.recover({
			username: 'ben',
			recoveryCode: benCode,
			password: newPassword
		});
		assert.match(recoveryCode, /^([0-9A-Z]{4}-){5}[0-9A-Z]{4}$/);
		assert.notEqual(recoveryCode, benCode);
		devices.set('b2', again);
		await there(again);
		const first = device('b1');
		await first.until('the end of its session', () => first.last('connection')?.state === 'ended', LONG);
		await assert.rejects(first.core.signIn({ username: 'ben', password }), { code: 'bad_credentials' });
		await talk(40, ['b2', 'a1', 'a2', 'a3']);
		await first.core.signIn({ username: 'ben', password: newPassword });
		await there(first);
		await talk(TOTAL - said.length, ['b1', 'b2', 'a1', 'a2', 'a3']);
		assert.equal(said.length, TOTAL);
	});

	await t.test('every device that should shows every message, and none is undecrypted', async () => {
		for (const name of devices.keys()) await showsAll(name);
		for (const name of devices.keys()) await nothingUndecrypted(name);
		for (const name of devices.keys())
			for (const place of [channel, dm]) assert.equal((await device(name).core.security(place)).state, 'sealed', name);
		assert.equal((await device('a1').core.devices()).length, 3);
		assert.equal((await device('b1').core.devices()).length, 2);
	});

	await t.test('none that should not can', async () => {
		for (const [person, from, to] of [
			[cem, cemFrom, cemTo],
			[dora, doraFrom, doraTo]
		] as const) {
			const wanted = said.slice(from, to).filter(({ place }) => place === channel);
			const shown = seen(person).filter(({ text }) => text !== '');
			assert.deepEqual(shown.map(({ text }) => text).sort(), wanted.map(({ text }) => text).sort());
			await assert.rejects(all(person, channel).then((found) => assert.ok(found.length > 0)));
		}
		for (const [name, before] of [
			['a3', wiped],
			['b2', lost]
		] as const) {
			// Whoever finds the old device: what it had, and nothing that was written since.
			const found = await arrive(before.machine);
			await found.until('the end', () => found.last('connection')?.state === 'ended', LONG);
			const had = (await all(found, channel)).filter(({ text }) => text !== '').map(({ text }) => text);
			assert.ok(had.length > 0 && had.length < said.filter(({ place }) => place === channel).length, name);
			assert.ok(!had.includes(lastIn(said.length)), name);
		}
	});
});
