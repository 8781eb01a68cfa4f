// SPDX-License-Identifier: GPL-3.0-or-later
// Who reads the past is for the members to say: a history policy that the server flips opens nothing from before, not to
// somebody of its own either, and everybody sees it; and a report that it makes up is not shown as one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Person } from '../support/person';
import type { RelayUser } from '../support/relay';
import { engineOf, joinLast, register, scene, senderKeysOf, type Scene } from '../support/scene';

const notesOf = async (person: Person, channel: string) =>
	(await person.core.security(channel)).notes.map(({ what, person: of }) => (of ? `${what} ${of.username}` : what));

/** Mallory is let in, looks at all that the server lets her see, and asks for every key of it. */
async function letIn({ relay }: Scene): Promise<{ mallory: Person; user: RelayUser }> {
	const mallory = await register(relay, 'mallory');
	const user = joinLast(relay);
	await mallory.until('the channel', () => mallory.last('communities')?.length);
	return { mallory, user };
}

/** Until nothing is waited for any more. */
async function givenUp(person: Person, channel: string, seqs: number[]): Promise<void> {
	await person.until('an outcome of all', async () => {
		const known = await engineOf(person).ctx.store.read.get('channels', channel);
		const page =
			known && known.first > 1 ? await person.core.older(channel, known.last + 1) : await person.core.open(channel);
		const states = new Map(page.messages.map(({ seq, state }) => [seq, state]));
		if (seqs.every((seq) => states.has(seq) && states.get(seq) !== 'waiting')) return true;
		person.tab.skew += 11 * 60_000;
		person.tab.wake();
		return false;
	});
}

const textsOf = async (person: Person, channel: string) =>
	(await person.core.open(channel)).messages.map(({ text }) => text).filter((text) => text !== '');

test('a history policy that the server flips opens nothing of before, and everybody sees it', async () => {
	const made = await scene();
	const { relay, ada, ben, channel, users } = made;
	const place = relay.channels.get(channel)!;
	relay.setHistory(place, 'all');
	const { mallory } = await letIn(made);
	await ada.core.send(channel, 'after the flip');
	await mallory.message(channel, 'after the flip', 'received');
	await ben.message(channel, 'after the flip', 'received');
	await givenUp(mallory, channel, [1, 2]);
	assert.deepEqual(await textsOf(mallory, channel), ['after the flip']);
	const { library } = engineOf(ada).ctx;
	for (const { epoch, record } of await senderKeysOf(mallory, channel, users.ada.devices[0]!.id))
		assert.ok(epoch >= 1 && library.inspectSenderKey(record).keyId.length === 16);
	for (const person of [ada, ben]) {
		const notes = await notesOf(person, channel);
		assert.ok(notes.includes('history_all') && notes.includes('reader_added mallory'), notes.join());
	}
});

test('a policy that goes to and fro opens nothing of the time in between', async () => {
	const made = await scene();
	const { relay, ada, ben, channel } = made;
	const place = relay.channels.get(channel)!;
	const told = (what: string, times: number) =>
		ada.until(what, async () => (await notesOf(ada, channel)).filter((note) => note === what).length === times);
	await ada.core.setHistory(channel, 'all');
	await told('history_all', 1);
	await ada.core.setHistory(channel, 'since_joining');
	await told('history_since_joining', 1);
	await ada.core.send(channel, 'for those who are here');
	await ben.message(channel, 'for those who are here', 'received');
	relay.setHistory(place, 'all');
	await told('history_all', 2);
	const { mallory } = await letIn(made);
	await ada.core.send(channel, 'for all again');
	await mallory.message(channel, 'for all again', 'received');
	await givenUp(mallory, channel, [1, 2, 3]);
	assert.deepEqual(await textsOf(mallory, channel), ['for all again']);
});

test('a device that nobody vouches for is given no past, under the most open policy', async () => {
	const made = await scene();
	const { relay, ada, ben, channel, users } = made;
	await ada.core.setHistory(channel, 'all');
	await ben.until('the news', async () => (await notesOf(ben, channel)).includes('history_all'));
	await ada.core.send(channel, 'for members to come');
	await ben.message(channel, 'for members to come', 'received');
	const mallory = await register(relay, 'mallory');
	const own = engineOf(mallory).ctx.own.device;
	const evil = relay.device(own)!;
	// Hers, given out for one of ben's.
	users.ben.devices.push({ ...evil, user: users.ben.body.user, inbox: [] });
	relay.rosterMoved(users.ben.body.user);
	await ada.core.send(channel, 'and this');
	await ben.message(channel, 'and this', 'received');
	assert.equal(users.ben.devices.at(-1)!.inbox.length, 0);
	assert.equal(evil.inbox.length, 0);
	assert.equal((await ada.core.security(channel)).state, 'attention');
});

test('a report that the server makes up is not shown as one to who has the message', async () => {
	const { relay, ada, ben, channel } = await scene();
	await ben.core.send(channel, 'harmless enough');
	const shown = await ada.message(channel, 'harmless enough', 'received');
	await ada.core.report({ channel, id: shown.id }, 'look at this');
	const franking_key = Buffer.alloc(32).toString('base64url');
	const payload = Buffer.from(JSON.stringify({ type: 'text', text: 'a threat', franking_key })).toString('base64url');
	const honest = relay.reports[0].payload;
	relay.reports[0].payload = payload;
	const [forged] = (await ada.core.reports({})).reports;
	assert.deepEqual([forged!.text, forged!.problem?.code], ['', 'report_differs']);
	relay.reports[0].payload = honest;
	const [good] = (await ada.core.reports({})).reports;
	assert.deepEqual([good!.text, good!.problem], ['harmless enough', undefined]);
});
