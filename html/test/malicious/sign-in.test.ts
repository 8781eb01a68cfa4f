// SPDX-License-Identifier: GPL-3.0-or-later
// Becoming a device at a server that lies: cheap or ruinous hashing, keyrings and backups of its making, keys of another
// suite, another account than was asked for. It ends before anything that helps a guess has left, and no device is made.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBase64url } from '../../src/lib/core/bytes';
import type { Failure } from '../../src/lib/core/problem';
import { uuidBytes } from '../../src/lib/core/uuid';
import { Relay, type Json, type RelayUser } from '../support/relay';
import { arrive, engineOf, password, register, scene, secondDevice } from '../support/scene';

const MIB = 1 << 20;
const weak: [string, { ops: number; mem: number }, string][] = [
	['one pass', { ops: 1, mem: 64 * MIB }, 'kdf_weak'],
	['no pass', { ops: 0, mem: 64 * MIB }, 'kdf_weak'],
	['one MiB', { ops: 3, mem: MIB }, 'kdf_weak'],
	['a byte less than 64 MiB', { ops: 3, mem: 64 * MIB - 1 }, 'kdf_weak'],
	['a thousand passes', { ops: 1000, mem: 64 * MIB }, 'kdf_excessive'],
	['a terabyte', { ops: 3, mem: 2 ** 40 }, 'kdf_excessive']
];
for (const [what, kdf, code] of weak) {
	test(`a password is not hashed with ${what} to sign in`, async () => {
		const relay = new Relay();
		await register(relay, 'ada');
		const again = await arrive(relay, 'ada 2');
		relay.kdf = kdf;
		await assert.rejects(again.core.signIn({ username: 'ada', password }), (error: Failure) => error.code === code);
		assert.ok(!relay.calls.includes('POST /auth/login'));
		assert.equal((await again.core.start()).phase, 'signed-out');
	});
	test(`a password is not hashed with ${what} to register`, async () => {
		const relay = new Relay();
		relay.kdf = kdf;
		const ada = await arrive(relay, 'ada');
		const trying = ada.core.register({ username: 'ada', displayName: 'Ada', password });
		await assert.rejects(trying, (error: Failure) => error.code === code);
		assert.ok(!relay.calls.includes('POST /auth/register'));
		assert.equal((await ada.core.start()).phase, 'signed-out');
	});
}

test('a short salt is refused', async () => {
	const relay = new Relay();
	await register(relay, 'ada');
	const again = await arrive(relay, 'ada 2');
	relay.tamperReply = (path, reply) => (path === '/auth/prelogin' ? { ...reply, salt: 'AAAA' } : reply);
	await assert.rejects(again.core.signIn({ username: 'ada', password }));
	assert.ok(!relay.calls.includes('POST /auth/login'));
});

const logins: [string, (own: RelayUser, other: RelayUser) => Json][] = [
	['a keyring of somebody else', (_own, other) => ({ keyring_password: other.body.keyring_password })],
	['the keyring under the recovery code', (own) => ({ keyring_password: own.body.keyring_recovery })],
	['a keyring of another suite', (own) => ({ keyring_password: withByte(own.body.keyring_password, 1) })],
	['a keyring with one bit changed', (own) => ({ keyring_password: withByte(own.body.keyring_password, 60) })],
	['another account key', (_own, other) => ({ account_key: other.body.account_key })],
	['another backup key', (_own, other) => ({ backup_key: other.body.backup_key })],
	[
		'another user id',
		(own, other) => ({
			user: { id: other.body.user, username: own.body.username, display_name: own.body.display_name }
		})
	]
];
function withByte(text: string, at: number): string {
	const data = Buffer.from(text, 'base64url');
	data[at]! ^= 3;
	return data.toString('base64url');
}
for (const [what, lie] of logins)
	test(`${what} is not taken for one’s own, and no device is made`, async () => {
		const relay = new Relay();
		await register(relay, 'ada');
		await register(relay, 'ben');
		const [ada, ben] = [...relay.users.values()] as [RelayUser, RelayUser];
		const again = await arrive(relay, 'ada 2');
		relay.tamperReply = (path, reply) => (path === '/auth/login' ? { ...reply, ...lie(ada, ben) } : reply);
		const trying = again.core.signIn({ username: 'ada', password });
		await assert.rejects(trying, (error: Failure) => error.code === 'keyring_mismatch');
		assert.equal(ada.devices.length, 1);
		assert.equal((await again.core.start()).phase, 'signed-out');
		relay.tamperReply = (_path, reply) => reply;
		await again.core.signIn({ username: 'ada', password });
	});

const admitted: [string, (reply: Json, other: RelayUser) => Json][] = [
	['another account', (reply, other) => ({ user: { ...reply.user, id: other.body.user } })],
	['another device', (_reply, other) => ({ device: other.devices[0]!.id })]
];
for (const [what, lie] of admitted)
	test(`being admitted as ${what} is refused`, async () => {
		const relay = new Relay();
		await register(relay, 'ada');
		await register(relay, 'ben');
		const ben = [...relay.users.values()].at(-1)!;
		const again = await arrive(relay, 'ada 2');
		relay.tamperReply = (path, reply) =>
			path === '/devices' && reply.access_token ? { ...reply, ...lie(reply, ben) } : reply;
		const trying = again.core.signIn({ username: 'ada', password });
		await assert.rejects(trying, (error: Failure) => error.code === 'bad_reply');
		assert.equal((await again.core.start()).phase, 'signed-out');
	});

// --- the backup ------------------------------------------------------------------------------------------------------

test('a backup item of the server’s making is passed over, and the person’s own are read', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	await ada.backedUp();
	const { library, own } = engineOf(ben).ctx;
	const evil = await register(relay, 'mallory');
	const other = engineOf(evil).ctx.own;
	const chain = library.createSenderChain(uuidBytes(channel), 1, own.party, own.deviceSecret);
	const items = [{ kind: 'sender_key' as const, body: library.shareSenderChain(chain) }];
	const { backup } = users.ada;
	const honest = backup.length;
	const push = (data: string) => backup.push({ seq: backup.length + 1, data });
	// Sealed for her, but by somebody who does not have her secret; hers for somebody else; hers of another suite; rubbish.
	push(toBase64url(library.sealBackup(other.backupSecret, uuidBytes(users.ada.body.user), items)));
	push(users.ben.backup[0]?.data ?? 'AQEA');
	push(withByte(backup[0]!.data, 1));
	push(withByte(backup[0]!.data, 50));
	push(toBase64url(new Uint8Array(300)));
	const forged = backup.length - honest;
	const later = await secondDevice(relay, 'ada');
	await later.until('the restore', () => later.last('restore'));
	await later.until('the history', async () => (await later.open(channel)).some(({ text }) => text === 'from ben'));
	const passed = later.tab.logged.filter((line) => line.includes('backup item')).length;
	assert.equal(passed, forged);
	assert.ok(
		![...(await engineOf(later).ctx.store.read.all('senderKeys'))].some(({ keyId }) => keyId === keyIdOf(chain))
	);
	function keyIdOf(of: Uint8Array): string {
		return toBase64url(library.inspectSenderChain(of).keyId);
	}
});

test('items of a backup in another order, twice or missing leave nothing wrong: what is there opens, the rest says why', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	await ada.backedUp();
	const kept = structuredClone(users.ada.backup);
	users.ada.backup.splice(
		0,
		Infinity,
		...kept.flatMap((item) => [item, item]).map((item, n) => ({ ...item, seq: n + 1 }))
	);
	users.ada.backup.reverse();
	const second = await secondDevice(relay, 'ada');
	await second.until('the history', async () => (await second.open(channel)).some(({ text }) => text === 'from ben'));
	assert.equal(second.messages(channel).length, 2);

	users.ada.backup.length = 0;
	for (const device of users.ada.devices) if (device.upload.name === 'ada') relay.removeDevice(device);
	await ben.core.send(channel, 'meanwhile');
	const third = await arrive(relay, 'ada 3');
	await third.core.signIn({ username: 'ada', password });
	await third.online();
	await third.until('the messages', async () => (await third.open(channel)).length >= 2);
	for (const message of third.messages(channel))
		assert.ok(message.text !== '' || message.state === 'waiting' || message.problem, `entry ${message.seq}`);
});

test('an endless backup is not read for ever', async () => {
	const { relay, ada, channel } = await scene();
	await ada.backedUp();
	let pages = 0;
	relay.tamperReply = (path, reply) => {
		if (path !== '/backup' || !reply.items) return reply;
		pages++;
		return { items: reply.items.map((item: Json) => ({ ...item, seq: 7 })), more: true };
	};
	const later = await secondDevice(relay, 'ada');
	await later.until('the end of it', async () => (await engineOf(later).ctx.store.read.meta('restore'))!.finished);
	assert.ok(pages < 10);
	await later.until('the history', async () => (await later.open(channel)).some(({ text }) => text === 'from ben'));
});
