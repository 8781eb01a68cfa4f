// SPDX-License-Identifier: GPL-3.0-or-later
// A server that meddles while an account is recovered, its password changed, or a new device admitted: it gets nothing
// that would open the keys, and no device takes another's keys for its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64url, toBase64url } from '../../src/lib/core/bytes';
import type { Failure } from '../../src/lib/core/problem';
import { uuidBytes } from '../../src/lib/core/uuid';
import type { Person } from '../support/person';
import { Relay, type Json, type RelayUser } from '../support/relay';
import { arrive, engineOf, password, register, scene } from '../support/scene';

const next = 'another battery of staples';
const weak = [
	[{ ops: 1, mem: 64 << 20 }, 'kdf_weak'],
	[{ ops: 3, mem: 1 << 20 }, 'kdf_weak'],
	[{ ops: 1_000, mem: 64 << 20 }, 'kdf_excessive']
] as const;

async function two() {
	const relay = new Relay();
	const ada = await arrive(relay, 'ada');
	const { recoveryCode } = await ada.core.register({ username: 'ada', displayName: 'Ada', password });
	await register(relay, 'mallory');
	const [user, evil] = [...relay.users.values()] as [RelayUser, RelayUser];
	return { relay, ada, recoveryCode, user, evil };
}

test('a password is not changed, nor a recovery completed, under a cheap or ruinous hashing', async () => {
	const { relay, ada, recoveryCode, user } = await two();
	const later = await arrive(relay, 'later');
	const kept = structuredClone(user.body);
	for (const [kdf, code] of weak) {
		relay.kdf = kdf;
		const refused = (error: Failure) => error.code === code;
		await assert.rejects(ada.core.changePassword({ current: password, next }), refused);
		await assert.rejects(later.core.recover({ username: 'ada', recoveryCode, password: next }), refused);
		await assert.rejects(ada.core.setRecoveryCode({ password, recoveryCode }), refused);
		await assert.rejects(ada.core.replaceIdentity(password), refused);
		await assert.rejects(ada.core.deleteAccount(password), refused);
	}
	// Good ones for the password of now, cheap ones for the new one.
	relay.kdf = { ops: 3, mem: 64 << 20 };
	relay.tamperReply = (path, reply) => (path === '/auth/config' ? { ...reply, kdf: weak[0][0] } : reply);
	await assert.rejects(ada.core.changePassword({ current: password, next }), { code: 'kdf_weak' });
	await assert.rejects(later.core.recover({ username: 'ada', recoveryCode, password: next }), { code: 'kdf_weak' });
	assert.deepEqual(user.body, kept);
	for (const path of ['auth/password', 'auth/recovery/complete', 'auth/identity', 'account/delete'])
		assert.ok(!relay.calls.includes(`POST /${path}`), path);
});

test('a keyring of somebody else, or keys that are not in it, end a recovery before anything is set', async () => {
	const { relay, recoveryCode, evil } = await two();
	const later = await arrive(relay, 'later');
	const { keyring_recovery, account_key, backup_key, user: id } = evil.body;
	const lies = [
		{ keyring_recovery },
		{ account_key },
		{ backup_key },
		{ keyring_recovery, account_key, backup_key },
		{ user: { id, username: 'ada', display_name: 'Ada' } }
	];
	for (const lie of lies) {
		relay.tamperReply = (path, reply) => (path === '/auth/recovery' ? { ...reply, ...lie } : reply);
		const trying = later.core.recover({ username: 'ada', recoveryCode, password: next });
		await assert.rejects(trying, { code: 'keyring_mismatch' }, Object.keys(lie).join());
	}
	assert.ok(!relay.calls.includes('POST /auth/recovery/complete'));
	assert.equal((await later.core.start()).phase, 'signed-out');
});

test('the keys of somebody locked out are not taken from a keyring of the server’s making', async () => {
	const { relay, recoveryCode, user, evil } = await two();
	const later = await arrive(relay, 'later');
	const { keyring_recovery, account_key, backup_key } = evil.body;
	for (const lie of [{ keyring_recovery }, { keyring_recovery, account_key, backup_key }, { keyring_recovery: null }]) {
		relay.tamperReply = (path, reply) =>
			path === '/auth/login' ? { ...reply, keyring_password: null, ...lie } : reply;
		assert.equal((await later.core.signIn({ username: 'ada', password })).state, 'locked');
		await assert.rejects(later.core.unlock(recoveryCode), { code: 'keyring_mismatch' });
	}
	assert.equal(user.devices.length, 1);
});

const last = (person: Person, state: string) =>
	person.until(state, () => {
		const event = person.last('approval');
		return event?.state === state && event;
	});

/** Somebody between the two devices: the server, with the library and keys of its own. */
async function between() {
	const { relay, ada, users } = await scene();
	const later = await arrive(relay, 'ada later');
	const evil = new Map<string, Json>();
	const asked = await later.core.requestApproval();
	return { relay, ada, users, later, asked, evil };
}

const random = (length: number) => toBase64url(crypto.getRandomValues(new Uint8Array(length)));

test('a commitment that is not the one in the link is refused before anything is answered', async () => {
	const { relay, ada, asked } = await between();
	relay.approvals.get(asked.code).commitment = random(32);
	await assert.rejects(ada.core.lookAtApproval(asked.url), { code: 'approval_mismatch' });
	assert.ok(!relay.calls.some((call) => call.endsWith('/answer')));
	await assert.rejects(ada.core.approve(asked.code), { code: 'not_compared' });
});

test('a key that was not committed to is refused, and the request with it', async () => {
	const { relay, ada, users, later, asked } = await between();
	relay.tamperReply = (path, reply) =>
		path === `/approvals/${asked.code}` && reply.key ? { ...reply, key: random(32) } : reply;
	await assert.rejects(ada.core.lookAtApproval(asked.url), { code: 'approval_mismatch' });
	await assert.rejects(ada.core.approve(asked.code), { code: 'not_compared' });
	await last(later, 'refused');
	assert.equal(users.ada.devices.length, 1);
});

test('a commitment that changes while it is looked at is refused', async () => {
	const { relay, ada, asked } = await between();
	let times = 0;
	relay.tamperReply = (path, reply) =>
		path === `/approvals/${asked.code}` && reply.id && ++times > 1 ? { ...reply, commitment: random(32) } : reply;
	await assert.rejects(ada.core.lookAtApproval(asked.code), { code: 'approval_mismatch' });
});

test('a commitment that was made after the approver’s key was known is refused, however often the code is typed', async () => {
	const { relay, ada, asked } = await between();
	relay.tamperReply = (path, reply) => {
		if (path !== `/approvals/${asked.code}`) return reply;
		if (relay.approvals.get(asked.code).answer) ada.tab.skew = 60_000;
		return { ...reply, key: undefined, nonce: undefined };
	};
	await assert.rejects(ada.core.lookAtApproval(asked.code), { code: 'approval_silent' });
	const { id } = relay.approvals.get(asked.code);
	const evil = engineOf(ada).ctx.library.approvalBegin(uuidBytes(id));
	const [commitment, key, nonce] = [evil.commitment, evil.key, evil.nonce].map(toBase64url);
	relay.tamperReply = (path, reply) =>
		path === `/approvals/${asked.code}` ? { ...reply, commitment, key, nonce } : reply;
	await assert.rejects(ada.core.lookAtApproval(asked.code), { code: 'approval_mismatch' });
	await assert.rejects(ada.core.approve(asked.code), { code: 'not_compared' });
});

test('another approver’s key gives other digits on the two devices, and opens nothing', async () => {
	const { relay, ada, users, later, asked } = await between();
	const answer_key = random(32);
	relay.tamperReply = (path, reply) =>
		path === '/approvals/poll' && reply.answer_key ? { ...reply, answer_key } : reply;
	const seen = await ada.core.lookAtApproval(asked.url);
	const shown = await last(later, 'compare');
	assert.notEqual(shown.digits, seen.digits);
	// Should somebody say so all the same, on both.
	await later.core.confirmApproval();
	await ada.core.approve(asked.code);
	assert.equal((await last(later, 'failed')).problem!.code, 'approval_mismatch');
	assert.equal(users.ada.devices.length, 1);
	assert.equal((await later.core.start()).phase, 'signed-out');
});

test('an approver’s key, person or keys that change after the digits were shown end the request', async () => {
	const lies: [string, (reply: Json, evil: RelayUser) => Json][] = [
		['approval_mismatch', (reply) => ({ ...reply, answer_key: random(32) })],
		['approval_mismatch', (reply, { body }) => ({ ...reply, user: { ...reply.user, id: body.user } })],
		['approval_mismatch', (reply) => ({ ...reply, sealed: random(98) })],
		['keyring_mismatch', (reply, { body }) => ({ ...reply, account_key: body.account_key })],
		['keyring_mismatch', (reply, { body }) => ({ ...reply, backup_key: body.backup_key })],
		['bad_reply', (reply) => ({ ...reply, enrol_token: undefined })],
		['bad_reply', () => ({ state: 'waiting' })]
	];
	const { relay, ada, users } = await scene();
	const later = await arrive(relay, 'ada later');
	for (const [code, lie] of lies) {
		relay.tamperReply = (_path, reply) => reply;
		const asked = await later.core.requestApproval();
		await ada.core.lookAtApproval(asked.url);
		await last(later, 'compare');
		relay.tamperReply = (path, reply) =>
			path === '/approvals/poll' && reply.state === 'approved' ? lie(reply, users.ben) : reply;
		await later.core.confirmApproval();
		await ada.core.approve(asked.code);
		const failed = await last(later, 'failed');
		assert.equal(failed.problem!.code, code);
	}
	assert.equal(users.ada.devices.length, 1);
});

/**
 * The server plays a device that is signed in, of an identity it made up: somebody who never was, under the name of the
 * person whose device it is. It has all that an approver has. Ada's device has not been asked.
 */
async function madeUp(named: 'ada' | 'nobody') {
	const { relay, ada, users } = await scene();
	const later = await arrive(relay, 'ada later');
	const { library } = engineOf(ada).ctx;
	const keys = library.createAccount();
	const id = named === 'ada' ? users.ada.body.user : crypto.randomUUID();
	const user = { id, username: 'ada', display_name: 'Ada' };
	const { secret, key: approverKey } = library.approvalAnswer();
	let digits = '';
	let polls = 0;
	const enrolled: Json[] = [];
	relay.before = (call, body) => {
		if (call === 'POST /devices') enrolled.push(body);
	};
	const asked = await later.core.requestApproval();
	const request = relay.approvals.get(asked.code);
	Object.assign(request, { answer: toBase64url(approverKey), approver: users.ada.devices[0] });
	relay.tamperReply = (path, reply) => {
		if (path !== '/approvals/poll' || request.refused) return reply;
		polls++;
		const answered = { state: 'answered', user, answer_key: toBase64url(approverKey) };
		if (!request.key) return answered;
		const about = {
			id: uuidBytes(request.id),
			commitment: fromBase64url(request.commitment)!,
			newcomerKey: fromBase64url(request.key)!,
			nonce: fromBase64url(request.nonce)!,
			approverKey,
			user: uuidBytes(id)
		};
		digits = library.approvalDigits('approver', secret, about);
		const sealed = toBase64url(library.approvalSeal(secret, about, keys.accountSecret, keys.backupSecret));
		const [account_key, backup_key] = [keys.accountKey, keys.backupKey].map(toBase64url);
		relay.enrolTokens.set('made up', users.ada.body.user);
		return { ...answered, state: 'approved', account_key, backup_key, sealed, enrol_token: 'made up', expires_in: 600 };
	};
	const shown = await last(later, 'compare');
	const before = polls;
	await later.until('the approval', () => polls > before + 1);
	return { relay, users, later, enrolled, shown, request, digits: () => digits };
}

async function isEmpty(person: Person): Promise<void> {
	const { phase, account, communities, dms } = await person.core.start();
	assert.deepEqual([phase, account, communities, dms], ['signed-out', undefined, [], []]);
	assert.equal(engineOf(person), undefined);
	const db = await new Promise<IDBDatabase>((resolve, reject) => {
		const opening = person.tab.indexedDB.open('chatalot');
		opening.onsuccess = () => resolve(opening.result);
		opening.onerror = () => reject(opening.error ?? new Error('IndexedDB'));
	});
	for (const name of db.objectStoreNames) {
		// The store's own key, made when it was opened first.
		if (name === 'vault') continue;
		const count = await new Promise<number>((resolve, reject) => {
			const counting = db.transaction(name).objectStore(name).count();
			counting.onsuccess = () => resolve(counting.result);
			counting.onerror = () => reject(counting.error ?? new Error('IndexedDB'));
		});
		assert.equal(count, 0, `nothing in ${name}`);
	}
	db.close();
}

for (const named of ['ada', 'nobody'] as const)
	test(`an identity that the server made up, under the id of ${named}, is not taken before the person has compared`, async () => {
		const { relay, users, later, enrolled, shown, request, digits } = await madeUp(named);
		// The digits are those of the server’s own making, and on no device of Ada’s.
		assert.equal(shown.digits, digits());
		assert.equal(later.last('approval')!.state, 'compare');
		assert.deepEqual(enrolled, []);
		await isEmpty(later);
		await later.core.cancelApproval();
		await later.until('being taken back', () => request.refused);
		await assert.rejects(later.core.confirmApproval(), { code: 'not_compared' });
		const calls = relay.calls.length;
		await later.core.authConfig();
		assert.deepEqual(relay.calls.slice(calls), ['GET /auth/config']);
		assert.deepEqual(enrolled, []);
		assert.equal(users.ada.devices.length, 1);
		assert.equal(later.last('approval')!.state, 'compare', 'nothing is told of a request that was given up');
		await isEmpty(later);
	});

test('a server that plays the approver has no say in whether the digits were compared', async () => {
	const { relay, later, enrolled, shown } = await madeUp('nobody');
	const tamper = relay.tamperReply;
	const lies = (lie: Json) => {
		relay.tamperReply = (path, reply) => (path === '/approvals/poll' ? { ...tamper(path, reply), ...lie } : reply);
	};
	const polls = () => relay.calls.filter((call) => call === 'POST /approvals/poll').length;
	lies({ confirmed: true });
	const before = polls();
	await later.until('polls', () => polls() > before + 1);
	assert.deepEqual(later.last('approval'), shown);
	lies({ state: 'confirmed' });
	assert.equal((await last(later, 'failed')).problem!.code, 'bad_reply');
	assert.deepEqual(enrolled, []);
	await isEmpty(later);
});
