// SPDX-License-Identifier: GPL-3.0-or-later
// A new device that is admitted by one that is signed in, without a password: by code and by link, refused, given up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Person } from './support/person';
import { arrive, register, scene } from './support/scene';

const fate = (person: Person, state: string) =>
	person.until(`approval: ${state}`, () => {
		const last = person.last('approval');
		return last?.state === state && last;
	});

for (const by of ['code', 'link'] as const)
	test(`a new device is admitted by its ${by}, once the digits are the same`, async () => {
		const { relay, ada, ben, channel, users } = await scene();
		await ada.backedUp();
		const later = await arrive(relay, 'ada at the library');
		const asked = await later.core.requestApproval();
		assert.match(asked.url, new RegExp(`^http://relay.test/approve#${asked.code}\\.[\\w-]{43}$`));
		await fate(later, 'waiting');
		await assert.rejects(ada.core.approve(asked.code), { code: 'not_compared' });
		const typed = `${asked.code.slice(0, 4)}-${asked.code.slice(4)}`.toLowerCase();
		const seen = await ada.core.lookAtApproval(by === 'code' ? typed : asked.url);
		assert.deepEqual([seen.code, seen.deviceName], [asked.code, 'ada at the library']);
		const shown = await fate(later, 'compare');
		assert.match(seen.digits, /^\d{6}$/);
		assert.equal(shown.digits, seen.digits);
		assert.equal(shown.person!.username, 'ada');
		assert.equal((await later.core.start()).phase, 'signed-out');
		await ada.core.approve(asked.code);
		await fate(later, 'done');
		assert.equal((await later.core.start()).account!.id, users.ada.body.user);
		await later.online();
		await later.until('the history', async () => (await later.open(channel)).some(({ text }) => text === 'from ben'));
		await later.core.send(channel, 'from the library');
		await ben.message(channel, 'from the library', 'received');
		assert.equal((await ben.core.security(channel)).state, 'sealed');
	});

test('a request is refused on the device, or given up where it was made', async () => {
	const { relay, ada } = await scene();
	const later = await arrive(relay, 'ada later');
	const { code } = await later.core.requestApproval();
	await ada.core.lookAtApproval(code);
	await ada.core.refuse(code);
	await fate(later, 'refused');
	await assert.rejects(ada.core.lookAtApproval(code), { code: 'approval_not_found' });

	const second = await later.core.requestApproval();
	await later.core.cancelApproval();
	const told = later.events.filter(({ type }) => type === 'approval').length;
	void ada.core.lookAtApproval(second.code).catch(() => undefined);
	await ada.until('the answer', () => relay.approvals.get(second.code).answer);
	const polls = () => relay.calls.filter((call) => call === 'POST /approvals/poll').length;
	const before = polls();
	await later.core.authConfig();
	assert.equal(polls(), before);
	assert.equal(later.events.filter(({ type }) => type === 'approval').length, told);
	assert.equal((await later.core.start()).phase, 'signed-out');
});

test('a request that the server no longer knows has expired', async () => {
	const { relay } = await scene();
	const later = await arrive(relay, 'ada later');
	const { code } = await later.core.requestApproval();
	await fate(later, 'waiting');
	relay.approvals.delete(code);
	await fate(later, 'expired');
});

test('a code is only taken for one if it is one', async () => {
	const { ada } = await scene();
	for (const text of ['', 'ABC', 'http://elsewhere.test/approve#ABCD0001.AA', 'ABCD0001.AA', 'UUUUUUUU'])
		await assert.rejects(ada.core.lookAtApproval(text), { code: 'approval_code_invalid' });
});

test('who is signed in asks nobody to be admitted', async () => {
	const { relay } = await scene();
	const carol = await register(relay, 'carol');
	await assert.rejects(carol.core.requestApproval(), { code: 'already_signed_in' });
});
