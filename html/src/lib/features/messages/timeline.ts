// SPDX-License-Identifier: GPL-3.0-or-later
// Turns messages into the rows of a conversation: date lines, the line before what is new, and messages grouped by
// writer. Pure. Keys of rows that are not messages begin with "~".
import type { Id, Message, Millis } from '$lib/core/types';
import { dayOf } from '$lib/text/time';

export type Row =
	| { kind: 'older'; key: string }
	/** What is before the first message that is shown: nothing, or what was said before one came. */
	| { kind: 'start'; key: string; before: 'nothing' | 'others' | 'unknown' }
	| { kind: 'day'; key: string; at: Millis }
	| { kind: 'unread'; key: string }
	| { kind: 'end'; key: string }
	| { kind: 'message'; key: Id; message: Message; head: boolean };

/** Messages of one person this close together share one name and time. */
export const groupWithin: Millis = 5 * 60_000;

/** What rows were built from, to build the next ones from: only what differs from the end is made again. */
export interface Timeline {
	messages: readonly Message[];
	more: boolean;
	unreadFrom?: Id;
	rows: Row[];
}

export function buildTimeline(
	messages: readonly Message[],
	o: { more: boolean; unreadFrom?: Id },
	before?: Timeline
): Timeline {
	const { rows, from } = reusable(messages, o, before);
	let previous = messages[from - 1];
	let day = previous ? dayOf(previous.at) : NaN;
	for (let i = from; i < messages.length; i++) {
		const message = messages[i]!;
		const messageDay = dayOf(message.at);
		let head = !previous || previous.sender.id !== message.sender.id || message.at - previous.at > groupWithin;
		if (messageDay !== day) {
			day = messageDay;
			head = true;
			rows.push({ kind: 'day', key: `~day ${messageDay} ${message.id}`, at: message.at });
		}
		if (message.id === o.unreadFrom) {
			head = true;
			rows.push({ kind: 'unread', key: '~unread' });
		}
		rows.push({ kind: 'message', key: message.id, message, head });
		previous = message;
	}
	rows.push({ kind: 'end', key: '~end' });
	return { messages, ...o, rows };
}

/** The rows of the messages that are the same as before, and the index of the first that is not. */
function reusable(messages: readonly Message[], o: { more: boolean; unreadFrom?: Id }, before?: Timeline) {
	const fresh: Row[] = [
		o.more ? { kind: 'older', key: '~older' } : { kind: 'start', key: '~start', before: beforeFirst(messages) }
	];
	if (!before || before.more !== o.more || before.unreadFrom !== o.unreadFrom) return { rows: fresh, from: 0 };
	const most = Math.min(messages.length, before.messages.length);
	let from = 0;
	while (from < most && messages[from] === before.messages[from]) from++;
	if (from === 0) return { rows: fresh, from };
	const last = messages[from - 1]!.id;
	const end = before.rows.findLastIndex((row) => row.key === last);
	return { rows: before.rows.slice(0, end + 1), from };
}

/** Places in a conversation are counted from 1, without gaps, for everybody alike. */
function beforeFirst(messages: readonly Message[]): 'nothing' | 'others' | 'unknown' {
	const first = messages[0]?.seq ?? null;
	return first === null ? 'unknown' : first > 1 ? 'others' : 'nothing';
}

/** A guess at a row's height in pixels, until it has been measured. */
export function guessHeight(row: Row, width: number): number {
	switch (row.kind) {
		case 'older':
			return 120;
		case 'start':
			return 180;
		case 'day':
			return 48;
		case 'unread':
			return 28;
		case 'end':
			return 20;
		case 'message': {
			const perLine = Math.max(20, Math.min(width, 832) / 7.6);
			let lines = 0;
			for (const line of row.message.text.split('\n', 200)) lines += Math.max(1, Math.ceil(line.length / perLine));
			return Math.max(1, lines) * 24 + (row.head ? 36 : 4);
		}
	}
}
