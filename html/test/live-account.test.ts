// SPDX-License-Identifier: GPL-3.0-or-later
// Keeping and getting back an account at a real server: another device's word, the recovery code, an admin's reset, new
// passwords and identities, and the end of it. Run by t/account_core.t; skipped without a server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Id } from '../src/lib/core/types';
import { arrive, password, register, setupToken, signIn, url } from './support/live';
import type { Person } from './support/person';

const next = 'other words of nonsense';

const fate = (person: Person, state: string) =>
	person.until(`approval: ${state}`, () => {
		const last = person.last('approval');
		return last?.state === state && last;
	});

async function reads(person: Person, channel: Id, ...texts: string[]): Promise<void> {
	for (const text of texts)
		await person.until(text, async () => (await person.open(channel)).some((message) => message.text === text));
}

const ended = (person: Person) => person.until('the end', () => person.last('connection')?.state === 'ended');

test('an account through all that befalls it', { skip: !url, timeout: 300_000 }, async (t) => {
	let ada!: Person, ben!: Person, channel!: Id, dm!: Id, adaId!: Id, benId!: Id;
	let adaCode!: string, benCode!: string;

	await t.test('two people talk, and one verifies the other', async () => {
		({ person: ada, recoveryCode: adaCode } = await register('ada', { setupToken }));
		const community = await ada.core.createCommunity('Garden');
		channel = community.groups[0]!.channels[0]!.id;
		const { code } = await ada.core.createInvite(community.id, {});
		({ person: ben, recoveryCode: benCode } = await register('ben', { invite: code }));
		adaId = (await ada.core.start()).account!.id;
		benId = (await ben.core.start()).account!.id;
		({ id: dm } = await ada.core.openDm(benId));
		await ada.core.send(channel, 'from ada');
		await ben.message(channel, 'from ada', 'received');
		await ben.core.send(dm, 'from ben');
		await ada.message(dm, 'from ben', 'received');
		assert.equal((await ada.core.safety(benId)).digits, (await ben.core.safety(adaId)).digits);
		const { qr } = await ben.core.safety(adaId);
		assert.equal((await ada.core.verifyScanned(benId, qr)).safety.state, 'verified');
		assert.equal((await ada.core.security(dm)).state, 'verified');
		await Promise.all([ada.backedUp(), ben.backedUp()]);
	});

	await t.test('a device is admitted by another one', async () => {
		const refused = await arrive('ada refused');
		const first = await refused.core.requestApproval();
		await ada.core.lookAtApproval(first.code);
		await ada.core.refuse(first.code);
		await fate(refused, 'refused');

		const third = await refused.core.requestApproval();
		await ada.core.lookAtApproval(third.code);
		await fate(refused, 'compare');
		await refused.core.cancelApproval();
		await ada.until('being given up', () =>
			ada.core.approve(third.code).then(
				() => false,
				({ code }: { code: string }) => code === 'approval_not_found'
			)
		);

		const second = await arrive('ada 2');
		const { url: link, code } = await second.core.requestApproval();
		const seen = await ada.core.lookAtApproval(link);
		assert.deepEqual([seen.code, seen.deviceName], [code, 'ada 2']);
		assert.equal((await fate(second, 'compare')).digits, seen.digits);
		await second.core.confirmApproval();
		assert.equal((await second.core.start()).phase, 'signed-out');
		await ada.core.approve(code);
		await fate(second, 'done');
		await second.online();
		await reads(second, channel, 'from ada');
		await reads(second, dm, 'from ben');
		await second.until('the verification', async () => (await second.core.safety(benId)).state === 'verified');
		await second.core.send(dm, 'from the second');
		await ben.message(dm, 'from the second', 'received');
		await ada.message(dm, 'from the second', 'sent');
		const other = (await ada.core.devices()).find(({ current }) => !current)!;
		await ada.core.renameDevice(other.id, 'the boat');
		assert.ok((await second.core.devices()).some(({ name, current }) => name === 'the boat' && current));
		await ada.core.removeDevice(other.id);
		await ended(second);
		// What no device has put there when the last one ends, a recovery cannot bring back.
		await ada.backedUp();
	});

	await t.test('the recovery code brings everything back, and ends what was signed in', async () => {
		const later = await arrive('ada 3');
		const { recoveryCode } = await later.core.recover({ username: 'ada', recoveryCode: adaCode, password: next });
		await ended(ada);
		ada = later;
		adaCode = recoveryCode;
		await ada.online();
		await reads(ada, channel, 'from ada');
		await reads(ada, dm, 'from ben', 'from the second');
		assert.equal((await ada.core.security(dm)).state, 'verified');
		await ada.core.send(channel, 'back again');
		await ben.message(channel, 'back again', 'received');
		assert.deepEqual((await ben.core.security(channel)).changed, []);
	});

	await t.test('a new password, and a new code', async () => {
		await ada.core.changePassword({ current: next, next: password });
		const other = await signIn('ada 4', 'ada');
		await reads(other, channel, 'back again');
		({ recoveryCode: adaCode } = await ada.core.makeRecoveryCode());
		await ada.core.setRecoveryCode({ password, recoveryCode: adaCode });
		await other.core.signOut();
	});

	await t.test('an admin resets a password, and the recovery code opens the keys', async () => {
		await assert.rejects(ben.core.resetAccount(adaId), { code: 'forbidden' });
		const { code } = await ada.core.resetAccount(benId);
		const later = await arrive('ben 2');
		const outcome = await later.core.useResetCode({ username: 'ben', code, password: next });
		assert.equal(outcome.state, 'locked');
		await later.core.unlock(benCode);
		await later.online();
		await reads(later, dm, 'from ben', 'from the second');
		await later.core.signOut();
		const again = await signIn('ben 3', 'ben', next);
		await reads(again, channel, 'back again');
		await again.core.signOut();
	});

	await t.test('a new identity: history stays, the other one is asked, and goes on', async () => {
		const { recoveryCode } = await ben.core.replaceIdentity(next);
		assert.notEqual(recoveryCode, benCode);
		await ben.online();
		await reads(ben, dm, 'from ben', 'from the second');
		await ada.until('the change', async () => (await ada.core.security(dm)).changed[0]?.wasVerified);
		const { id } = await ada.core.send(dm, 'is it you?');
		assert.equal((await ada.message(dm, 'is it you?', 'failed')).problem!.code, 'identity_changed');
		await ada.core.acceptIdentity(dm, benId);
		await ada.core.retry(id);
		await ben.message(dm, 'is it you?', 'received');
		await ben.core.send(channel, 'it is');
		await ada.message(channel, 'it is', 'received');
		await ben.backedUp();
		const later = await arrive('ben 4');
		await later.core.recover({ username: 'ben', recoveryCode, password });
		await ended(ben);
		ben = later;
		await ben.online();
		await reads(ben, dm, 'from ben', 'from the second', 'is it you?');
		await reads(ben, channel, 'from ada', 'back again', 'it is');
	});

	await t.test('an account is deleted, and its words with it', async () => {
		await assert.rejects(ada.core.deleteAccount(password), { code: 'owner_stays' });
		const away = await signIn('ada away', 'ada', password);
		await reads(away, channel, 'it is');
		await reads(away, dm, 'from ben');
		await away.core.close();
		await ben.core.deleteAccount(password);
		assert.equal((await ben.core.start()).phase, 'signed-out');
		await ada.until('what is left', () =>
			ada.messages(channel).some(({ problem, text }) => problem?.code === 'account_deleted' && text === '')
		);
		const back = await arrive(away.machine);
		for (const place of [channel, dm])
			await back.until('a device that was away to forget it too', async () => {
				const theirs = (await back.open(place)).filter(({ sender }) => sender.id === benId);
				return (
					theirs.length > 0 && theirs.every(({ text, problem }) => text === '' && problem?.code === 'account_deleted')
				);
			});
		await assert.rejects(ben.core.signIn({ username: 'ben', password }), { code: 'bad_credentials' });
	});
});
