// SPDX-License-Identifier: GPL-3.0-or-later
// Reporting: one message is revealed to those who moderate, checked against what was sent; nothing else leaves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../src/lib/core/problem';
import { register, scene } from './support/scene';

test('a message that is reported is read by who moderates, and no other one', async () => {
	const { relay, ada, ben, channel, dm, users } = await scene();
	await ben.core.send(channel, 'something nasty');
	const nasty = await ada.message(channel, 'something nasty', 'received');
	await ada.core.report({ channel, id: nasty.id }, '  rude  ');
	const [sent] = relay.revealed;
	assert.deepEqual(Object.keys(JSON.parse(sent!)).sort(), [
		'channel',
		'entry',
		'franking_key',
		'id',
		'payload',
		'reason'
	]);
	assert.ok(!Buffer.from(JSON.parse(sent!).payload, 'base64url').toString().includes('from ben'));
	const secret = (await ben.core.open(dm)).messages[0]!;
	await ben.core.report({ channel: dm, id: secret.id }, '');

	const { reports, more } = await ada.core.reports({});
	assert.equal(more, false);
	assert.deepEqual(
		reports.map(({ text, reason, sender, reporter, kind, problem }) => [
			text,
			reason,
			sender.username,
			reporter?.username,
			kind,
			problem
		]),
		[
			['in private', '', 'ada', 'ben', 'dm', undefined],
			['something nasty', 'rude', 'ben', 'ada', 'text', undefined]
		]
	);
	assert.equal(reports[1]!.community, [...relay.communities.keys()][0]);
	await ada.core.resolveReport(reports[1]!.id);
	assert.ok((await ada.core.reports({})).reports[1]!.resolvedAt);
	assert.equal(relay.reports[1].resolved_by, null);
	assert.equal(relay.reports[0].resolved_by, users.ada.body.user);
});

test('what is not what was sent is neither reported nor shown as a report', async () => {
	const { relay, ada, ben, channel } = await scene();
	await ben.core.send(channel, 'harmless');
	const shown = await ada.message(channel, 'harmless', 'received');
	const other = relay.channels.get(channel)!.log[1];
	relay.tamperReply = (path, reply) => {
		if (!path.endsWith('/entries')) return reply;
		const [entry] = reply.entries;
		return { ...reply, entries: [{ ...entry, ciphertext: other.ciphertext, commitment: other.commitment }] };
	};
	const differs = (error: Failure) => error.code === 'report_differs';
	await assert.rejects(ada.core.report({ channel, id: shown.id }, ''), differs);
	relay.tamperReply = (path, reply) =>
		path.endsWith('/entries') ? { ...reply, entries: [{ ...reply.entries[0], id: other.id }] } : reply;
	await assert.rejects(ada.core.report({ channel, id: shown.id }, ''), differs);
	assert.equal(relay.reports.length, 0);
	relay.tamperReply = (_path, reply) => reply;
	await ada.core.report({ channel, id: shown.id }, '');

	const forged = Buffer.from(
		JSON.stringify({ type: 'text', text: 'a threat', franking_key: Buffer.alloc(32).toString('base64url') })
	);
	relay.reports[0].payload = forged.toString('base64url');
	const [told] = (await ada.core.reports({})).reports;
	assert.deepEqual([told!.text, told!.problem?.code], ['', 'report_differs']);
	relay.reports[0].payload = Buffer.from('{"type":"page"}').toString('base64url');
	assert.equal((await ada.core.reports({})).reports[0]!.problem?.code, 'malformed');
	const cem = await register(relay, 'cem');
	await assert.rejects(cem.core.report({ channel, id: shown.id }, ''), { code: 'not_readable' });
});
