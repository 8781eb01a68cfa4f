// SPDX-License-Identifier: GPL-3.0-or-later
// Keeping and getting back an account: recovery, an admin's reset, new passwords, codes and identities, devices, and
// leaving for good.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../src/lib/core/problem';
import { Passwords, type Proof } from '../src/lib/engine/password';
import { Refusal, Relay, type RelayUser } from './support/relay';
import { arrive, engineOf, password, scene, secondDevice, verify } from './support/scene';

const next = 'another battery of staples';

/** A person with a message to read, and the recovery code. */
async function withCode() {
	const relay = new Relay();
	const ada = await arrive(relay, 'ada');
	const { recoveryCode } = await ada.core.register({ username: 'ada', displayName: 'Ada', password });
	await ada.online();
	const channel = (await ada.core.createCommunity('Garden')).groups[0]!.channels[0]!.id;
	await ada.core.send(channel, 'to be kept');
	await ada.message(channel, 'to be kept', 'sent');
	await ada.until('the key in the backup', () => relay.users.values().next().value!.backup.length > 0);
	await ada.backedUp();
	return { relay, ada, channel, recoveryCode, user: [...relay.users.values()][0]! };
}

test('the recovery code sets a new password in one step: other devices are out, history stays', async () => {
	const { relay, ada, channel, recoveryCode, user } = await withCode();
	const later = await arrive(relay, 'ada later');
	const wrong = later.core.recover({ username: 'ada', recoveryCode: recoveryCode.replace(/\w/g, '0'), password: next });
	await assert.rejects(wrong, { code: 'bad_credentials' });
	const nonsense = later.core.recover({ username: 'ada', recoveryCode: 'not a code', password: next });
	await assert.rejects(nonsense, { code: 'recovery_code_invalid' });
	const typed = recoveryCode.toLowerCase().replaceAll('-', ' ');
	const recovered = await later.core.recover({ username: 'ada', recoveryCode: typed, password: next });
	assert.equal(recovered.account.username, 'ada');
	assert.notEqual(recovered.recoveryCode, recoveryCode);
	await ada.until('the end', () => ada.last('connection')?.state === 'ended');
	assert.equal(user.devices.filter(({ live }) => live).length, 1);
	await later.online();
	await later.until('the history', async () => (await later.open(channel)).some(({ text }) => text === 'to be kept'));
	await later.core.signOut();
	await assert.rejects(later.core.signIn({ username: 'ada', password }), { code: 'bad_credentials' });
	await later.core.signIn({ username: 'ada', password: next });
	const again = await arrive(relay, 'ada again');
	const old = again.core.recover({ username: 'ada', recoveryCode, password: next });
	await assert.rejects(old, { code: 'bad_credentials' });
	await again.core.recover({ username: 'ada', recoveryCode: recovered.recoveryCode, password });
});

test('a recovery whose answer was lost is completed, and its code is the one that counts', async () => {
	const { relay, recoveryCode } = await withCode();
	const later = await arrive(relay, 'ada later');
	relay.loseAnswer = (call) => call === 'POST /auth/recovery/complete';
	const recovered = await later.core.recover({ username: 'ada', recoveryCode, password: next });
	relay.loseAnswer = () => false;
	await later.online();
	const again = await arrive(relay, 'ada again');
	await again.core.recover({ username: 'ada', recoveryCode: recovered.recoveryCode, password });
});

test('after an admin’s reset the recovery code opens the keys, and the new password from then on', async () => {
	const { relay, channel, recoveryCode, user } = await withCode();
	const later = await arrive(relay, 'ada later');
	const code = relay.reset(user.body.user);
	await assert.rejects(later.core.useResetCode({ username: 'ada', code: 'wrong', password: next }), {
		code: 'bad_credentials'
	});
	await assert.rejects(later.core.unlock(recoveryCode), { code: 'not_locked' });
	const locked = await later.core.useResetCode({ username: 'ada', code, password: next });
	assert.ok(locked.state === 'locked' && locked.person.username === 'ada');
	assert.equal(user.devices.length, 1);
	assert.equal((await later.core.start()).phase, 'signed-out');
	await assert.rejects(later.core.unlock('0000-0000-0000-0000-0000-0000'), { code: 'keyring_mismatch' });
	await later.core.unlock(recoveryCode);
	await later.online();
	await later.until('the history', async () => (await later.open(channel)).some(({ text }) => text === 'to be kept'));
	const again = await arrive(relay, 'ada again');
	assert.equal((await again.core.signIn({ username: 'ada', password: next })).state, 'signed-in');
});

test('after a reset one may start anew: others see another identity, and what was sealed stays so', async () => {
	const { relay, ada, ben, dm, users } = await scene();
	await verify(ada, users.ben.body.user);
	const code = relay.reset(users.ben.body.user);
	const later = await arrive(relay, 'ben later');
	await later.core.useResetCode({ username: 'ben', code, password: next });
	const { recoveryCode } = await later.core.startAnew();
	assert.match(recoveryCode, /^(\w{4}-){5}\w{4}$/);
	await later.online();
	await ben.until('the end', () => ben.last('connection')?.state === 'ended');
	await later.until('the conversation', async () => (await later.core.start()).dms.some(({ id }) => id === dm));
	assert.notEqual((await later.open(dm)).find(({ seq }) => seq === 1)?.state, 'received');
	await ada.until('the change', async () => (await ada.core.security(dm)).changed[0]?.wasVerified);
	await ada.core.acceptIdentity(dm, users.ben.body.user);
	await ada.core.send(dm, 'welcome back');
	await later.message(dm, 'welcome back', 'received');
});

test('a new password opens the same keys; the old one opens nothing', async () => {
	const { relay, ada, channel } = await withCode();
	await assert.rejects(ada.core.changePassword({ current: 'wrong', next }), { code: 'bad_credentials' });
	await ada.core.changePassword({ current: password, next });
	await ada.core.send(channel, 'still signed in');
	await ada.message(channel, 'still signed in', 'sent');
	const again = await arrive(relay, 'ada again');
	await assert.rejects(again.core.signIn({ username: 'ada', password }), { code: 'bad_credentials' });
	assert.equal((await again.core.signIn({ username: 'ada', password: next })).state, 'signed-in');
	await again.until('the history', async () => (await again.open(channel)).some(({ text }) => text === 'to be kept'));
});

test('a password that an admin reset opens keys again once a signed-in device has set one', async () => {
	const { relay, ada, user } = await withCode();
	const other = await arrive(relay, 'ada at the admin’s');
	const reset = { username: 'ada', code: relay.reset(user.body.user), password: next };
	assert.equal((await other.core.useResetCode(reset)).state, 'locked');
	await ada.core.changePassword({ current: next, next: password });
	assert.equal((await other.core.signIn({ username: 'ada', password })).state, 'signed-in');
});

/** Whether a code opens the account; another device is in then, with another code. */
async function opens(relay: Relay, recoveryCode: string): Promise<boolean> {
	const later = await arrive(relay, 'ada later');
	return later.core.recover({ username: 'ada', recoveryCode, password: next }).then(
		() => true,
		(error: Failure) => (assert.equal(error.code, 'bad_credentials'), false)
	);
}

test('a new recovery code is there before it works, and replaces the old one once it is set', async () => {
	const { relay, ada, recoveryCode: old } = await withCode();
	const { recoveryCode } = await ada.core.makeRecoveryCode();
	assert.match(recoveryCode, /^(\w{4}-){5}\w{4}$/);
	assert.ok(!relay.calls.includes('POST /auth/recovery-code'), 'nobody has been told of it');
	assert.equal(await opens(relay, recoveryCode), false);
	await assert.rejects(ada.core.setRecoveryCode({ password: 'wrong', recoveryCode }), { code: 'bad_credentials' });
	await assert.rejects(ada.core.setRecoveryCode({ password, recoveryCode: 'none' }), { code: 'recovery_code_invalid' });
	assert.equal(await opens(relay, recoveryCode), false);
	await ada.core.setRecoveryCode({ password, recoveryCode });
	assert.equal(await opens(relay, old), false);
	assert.equal(await opens(relay, recoveryCode), true);
});

test('a new recovery code whose answer was lost is set again until it works', async () => {
	const { relay, ada, recoveryCode: old } = await withCode();
	const { recoveryCode } = await ada.core.makeRecoveryCode();
	const set = () => ada.core.setRecoveryCode({ password, recoveryCode });
	for (const outcome of ['never came', 'was done, and the answer lost', 'fell down'] as const) {
		relay.before = (call) => {
			if (outcome !== 'fell down' || call !== 'POST /auth/recovery-code') return;
			throw new Refusal(502, 'unavailable');
		};
		relay.loseAnswer = (call) => outcome.startsWith('was done') && call === 'POST /auth/recovery-code';
		relay.reachable = outcome !== 'never came';
		const code = outcome === 'never came' ? 'network' : 'code_unconfirmed';
		await assert.rejects(set(), { code }, outcome);
	}
	relay.before = () => undefined;
	await set();
	await set();
	assert.equal(await opens(relay, old), false);
	assert.equal(await opens(relay, recoveryCode), true);
});

test('what opens the keyring does not stay in memory longer than it is needed', async () => {
	const { relay, recoveryCode, user } = await withCode();
	const made: Proof[] = [];
	const { prove } = Passwords.prototype;
	Passwords.prototype.prove = async function (...given) {
		const proof = await prove.apply(this, given);
		made.push(proof);
		return proof;
	};
	try {
		const later = await arrive(relay, 'ada later');
		await assert.rejects(later.core.signIn({ username: 'ada', password: 'wrong' }), { code: 'bad_credentials' });
		const reset = { username: 'ada', code: relay.reset(user.body.user), password: next };
		assert.equal((await later.core.useResetCode(reset)).state, 'locked');
		assert.equal((await later.core.signIn({ username: 'ada', password: next })).state, 'locked');
		const isWiped = () => made.map(({ wrapKey }) => wrapKey.every((byte) => byte === 0));
		assert.deepEqual(isWiped(), [true, true, false], 'all but that of the account that waits for its code');
		relay.before = (call) => {
			if (call === 'POST /auth/password') throw new Refusal(403, 'forbidden');
		};
		await later.core.unlock(recoveryCode);
		assert.deepEqual(isWiped(), [true, true, true]);
	} finally {
		Passwords.prototype.prove = prove;
	}
});

test('a new identity keeps what this device can read, uploads it anew, and is seen by others', async () => {
	const { relay, ada, ben, channel, dm, users } = await scene();
	await ada.backedUp();
	const thief = await secondDevice(relay, 'ada');
	await verify(ben, users.ada.body.user);
	const before = engineOf(ada).ctx.own.accountKey;
	const { recoveryCode } = await ada.core.replaceIdentity(password);
	await thief.until('the end', () => thief.last('connection')?.state === 'ended');
	assert.notDeepEqual(engineOf(ada).ctx.own.accountKey, before);
	await ada.online();
	assert.ok((await ada.open(channel)).some(({ text }) => text === 'from ben'));
	await ben.until('the change', async () => (await ben.core.security(dm)).changed[0]?.wasVerified);
	await ben.core.acceptIdentity(dm, users.ada.body.user);
	await ada.core.send(channel, 'it is me again');
	await ben.message(channel, 'it is me again', 'received');
	await ada.until('the new backup', () => users.ada.backup.length > 1);
	await ada.backedUp();
	const later = await arrive(relay, 'ada later');
	await later.core.recover({ username: 'ada', recoveryCode, password: next });
	await later.online();
	for (const text of ['from ada', 'from ben', 'it is me again'])
		await later.until(text, async () => (await later.open(channel)).some((message) => message.text === text));
});

test('a new identity whose answer was lost is taken up', async () => {
	const { relay, ada, channel } = await withCode();
	relay.loseAnswer = (call) => call === 'POST /auth/identity';
	await ada.core.replaceIdentity(password);
	relay.loseAnswer = () => false;
	await ada.core.send(channel, 'as somebody new');
	await ada.message(channel, 'as somebody new', 'sent');
});

test('a new identity of which nothing is heard is asked for again: the same one, and what this device could read stays', async () => {
	const { relay, ada, channel } = await withCode();
	relay.loseAnswer = (call) => call === 'POST /auth/identity';
	relay.before = (call) => {
		if (call === 'POST /auth/login') throw new Refusal(503, 'unavailable');
	};
	await assert.rejects(ada.core.replaceIdentity(password), { code: 'network' });
	relay.loseAnswer = () => false;
	relay.before = () => undefined;
	const { recoveryCode } = await ada.core.replaceIdentity(password);
	assert.ok((await ada.open(channel)).some(({ text }) => text === 'to be kept'));
	await ada.core.send(channel, 'as somebody new');
	await ada.message(channel, 'as somebody new', 'sent');
	assert.equal(await opens(relay, recoveryCode), true);
});

test('devices are renamed and removed; the one in the hands is signed out instead', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	await ada.backedUp();
	const other = await secondDevice(relay, 'ada');
	const [first, second] = users.ada.devices.map(({ id }) => id) as [string, string];
	await ada.core.renameDevice(second, 'the one on the boat');
	assert.deepEqual(
		(await ada.core.devices()).map(({ name }) => name),
		['ada', 'the one on the boat']
	);
	await assert.rejects(ada.core.removeDevice(first), { code: 'own_device' });
	await assert.rejects(ada.core.removeDevice(users.ben.devices[0]!.id), { code: 'device_not_found' });
	await ada.core.removeDevice(second);
	await other.until('the end', () => other.last('connection')?.state === 'ended');
	assert.equal((await ada.core.devices()).length, 1);
	await ada.core.send(channel, 'without the boat');
	await ben.message(channel, 'without the boat', 'received');
	assert.equal(users.ada.devices[1]!.inbox.filter(({ sender }) => sender === users.ada.body.user).length, 0);
});

test('signing out waits until every key is in the backup, or says that it is not', async () => {
	const { relay, ada, channel, user } = await withCode();
	const before = user.backup.length;
	relay.before = (call) => {
		if (call === 'POST /backup') throw new Refusal(503, 'unavailable');
	};
	relay.channels.get(channel)!.epoch++;
	relay.announce(relay.channels.get(channel)!);
	await ada.core.send(channel, 'with a new key');
	await ada.message(channel, 'with a new key', 'sent');
	await assert.rejects(ada.core.signOut(), { code: 'backup_pending' });
	assert.equal((await ada.core.start()).phase, 'signed-in');
	relay.before = () => undefined;
	await ada.core.signOut();
	assert.ok(user.backup.length > before);
	assert.equal((await ada.core.start()).phase, 'signed-out');
	const again = await arrive(relay, 'ada again');
	await again.core.signIn({ username: 'ada', password });
	await again.until('the key', async () => (await again.open(channel)).some(({ text }) => text === 'with a new key'));
	relay.before = (call) => {
		if (call === 'POST /backup') throw new Refusal(503, 'unavailable');
	};
	await again.core.signOut({ withoutBackup: true });
	assert.equal((await again.core.start()).phase, 'signed-out');
});

test('an account is deleted by its password, once nobody is left behind without an owner', async () => {
	const { relay, ada, ben, users } = await scene();
	const community = [...relay.communities.values()][0]!.id;
	await assert.rejects(ada.core.deleteAccount('wrong'), { code: 'bad_credentials' });
	await assert.rejects(ada.core.deleteAccount(password), {
		code: 'owner_stays',
		problem: {
			code: 'owner_stays',
			message: 'owner_stays',
			requestId: 'r',
			field: undefined,
			retryAfter: undefined,
			communities: [community]
		}
	});
	assert.equal((await ada.core.start()).phase, 'signed-in');
	await ben.core.deleteAccount(password);
	assert.equal((await ben.core.start()).phase, 'signed-out');
	assert.ok(users.ben.devices.every(({ live }: RelayUser['devices'][number]) => !live));
	await assert.rejects(ben.core.signIn({ username: 'ben', password }), { code: 'bad_credentials' });
});
