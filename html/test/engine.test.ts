// SPDX-License-Identifier: GPL-3.0-or-later
// The engine as the page uses it, with the real cryptographic library, over a server in memory: people, several devices,
// several tabs, lost answers and lost connections.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Failure } from '../src/lib/core/problem';
import type { Id } from '../src/lib/core/types';
import { Machine } from './support/platform';
import { Person } from './support/person';
import { Relay } from './support/relay';
import { engineOf } from './support/scene';

const password = 'correct horse battery';
const everyone: Person[] = [];
after(async () => {
	for (const person of everyone) await person.core.close();
});

function arrive(machine: Machine): Person {
	const person = new Person(machine);
	everyone.push(person);
	return person;
}

async function register(relay: Relay, username: string): Promise<Person> {
	const person = arrive(new Machine(relay, username));
	await person.core.start();
	await person.core.register({ username, displayName: username.toUpperCase(), password });
	await person.online();
	return person;
}

async function secondDevice(relay: Relay, username: string): Promise<Person> {
	const person = arrive(new Machine(relay, `${username} 2`));
	await person.core.start();
	await person.core.signIn({ username, password });
	await person.online();
	return person;
}

async function settled(person: Person, channel: Id): Promise<void> {
	await person.until('the channel', () => {
		const all = person.last('communities')?.flatMap((c) => c.groups.flatMap((g) => g.channels)) ?? [];
		return [...all, ...(person.last('dms') ?? [])].some(({ id }) => id === channel);
	});
}

/** Ada has a community, Ben is in it. */
async function pair(relay: Relay) {
	const ada = await register(relay, 'ada');
	const community = await ada.core.createCommunity('Garden');
	const channel = community.groups[0]!.channels[0]!.id;
	const invite = await ada.core.createInvite(community.id, {});
	const ben = await register(relay, 'ben');
	await ben.core.acceptInvite(invite.code);
	return { ada, ben, community, channel };
}

const texts = (person: Person, channel: Id) => person.messages(channel).map(({ text }) => text);

test('two people talk in a channel, and each sees everything once and in order', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	await ada.core.send(channel, 'hello');
	await ben.message(channel, 'hello', 'received');
	await ben.core.send(channel, 'hi there');
	await ada.message(channel, 'hi there', 'received');
	for (let i = 0; i < 20; i++) await ada.core.send(channel, `line ${i}`);
	await ben.message(channel, 'line 19');
	await ada.message(channel, 'line 19', 'sent');
	const expected = ['hello', 'hi there', ...Array.from({ length: 20 }, (_, i) => `line ${i}`)];
	assert.deepEqual(texts(ben, channel), expected);
	assert.deepEqual(texts(ada, channel), expected);
	const shown = ben.messages(channel)[0]!;
	assert.equal(shown.sender.displayName, 'ADA');
	assert.equal(shown.own, false);
	assert.deepEqual(
		ben.messages(channel).map(({ seq }) => seq),
		expected.map((_, i) => i + 1)
	);
	const server = JSON.stringify([...relay.channels.values()].map(({ log }) => log));
	assert.ok(!server.includes('hello') && !server.includes(Buffer.from('hello').toString('base64url')));
	assert.equal((await ben.core.security(channel)).state, 'sealed');
});

test('two people talk privately', async () => {
	const relay = new Relay();
	const { ada, ben } = await pair(relay);
	const benId = (await ben.core.start()).account!.id;
	const { id: dm } = await ada.core.openDm(benId);
	await ada.core.send(dm, 'psst');
	await ben.message(dm, 'psst', 'received');
	await ben.core.send(dm, 'yes?');
	await ada.message(dm, 'yes?', 'received');
	assert.deepEqual(texts(ada, dm), ['psst', 'yes?']);
	const states = ben.events.flatMap((event) => (event.type === 'messages' ? event.data.messages : []));
	assert.ok(!states.some(({ state }) => state === 'waiting'), 'never shown as waiting');
});

test('everything is there again after a reload, without the network too', async () => {
	const relay = new Relay();
	const machine = new Machine(relay, 'ada');
	const first = arrive(machine);
	await first.core.start();
	await first.core.register({ username: 'ada', displayName: 'Ada', password });
	await first.online();
	const { groups } = await first.core.createCommunity('Garden');
	const channel = groups[0]!.channels[0]!.id;
	await first.core.send(channel, 'remember me');
	await first.message(channel, 'remember me', 'sent');
	await first.core.open(channel);
	await first.until(
		'its entry',
		async () => (await engineOf(first).ctx.store.read.get('channels', channel))?.last === 1
	);
	await first.core.saveDraft(channel, 'half a tho');
	await first.core.close();

	relay.reachable = false;
	const again = arrive(machine);
	const start = await again.core.start();
	assert.equal(start.phase, 'signed-in');
	assert.equal(start.lastChannel, channel);
	assert.deepEqual(
		start.lastPage?.messages.map(({ text, state }) => [text, state]),
		[['remember me', 'sent']]
	);
	assert.equal(start.communities[0]!.name, 'Garden');
	assert.equal(start.communities[0]!.groups[0]!.channels[0]!.latest!.text, 'remember me');
	assert.deepEqual(
		(await again.open(channel)).map(({ text, state }) => [text, state]),
		[['remember me', 'sent']]
	);
	assert.equal(await again.core.draft(channel), 'half a tho');
	const queued = await again.core.send(channel, 'written offline');
	assert.equal(queued.state, 'queued');
	await again.core.close();

	relay.reachable = true;
	const third = arrive(machine);
	await third.core.start();
	await third.message(channel, 'written offline', 'sent');
});

test('a last conversation that cannot be read keeps nobody out', async () => {
	const { ada, channel } = await pair(new Relay());
	await ada.core.open(channel);
	await ada.until('its place', async () => (await engineOf(ada).ctx.store.read.meta('place'))?.channel === channel);
	engineOf(ada).history.open = () => Promise.reject(new Error('unreadable'));
	const start = await ada.core.start();
	assert.equal(start.phase, 'signed-in');
	assert.equal(start.lastChannel, channel);
	assert.equal(start.lastPage, undefined);
});

test('a draft that is still being stored is the one that is shown', async () => {
	const { ada, channel } = await pair(new Relay());
	const { store } = engineOf(ada).ctx;
	let letGo: () => void = () => undefined;
	const gate = new Promise<void>((resolve) => (letGo = resolve));
	const busy = store.change(() => gate);
	const first = ada.core.saveDraft(channel, 'half');
	const second = ada.core.saveDraft(channel, 'half a thought');
	assert.equal(await ada.core.draft(channel), 'half a thought');
	letGo();
	await busy;
	await first;
	assert.equal(await ada.core.draft(channel), 'half a thought');
	await second;
	assert.equal(await ada.core.draft(channel), 'half a thought');
});

test('a second device has the history, and both devices see what either writes', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	const { id: dm } = await ada.core.openDm((await ben.core.start()).account!.id);
	await ada.core.send(channel, 'old one');
	await ben.core.send(channel, 'old two');
	await ben.message(channel, 'old one');
	await ada.message(channel, 'old two', 'received');
	await ada.core.send(dm, 'old secret');
	await ben.message(dm, 'old secret', 'received');
	await ada.backedUp();

	const again = await secondDevice(relay, 'ada');
	await again.until('the restore', () => again.last('restore'));
	await settled(again, channel);
	await again.open(channel);
	await again.message(channel, 'old one');
	await again.message(channel, 'old two');
	await again.open(dm);
	await again.message(dm, 'old secret');
	assert.equal(again.messages(channel).length, 2);

	await again.core.send(channel, 'from the new device');
	await ben.message(channel, 'from the new device', 'received');
	const seen = await ada.message(channel, 'from the new device', 'sent');
	assert.equal(seen.own, true);
	await ben.core.send(channel, 'to both');
	await Promise.all([ada.message(channel, 'to both'), again.message(channel, 'to both')]);
	await ben.core.send(dm, 'also to both');
	await Promise.all([ada.message(dm, 'also to both'), again.message(dm, 'also to both')]);
});

test('a lost answer, a lost connection and a killed server lose and double nothing', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	let sends = 0;
	relay.loseAnswer = (call) => call === 'ws send' && ++sends % 3 === 0;
	for (let i = 0; i < 12; i++) await ada.core.send(channel, `m${i}`);
	await ben.message(channel, 'm5');
	relay.cut();
	await ben.message(channel, 'm11');
	await ada.message(channel, 'm11', 'sent');
	relay.loseAnswer = () => false;
	assert.deepEqual(
		texts(ben, channel),
		Array.from({ length: 12 }, (_, i) => `m${i}`)
	);
	assert.equal(relay.channels.get(channel)!.log.length, 12);
});

test('entries that never arrive live are found by sync, and those out of order are put right', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	const benId = (await ben.core.start()).account!.id;
	await ada.core.send(channel, 'first');
	await ben.message(channel, 'first');
	let held: unknown;
	relay.tamperFrame = (frame, device) => {
		if (frame.type !== 'entry' || device?.user !== benId) return frame;
		if (frame.seq === 2) return null;
		if (frame.seq === 4) {
			held = frame;
			return null;
		}
		return frame;
	};
	for (const text of ['lost', 'after the hole', 'late', 'early']) await ada.core.send(channel, text);
	await ben.message(channel, 'early');
	assert.ok(held);
	for (const socket of relay.sockets) socket.push(held as never);
	assert.deepEqual(texts(ben, channel), ['first', 'lost', 'after the hole', 'late', 'early']);
});

test('a newcomer gets the key with the next message and reads no earlier one', async () => {
	const relay = new Relay();
	const { ada, ben, community, channel } = await pair(relay);
	await ada.core.send(channel, 'before');
	await ben.message(channel, 'before');
	const cem = await register(relay, 'cem');
	const invite = await ada.core.createInvite(community.id, {});
	await cem.core.acceptInvite(invite.code);
	await ada.core.send(channel, 'welcome');
	await cem.message(channel, 'welcome', 'received');
	await ben.message(channel, 'welcome', 'received');
	assert.deepEqual(texts(cem, channel), ['welcome']);
});

test('an invite link is listed until it is withdrawn, and lets nobody in after that', async () => {
	const relay = new Relay();
	const { ada, ben, community } = await pair(relay);
	const { code, url } = await ada.core.createInvite(community.id, {});
	const listed = (await ada.core.invites(community.id)).find((invite) => invite.code === code)!;
	assert.deepEqual([listed.url, listed.invitedBy.username, listed.uses, listed.maxUses], [url, 'ada', 0, null]);
	assert.deepEqual(await ben.core.invites(community.id), []);
	await assert.rejects(ben.core.withdrawInvite(code), { code: 'invite_not_found' });
	await ada.core.withdrawInvite(code);
	assert.ok((await ada.core.invites(community.id)).every((invite) => invite.code !== code));
	const cem = await register(relay, 'cem');
	await assert.rejects(cem.core.acceptInvite(code), { code: 'invite_not_found' });
});

test('after a removal the key is a new one, also of who was offline', async () => {
	const relay = new Relay();
	const { ada, ben, community, channel } = await pair(relay);
	const benId = (await ben.core.start()).account!.id;
	const cem = await register(relay, 'cem');
	await cem.core.acceptInvite((await ada.core.createInvite(community.id, {})).code);
	await cem.core.send(channel, 'cem was here');
	await ada.message(channel, 'cem was here');
	await ben.message(channel, 'cem was here');
	cem.tab.setOnline(false);
	await ada.core.removeMember(community.id, benId);
	await ben.until('being removed', () => ben.last('communities')?.length === 0);
	await ada.core.send(channel, 'without ben');
	cem.tab.setOnline(true);
	await cem.message(channel, 'without ben', 'received');
	await cem.core.send(channel, 'all by ourselves');
	await ada.message(channel, 'all by ourselves', 'received');
	const { log } = relay.channels.get(channel)!;
	assert.deepEqual(
		log.map(({ epoch }) => epoch),
		[1, 2, 2]
	);
	assert.ok(!texts(ben, channel).includes('without ben'));
});

test('two tabs share one device: both see all, neither sends twice', async () => {
	const relay = new Relay();
	const { ben, channel } = await pair(relay);
	const machine = new Machine(relay, 'ada');
	const one = arrive(machine);
	await one.core.start();
	const two = arrive(machine);
	await two.core.start();
	await one.core.signIn({ username: 'ada', password });
	await two.until('being signed in', () => two.last('account')?.phase === 'signed-in');
	await Promise.all([one.online(), two.online()]);
	await settled(two, channel);
	for (let i = 0; i < 6; i++) await (i % 2 ? two : one).core.send(channel, `tab ${i}`);
	await ben.message(channel, 'tab 5');
	await one.message(channel, 'tab 5', 'sent');
	await two.message(channel, 'tab 5', 'sent');
	const expected = Array.from({ length: 6 }, (_, i) => `tab ${i}`);
	assert.deepEqual(texts(ben, channel), expected);
	assert.deepEqual(texts(one, channel), expected);
	assert.deepEqual(texts(two, channel), expected);
	await one.core.signOut();
	await two.until('being signed out', () => two.last('account')?.phase === 'signed-out');
	assert.equal((await two.core.start()).phase, 'signed-out');
});

test('a rotated token whose answer was lost is asked for again, and the session goes on', async () => {
	const relay = new Relay();
	const ada = await register(relay, 'ada');
	let lost = 0;
	relay.loseAnswer = (call) => call === 'POST /auth/refresh' && lost++ === 0;
	ada.tab.skew = 16 * 60_000;
	await ada.until('a renewed token', () => ada.core.devices().catch((error: Failure) => error.code !== 'network'));
	assert.equal((await ada.core.devices()).length, 1);
	assert.equal(relay.calls.filter((call) => call === 'POST /auth/refresh').length, 2);
	assert.equal(lost, 2);
});

test('a device that was removed ends, and says so', async () => {
	const relay = new Relay();
	const ada = await register(relay, 'ada');
	relay.removeDevice([...relay.users.values()][0]!.devices[0]!);
	await ada.until('the end', () => ada.last('connection')?.state === 'ended');
	const again = await ada.core.signIn({ username: 'ada', password });
	assert.equal(again.state === 'signed-in' && again.account.username, 'ada');
	await ada.online();
});

test('signing out leaves nothing, here and there', async () => {
	const relay = new Relay();
	const ada = await register(relay, 'ada');
	await ada.core.createCommunity('Garden');
	await ada.core.signOut();
	assert.equal([...relay.users.values()][0]!.devices[0]!.live, false);
	const start = await ada.core.start();
	assert.deepEqual([start.phase, start.communities], ['signed-out', []]);
	await assert.rejects(ada.core.devices(), (error: Failure) => error.code === 'signed_out');
});

test('a message that the server refuses fails, can be retried, and can be discarded', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	const { Refusal } = await import('./support/relay');
	relay.before = (call) => {
		if (call === 'ws send') throw new Refusal(403, 'read_only');
	};
	const one = await ada.core.send(channel, 'refused');
	const failed = await ada.message(channel, 'refused', 'failed');
	assert.equal(failed.problem!.code, 'read_only');
	const two = await ada.core.send(channel, 'given up');
	await ada.message(channel, 'given up', 'failed');
	await ada.core.discard(two.id);
	relay.before = () => undefined;
	await ada.core.retry(one.id);
	await ben.message(channel, 'refused', 'received');
	assert.deepEqual(texts(ada, channel), ['refused']);
});

test('history older than what is stored comes from the server, page by page', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	for (let i = 0; i < 30; i++) await ada.core.send(channel, `n${i}`);
	await ben.message(channel, 'n29');
	await ada.message(channel, 'n29', 'sent');
	await ada.backedUp();
	relay.pageLimit = 7;
	const again = await secondDevice(relay, 'ada');
	await again.until('the restore', () => again.last('restore'));
	await settled(again, channel);
	let page = await again.until('the newest page', async () => {
		const opened = await again.core.open(channel);
		return opened.messages.length > 0 && opened.messages.every(({ state }) => state === 'sent') && opened;
	});
	const all = [...page.messages];
	while (page.more) {
		page = await again.core.older(channel, all[0]!.seq!);
		all.unshift(...page.messages);
	}
	assert.deepEqual(
		all.map(({ text }) => text),
		Array.from({ length: 30 }, (_, i) => `n${i}`)
	);
});

test('unread counts what others wrote since it was last read', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	const unread = () => ben.last('communities')?.[0]?.groups[0]?.channels[0]?.unread;
	for (const text of ['a', 'b', 'c']) await ada.core.send(channel, text);
	await ben.until('three unread', () => unread() === 3);
	await ben.core.markRead(channel, 2);
	await ben.until('one unread', () => unread() === 1);
	await ben.core.send(channel, 'd');
	await ben.until('none unread', () => unread() === 0);
});

test('a registration whose answer was lost is completed', async () => {
	const relay = new Relay();
	let lost = 0;
	relay.loseAnswer = (call) => call === 'POST /auth/register' && lost++ === 0;
	const ada = await register(relay, 'ada');
	assert.equal(lost, 1);
	assert.equal([...relay.users.values()][0]!.role, 'owner');
	await ada.core.createCommunity('Garden');
});

test('a record that was changed on the disk ends in signing in again, which brings everything back', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	await ada.core.send(channel, 'still there');
	await ben.message(channel, 'still there');
	await ada.backedUp();
	await ada.spoil('ownKeys');
	await ada.core.send(channel, 'cannot be sealed');
	await ada.until('being signed out', () => ada.last('account')?.phase === 'signed-out');
	await ada.core.signIn({ username: 'ada', password });
	await ada.online();
	await settled(ada, channel);
	await ada.open(channel);
	await ada.message(channel, 'still there', 'sent');
});

test('what somebody wrote from a device that is gone can be read by who was away', async () => {
	const relay = new Relay();
	const { ada, ben, channel } = await pair(relay);
	ben.tab.setOnline(false);
	const borrowed = await secondDevice(relay, 'ada');
	await settled(borrowed, channel);
	await borrowed.core.send(channel, 'from a borrowed computer');
	await borrowed.message(channel, 'from a borrowed computer', 'sent');
	await ada.message(channel, 'from a borrowed computer');
	await borrowed.core.signOut();
	ben.tab.setOnline(true);
	await ben.message(channel, 'from a borrowed computer', 'received');
});

test('a conversation that began while one was away is unread', async () => {
	const relay = new Relay();
	const { ada, ben } = await pair(relay);
	ben.tab.setOnline(false);
	const { id: dm } = await ada.core.openDm((await ben.core.start()).account!.id);
	await ada.core.send(dm, 'are you there?');
	await ada.message(dm, 'are you there?', 'sent');
	ben.tab.setOnline(true);
	await ben.message(dm, 'are you there?', 'received');
	await ben.until('one unread', () => ben.last('dms')?.find(({ id }) => id === dm)?.unread === 1);
	assert.equal(ben.last('dms')![0]!.latest!.text, 'are you there?');
});

test('the key of somebody who only writes is in the backup too', async () => {
	const relay = new Relay();
	const ada = await register(relay, 'ada');
	const channel = (await ada.core.createCommunity('Garden')).groups[0]!.channels[0]!.id;
	await ada.until('the first catching up', () => relay.calls.includes('POST /backup'));
	await ada.core.send(channel, 'a note to myself');
	await ada.message(channel, 'a note to myself', 'sent');
	await ada.backedUp();
	const again = await secondDevice(relay, 'ada');
	await settled(again, channel);
	await again.open(channel);
	await again.message(channel, 'a note to myself', 'sent');
});

test('what another fetches while a conversation is opened is shown too', async () => {
	const relay = new Relay();
	const ada = await register(relay, 'ada');
	const channel = (await ada.core.createCommunity('Garden')).groups[0]!.channels[0]!.id;
	await ada.core.send(channel, 'already here');
	await ada.message(channel, 'already here', 'sent');
	await ada.backedUp();
	const again = await secondDevice(relay, 'ada');
	await settled(again, channel);
	const { ctx, history, outbox } = engineOf(again);
	await ctx.store.change(async (unit) => {
		const known = (await unit.get('channels', channel))!;
		unit.put('channels', { ...known, first: known.head + 1, last: known.head, complete: false });
	});
	again.shown.clear();
	// Between the moment when the page is read and the one when older entries are asked for.
	const shown = outbox.shown.bind(outbox);
	outbox.shown = async (id) => {
		await history.prefetch(1);
		return shown(id);
	};
	assert.equal((await again.open(channel)).length, 0);
	await again.message(channel, 'already here', 'sent');
});
