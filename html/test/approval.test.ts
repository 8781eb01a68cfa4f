// SPDX-License-Identifier: GPL-3.0-or-later
// A new device that is admitted by one that is signed in, without a password: by code and by link, by the word of the
// person at each of the two, in either order; refused, given up, expired, and with replies that are lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Person } from './support/person';
import { arrive, engineOf, register, scene, stay } from './support/scene';

const fate = (person: Person, state: string) =>
	person.until(`approval: ${state}`, () => {
		const last = person.last('approval');
		return last?.state === state && last;
	});

const polls = (calls: string[]) => calls.filter((call) => call === 'POST /approvals/poll').length;

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
		await later.core.confirmApproval();
		await later.core.confirmApproval();
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
	await later.until('being taken back', () => relay.approvals.get(second.code).refused);
	await assert.rejects(ada.core.lookAtApproval(second.code), { code: 'approval_not_found' });
	const before = polls(relay.calls);
	await later.core.authConfig();
	assert.equal(polls(relay.calls), before);
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

/** Looked at on the one, shown on the other. */
async function compared() {
	const { relay, ada, users } = await scene();
	const later = await arrive(relay, 'ada later');
	const { code } = await later.core.requestApproval();
	const { digits } = await ada.core.lookAtApproval(code);
	const shown = await fate(later, 'compare');
	assert.equal(shown.digits, digits);
	return { relay, ada, users, later, code, digits };
}

/** The new device has asked so many times more. */
function asks({ relay, later }: Awaited<ReturnType<typeof compared>>, times: number) {
	const before = polls(relay.calls);
	return later.until('polls', () => polls(relay.calls) >= before + times);
}

test('what the other device approves waits for the word of the person at the new one', async () => {
	const both = await compared();
	const { ada, later, users, code } = both;
	await ada.core.approve(code);
	await asks(both, 2);
	assert.equal(later.last('approval')!.state, 'compare');
	assert.equal(users.ada.devices.length, 1);
	assert.equal((await later.core.start()).phase, 'signed-out');
	await later.core.confirmApproval();
	await fate(later, 'done');
	assert.equal(users.ada.devices.length, 2);
});

test('the word of the person at the new device waits for that of the one at the other', async () => {
	const both = await compared();
	const { ada, later, users, code, digits } = both;
	await later.core.confirmApproval();
	const { state, ...shown } = later.last('approval')!;
	assert.equal(state, 'confirmed');
	assert.equal(shown.digits, digits);
	assert.equal(shown.person!.username, 'ada');
	await asks(both, 2);
	assert.equal(users.ada.devices.length, 1);
	await ada.core.approve(code);
	await fate(later, 'done');
	assert.equal(users.ada.devices.length, 2);
});

test('nothing is confirmed that is not shown, or over', async () => {
	const { relay, ada } = await scene();
	const later = await arrive(relay, 'ada later');
	await assert.rejects(later.core.confirmApproval(), { code: 'not_compared' });
	const { code } = await later.core.requestApproval();
	await assert.rejects(later.core.confirmApproval(), { code: 'not_compared' });
	await ada.core.lookAtApproval(code);
	await fate(later, 'compare');
	await ada.core.refuse(code);
	await fate(later, 'refused');
	await later.until('the end', () =>
		later.core.confirmApproval().then(
			() => false,
			({ code }: { code: string }) => code === 'not_compared'
		)
	);
	await later.core.requestApproval();
	await assert.rejects(later.core.confirmApproval(), { code: 'not_compared' });
});

for (const confirmed of [false, true])
	test(`an approval is taken back, or expires, ${confirmed ? 'before the other side spoke' : 'before the person said so'}`, async () => {
		const { relay, ada, later, users, code } = await compared();
		if (confirmed) await later.core.confirmApproval();
		else await ada.core.approve(code);
		await ada.core.refuse(code);
		await fate(later, 'refused');

		const next = await later.core.requestApproval();
		await ada.core.lookAtApproval(next.code);
		await fate(later, 'compare');
		if (confirmed) await later.core.confirmApproval();
		else await ada.core.approve(next.code);
		relay.approvals.delete(next.code);
		await fate(later, 'expired');
		assert.equal(users.ada.devices.length, 1);
		assert.equal((await later.core.start()).phase, 'signed-out');
	});

test('digits that differ end the request for both, whatever was approved already', async () => {
	for (const approved of [false, true]) {
		const { relay, ada, later, users, code } = await compared();
		if (approved) await ada.core.approve(code);
		await later.core.cancelApproval();
		await later.until('being taken back', () => relay.approvals.get(code).refused);
		assert.equal(relay.approvals.get(code).sealed, undefined);
		if (!approved) await assert.rejects(ada.core.approve(code), { code: 'approval_not_found' });
		await assert.rejects(later.core.confirmApproval(), { code: 'not_compared' });
		assert.equal(users.ada.devices.length, 1);
		assert.equal((await later.core.start()).phase, 'signed-out');
	}
});

test('a page that is loaded again on the new device begins anew, and so does one on the other', async () => {
	const { relay, ada, later, users, code } = await compared();
	await ada.core.approve(code);
	later.tab.die();
	const again = stay(new Person(later.machine));
	assert.equal((await again.core.start()).phase, 'signed-out');
	await assert.rejects(again.core.confirmApproval(), { code: 'not_compared' });
	const next = await again.core.requestApproval();
	const seen = await ada.core.lookAtApproval(next.code);
	assert.equal((await fate(again, 'compare')).digits, seen.digits);

	// The page of the other device is loaded again in between: its key is gone, and no other one is taken.
	(Reflect.get(engineOf(ada).approver, 'lookedAt') as Map<string, unknown>).clear();
	await assert.rejects(ada.core.approve(next.code), { code: 'not_compared' });
	await assert.rejects(ada.core.lookAtApproval(next.code), { code: 'conflict' });
	const third = await again.core.requestApproval();
	await ada.core.lookAtApproval(third.code);
	await fate(again, 'compare');
	await again.core.confirmApproval();
	await ada.core.approve(third.code);
	await fate(again, 'done');
	assert.equal(users.ada.devices.length, 2);
	assert.equal(relay.approvals.get(code).enrolled, undefined);
});

test('replies that are lost are asked for again, and admit one device', async () => {
	const { relay, ada, users } = await scene();
	const later = await arrive(relay, 'ada later');
	const lost = new Map<string, number>();
	relay.loseAnswer = (call) => {
		const times = lost.get(call) ?? 0;
		lost.set(call, times + 1);
		return times === 0 && ['POST /approvals/poll', 'POST /approvals/reveal', 'POST /devices'].includes(call);
	};
	const { code } = await later.core.requestApproval();
	const seen = await ada.core.lookAtApproval(code);
	assert.equal((await fate(later, 'compare')).digits, seen.digits);
	await later.core.confirmApproval();
	await ada.core.approve(code);
	await fate(later, 'done');
	assert.equal(lost.get('POST /devices'), 2);
	assert.equal(users.ada.devices.length, 2);
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
