// SPDX-License-Identifier: GPL-3.0-or-later
// Reports: one message is opened for those who moderate its place, and nothing else. What is revealed is the payload and
// the franking key of that message; neither opens another one. What moderators read is parsed here as it came, like any
// payload: whoever wrote it is not trusted.
import { toBase64url } from '../core/bytes';
import { fail } from '../core/problem';
import type { Id, Report } from '../core/types';
import type { WireEntry, WireReport } from '../api/shapes';
import type { MessageRecord } from '../store/tables';
import { newId, type Context } from './context';
import { openPayload } from './opening';
import { decodePayload } from './payload';

const REASON = 1000;
const PAGE = 20;

export async function report(ctx: Context, message: { channel: Id; id: Id }, reason: string): Promise<void> {
	const text = reason.trim();
	if (text.length > REASON) fail('invalid_field', `A reason may have ${REASON} characters.`, { field: 'reason' });
	const shown = await shownAs(ctx, message);
	const entry = await fetchEntry(ctx, shown);
	const known = await ctx.store.read.get('channels', message.channel);
	if (!known) fail('channel_not_found', 'This conversation is not there any more.');
	// Opened anew, for the payload is not kept: what is revealed is what the server has, and what is shown here.
	const payload = await ctx.store.change((unit) => openPayload(ctx, unit, known.kind, entry));
	const decoded = payload && decodePayload(payload);
	if (!payload || decoded?.text !== shown.text)
		fail('report_differs', 'The server gave another message than the one that is shown here. Nothing was reported.');
	await ctx.api.report({
		id: newId(ctx.platform),
		channel: message.channel,
		entry: message.id,
		payload: toBase64url(payload),
		franking_key: toBase64url(decoded.franking_key),
		reason: text
	});
}

async function shownAs(ctx: Context, { channel, id }: { channel: Id; id: Id }): Promise<MessageRecord> {
	const found = await ctx.store.read.by('messages', 'id', id);
	const shown = found.find((message) => message.channel === channel);
	if (!shown || shown.text === '')
		fail('not_readable', 'A message that cannot be read here cannot be reported from here.');
	return shown;
}

async function fetchEntry(ctx: Context, { channel, id, seq, sender, device }: MessageRecord): Promise<WireEntry> {
	const { entries } = await ctx.api.entries(channel, seq + 1, 1);
	const entry = entries.find((one) => one.channel === channel && one.seq === seq && one.id === id);
	if (entry?.sender !== sender || entry.device !== device)
		fail('report_differs', 'The server gave another message than the one that is shown here. Nothing was reported.');
	return entry;
}

export async function readReports(
	ctx: Context,
	o: { community?: Id; before?: Id }
): Promise<{ reports: Report[]; more: boolean }> {
	const { reports, more } = await ctx.api.reports({ ...o, limit: PAGE });
	return { reports: await Promise.all(reports.map((wire) => shownReport(ctx, wire))), more };
}

async function shownReport(ctx: Context, wire: WireReport): Promise<Report> {
	const person = ({ id, username, display_name: displayName }: WireReport['sender']) => ({ id, username, displayName });
	const { id, community, channel, kind, reason, sent_at, created_at, resolved_at } = wire;
	const report: Report = {
		...{ id, community, channel, kind, reason },
		sender: person(wire.sender),
		reporter: wire.reporter && person(wire.reporter),
		text: '',
		sentAt: sent_at,
		createdAt: created_at,
		resolvedAt: resolved_at
	};
	const { text, problem } = await checked(ctx, wire);
	return problem ? { ...report, problem } : { ...report, text };
}

/**
 * That it was sent like this, the server has checked. A moderator who has the message on this device need not take its word
 * for it: there it is what was authenticated.
 */
async function checked(ctx: Context, wire: WireReport): Promise<{ text: string; problem?: Report['problem'] }> {
	let text: string;
	try {
		text = decodePayload(wire.payload).text;
	} catch {
		return { text: '', problem: { code: 'malformed', message: 'The content of this message is damaged.' } };
	}
	const known = (await ctx.store.read.by('messages', 'id', wire.entry)).find(({ channel }) => channel === wire.channel);
	if (known && known.text !== '' && (known.text !== text || known.sender !== wire.sender.id))
		return {
			text: '',
			problem: { code: 'report_differs', message: 'This is not what was sent: the server tells something else.' }
		};
	return { text };
}
