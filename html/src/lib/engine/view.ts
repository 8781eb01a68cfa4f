// SPDX-License-Identifier: GPL-3.0-or-later
// Records as the page shows them.
import type { Channel, Message } from '../core/types';
import type { ChannelRecord, MessageRecord, OutboxRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Reader } from '../store/reader';
import type { Context } from './context';
import { personOf } from './trust';

export async function showMessage(ctx: Context, from: Unit | Reader, record: MessageRecord): Promise<Message> {
	const message: Message = {
		id: record.id,
		channel: record.channel,
		seq: record.seq,
		sender: await personOf(ctx, from, record.sender),
		own: record.sender === ctx.own.user,
		at: record.at,
		state: record.state,
		text: record.text
	};
	if (record.problem) message.problem = record.problem;
	return message;
}

export function showOutgoing(ctx: Context, record: OutboxRecord, sending = false): Message {
	const { account } = ctx.own;
	const message: Message = {
		id: record.id,
		channel: record.channel,
		seq: record.seq ?? null,
		sender: { id: account.id, username: account.username, displayName: account.displayName },
		own: true,
		at: record.writtenAt,
		state: record.state === 'queued' && sending ? 'sending' : record.state,
		text: record.text
	};
	if (record.problem) message.problem = record.problem;
	return message;
}

export async function showChannel(ctx: Context, from: Unit | Reader, record: ChannelRecord): Promise<Channel> {
	const { id, kind, name, topic, unread, latest, history = 'since_joining' } = record;
	const channel: Channel = { id, kind, name, topic, unread, history };
	if (record.peer) channel.peer = record.peer;
	if (latest) channel.latest = { at: latest.at, sender: await personOf(ctx, from, latest.sender), text: latest.text };
	return channel;
}

/** One line of a message, for a list. */
export function firstLine(text: string): string {
	const line = text.trim().split(/\r?\n/, 1)[0] ?? '';
	return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
