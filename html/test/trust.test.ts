// SPDX-License-Identifier: GPL-3.0-or-later
// Who is who: comparing numbers, scanning codes, what a change of identity means before and after, and that all of a
// person's devices know it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meetStranger } from '../src/lib/engine/strangers';
import { Sessions } from '../src/lib/engine/sessions';
import { Unit } from '../src/lib/store/unit';
import { addCrowd } from './support/crowd';
import type { Person } from './support/person';
import type { Relay, RelayUser } from './support/relay';
import { engineOf, password, register, scene, secondDevice, verify } from './support/scene';

const idOf = async (person: Person) => (await person.core.start()).account!.id;

/** The server gives another identity out for somebody's, with a device of its own. */
async function substitute(relay: Relay, victim: RelayUser): Promise<RelayUser> {
	const mallory = await register(relay, `mallory${relay.users.size}`);
	await mallory.core.close();
	const evil = [...relay.users.values()].at(-1)!;
	victim.body.account_key = evil.body.account_key;
	relay.rosterMoved(victim.body.user);
	return evil;
}

test('two people see the same number, and verifying turns the lock of their conversation', async () => {
	const { ada, ben, dm, channel, users } = await scene();
	const [a, b] = [users.ada.body.user, users.ben.body.user];
	const [fromAda, fromBen] = [await ada.core.safety(b), await ben.core.safety(a)];
	assert.match(fromAda.digits, /^\d{60}$/);
	assert.equal(fromAda.digits, fromBen.digits);
	assert.deepEqual([fromAda.state, fromAda.person.username], ['met', 'ben']);
	assert.equal((await ada.core.security(dm)).state, 'sealed');
	assert.equal((await ada.core.verify(b)).state, 'verified');
	for (const place of [dm, channel]) {
		const security = await ada.core.security(place);
		assert.equal(security.state, 'verified');
		assert.ok(security.members.every(({ verified }) => verified));
		assert.equal(security.notes.at(-1)!.what, 'verified');
	}
	assert.equal((await ben.core.safety(a)).state, 'met');
	assert.equal((await ada.core.unverify(b)).state, 'met');
	assert.equal((await ada.core.security(dm)).state, 'sealed');
});

test('a scanned code verifies only when it means both keys, the right way round', async () => {
	const { ada, ben, users, relay } = await scene();
	const [a, b] = [users.ada.body.user, users.ben.body.user];
	const { qr } = await ben.core.safety(a);
	const own = await ada.core.safety(b);
	assert.equal((await ada.core.verifyScanned(b, own.qr)).matches, false);
	const carol = await register(relay, 'carol');
	const c = await idOf(carol);
	relay.join([...relay.communities.values()][0]!, c, 'member');
	await ben.until('carol', async () => {
		const place = ben.last('communities')?.[0]?.groups[0]?.channels[0];
		return place && (await ben.core.security(place.id)).members.length === 3;
	});
	assert.equal((await ada.core.verifyScanned(b, (await ben.core.safety(c)).qr)).matches, false);
	for (const text of ['', 'chatalot-safety:', qr.slice(0, -1), `${qr}A`, qr.replace('chatalot', 'chatbot')])
		await assert.rejects(ada.core.verifyScanned(b, text), { code: 'not_a_safety_code' });
	assert.equal((await ada.core.safety(b)).state, 'met');
	const scanned = await ada.core.verifyScanned(b, qr);
	assert.deepEqual([scanned.matches, scanned.safety.state], [true, 'verified']);
});

test('nobody is verified by a number that was not shown, or that has changed since', async () => {
	const { ada, channel, users, relay } = await scene();
	const b = users.ben.body.user;
	await assert.rejects(ada.core.verify(b), { code: 'not_compared' });
	await ada.core.safety(b);
	await substitute(relay, users.ben);
	await ada.until('the change', async () => (await ada.core.security(channel)).changed.length > 0);
	await assert.rejects(ada.core.verify(b), { code: 'identity_changed' });
	assert.equal((await ada.core.safety(b)).state, 'changed');
});

test('a changed identity of somebody not verified is warned of until it was looked at, and sending goes on', async () => {
	const { ada, channel, dm, users, relay } = await scene();
	const b = users.ben.body.user;
	const before = await ada.core.safety(b);
	await substitute(relay, users.ben);
	await ada.core.send(channel, 'all the same');
	await ada.message(channel, 'all the same', 'sent');
	for (const place of [channel, dm]) {
		const security = await ada.core.security(place);
		assert.equal(security.state, 'attention');
		assert.deepEqual(
			security.changed.map(({ person, wasVerified }) => [person.username, wasVerified]),
			[['ben', false]]
		);
		assert.ok(security.notes.some(({ what }) => what === 'identity_changed'));
	}
	const after = await ada.core.safety(b);
	assert.equal(after.state, 'changed');
	assert.notEqual(after.digits, before.digits);
	await ada.core.acceptIdentity(dm, b);
	assert.deepEqual((await ada.core.security(channel)).changed, []);
	assert.equal((await ada.core.safety(b)).state, 'met');
});

test('the server cannot wash the doubt about somebody verified away by showing the old identity again', async () => {
	const { ada, dm, users, relay } = await scene();
	const b = users.ben.body.user;
	const honest = users.ben.body.account_key;
	const { digits } = await ada.core.safety(b);
	await ada.core.verify(b);
	const evil = await substitute(relay, users.ben);
	await ada.until('the change', async () => (await ada.core.security(dm)).changed[0]?.wasVerified);
	users.ben.body.account_key = honest;
	relay.rosterMoved(b);
	await ada.until('the old identity', async () => {
		await ada.core.security(dm);
		return (await ada.core.safety(b)).digits === digits;
	});
	await ada.core.send(dm, 'to the real one');
	await ada.message(dm, 'to the real one', 'sent');
	assert.equal((await ada.core.security(dm)).changed[0]?.wasVerified, true);
	users.ben.body.account_key = evil.body.account_key;
	relay.rosterMoved(b);
	await ada.until('the other one', async () => {
		await ada.core.security(dm);
		return (await ada.core.safety(b)).digits !== digits;
	});
	await ada.core.send(dm, 'to whom?');
	assert.equal((await ada.message(dm, 'to whom?', 'failed')).problem!.code, 'identity_changed');
});

test('a change that is seen in a list of devices only holds back at once what would be sealed for the members known', async (t) => {
	const { ada, channel, dm, users, relay } = await scene();
	const b = users.ben.body.user;
	const { ctx } = engineOf(ada);
	await verify(ada, b);
	const { digits } = await ada.core.safety(b);
	for (const place of [channel, dm]) await ada.core.security(place);
	const evil = await register(relay, 'mallory');
	await evil.core.close();
	const honest = users.ben.body.account_key;
	const theirs = [...relay.users.values()].at(-1)!.body.account_key;
	const show = async () => {
		// No list of members moves: only who asks for the person's devices sees it.
		users.ben.body.account_key = theirs;
		await meetStranger(ctx, b, dm);
	};
	await t.test('before anything is sealed', async () => {
		await show();
		for (const place of [channel, dm]) {
			await ada.core.send(place, 'to the one I verified');
			assert.equal((await ada.message(place, 'to the one I verified', 'failed')).problem!.code, 'identity_changed');
		}
	});
	users.ben.body.account_key = honest;
	relay.rosterMoved(b);
	await ada.until('the old identity', async () => {
		await ada.core.security(dm);
		return (await ada.core.safety(b)).digits === digits;
	});
	await ada.core.send(dm, 'to the real one');
	await ada.message(dm, 'to the real one', 'sent');
	await t.test('and between the look at the members and the sealing', async () => {
		const { ensure } = Sessions.prototype;
		Sessions.prototype.ensure = async function (devices) {
			Sessions.prototype.ensure = ensure;
			await show();
			return ensure.call(this, devices);
		};
		await ada.core.send(dm, 'in the last moment');
		assert.equal((await ada.message(dm, 'in the last moment', 'failed')).problem!.code, 'identity_changed');
	});
	assert.equal(relay.channels.get(dm)!.log.length, 2);
});

test('a change that is seen while a long list of members is verified holds it back', async () => {
	const { ada, channel, dm, users, relay } = await scene();
	const b = users.ben.body.user;
	const { ctx } = engineOf(ada);
	await verify(ada, b);
	const evil = await register(relay, 'mallory');
	await evil.core.close();
	const theirs = [...relay.users.values()].at(-1)!.body.account_key;
	addCrowd(relay, ctx.library, [...relay.communities.values()][0]!, 100, 1);
	const { store } = ctx;
	const change = store.change.bind(store);
	let verified = 0;
	const { preload } = Unit.prototype;
	Unit.prototype.preload = function (table, keys) {
		if (table === 'people' && (keys as string[]).includes(b)) verified++;
		return preload.call(this, table, keys);
	};
	store.change = async (body) => {
		const result = await change(body);
		if (verified > 0) {
			// The portion with the person is done, and others are to come.
			store.change = change;
			Unit.prototype.preload = preload;
			users.ben.body.account_key = theirs;
			await meetStranger(ctx, b, dm);
		}
		return result;
	};
	const before = relay.channels.get(channel)!.log.length;
	await ada.core.send(channel, 'to the one I verified');
	assert.equal((await ada.message(channel, 'to the one I verified', 'failed')).problem!.code, 'identity_changed');
	assert.equal(verified, 1);
	assert.equal(relay.channels.get(channel)!.log.length, before);
});

test('own devices hear of a verification, and of a consent, at once', async () => {
	const { ada, dm, users, relay } = await scene();
	const b = users.ben.body.user;
	await ada.backedUp();
	const other = await secondDevice(relay, 'ada');
	await other.until('the conversation', async () => (await other.core.start()).dms.some(({ id }) => id === dm));
	await verify(ada, b);
	await other.until('the verification', async () => (await other.core.safety(b)).state === 'verified');
	assert.equal((await other.core.security(dm)).state, 'verified');
	await substitute(relay, users.ben);
	for (const device of [ada, other])
		await device.until('the change', async () => (await device.core.security(dm)).changed[0]?.wasVerified);
	await ada.core.acceptIdentity(dm, b);
	await other.until('the consent', async () => (await other.core.security(dm)).changed.length === 0);
	assert.equal((await other.core.safety(b)).state, 'met');
});

test('a new device knows from the backup who was verified, before it seals anything', async () => {
	const { ada, dm, users, relay } = await scene();
	const b = users.ben.body.user;
	await verify(ada, b);
	await ada.backedUp();
	await substitute(relay, users.ben);
	const other = await secondDevice(relay, 'ada');
	await other.until('the conversation', async () => (await other.core.start()).dms.some(({ id }) => id === dm));
	await other.core.send(dm, 'to the one I verified');
	assert.equal((await other.message(dm, 'to the one I verified', 'failed')).problem!.code, 'identity_changed');
	assert.equal((await other.core.security(dm)).changed[0]!.wasVerified, true);
});

test('one’s own identity is never another than the one of the own keyring', async () => {
	const { ada, channel, users, relay } = await scene();
	const honest = engineOf(ada).ctx.own.accountKey;
	await substitute(relay, users.ada);
	await ada.core.send(channel, 'as whom?');
	assert.equal((await ada.message(channel, 'as whom?', 'failed')).problem!.code, 'identity_changed');
	await assert.rejects(ada.core.acceptIdentity(channel, users.ada.body.user), { code: 'identity_unchanged' });
	const kept = await engineOf(ada).ctx.store.read.get('people', users.ada.body.user);
	assert.deepEqual(kept!.accountKey, honest);
});

for (const how of ['consent', 'comparing anew'] as const)
	test(`a message to somebody whose identity changed waits for ${how}, and then goes by itself`, async () => {
		const { ada, ben, dm, users } = await scene();
		const b = users.ben.body.user;
		await verify(ada, b);
		await ben.core.replaceIdentity(password);
		await ada.until('the change', async () => (await ada.core.security(dm)).changed[0]?.wasVerified);
		await ada.core.send(dm, 'is it you?');
		await ada.message(dm, 'is it you?', 'failed');
		if (how === 'consent') await ada.core.acceptIdentity(dm, b);
		else await verify(ada, b);
		await ada.message(dm, 'is it you?', 'sent');
	});
