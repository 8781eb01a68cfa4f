// SPDX-License-Identifier: GPL-3.0-or-later
// What a server can do to entries of a log: change each thing it tells of them, move, repeat, reorder and withhold them.
// Every changed one is refused with the reason to be seen, and none is shown as something that it was not.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Id, Message } from '../../src/lib/core/types';
import type { Person } from '../support/person';
import { findsInClear } from '../support/clear';
import type { Json, RelayChannel } from '../support/relay';
import { engineOf, inject, scene, secondDevice, uuid, type Scene } from '../support/scene';

const MINUTES = 60_000;

const byId = (person: Person, channel: Id, id: Id): Promise<Message> =>
	person.until(`message ${id}`, () => person.messages(channel).find((message) => message.id === id));

/** What is shown of it when there is nothing more to wait for: a key that is asked for and never comes is given up. */
function settled(person: Person, channel: Id, id: Id): Promise<Message> {
	return person.until(`an outcome of ${id}`, () => {
		const shown = person.messages(channel).find((message) => message.id === id);
		if (shown?.state !== 'waiting') return shown;
		person.tab.skew += 11 * MINUTES;
		person.tab.wake();
		return undefined;
	});
}

function withByte(text: string, at: number, change: (byte: number) => number): string {
	const data = Buffer.from(text, 'base64url');
	const place = at < 0 ? data.length + at : at;
	data[place] = change(data[place]!);
	return data.toString('base64url');
}
const flipped = (text: string, at: number) => withByte(text, at, (byte) => byte ^ 1);

let next = 1;
let shared!: Scene & { place: RelayChannel; original: Json; again: Json; other: RelayChannel; privately: RelayChannel };
before(async () => {
	const made = await scene();
	const { relay, ada, ben, log, channel, dm } = made;
	const second = await ada.core.createCommunity('Orchard');
	await ben.core.acceptInvite((await ada.core.createInvite(second.id, {})).code);
	const other = relay.channels.get(second.groups[0]!.channels[0]!.id)!;
	await ada.core.send(other.id, 'in the orchard');
	await ben.message(other.id, 'in the orchard', 'received');
	await ada.core.send(channel, 'from ada again');
	await ben.message(channel, 'from ada again', 'received');
	await ada.core.send(dm, 'in private again');
	await ben.message(dm, 'in private again', 'received');
	const place = relay.channels.get(channel)!;
	shared = { ...made, place, original: log[0], again: log[2], other, privately: relay.channels.get(dm)! };
});

/** Puts the lie into a log and tells what the reader ends up seeing of it. */
async function told(place: RelayChannel, lie: Json): Promise<Message> {
	const { relay, ben } = shared;
	const { id } = inject(relay, place, lie);
	return settled(ben, place.id, id);
}

const refused = (message: Message, code: string) => {
	assert.deepEqual([message.state, message.text, message.problem?.code], ['unreadable', '', code]);
};

// --- one thing changed ----------------------------------------------------------------------------------------------

const own = () => shared.users.ben.devices[0]!;
const lies: [string, string, () => Json][] = [
	['sender', 'not_authentic', () => ({ sender: own().user })],
	['device', 'key_never_came', () => ({ device: own().id })],
	['sender and device', 'key_never_came', () => ({ sender: own().user, device: own().id })],
	['id', 'not_authentic', () => ({})],
	['epoch', 'not_authentic', () => ({ epoch: 2 })],
	['thread', 'not_authentic', () => ({ thread: shared.again.id })],
	['ref', 'not_authentic', () => ({ ref: shared.again.id })],
	['kind', 'unknown_version', () => ({ kind: 'announcement' })],
	['suite', 'unknown_version', () => ({ ciphertext: withByte(shared.original.ciphertext, 1, () => 2) })],
	['version', 'unknown_version', () => ({ ciphertext: withByte(shared.original.ciphertext, 0, () => 2) })],
	['key id', 'key_never_came', () => ({ ciphertext: flipped(shared.original.ciphertext, 2) })],
	['counter', 'not_authentic', () => ({ ciphertext: flipped(shared.original.ciphertext, 21) })],
	['content', 'not_authentic', () => ({ ciphertext: flipped(shared.original.ciphertext, 40) })],
	['signature', 'not_authentic', () => ({ ciphertext: flipped(shared.original.ciphertext, -1) })],
	['length', 'malformed', () => ({ ciphertext: 'AQEA' })]
];
for (const [what, code, change] of lies)
	test(`a message whose ${what} was changed is refused`, async () => {
		const { place, original, ben, channel } = shared;
		refused(await told(place, { ...original, id: uuid(next++), ...change() }), code);
		assert.equal(ben.messages(channel).filter(({ text }) => text === 'from ada').length, 1);
	});

const privateLies: [string, string, () => Json][] = [
	['sender', 'not_authentic', () => ({ sender: own().user })],
	['sender, to somebody who is in no such conversation,', 'not_authentic', () => ({ sender: uuid(900) })],
	['id', 'key_never_came', () => ({ id: uuid(next++) })],
	['suite', 'unknown_version', () => ({ ciphertext: withByte(shared.privately.log[0].ciphertext, 1, () => 2) })],
	['content', 'not_authentic', () => ({ ciphertext: flipped(shared.privately.log[0].ciphertext, 60) })],
	['content, to that of another message,', 'not_authentic', () => ({ ciphertext: shared.privately.log[1].ciphertext })],
	['epoch', 'not_authentic', () => ({ epoch: 2 })],
	['thread', 'not_authentic', () => ({ thread: shared.privately.log[1].id })],
	['ref', 'not_authentic', () => ({ ref: shared.privately.log[1].id })],
	['kind', 'unknown_version', () => ({ kind: 'announcement' })]
];
for (const [what, code, change] of privateLies)
	test(`a private message whose ${what} was changed is refused`, async () => {
		const { relay, ada, ben, dm, privately } = shared;
		// Before its reader sees it: what it is when it comes first is what counts.
		let lie: Json;
		relay.tamperFrame = (frame, device) => {
			if (frame.type !== 'entry' || frame.channel !== dm || device?.user !== own().user) return frame;
			lie ??= { ...frame, ...changeOf(frame) };
			return lie;
		};
		const changeOf = (frame: Json): Json => {
			const changed = change();
			// The change is one of this very message, not of the one that it was written down with.
			if ('ciphertext' in changed && what !== 'content, to that of another message,')
				changed.ciphertext = withByte(frame.ciphertext, what === 'suite' ? 1 : 60, (byte) => byte ^ 3);
			return changed;
		};
		const text = `privately, ${what} ${next++}`;
		await ada.core.send(dm, text);
		await ada.message(dm, text, 'sent');
		const shown = await ben.until('it', () => ben.messages(dm).find(({ seq }) => seq === privately.log.length));
		refused(await settled(ben, dm, shown.id), code);
		relay.tamperFrame = (frame) => frame;
		assert.ok(!ben.messages(dm).some((message) => message.text === text));
	});

test('a message with a changed commitment could not be reported, and is refused', async () => {
	const { relay, ada, ben, channel, place } = shared;
	const seq = place.log.length + 1;
	relay.tamperFrame = (frame) =>
		frame.type === 'entry' && frame.seq === seq ? { ...frame, commitment: 'A'.repeat(43) } : frame;
	await ada.core.send(channel, 'uncommitted');
	refused(await ben.until('it', () => ben.messages(channel).find((message) => message.seq === seq)), 'not_committed');
	relay.tamperFrame = (frame) => frame;
});

// --- moved ----------------------------------------------------------------------------------------------------------

test('a message moved from one channel to another is refused', async () => {
	const { other, original } = shared;
	refused(await told(other, { ...original, id: uuid(next++) }), 'key_never_came');
	refused(await told(other, original), 'key_never_came');
});

test('a message moved from a channel to a private conversation is refused', async () => {
	const { privately, again } = shared;
	refused(await told(privately, again), 'key_never_came');
});

test('a private message moved to a channel is refused', async () => {
	const { place, privately } = shared;
	const shown = await told(place, privately.log[0]);
	assert.deepEqual([shown.state, shown.text], ['unreadable', '']);
});

test('a message of one person under the name of another, with her key, is refused on all devices', async () => {
	const { relay, ada, ben, channel, place, original } = shared;
	const { id } = inject(relay, place, { ...original, id: uuid(next++), sender: own().user });
	refused(await byId(ben, channel, id), 'not_authentic');
	refused(await byId(ada, channel, id), 'not_authentic');
});

// --- repeated, reordered, withheld ------------------------------------------------------------------------------------

test('a message that comes again at another place is not shown again', async () => {
	const { relay, ada, ben, channel, place, original } = shared;
	const { seq } = inject(relay, place, original);
	await ada.core.send(channel, 'after the replay');
	await ben.message(channel, 'after the replay', 'received');
	assert.equal(ben.messages(channel).filter(({ text }) => text === 'from ada').length, 1);
	assert.ok(!ben.messages(channel).some((message) => message.seq === seq));
	assert.ok(ben.tab.logged.some((line) => line.includes('repeats the id of another one')));
});

test('a message that comes twice is shown once', async () => {
	const { relay, ada, ben, channel } = shared;
	relay.tamperFrame = (frame, device) => {
		if (frame.type === 'entry' && device?.user === own().user)
			for (const socket of relay.sockets)
				if (socket.device === device) setImmediate(() => socket.onmessage?.({ data: JSON.stringify(frame) }));
		return frame;
	};
	await ada.core.send(channel, 'in two copies');
	await ben.message(channel, 'in two copies', 'received');
	relay.tamperFrame = (frame) => frame;
	await ada.core.send(channel, 'in one copy');
	await ben.message(channel, 'in one copy', 'received');
	assert.equal(ben.messages(channel).filter(({ text }) => text === 'in two copies').length, 1);
});

test('messages whose places were exchanged are shown once each, by whom they are, and open', async () => {
	const { relay, ada, ben, channel, place } = shared;
	relay.tamperFrame = (frame, device) => (frame.type === 'entry' && device?.user === own().user ? null : frame);
	for (const text of ['first written', 'second written']) {
		await ada.core.send(channel, text);
		await ada.message(channel, text, 'sent');
	}
	const [one, two] = place.log.splice(-2);
	place.log.push({ ...two, seq: one.seq }, { ...one, seq: two.seq });
	relay.tamperFrame = (frame) => frame;
	relay.cut();
	await ben.message(channel, 'first written', 'received');
	await ben.message(channel, 'second written', 'received');
	for (const text of ['first written', 'second written'])
		assert.equal(ben.messages(channel).filter((message) => message.text === text && !message.own).length, 1);
});

test('behind a message that is withheld nothing is shown, and everything when it comes', async () => {
	const { relay, ada, ben, channel, place } = shared;
	const withheld = place.log.length + 1;
	const { store } = engineOf(ben).ctx;
	relay.tamperFrame = (frame, device) => {
		if (device?.user !== own().user) return frame;
		if (frame.type === 'entry' && frame.seq === withheld) return null;
		if (frame.type === 'ok' && frame.result?.channels)
			for (const synced of frame.result.channels) {
				if (synced.id !== channel) continue;
				synced.entries = synced.entries.filter(({ seq }: Json) => seq !== withheld);
			}
		return frame;
	};
	await ada.core.send(channel, 'withheld by the server');
	await ada.core.send(channel, 'behind the hole');
	await ada.message(channel, 'behind the hole', 'sent');
	const asked = relay.calls.filter((call) => call === 'ws sync').length;
	await ben.until('asking for it', () => relay.calls.filter((call) => call === 'ws sync').length > asked);
	assert.equal((await store.read.get('channels', channel))!.last, withheld - 1);
	assert.ok(!ben.messages(channel).some(({ text }) => text === 'behind the hole'));
	relay.tamperFrame = (frame) => frame;
	ben.tab.wake();
	await ben.message(channel, 'withheld by the server', 'received');
	await ben.message(channel, 'behind the hole', 'received');
});

test('what was written here stays what was written, whatever the server gives back for it', async () => {
	const { relay, ada, channel, place, original } = shared;
	const seq = place.log.length + 1;
	relay.tamperFrame = (frame, device) =>
		frame.type === 'entry' && frame.seq === seq && device?.user !== own().user
			? { ...frame, ciphertext: original.ciphertext }
			: frame;
	await ada.core.send(channel, 'what I really wrote');
	const shown = await ada.until('its entry', () =>
		ada.messages(channel).find((message) => message.seq === seq && message.state !== 'sent')
	);
	refused(shown, 'not_authentic');
	relay.tamperFrame = (frame) => frame;
});

test('on a new device the same lies in history are refused the same way', async () => {
	const { relay, ada, channel, place } = shared;
	await ada.backedUp();
	const later = await secondDevice(relay, 'ada');
	await later.until('the history', async () => (await later.open(channel)).length > 10);
	await later.message(channel, 'from ada again');
	const seen = new Map(later.messages(channel).map((message) => [message.seq, message]));
	for (const entry of place.log) {
		const shown = seen.get(entry.seq);
		if (!shown) continue;
		const here = ada.messages(channel).find(({ seq }) => seq === entry.seq);
		if (here?.state === 'unreadable') assert.equal(shown.text, '', `entry ${entry.seq}`);
	}
	assert.equal(later.messages(channel).filter(({ text }) => text === 'from ada again').length, 1);
});

test('what is looked for after each of these tests would be found', () => {
	for (const before of ['', '{', 'ab', 'abc']) assert.ok(findsInClear('über die Brücke', before), before);
});
