// SPDX-License-Identifier: GPL-3.0-or-later
// What screens decide without a document: codes typed by hand, where a conversation begins, what a lock says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message, Security } from '../src/lib/core/types';
import { buildTimeline } from '../src/lib/features/messages/timeline';
import { canReport } from '../src/lib/features/reports/report';
import { checkCode, grouped, recoveryLength, symbolsOf } from '../src/lib/features/session/code';
import { concernOf, groupsOfFive } from '../src/lib/features/trust/concern';

test('a code is read however it was written down', () => {
	assert.equal(symbolsOf(' k7qw 9m2f—xt4r\n6hbd.zp3n_v8cj '), 'K7QW9M2FXT4R6HBDZP3NV8CJ');
	assert.equal(symbolsOf('oil'), '011');
	assert.equal(symbolsOf('ＡＢ１２'), 'AB12');
	assert.equal(grouped('k7qw9m2fx'), 'K7QW-9M2F-X');
	assert.equal(grouped('K7QW-9M2F'), 'K7QW-9M2F');
});

test('what is wrong with a code is told', () => {
	assert.equal(checkCode('k7qw-9m2f-xt4r-6hbd-zp3n-v8cj', recoveryLength), undefined);
	assert.match(checkCode('  - ', recoveryLength)!, /needed/);
	assert.match(checkCode('k7qw-9m2f', recoveryLength)!, /24 letters and digits; these are 8/);
	assert.match(checkCode('k7qw-9m2u', 8)!, /no code has/);
	assert.match(checkCode('k7qw-9m2🙂', 8)!, /no code has/);
});

const person = { id: 'a', username: 'ada', displayName: 'Ada' };
const message = (seq: number | null, o: Partial<Message> = {}): Message => ({
	id: `m${seq}`,
	channel: 'c',
	seq,
	sender: person,
	own: false,
	at: 1_700_000_000_000,
	state: 'received',
	text: 'x',
	...o
});

test('a conversation is said to begin only where it does', () => {
	const before = (messages: Message[], more = false) => {
		const first = buildTimeline(messages, { more }).rows[0]!;
		return first.kind === 'start' ? first.before : first.kind;
	};
	assert.equal(before([message(1), message(2)]), 'nothing');
	assert.equal(before([message(7)]), 'others');
	assert.equal(before([]), 'unknown');
	assert.equal(before([message(null, { own: true, state: 'queued' })]), 'unknown');
	assert.equal(before([message(7)], true), 'older');
});

test('the first message of a quiet conversation settles where it begins', () => {
	const empty = buildTimeline([], { more: false });
	const { rows } = buildTimeline([message(5)], { more: false }, empty);
	assert.deepEqual(rows[0], { kind: 'start', key: '~start', before: 'others' });
});

test('only what others wrote and what can be read is reported', () => {
	assert.ok(canReport(message(1)));
	assert.ok(!canReport(message(1, { own: true, state: 'sent' })));
	assert.ok(!canReport(message(1, { state: 'waiting' })));
	assert.ok(!canReport(message(1, { state: 'unreadable' })));
});

test('the lock says first what weighs most', () => {
	const security = (o: Partial<Security>): Security => ({
		state: 'attention',
		changed: [],
		misnamed: [],
		members: [],
		notes: [],
		...o
	});
	const met = { person, wasVerified: false };
	assert.equal(concernOf(security({ state: 'sealed' })), 'none');
	assert.equal(concernOf(security({ state: 'verified' })), 'verified');
	assert.equal(concernOf(security({ changed: [met] })), 'changed');
	assert.equal(concernOf(security({ changed: [met, { ...met, wasVerified: true }], misnamed: [person] })), 'consent');
	assert.equal(concernOf(security({ misnamed: [person] })), 'misnamed');
	const refused = { code: 'roster_refused', message: 'no' };
	assert.equal(concernOf(security({ misnamed: [person], problem: refused })), 'refused');
	assert.equal(concernOf(security({})), 'refused');
});

test('a safety number is twelve groups of five', () => {
	const groups = groupsOfFive('0123456789'.repeat(6));
	assert.equal(groups.length, 12);
	assert.ok(groups.every((group) => group.length === 5));
	assert.deepEqual(groupsOfFive(''), []);
});
