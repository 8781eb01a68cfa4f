// SPDX-License-Identifier: GPL-3.0-or-later
// Lists of members that are old, another channel's, never right or not what was refused: nothing is sent by them, and the
// message says why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../support/relay';
import { joinLast, register, scene } from '../support/scene';

test('an older list of members than before is refused', async () => {
	const { relay, ada, channel, users } = await scene();
	const place = relay.channels.get(channel)!;
	const old = structuredClone({ roster: place.roster, epoch: place.epoch });
	const told = () => ada.events.filter((event) => event.type === 'security' && event.data.channel === channel).length;
	for (const times of [told() + 1, told() + 2]) {
		await ada.core.security(channel);
		relay.rosterMoved(users.ben.body.user);
		await ada.until('the news of the roster', () => told() >= times);
	}
	await ada.core.security(channel);
	relay.tamperReply = (path, reply) => (path.endsWith('/roster') ? { ...reply, ...old } : reply);
	relay.rosterMoved(users.ben.body.user);
	await ada.core.send(channel, 'to whom?');
	assert.equal((await ada.message(channel, 'to whom?', 'failed')).problem!.code, 'roster_old');
});

test('the list of members of another channel is refused', async () => {
	const { relay, ada, channel, dm, users } = await scene();
	relay.tamperReply = (path, reply) => (path.endsWith('/roster') ? { ...reply, channel: dm } : reply);
	relay.rosterMoved(users.ben.body.user);
	await ada.core.send(channel, 'to whom here?');
	assert.equal((await ada.message(channel, 'to whom here?', 'failed')).problem!.code, 'bad_reply');
	assert.equal(relay.channels.get(channel)!.log.length, 2);
});

test('members who change at every attempt to send end in a failed message, not in endless attempts', async () => {
	const { relay, ada, channel, users } = await scene();
	let sends = 0;
	relay.before = (call) => {
		if (call !== 'ws send') return;
		sends++;
		relay.rosterMoved(users.ben.body.user);
	};
	await ada.core.send(channel, 'never settled');
	assert.equal((await ada.message(channel, 'never settled', 'failed')).problem!.code, 'roster_unsteady');
	assert.ok(sends <= 10);
	assert.equal(relay.channels.get(channel)!.log.length, 2);
});

test('a refusal that names older versions does not bring them back', async () => {
	const { relay, ada, channel, users } = await scene();
	const place = relay.channels.get(channel)!;
	const old = { roster: place.roster, epoch: place.epoch };
	relay.rosterMoved(users.ben.body.user);
	await ada.core.send(channel, 'by the new list');
	await ada.message(channel, 'by the new list', 'sent');
	relay.before = (call) => {
		if (call === 'ws send') throw new Refusal(409, 'roster_stale', old);
	};
	relay.tamperReply = (path, reply) => (path.endsWith('/roster') ? { ...reply, ...old } : reply);
	await ada.core.send(channel, 'by the old list');
	assert.equal((await ada.message(channel, 'by the old list', 'failed')).problem!.code, 'roster_old');
});

test('an epoch that the server takes back is not sent in', async () => {
	const { relay, ada, ben, channel } = await scene();
	const cem = await register(relay, 'cem');
	const gone = joinLast(relay);
	await ada.core.send(channel, 'with cem');
	await cem.message(channel, 'with cem', 'received');
	relay.leave([...relay.communities.values()][0]!, gone.body.user);
	await ada.core.send(channel, 'without cem');
	await ben.message(channel, 'without cem', 'received');
	const place = relay.channels.get(channel)!;
	const target = gone.devices[0]!;
	await cem.until('the acknowledgement', () => target.inbox.length === 0);
	// The one who was removed is let in again in secret: members, epoch and roster as they were.
	place.members.set(gone.body.user, 0);
	place.epoch--;
	place.roster -= 2;
	relay.announce(place);
	relay.cut();
	await ada.online();
	await ada.core.send(channel, 'still without cem');
	const shown = await ada.until('an outcome', () =>
		ada.messages(channel).find(({ text, state }) => text === 'still without cem' && ['sent', 'failed'].includes(state))
	);
	assert.deepEqual([shown.state, shown.problem?.code], ['failed', 'roster_old']);
	assert.equal(target.inbox.length, 0);
});

test('a member who is let in again is let in before everybody’s eyes', async () => {
	const { relay, ada, channel } = await scene();
	const cem = await register(relay, 'cem');
	const member = joinLast(relay);
	await ada.core.send(channel, 'with cem');
	await cem.message(channel, 'with cem', 'received');
	const community = [...relay.communities.values()][0]!;
	relay.leave(community, member.body.user);
	await ada.core.send(channel, 'without cem');
	await ada.message(channel, 'without cem', 'sent');
	relay.join(community, member.body.user, 'member');
	await ada.core.send(channel, 'with cem again');
	await ada.message(channel, 'with cem again', 'sent');
	const { notes } = await ada.core.security(channel);
	assert.equal(notes.filter(({ what, person }) => what === 'reader_added' && person?.username === 'cem').length, 2);
	assert.ok(!cem.messages(channel).some(({ text }) => text === 'without cem'));
});
