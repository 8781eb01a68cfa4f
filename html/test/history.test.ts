// SPDX-License-Identifier: GPL-3.0-or-later
// Reading back: pages of the log in their order, people who are no longer there, accounts that were deleted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Id } from '../src/lib/core/types';
import { Person } from './support/person';
import { Refusal } from './support/relay';
import { arrive, engineOf, joinLast, password, register, scene, secondDevice, stay } from './support/scene';

/** Every message of a channel, read page by page as somebody does who scrolls all the way up. */
async function readAll(person: Person, channel: Id) {
	await person.until('the channel', () => person.last('communities')?.[0]?.groups[0]?.channels[0]);
	const page = await person.until('a first page', async () => {
		const opened = await person.core.open(channel);
		return opened.messages.length > 0 && opened;
	});
	const all = [...page.messages];
	for (let more = page.more; more;) {
		const older = await person.core.older(channel, all[0]!.seq!);
		all.unshift(...older.messages);
		more = older.more;
	}
	return all;
}

/** Which of these texts a device still has. */
async function findInStore(person: Person, texts: string[]): Promise<string[]> {
	const { read } = engineOf(person).ctx.store;
	const kept = JSON.stringify([await read.all('messages'), await read.all('channels')]);
	return texts.filter((text) => kept.includes(text));
}

test('who has left is still named on a new device, and what they wrote there is read', async () => {
	const { relay, ada, ben, channel } = await scene();
	const cem = await register(relay, 'cem');
	const { body } = joinLast(relay);
	await cem.until('the channel', () => cem.last('communities')?.length);
	await cem.core.send(channel, 'cem was here');
	await ada.message(channel, 'cem was here');
	await ben.core.send(channel, 'indeed');
	await ada.message(channel, 'indeed');
	relay.leave([...relay.communities.values()][0]!, body.user);
	await ada.backedUp();
	const later = await secondDevice(relay, 'ada');
	await readAll(later, channel);
	const shown = await later.until('the words of who left', async () =>
		(await later.core.open(channel)).messages.find(({ text }) => text === 'cem was here')
	);
	assert.deepEqual([shown.sender.username, shown.sender.displayName], ['cem', 'cem']);
	const asked = relay.calls.filter((call) => call === `GET /users/${body.user}/devices`).length;
	await readAll(later, channel);
	assert.equal(relay.calls.filter((call) => call === `GET /users/${body.user}/devices`).length, asked);
});

test('what an account wrote goes with it, on devices that hear of it and on new ones', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	await ben.core.send(channel, 'the last word');
	await ada.message(channel, 'the last word');
	await ada.backedUp();
	relay.deleteUser(users.ben.body.user);
	await ada.until('the words to go', () => !ada.messages(channel).some(({ text }) => text.includes('ben')));
	const expected = [
		['from ada', undefined],
		['', 'account_deleted'],
		['', 'account_deleted']
	];
	const seen = (await ada.core.open(channel)).messages.map(({ text, problem }) => [text, problem?.code]);
	assert.deepEqual(seen, expected);
	await ada.until('the line to go', () => {
		const latest = ada.last('communities')?.[0]?.groups[0]?.channels[0]?.latest;
		return latest?.text !== 'the last word';
	});
	const later = await secondDevice(relay, 'ada');
	await readAll(later, channel);
	await later.until('what is left', async () => {
		const all = (await later.core.open(channel)).messages.map(({ text, problem }) => [text, problem?.code]);
		return JSON.stringify(all) === JSON.stringify(expected);
	});
	await ada.core.send(channel, 'alone');
	await later.message(channel, 'alone', 'sent');
});

const notesOf = async (person: Person, channel: Id) =>
	(await person.core.security(channel)).notes.map((note) => [note.what, note.person?.username].join(' ').trim());

test('newcomers read what was written since the channel is open to them, from members who are there', async () => {
	const { relay, ada, ben, channel } = await scene();
	const changed = await ada.core.setHistory(channel, 'all');
	assert.equal(changed.history, 'all');
	await ben.until('the news', async () => (await notesOf(ben, channel)).includes('history_all'));
	await ada.core.send(channel, 'for all to come');
	await ben.message(channel, 'for all to come', 'received');
	await ben.core.send(channel, 'by all means');
	await ada.message(channel, 'by all means', 'received');
	// Whose key it was is not there any more: somebody else hands it on.
	await ben.core.close();

	const cem = await register(relay, 'cem');
	joinLast(relay);
	// A key that has just been sent is not asked for at once.
	cem.tab.skew = 20_000;
	await readAll(cem, channel);
	const texts = async () => (await cem.core.open(channel)).messages.map(({ text }) => text);
	await cem.until('the past', async () => (await texts()).includes('by all means'));
	assert.deepEqual((await texts()).slice(-2), ['for all to come', 'by all means']);
	assert.ok(!(await texts()).some((text) => text.startsWith('from')), 'nothing from before');
	assert.deepEqual(await notesOf(cem, channel), ['history_all']);

	await cem.core.send(channel, 'thank you');
	await ada.message(channel, 'thank you', 'received');
	assert.ok((await notesOf(ada, channel)).includes('reader_added cem'));
	await ada.core.setHistory(channel, 'since_joining');
	await cem.until('the news', async () => (await notesOf(cem, channel)).includes('history_since_joining'));
	await ada.core.send(channel, 'among ourselves again');
	await cem.message(channel, 'among ourselves again', 'received');
	const dan = await register(relay, 'dan');
	joinLast(relay);
	await dan.until('the channel', () => dan.last('communities')?.length);
	await ada.core.send(channel, 'welcome, dan');
	await dan.message(channel, 'welcome, dan', 'received');
	assert.deepEqual(
		(await dan.core.open(channel)).messages.map(({ text }) => text),
		['welcome, dan']
	);
	assert.equal((await dan.core.keyHealth()).unreadable, 0);
});

test('who leaves is shown to have left', async () => {
	const { relay, ada, channel } = await scene();
	await register(relay, 'cem');
	const { body } = joinLast(relay);
	await ada.until('the news', async () => (await notesOf(ada, channel)).includes('reader_added cem'));
	relay.leave([...relay.communities.values()][0]!, body.user);
	await ada.until('the news', async () => (await notesOf(ada, channel)).at(-1) === 'reader_removed cem');
	assert.equal((await notesOf(ada, channel)).filter((note) => note === 'reader_removed cem').length, 1);
});

const words = async (person: Person, channel: Id) =>
	(await person.core.open(channel)).messages.map(({ text, problem }) => problem?.code ?? text);

test('a device that was away when accounts were deleted forgets what they wrote, when it is back', async () => {
	const { relay, ada, ben, channel, dm, users } = await scene();
	const cem = await register(relay, 'cem');
	const { body } = joinLast(relay);
	await cem.until('the channel', () => cem.last('communities')?.length);
	await cem.core.send(channel, 'from cem');
	await ada.message(channel, 'from cem', 'received');
	await ben.core.send(dm, 'between us');
	await ada.message(dm, 'between us', 'received');
	await ada.backedUp();
	await ada.core.close();

	relay.syncLimit = 1;
	relay.deleteUser(body.user);
	relay.deleteUser(users.ben.body.user);
	const { machine } = ada;
	const back = stay(new Person(machine));
	await back.core.start();
	assert.deepEqual(await words(back, channel), ['from ada', 'from ben', 'from cem'], 'as it was left');
	await back.until(
		'the channel to be without them',
		async () => (await words(back, channel)).join() === 'from ada,account_deleted,account_deleted'
	);
	await back.until(
		'the private conversation to be without it',
		async () => (await words(back, dm)).join() === 'in private,account_deleted'
	);
	await back.until('the line to go', () => {
		const { dms, communities } = { dms: back.last('dms'), communities: back.last('communities') };
		const latest = [dms?.[0]?.latest, communities?.[0]?.groups[0]?.channels[0]?.latest];
		return (
			dms && communities && latest.every((line) => line === undefined || line === null || line.sender.id === back.user)
		);
	});
	assert.deepEqual(await findInStore(back, ['from ben', 'from cem', 'between us']), []);

	// What it has heard of it is not told again.
	const asked = () => relay.sent.filter((text) => text.includes('"type":"sync"')).map((text) => JSON.parse(text).wiped);
	back.tab.wake();
	await back.until('another catching up', () => asked().at(-1)?.[channel] === 2 && asked().at(-1)?.[dm] === 1);
	assert.deepEqual(await words(back, channel), ['from ada', 'account_deleted', 'account_deleted']);
});

test('a page that was read before an account was deleted brings nothing of it back', async () => {
	const { relay, ada, channel, users } = await scene();
	await ada.backedUp();
	// The first page is on its way when the account goes, and arrives when this device has been told.
	let pages = 0;
	let letGo = () => {};
	const held = new Promise<void>((resolve) => (letGo = resolve));
	relay.hold = async (path) => {
		if (path === `/channels/${channel}/entries` && ++pages === 1) await held;
	};
	const later = await arrive(relay, 'later');
	await later.core.signIn({ username: 'ada', password });
	await later.until('the page to be on its way', () => pages > 0);
	relay.deleteUser(users.ben.body.user);
	later.tab.wake();
	await later.until('what is gone to be told', async () => {
		return (await engineOf(later).ctx.store.read.get('channels', channel))?.wiped === 1;
	});
	letGo();
	await later.until('what is left', async () => (await words(later, channel)).join() === 'from ada,account_deleted');
	assert.ok(pages > 1, 'the page was read again');
	assert.deepEqual(await findInStore(later, ['from ben']), []);
});

/** Ada's second device, which nobody gives a key, and which nobody hears: what it can read, it has from the backup. */
async function alone() {
	const made = await scene();
	const { relay, users, ada } = made;
	await ada.backedUp();
	const other = await secondDevice(relay, 'ada');
	await other.until('the channel', () => other.last('communities')?.length);
	await other.until('the backup', async () => (await engineOf(other).ctx.store.read.meta('restore'))?.finished);
	await other.open(made.channel);
	await other.message(made.channel, 'from ben', 'received');
	const target = users.ada.devices[1]!;
	const put = relay.put.bind(relay);
	relay.put = (to, item) => {
		if (to !== target && item.device !== target.id) put(to, item);
	};
	/** Ben writes under a new key. */
	const write = async (text: string) => {
		const place = relay.channels.get(made.channel)!;
		place.epoch++;
		place.roster++;
		relay.announce(place);
		await made.ben.core.send(made.channel, text);
		await ada.message(made.channel, text, 'received');
	};
	return { ...made, other, write };
}

test('a key that another device learnt later is looked for in the backup, where something waits for it', async () => {
	const { ada, channel, other, write } = await alone();
	await write('under a new key');
	await other.until('the message, without its key', () =>
		other.messages(channel).some(({ state }) => state === 'waiting')
	);
	await ada.backedUp();
	await other.message(channel, 'under a new key', 'received');
	assert.equal((await other.core.keyHealth()).waiting, 0);
});

test('all that came into the backup is read then, however much, and what was read before is not read again', async () => {
	const { relay, ada, channel, other, write, users } = await alone();
	const { backup } = users.ada;
	const waits = async () => (await other.core.keyHealth()).waiting > 0;
	const asked: string[] = [];
	const place = async () => (await engineOf(other).ctx.store.read.meta('restore'))!.total;
	let isOpen = false;
	relay.tamperReply = (path, reply) => {
		if (path !== '/backup' || !('items' in reply)) return reply;
		if (!isOpen) throw new Refusal(503, 'unavailable');
		asked.push(reply.items.map(({ seq }: { seq: number }) => seq).join(' '));
		return reply;
	};
	await write('deep down');
	await other.until('the message, without its key', waits);
	const before = backup.length;
	await ada.until('the key in the backup', () => backup.length > before);
	await ada.backedUp();
	// Far more than one page on top of it.
	while (backup.length < before + 250) backup.push({ seq: backup.length + 1, data: backup[0]!.data });
	const all = backup.length;
	isOpen = true;
	other.tab.wake();
	await other.message(channel, 'deep down', 'received');
	// Ada's device may have more to put there meanwhile, for which nothing waits here.
	await other.until('the place', async () => (await place()) >= all);
	isOpen = false;
	await write('one more');
	await other.until('that one, without its key', waits);
	const next = backup.length;
	await ada.until('its key in the backup', () => backup.length > next);
	await ada.backedUp();
	asked.length = 0;
	isOpen = true;
	other.tab.wake();
	await other.message(channel, 'one more', 'received');
	assert.equal(asked.length, 1, 'one page, of which only what is new is looked at');
});
