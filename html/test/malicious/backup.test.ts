// SPDX-License-Identifier: GPL-3.0-or-later
// A server that holds the backup back from a new device, so that it might take whatever it is shown for the people that
// its person has verified.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, Relay } from '../support/relay';
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
	assert.equal(other.last('restore')!.problem, undefined);
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

/** From this device's page on, all that was in the backup before is held back; returns what lets it through again. */
function withhold(relay: Relay, backup: Json[]): () => void {
	const upTo = backup.length;
	relay.tamperReply = (path, reply) =>
		path === '/backup' && reply.items
			? { items: reply.items.filter(({ seq }: Json) => seq > upTo), more: false }
			: reply;
	return () => (relay.tamperReply = (_path, reply) => reply);
}

/** Ada has verified Ben, and a device of hers that was not told so went on without the backup and met him. */
async function metWithoutBackup() {
	const all = await scene();
	const { relay, ada, ben, channel, users } = all;
	const him = users.ben.body.user as string;
	await verify(ada, him);
	await ada.backedUp();
	const release = withhold(relay, users.ada.backup);
	const other = await secondDevice(relay, 'ada');
	await other.until('the problem', () => other.last('restore')?.problem);
	await other.core.continueWithoutBackup();
	await other.core.send(channel, 'from a device that knows nobody');
	await ben.message(channel, 'from a device that knows nobody', 'received');
	assert.equal((await other.core.safety(him)).state, 'met');
	await other.backedUp();
	return { ...all, him, other, release };
}

test('who was verified stays so on later devices, though one that went on without the backup met them anew', async () => {
	const { relay, ada, him, release } = await metWithoutBackup();
	release();
	const third = await secondDevice(relay, 'ada');
	await third.until('the backup', () => {
		const last = third.last('restore');
		return last && last.done === last.total;
	});
	assert.equal((await third.core.safety(him)).state, 'verified');
	// That the person takes it back counts over it, as on any device.
	await ada.core.unverify(him);
	await ada.backedUp();
	const fourth = await secondDevice(relay, 'ada');
	await fourth.until('the backup', () => {
		const last = fourth.last('restore');
		return last && last.done === last.total;
	});
	assert.equal((await fourth.core.safety(him)).state, 'met');
	await third.until('the decision', async () => (await third.core.safety(him)).state === 'met');
});

test('a device that went on without the backup learns what is in it when it comes', async () => {
	const { other, him, release } = await metWithoutBackup();
	release();
	other.tab.wake();
	await other.until('the verification', async () => (await other.core.safety(him)).state === 'verified');
	// And what the person decides there counts over it.
	await other.core.unverify(him);
	await other.backedUp();
	assert.equal((await other.core.safety(him)).state, 'met');
});

test('a device that went on without the backup vouches for it to no other one', async () => {
	const { relay, ada, channel } = await metWithoutBackup();
	const third = await secondDevice(relay, 'ada');
	await third.until('the problem', () => third.last('restore')?.problem);
	await third.core.send(channel, 'held back');
	const held = await third.until('what holds it back', () =>
		third.messages(channel).find(({ problem }) => problem?.code === 'backup_withheld')
	);
	assert.equal(held.state, 'queued');
	assert.equal(
		ada.messages(channel).find(({ text }) => text === 'held back'),
		undefined
	);
});
