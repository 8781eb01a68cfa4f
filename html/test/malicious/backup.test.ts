// SPDX-License-Identifier: GPL-3.0-or-later
// A server that holds the backup back from a new device, so that it might take whatever it is shown for the people that
// its person has verified.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scene, secondDevice, verify } from '../support/scene';

test('while the backup is withheld a new device sends nothing and says so; the person may go on without', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	await verify(ada, users.ben.body.user);
	await ada.backedUp();
	relay.tamperReply = (path, reply) => (path === '/backup' && reply.items ? { items: [], more: false } : reply);
	const other = await secondDevice(relay, 'ada');
	await other.until('the conversation', async () => (await other.core.start()).communities.length > 0);
	await other.core.send(channel, 'does anybody hear me?');
	const held = await other.until('what holds it back', () =>
		other.messages(channel).find(({ problem }) => problem?.code === 'backup_withheld')
	);
	assert.equal(held.state, 'queued');
	assert.equal(other.last('restore')!.problem!.code, 'backup_withheld');
	assert.equal(relay.channels.get(channel)!.log.length, 2);
	await assert.rejects(verify(other, users.ben.body.user), { code: 'backup_withheld' });

	await other.core.continueWithoutBackup();
	await ben.message(channel, 'does anybody hear me?', 'received');
	assert.equal((await other.core.safety(users.ben.body.user)).state, 'met');
	await assert.rejects(other.core.continueWithoutBackup(), { code: 'backup_unread' });
});

test('a backup that is given out after all is read, and what waited for it is sent', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	await verify(ada, users.ben.body.user);
	await ada.backedUp();
	relay.tamperReply = (path, reply) => (path === '/backup' && reply.items ? { items: [], more: false } : reply);
	const other = await secondDevice(relay, 'ada');
	await other.until('the conversation', async () => (await other.core.start()).communities.length > 0);
	await other.core.send(channel, 'held back');
	await other.until('the problem', () => other.last('restore')?.problem);
	relay.tamperReply = (_path, reply) => reply;
	other.tab.wake();
	await ben.message(channel, 'held back', 'received');
	assert.equal((await other.core.safety(users.ben.body.user)).state, 'verified');
});

test('a backup without its mark, or with one of somebody else, is not taken for the whole', async () => {
	const { relay, ada, channel, users } = await scene();
	await ada.backedUp();
	const [marked, ...rest] = users.ada.backup;
	assert.ok(marked);
	users.ada.backup = [...users.ben.backup, ...rest].map(({ data }, i) => ({ seq: i + 1, data }));
	const other = await secondDevice(relay, 'ada');
	await other.until('the problem', () => other.last('restore')?.problem);
	await other.core.send(channel, 'not yet');
	await other.until('what holds it back', () =>
		other.messages(channel).find(({ problem }) => problem?.code === 'backup_withheld')
	);
});
