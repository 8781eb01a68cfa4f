// SPDX-License-Identifier: GPL-3.0-or-later
// Servers and members that play with keys and repeat entries: nobody reads what he was not given, nobody spoils, fills or
// starves another's keys, and nothing is shown twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64url } from '../../src/lib/core/bytes';
import { uuidBytes } from '../../src/lib/core/uuid';
import { CryptoError, senderKeyOf, type Letter } from '../../src/lib/crypto/library';
import { Refusal } from '../support/relay';
import { deliver, engineOf, joinLast, register, scene, senderKeysOf, uuid, writeMany } from '../support/scene';

/** A sender key whose chain is another one; its attestation, which leaves the chain out, stays good. */
function poisoned(record: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
	const copy = senderKeyOf(record).slice();
	copy[copy.length - 1]! ^= 1;
	return copy;
}

test('a message that comes several times at once is shown once', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	const { log } = relay.channels.get(channel)!;
	relay.tamperFrame = (frame, device) =>
		device?.user === users.ben.body.user && frame.type !== 'ready' ? null : frame;
	await ada.core.send(channel, 'pay bob 10');
	await ada.message(channel, 'pay bob 10', 'sent');
	const entry = log.at(-1);
	for (let n = 0; n < 2; n++) log.push({ ...entry, seq: log.length + 1 });
	relay.tamperFrame = (frame) => frame;
	relay.cut();
	await ada.online();
	await ada.core.send(channel, 'after the replay');
	await ben.message(channel, 'after the replay', 'received');
	const texts = (await ben.core.open(channel)).messages.map(({ text }) => text);
	assert.deepEqual(texts, ['from ada', 'from ben', 'pay bob 10', 'after the replay']);
});

test('a member cannot spoil the key of another one', async () => {
	const { relay, ada, ben, channel, users } = await scene();
	const mallory = await register(relay, 'mallory');
	joinLast(relay);
	const [target, author] = [users.ben.devices[0]!, users.ada.devices[0]!];
	await ada.core.send(channel, 'to all three');
	await mallory.message(channel, 'to all three', 'received');
	await ben.message(channel, 'to all three', 'received');
	const [known] = await senderKeysOf(mallory, channel, author.id);
	const body = poisoned(known!.record);
	// Before he has the good one: the counter is not attested either.
	body.fill(0, 202, 206);
	await engineOf(ben).ctx.store.change(async (unit) => unit.delete('senderKeys', [channel, known!.keyId, author.id]));
	await deliver(mallory, channel, target.id, [{ kind: 'items', items: [{ kind: 'sender_key', body }] }]);
	await ben.until('the acknowledgement', () => target.inbox.length === 0);
	assert.equal((await senderKeysOf(ben, channel, author.id)).length, 0);
	await deliver(ada, channel, target.id, [{ kind: 'sender_key', senderKey: senderKeyOf(known!.record) }]);
	await ada.core.send(channel, 'unspoilt');
	await ben.message(channel, 'unspoilt', 'received');
});

test('a key that was spoilt is put right by its own sender, and what it did not open is opened', async () => {
	const { ada, ben, channel, users } = await scene();
	const [target, author] = [users.ben.devices[0]!, users.ada.devices[0]!];
	const { ctx } = engineOf(ben);
	const [known] = await senderKeysOf(ben, channel, author.id);
	const good = senderKeyOf(known!.record);
	const record = ctx.library.acceptSenderKey(poisoned(known!.record));
	await ctx.store.change(async (unit) => unit.put('senderKeys', { ...known!, record }));
	await ada.core.send(channel, 'sealed with the good one');
	await ben.until('it', () => ben.messages(channel).find(({ state }) => state === 'unreadable'));
	await deliver(ada, channel, target.id, [{ kind: 'sender_key', senderKey: good }]);
	await ben.message(channel, 'sealed with the good one', 'received');
});

test('keys that nothing here needs are not kept, and those of one device are counted', async () => {
	const { relay, ada, ben, channel, dm, users } = await scene();
	const mallory = await register(relay, 'mallory');
	joinLast(relay);
	const target = users.ben.devices[0]!;
	const { library, own } = engineOf(mallory).ctx;
	const keyFor = (place: string): Letter => {
		const chain = library.createSenderChain(uuidBytes(place), 1, own.party, own.deviceSecret);
		return { kind: 'sender_key', senderKey: library.shareSenderChain(chain) };
	};
	await mallory.until('the channel', () => mallory.last('communities')?.length);
	const contentKey = library.sealDmMessage(
		{
			channel: uuidBytes(dm),
			epoch: 1,
			kind: 'message',
			message: uuidBytes(dm),
			thread: null,
			ref: null,
			user: own.party.user,
			device: own.party.device
		},
		new Uint8Array(40)
	).contentKey;
	await deliver(mallory, channel, target.id, [keyFor(dm), { kind: 'content_key', contentKey }]);
	await deliver(
		mallory,
		channel,
		target.id,
		Array.from({ length: 90 }, () => keyFor(channel))
	);
	await ben.until('the acknowledgement', () => target.inbox.length === 0);
	assert.equal((await senderKeysOf(ben, dm, own.device)).length, 0);
	assert.equal((await senderKeysOf(ben, channel, own.device)).length, 64);
	const contentKeys = await engineOf(ben).ctx.store.read.all('contentKeys');
	assert.ok(!contentKeys.some(({ device }) => device === own.device));
	await ada.core.send(channel, 'undisturbed');
	await ben.message(channel, 'undisturbed', 'received');
});

test('who asks for a key again gets it from where it was given, not from its beginning', async () => {
	const { relay, ada, channel, users } = await scene();
	const mallory = await register(relay, 'mallory');
	const device = joinLast(relay).devices[0]!;
	const author = users.ada.devices[0]!;
	await ada.core.send(channel, 'after she came');
	await mallory.message(channel, 'after she came', 'received');
	const [before] = await senderKeysOf(mallory, channel, author.id);
	const { library } = engineOf(ada).ctx;
	assert.ok(library.inspectSenderKey(before!.record).counter > 0);
	await mallory.until('the acknowledgement', () => device.inbox.length === 0);
	const seq = device.inboxSeq;
	const id = fromBase64url(before!.keyId)!;
	const request = { what: 'sender_key' as const, channel: uuidBytes(channel), epoch: 1, id };
	await deliver(mallory, channel, author.id, [{ kind: 'request', request }]);
	await mallory.until('the answer', () => device.inboxSeq > seq && device.inbox.length === 0);
	const [after] = await senderKeysOf(mallory, channel, author.id);
	assert.equal(library.inspectSenderKey(after!.record).counter, library.inspectSenderKey(before!.record).counter);
});

test('who is not among the readers any more does not have the next key, though no new epoch was told', async () => {
	const { relay, ada, ben, channel } = await scene();
	const mallory = await register(relay, 'mallory');
	const gone = joinLast(relay);
	await ada.core.send(channel, 'one');
	await mallory.message(channel, 'one', 'received');
	const place = relay.channels.get(channel)!;
	relay.tamperReply = (path, reply) =>
		path.endsWith('/roster')
			? { ...reply, members: reply.members.filter(({ user }: { user: string }) => user !== gone.body.user) }
			: reply;
	place.roster++;
	relay.announce(place);
	await ada.core.send(channel, 'now that she is gone');
	await ben.message(channel, 'now that she is gone', 'received');
	await mallory.until('an entry without its key', () =>
		mallory.messages(channel).find(({ state }) => state === 'waiting')
	);
	assert.equal(place.log.at(-1).epoch, 1);
});

test('many keys that never come do not keep the others from being asked for', async () => {
	const { relay, ada, ben, channel, dm, users } = await scene();
	const { store, own } = engineOf(ben).ctx;
	const raw = {
		kind: 'message',
		ref: null,
		thread: null,
		epoch: 1,
		ciphertext: new Uint8Array(4),
		commitment: new Uint8Array(32)
	};
	await store.change(async (unit) => {
		const asked: Record<string, { at: number; times: number }> = {};
		for (let n = 0; n < 300; n++) {
			const id = uuid(0x20000 + n);
			const wants = `content:${id}`;
			const message = {
				channel: dm,
				seq: 1000 + n,
				id,
				sender: own.user,
				device: own.device,
				at: 0,
				text: '',
				raw,
				wants
			};
			unit.put('messages', { ...message, state: 'waiting' });
			asked[wants] = { at: Date.now(), times: 1 };
		}
		for (let n = 0; n < 400; n++) asked[`content:${uuid(0x30000 + n)}`] = { at: 0, times: 1 };
		unit.setMeta('asked', asked);
	});
	const cem = await register(relay, 'cem');
	joinLast(relay);
	const put = relay.put.bind(relay);
	relay.put = (target, item) => {
		if (target !== users.ben.devices[0]) put(target, item);
	};
	await cem.until('the channel', () => cem.last('communities')?.length);
	await cem.core.send(channel, 'its key is lost');
	await ben.until('it', () => ben.messages(channel).find(({ state }) => state === 'waiting'));
	relay.put = put;
	ben.tab.skew = 20_000;
	ben.tab.wake();
	await ben.message(channel, 'its key is lost', 'received');
	const asked = Object.keys((await store.read.meta('asked'))!);
	assert.equal(asked.length, 301, 'what nothing waits for is forgotten');
	await ada.core.send(channel, 'thanks');
	await ben.message(channel, 'thanks', 'received');
});

test('what was sealed before a removal does not go out after it', async () => {
	const { relay, ada, channel, users } = await scene();
	let sends = 0;
	relay.before = (call) => {
		if (call !== 'ws send' || sends++ > 0) return;
		relay.leave([...relay.communities.values()][0]!, users.ben.body.user);
		throw new Refusal(503, 'internal');
	};
	await ada.core.send(channel, 'not for who left');
	await ada.message(channel, 'not for who left', 'sent');
	assert.equal(relay.channels.get(channel)!.log.at(-1).epoch, 2);
	assert.equal(sends, 2, 'nothing of the old epoch was offered again');
});

test('a refusal without details does not make an older list of members good', async () => {
	const { relay, ada, channel, users } = await scene();
	const place = relay.channels.get(channel)!;
	const { roster, epoch } = place;
	relay.rosterMoved(users.ben.body.user);
	await engineOf(ada).rosters.fetch(channel);
	relay.tamperReply = (path, reply) => (path.endsWith('/roster') ? { ...reply, roster, epoch } : reply);
	relay.before = (call) => {
		if (call === 'ws send') throw new Refusal(409, 'roster_stale');
	};
	await ada.core.send(channel, 'to whom?');
	assert.equal((await ada.message(channel, 'to whom?', 'failed')).problem!.code, 'roster_old');
});

test('what was decrypted is not logged, whatever it is', async () => {
	const { relay, ada, ben, channel } = await scene();
	await writeMany(relay, ada, channel, 1, () => new TextEncoder().encode('secret words that are no JSON'));
	const shown = await ben.until('it', () => ben.messages(channel).find(({ seq }) => seq === 3));
	assert.deepEqual([shown.state, shown.problem!.code], ['unreadable', 'malformed']);
	assert.ok(!ben.tab.logged.some((line) => line.includes('secret')));
});

test('an inbox item that crashes the library is passed over the second time', async () => {
	const { ada, ben, channel, users } = await scene();
	const target = users.ben.devices[0]!;
	const { library } = engineOf(ben).ctx;
	const open = library.openEnvelope.bind(library);
	let crashes = 0;
	library.openEnvelope = (...args) => {
		if (args[5].length < 1000) return open(...args);
		crashes++;
		throw new CryptoError('crash', 'openEnvelope');
	};
	const { library: adas, own } = engineOf(ada).ctx;
	const chain = adas.createSenderChain(uuidBytes(channel), 1, own.party, own.deviceSecret);
	const body = adas.shareSenderChain(chain);
	const items = Array.from({ length: 8 }, () => ({ kind: 'sender_key' as const, body }));
	await deliver(ada, channel, target.id, [{ kind: 'items', items }]);
	await ben.until('the acknowledgement', () => target.inbox.length === 0);
	assert.equal(crashes, 2);
	await ada.core.send(channel, 'all is well');
	await ben.message(channel, 'all is well', 'received');
});
