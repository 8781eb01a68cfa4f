// SPDX-License-Identifier: GPL-3.0-or-later
// Who can read a conversation, against a server that wants in: no reader is added to a private conversation, none
// unnoticed to a channel, and nothing known is given out for something else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../src/lib/core/problem';
import { inject, joinLast, register, scene, secondDevice, verify } from '../support/scene';
import type { RelayUser } from '../support/relay';

test('a reader whom the server adds to a private conversation gets nothing, and the lock says so', async () => {
	const { relay, ada, ben, dm } = await scene();
	await register(relay, 'mallory');
	const evil = [...relay.users.values()].at(-1)!;
	const inbox = evil.devices[0]!.inbox;
	const place = relay.channels.get(dm)!;
	place.members.set(evil.body.user, 0);
	place.roster++;
	relay.announce(place);
	const { id } = await ada.core.send(dm, 'for ben alone');
	const failed = await ada.message(dm, 'for ben alone', 'failed');
	assert.equal(failed.problem!.code, 'readers_refused');
	assert.equal(inbox.length, 0);
	const security = await ada.core.security(dm);
	assert.deepEqual([security.state, security.problem?.code], ['attention', 'readers_refused']);
	assert.deepEqual(
		security.notes.map(({ what, person }) => [what, person?.username]),
		[['readers_refused', 'mallory']]
	);
	place.members.delete(evil.body.user);
	place.roster++;
	relay.announce(place);
	await ada.core.retry(id);
	await ben.message(dm, 'for ben alone', 'received');
	assert.equal((await ada.core.security(dm)).state, 'sealed');
	assert.equal(inbox.length, 0);
});

test('a private conversation cannot be made a channel, nor one with somebody else', async () => {
	const { relay, ada, ben, dm, users } = await scene();
	await register(relay, 'mallory');
	const evil = [...relay.users.values()].at(-1)!;
	const { username, display_name } = evil.body;
	const place = relay.channels.get(dm)!;
	const told = { id: dm, topic: '', head: 1, display: 1, epoch: 1, history: 'since_joining', wiped: 0 };
	place.members.set(evil.body.user, 0);
	const lies = [
		{ ...told, kind: 'text', name: 'general' },
		{ ...told, kind: 'dm', name: '', peer: { id: evil.body.user, username, display_name } }
	];
	for (const lie of lies) {
		place.roster++;
		const to = ({ user }: { user: string }) => user === users.ada.body.user;
		relay.sendTo(to, { type: 'channel_added', channel: { ...lie, roster: place.roster } });
		await ada.until('the refusal', () => ada.tab.logged.some((line) => line.includes('out for another one')));
		ada.tab.logged.length = 0;
		const { notes } = await ada.core.security(dm);
		assert.ok(notes.some(({ what }) => what === 'place_refused'));
		assert.equal(ada.last('dms')!.find(({ id }) => id === dm)!.peer!.username, 'ben');
		relay.announce(place);
		await ada.core.send(dm, `after ${lie.kind}`);
		assert.equal((await ada.message(dm, `after ${lie.kind}`, 'failed')).problem!.code, 'readers_refused');
	}
	assert.equal(evil.devices[0]!.inbox.length, 0);
	assert.ok(!ben.messages(dm).some(({ text }) => text.startsWith('after')));
});

test('a private conversation that went and comes back is still with the same person', async () => {
	const { relay, ada, dm, users } = await scene();
	await register(relay, 'mallory');
	const { user, username, display_name } = [...relay.users.values()].at(-1)!.body;
	const to = (device: { user: string }) => device.user === users.ada.body.user;
	relay.sendTo(to, { type: 'channel_removed', channel: dm });
	await ada.until('it to go', () => !ada.last('dms')!.some(({ id }) => id === dm));
	const told = { id: dm, kind: 'dm', name: '', topic: '', head: 1, display: 1, roster: 9, epoch: 1, wiped: 0 };
	const channel = { ...told, history: 'since_joining', peer: { id: user, username, display_name } };
	relay.sendTo(to, { type: 'channel_added', channel });
	await ada.until('the refusal', () => ada.tab.logged.some((line) => line.includes('out for another one')));
	assert.ok(!ada.last('dms')!.some(({ peer }) => peer?.username === 'mallory'));
});

test('a private conversation with another person than asked for is not taken', async () => {
	const { relay, ada } = await scene();
	await register(relay, 'cem');
	await register(relay, 'mallory');
	const [cem, mallory] = [...relay.users.values()].slice(-2) as [RelayUser, RelayUser];
	const { user: id, username, display_name } = mallory.body;
	relay.tamperReply = (path, reply) => (path === '/dms' ? { ...reply, peer: { id, username, display_name } } : reply);
	const opening = ada.core.openDm(cem.body.user);
	await assert.rejects(opening, (error: Failure) => error.code === 'bad_reply');
});

test('whom the server lets into a channel is shown there, and one’s own new device', async () => {
	const { relay, ada, channel } = await scene();
	const noted = async () =>
		(await ada.core.security(channel)).notes.map(({ what, person }) => `${what} ${person?.username}`);
	assert.deepEqual(await noted(), []);
	await register(relay, 'mallory');
	ada.events.length = 0;
	joinLast(relay);
	await ada.until('the news', () => ada.events.some((event) => event.type === 'security'));
	assert.deepEqual(await noted(), ['reader_added mallory']);
	await secondDevice(relay, 'ada');
	await ada.until('the device', async () => (await noted()).at(-1) === 'own_device_added ada');
	assert.equal((await ada.core.security(channel)).state, 'sealed');
});

test('a person keeps the username first met with, and another one or a shared one draws attention', async () => {
	const { relay, ada, ben, channel, dm, users } = await scene();
	await register(relay, 'mallory');
	const evil = joinLast(relay);
	assert.deepEqual((await ada.core.security(channel)).misnamed, []);
	users.ben.body.username = 'somebody';
	relay.rosterMoved(users.ben.body.user);
	for (const place of [channel, dm]) {
		const told = await ada.until('the doubt', async () => {
			const security = await ada.core.security(place);
			return security.state === 'attention' && security;
		});
		assert.deepEqual(
			told.misnamed.map(({ username }) => username),
			['ben']
		);
	}
	await ben.core.send(channel, 'still ben');
	assert.equal((await ada.message(channel, 'still ben')).sender.username, 'ben');
	users.ben.body.username = 'ben';
	relay.rosterMoved(users.ben.body.user);
	await ada.until('the end of it', async () => (await ada.core.security(channel)).state === 'sealed');

	await register(relay, 'cem');
	const cem = joinLast(relay);
	cem.body.username = 'Ben';
	relay.rosterMoved(cem.body.user);
	await ada.until('the doubt', async () => (await ada.core.security(channel)).misnamed.length === 2);
	cem.body.display_name = 'Ben';
	evil.body.display_name = 'Ada';
	relay.rosterMoved(evil.body.user);
	await ada.until('the new name', async () => {
		const { notes } = await ada.core.security(channel);
		return notes.some(
			({ what, was, person }) => what === 'renamed' && was === 'mallory' && person!.username === 'mallory'
		);
	});
});

test('a changed identity is sent to again once it has been accepted, and that stays to be seen', async () => {
	const { relay, ada, ben, channel, dm, users } = await scene();
	const { user } = users.ben.body;
	await assert.rejects(ada.core.acceptIdentity(dm, user), { code: 'identity_unchanged' });
	await verify(ada, user);
	const inbox = () => users.ben.devices[0]!.inbox;
	await ben.until('the acknowledgement', () => inbox().length === 0);
	await ben.core.close();
	const again = await register(relay, 'benagain');
	const { id: own } = (await again.core.start()).account!;
	await again.core.close();
	const fresh = relay.users.get(own)!;
	users.ben.body.account_key = fresh.body.account_key;
	relay.rosterMoved(user);
	const { id } = await ada.core.send(dm, 'is it you?');
	assert.equal((await ada.message(dm, 'is it you?', 'failed')).problem!.code, 'identity_changed');
	const accepted = await ada.core.acceptIdentity(dm, user);
	assert.deepEqual(accepted.changed, []);
	// The devices that the old identity vouched for are nobody's now.
	assert.equal(accepted.members.find(({ person }) => person.id === user)!.devices, 0);
	assert.deepEqual(
		accepted.notes.map(({ what }) => what),
		['verified', 'identity_changed', 'identity_accepted']
	);
	relay.removeDevice(users.ben.devices[0]!);
	await ada.until('the removal', async () => (await ada.core.security(dm)).state === 'sealed');
	await ada.core.retry(id);
	await ada.message(dm, 'is it you?', 'sent');
	await ada.core.send(channel, 'to all');
	await ada.message(channel, 'to all', 'sent');
	assert.equal(inbox().length, 0);
	await assert.rejects(ada.core.acceptIdentity(dm, user), { code: 'identity_unchanged' });
});

test('what was sealed before somebody was removed is not believed when it comes after that', async () => {
	const { relay, ada, ben, channel } = await scene();
	const place = relay.channels.get(channel)!;
	relay.tamperFrame = (frame) => (frame.type === 'entry' && frame.seq === 3 ? null : frame);
	await ben.core.send(channel, 'held back');
	await ben.message(channel, 'held back', 'sent');
	const held = place.log.pop();
	assert.equal(held.epoch, 1);
	relay.tamperFrame = (frame) => frame;
	place.epoch++;
	place.roster++;
	relay.announce(place);
	await ada.core.send(channel, 'now we are among ourselves');
	await ada.until('its entry', () => ada.messages(channel).find(({ seq }) => seq === 3));
	inject(relay, place, held);
	const refused = await ada.until('the late one', () => ada.messages(channel).find(({ seq }) => seq === 4));
	assert.deepEqual([refused.state, refused.text, refused.problem!.code], ['unreadable', '', 'out_of_order']);
	await ada.backedUp();
	const later = await secondDevice(relay, 'ada');
	await later.until('the history', async () => (await later.open(channel)).length === 4);
	await later.message(channel, 'now we are among ourselves');
	assert.equal(later.messages(channel).at(-1)!.problem!.code, 'out_of_order');
});
