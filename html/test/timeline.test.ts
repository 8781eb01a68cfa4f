// SPDX-License-Identifier: GPL-3.0-or-later
// Order and rows of a conversation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../src/lib/core/types';
import { applyChanges, applyPage } from '../src/lib/features/messages/order';
import { buildTimeline, type Timeline } from '../src/lib/features/messages/timeline';

const ada = { id: 'a', username: 'ada', displayName: 'Ada' };
const bob = { id: 'b', username: 'bob', displayName: 'Bob' };
const noon = new Date(2026, 2, 10, 12).getTime();
const minute = 60_000;

function message(id: string, seq: number | null, extra: Partial<Message> = {}): Message {
	return {
		id,
		channel: 'c',
		seq,
		sender: ada,
		own: false,
		at: noon + (seq ?? 999) * 1000,
		state: 'received',
		text: id,
		...extra
	};
}
const apply = (...args: Parameters<typeof applyChanges>) => applyChanges(...args).messages;
const ids = (messages: Message[]) => messages.map((m) => m.id).join(' ');
const kinds = (messages: Message[], o = { more: false, unreadFrom: undefined as string | undefined }) =>
	buildTimeline(messages, o)
		.rows.map((row) => (row.kind === 'message' ? (row.head ? `[${row.key}` : row.key) : row.kind))
		.join(' ');

test('messages are in the order of the channel, those on their way last', () => {
	const held = [message('x', 2), message('mine', null, { own: true, state: 'sending' })];
	assert.equal(ids(apply(held, [message('z', 3), message('w', 1)], [], false)), 'w x z mine');
});

test('a sent message takes its place and stays one', () => {
	const held = [message('x', 2), message('mine', null, { own: true, state: 'sending' })];
	const after = apply(held, [message('mine', 3, { own: true, state: 'sent' }), message('y', 4)], [], false);
	assert.equal(ids(after), 'x mine y');
	assert.equal(after[1]!.state, 'sent');
});

test('a discarded message goes', () => {
	assert.equal(ids(apply([message('x', 1), message('y', 2)], [], ['x'], false)), 'y');
});

test('with older pages unread, an unknown older message waits for its page', () => {
	const held = [message('x', 10), message('y', 11)];
	assert.equal(ids(apply(held, [message('old', 3)], [], true)), 'x y');
	assert.equal(ids(apply(held, [message('old', 3)], [], false)), 'old x y');
	assert.equal(apply(held, [message('x', 10, { text: 'now readable' })], [], true)[0]!.text, 'now readable');
});

test('a page does not undo what an event has told since', () => {
	const held = [message('m', 5, { own: true, state: 'sent' }), message('w', 6)];
	const page = [message('m', null, { own: true, state: 'sending' }), message('w', 6, { state: 'waiting', text: '' })];
	const after = applyPage(held, [...page, message('o', 4)]);
	assert.deepEqual(
		after.map((m) => [m.id, m.state]),
		[
			['o', 'received'],
			['m', 'sent'],
			['w', 'received']
		]
	);
});

test('messages of one person within five minutes are one group', () => {
	const rows = kinds([
		message('1', 1, { at: noon }),
		message('2', 2, { at: noon + 4 * minute }),
		message('3', 3, { at: noon + 9 * minute }),
		message('4', 4, { at: noon + 14 * minute + 1 }),
		message('5', 5, { at: noon + 14 * minute + 2, sender: bob })
	]);
	assert.equal(rows, 'start day [1 2 3 [4 [5 end');
});

test('a new day and the line before what is new begin a new group', () => {
	const rows = kinds(
		[
			message('1', 1, { at: noon - 24 * 60 * minute }),
			message('2', 2, { at: noon }),
			message('3', 3, { at: noon + minute }),
			message('4', 4, { at: noon + 2 * minute })
		],
		{ more: true, unreadFrom: '4' }
	);
	assert.equal(rows, 'older day [1 day [2 3 unread [4 end');
});

test('row keys are unique', () => {
	const messages = Array.from({ length: 50 }, (_, i) => message(`m${i}`, i + 1, { at: noon + i * 7 * 60 * minute }));
	const keys = buildTimeline(messages, { more: true, unreadFrom: 'm20' }).rows.map((row) => row.key);
	assert.equal(new Set(keys).size, keys.length);
});

test('building on what was built gives the same rows as building anew', () => {
	const all = Array.from({ length: 40 }, (_, i) =>
		message(`m${i}`, i + 1, { at: noon + i * 3 * minute, sender: i % 7 ? ada : bob })
	);
	const steps: Message[][] = [
		all.slice(0, 10),
		all.slice(0, 11),
		all.slice(0, 30),
		[...all.slice(0, 20), { ...all[20]!, text: 'edited' }, ...all.slice(21, 30)],
		all.slice(5, 30),
		all,
		all.slice(0, 3),
		[]
	];
	let timeline: Timeline | undefined;
	for (const [i, step] of steps.entries()) {
		const o = { more: i % 5 !== 3, unreadFrom: i > 2 ? 'm8' : undefined };
		timeline = buildTimeline(step, o, timeline);
		assert.deepEqual(timeline.rows, buildTimeline(step, o).rows, `step ${i}`);
	}
});

test('what is fresh is told apart from what has changed', () => {
	const { fresh } = applyChanges([message('x', 1)], [message('x', 1, { text: 'y' }), message('z', 2)], [], false);
	assert.equal(ids(fresh), 'z');
});
