// SPDX-License-Identifier: GPL-3.0-or-later
// A server that lies: what it forges, moves, repeats, withholds, adds or downgrades is refused by the real client, and
// said so; nothing is ever sent in clear or to somebody nobody vouched for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../src/lib/core/problem';
import type { RelayUser } from '../support/relay';
import { register, scene, uuid, verify } from '../support/scene';

test('another identity under the name of somebody verified gets nothing before that was looked at', async () => {
	const { relay, ada, channel, dm, users } = await scene();
	await verify(ada, users.ben.body.user);
	const mallory = await register(relay, 'mallory');
	const [, , evil] = [...relay.users.values()] as RelayUser[];
	users.ben.body.account_key = evil!.body.account_key;
	relay.rosterMoved(users.ben.body.user);
	for (const place of [channel, dm]) {
		await ada.core.send(place, `to ${place}`);
		const failed = await ada.message(place, `to ${place}`, 'failed');
		assert.equal(failed.problem!.code, 'identity_changed');
		const security = await ada.core.security(place);
		const changed = security.changed.map(({ person, wasVerified }) => [person.username, wasVerified]);
		assert.deepEqual([security.state, changed], ['attention', [['ben', true]]]);
	}
	assert.ok(ada.events.some((event) => event.type === 'security'));
	await mallory.core.signOut();
});

test('key material that is rubbish, repeated, of strangers or for others does no harm', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	const target = users.ben.devices[0]!;
	const from = users.ada.devices[0]!;
	const item = (n: number, change: object) => ({
		id: uuid(100 + n),
		channel,
		ref: null,
		sender: from.user,
		device: from.id,
		payload: 'AQEC' + 'A'.repeat(200),
		...change
	});
	let caught: string | undefined;
	relay.tamperFrame = (frame) => {
		if (frame.type === 'inbox') caught ??= frame.item.payload;
		return frame;
	};
	await ada.core.removeMember(ada.last('communities')![0]!.id, uuid(5)).catch(() => undefined);
	relay.put(target, item(1, {}));
	relay.put(target, item(2, { payload: 'AA' }));
	relay.put(target, item(3, { device: uuid(77) }));
	relay.put(target, item(4, { sender: target.user }));
	relay.put(target, item(5, { payload: caught ?? 'AQEB' }));
	for (let n = 10; n < 40; n++)
		relay.put(
			target,
			item(n, { payload: Buffer.from(crypto.getRandomValues(new Uint8Array(300))).toString('base64url') })
		);
	await ada.core.send(channel, 'still here');
	await ben.message(channel, 'still here', 'received');
	await ben.until('the acknowledgement', () => target.inbox.length === 0);
});

test('answers and frames of the wrong shape or size are refused, and nothing breaks', async () => {
	const { relay, ada, ben, channel } = await scene();
	for (const reply of [
		null,
		[],
		'x',
		{},
		{ devices: {} },
		{ devices: [{ id: 'x' }] },
		{ devices: new Array(1001).fill({}) }
	]) {
		relay.tamperReply = (path, real) => (path === '/devices' ? reply : real);
		await assert.rejects(ada.core.devices(), (error: Failure) => error.code === 'bad_reply');
	}
	relay.tamperReply = (_path, reply) => reply;
	for (const socket of relay.sockets)
		for (const frame of [
			{ type: 'entry' },
			{ type: 'inbox', item: {} },
			{ type: 'roster', channel },
			{ type: '__proto__' },
			{ type: 'ok', ref: '99' }
		])
			socket.push(frame);
	await ada.core.send(channel, 'unharmed');
	await ben.message(channel, 'unharmed', 'received');
});
