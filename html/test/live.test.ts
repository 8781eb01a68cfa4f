// SPDX-License-Identifier: GPL-3.0-or-later
// Real cores against a real server: CHATALOT_URL names it, CHATALOT_SETUP_TOKEN makes its owner. Run by t/web_core.t,
// which reloads the server and kills its workers meanwhile; skipped without a server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Id } from '../src/lib/core/types';
import { arrive, password, register as registered, setupToken, url } from './support/live';
import type { Person } from './support/person';

const messages = Number(process.env.CHATALOT_MESSAGES ?? 40);

async function register(username: string, by: { setupToken?: string; invite?: string }): Promise<Person> {
	const { person, recoveryCode } = await registered(username, by);
	assert.match(recoveryCode, /^([0-9A-Z]{4}-){5}[0-9A-Z]{4}$/);
	return person;
}

const texts = (person: Person, channel: Id) => person.messages(channel).map(({ text }) => text);
const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i}`);

test('people, devices and conversations on a real server', { skip: !url, timeout: 300_000 }, async (t) => {
	let ada!: Person, ben!: Person, channel!: Id, dm!: Id, community!: Id, benId!: Id;

	await t.test('an owner, a community, an invite, a member', async () => {
		ada = await register('ada', { setupToken });
		const made = await ada.core.createCommunity('Garden');
		community = made.id;
		channel = made.groups[0]!.channels[0]!.id;
		const { code, url: link } = await ada.core.createInvite(community, { maxUses: 5 });
		assert.equal(link, `${url}/invite/${code}`);
		const info = await (await arrive('nobody')).core.lookAtInvite(code);
		assert.deepEqual([info.community.name, info.invitedBy.username, info.members], ['Garden', 'ada', 1]);
		ben = await register('ben', { invite: code });
		benId = (await ben.core.start()).account!.id;
		await ben.until('the community', () => ben.last('communities')?.[0]?.name === 'Garden');
		assert.equal((await ada.core.members(community)).length, 2);
	});

	await t.test('messages both ways, live', async () => {
		await ada.core.send(channel, 'hello ben');
		await ben.message(channel, 'hello ben', 'received');
		await ben.core.send(channel, 'hello ada');
		await ada.message(channel, 'hello ada', 'received');
		assert.equal((await ada.core.security(channel)).state, 'sealed');
	});

	await t.test('direct messages', async () => {
		({ id: dm } = await ada.core.openDm(benId));
		await ada.core.send(dm, 'between us');
		await ben.message(dm, 'between us', 'received');
		await ben.core.send(dm, 'of course');
		await ada.message(dm, 'of course', 'received');
	});

	await t.test('a stream from both sides arrives once, in order, whatever happens to the server', async () => {
		const both = [
			[ada, 'a'],
			[ben, 'b']
		] as const;
		await Promise.all(
			both.map(async ([person, name]) => {
				for (const text of numbered(name, messages)) {
					await person.core.send(channel, text);
					await person.message(channel, text, 'sent');
				}
			})
		);
		for (const [person] of both) for (const [, name] of both) await person.message(channel, `${name} ${messages - 1}`);
		await ada.until('everything', () => texts(ada, channel).length === 2 * messages + 2);
		await ben.until('everything', () => texts(ben, channel).length === 2 * messages + 2);
		assert.deepEqual(texts(ada, channel), texts(ben, channel));
		for (const [, name] of both)
			assert.deepEqual(
				texts(ada, channel).filter((text) => text.startsWith(`${name} `)),
				numbered(name, messages)
			);
	});

	await t.test('a new device reads it all and is heard', async () => {
		await ada.backedUp();
		const second = await arrive('ada 2');
		await second.core.signIn({ username: 'ada', password });
		await second.until('the restore', () => second.last('restore'));
		await second.open(channel);
		await second.message(channel, `b ${messages - 1}`);
		await second.open(dm);
		await second.message(dm, 'between us');
		await second.message(dm, 'of course');
		let page = await second.core.open(channel);
		const all = [...page.messages];
		while (page.more) {
			page = await second.core.older(channel, all[0]!.seq!);
			all.unshift(...page.messages);
		}
		assert.deepEqual(
			all.map(({ text }) => text),
			texts(ada, channel)
		);
		await second.core.send(channel, 'from my other device');
		await ben.message(channel, 'from my other device', 'received');
		await ada.message(channel, 'from my other device', 'sent');
		await ben.core.send(dm, 'to both of you');
		await Promise.all([ada.message(dm, 'to both of you'), second.message(dm, 'to both of you')]);
		assert.equal((await ada.core.devices()).length, 2);
		await second.core.signOut();
		await ada.until('one device less', async () => (await ada.core.devices()).length === 1);
	});

	await t.test('who is removed reads no more; the others go on', async () => {
		await ada.core.removeMember(community, benId);
		await ben.until('the removal', () => ben.last('communities')?.length === 0);
		await ada.core.send(channel, 'he is gone');
		await ada.message(channel, 'he is gone', 'sent');
		assert.ok(!texts(ben, channel).includes('he is gone'));
		await ben.core.send(dm, 'still friends?');
		await ada.message(dm, 'still friends?', 'received');
	});
});
