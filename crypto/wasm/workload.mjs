// SPDX-License-Identifier: GPL-3.0-or-later
// What measure.mjs lets the WebAssembly library do, through the binding that the client uses: each function gives a name
// and the milliseconds that its calls took.

import { compile, Library, lengths } from '../../html/src/lib/crypto/library.ts';

const id = () => crypto.getRandomValues(new Uint8Array(16));
const now = Date.now();

/** The shortest of three times, for the others tell what else the machine did. */
function shortest(work) {
	let best = Infinity;
	for (let i = 0; i < 3; i++) {
		const start = performance.now();
		work();
		best = Math.min(best, performance.now() - start);
	}
	return best;
}

function party(library) {
	const { secret, key } = library.createDevice();
	return { secret, party: { user: id(), device: id(), deviceKey: key } };
}

/** `megabytes` of a file, there and back. */
function file(library, megabytes) {
	const chunks = (megabytes * 1_000_000) / lengths.fileChunk;
	const whole = Math.ceil(chunks);
	const plain = crypto.getRandomValues(new Uint8Array(lengths.fileChunk));
	const sealed = [];
	let key;
	let header;
	const sealing = shortest(() => {
		sealed.length = 0;
		let state;
		({ key, header, state } = library.fileSealBegin());
		for (let i = 1; i <= whole; i++) {
			const chunk = library.fileSealChunk(state, plain, i === whole);
			sealed.push(chunk.sealed);
			state = chunk.state;
		}
	});
	const opening = shortest(() => {
		let state = library.fileOpenBegin(key, header);
		for (const chunk of sealed) ({ state } = library.fileOpenChunk(state, chunk));
		library.fileEnded(state);
	});
	return [
		{ name: `sealing a file of ${megabytes} MB`, ms: sealing, of: megabytes, unit: 'MB' },
		{ name: `opening it`, ms: opening, of: megabytes, unit: 'MB' }
	];
}

/** A channel's messages as a busy day has them: some twenty people, each from one device, in turns. */
function conversation(library, count) {
	const channel = id();
	const senders = Array.from({ length: 20 }, () => {
		const { secret, party: own } = party(library);
		const chain = library.createSenderChain(channel, 3, own, secret);
		return { own, chain, record: library.acceptSenderKey(library.shareSenderChain(chain)) };
	});
	const text = 'A message of usual size, which says something in a sentence or two and then ends. ';
	const entries = [];
	for (let i = 0; i < count; i++) {
		const sender = senders[(i * 7) % senders.length];
		const franking = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
		const payload = new TextEncoder().encode(JSON.stringify({ type: 'text', text, franking_key: franking }));
		const binding = {
			channel,
			epoch: 3,
			kind: 'message',
			message: id(),
			thread: null,
			ref: null,
			user: sender.own.user,
			device: sender.own.device
		};
		const { chain, message } = library.sealChannelMessage(sender.chain, binding, payload);
		sender.chain = chain;
		entries.push({ sender, binding, message });
	}
	return { senders, entries };
}

function messages(library, count) {
	const { senders, entries } = conversation(library, count);
	const start = new Map(senders.map((sender) => [sender, sender.record]));
	const forwards = shortest(() => {
		const records = new Map(start);
		for (const { sender, binding, message } of entries) {
			const { record } = library.openChannelMessage(records.get(sender), binding, message, false);
			records.set(sender, record);
		}
	});
	const backwards = shortest(() => {
		const records = new Map(start);
		for (const { sender, binding, message } of [...entries].reverse()) {
			const { record } = library.openChannelMessage(records.get(sender), binding, message, true);
			records.set(sender, record);
		}
	});
	return [
		{ name: `opening ${count} channel messages in turn`, ms: forwards, of: count, unit: 'messages' },
		{ name: 'opening them newest first', ms: backwards, of: count, unit: 'messages' }
	];
}

function directMessages(library, count) {
	const { party: own } = party(library);
	const entries = Array.from({ length: count }, () => {
		const binding = { channel: id(), epoch: 0, kind: 'message', message: id(), user: own.user, device: own.device };
		return { binding, ...library.sealDmMessage(binding, new Uint8Array(150).fill(1)) };
	});
	const ms = shortest(() => {
		for (const { binding, contentKey, message } of entries) library.openDmMessage(contentKey, binding, message);
	});
	return [{ name: `opening ${count} private messages`, ms, of: count, unit: 'messages' }];
}

/** What a first send to so many devices costs: a session begun with each, and a letter in it. */
function devices(library, count) {
	const { secret, party: own } = party(library);
	const peers = Array.from({ length: count }, () => {
		const { secret: peerSecret, party: peer } = party(library);
		return { peer, ...library.createSignedPrekey(peerSecret, peer.device, 1, now) };
	});
	const oneTime = { id: 1, key: library.createOneTimePrekey().key };
	const chain = library.createSenderChain(id(), 1, own, secret);
	const letter = library.makeLetter({ kind: 'sender_key', senderKey: library.shareSenderChain(chain) });
	const records = [];
	const starting = shortest(() => {
		records.length = 0;
		for (const { peer, prekey } of peers) {
			records.push(library.startSession(null, own, secret, peer, prekey, oneTime, now));
		}
	});
	const sealing = shortest(() => {
		for (const record of records) library.sealEnvelope(record, letter);
	});
	return [
		{ name: `beginning sessions with ${count} devices`, ms: starting, of: count, unit: 'sessions' },
		{ name: `sealing a sender key for ${count} devices`, ms: sealing, of: count, unit: 'envelopes' }
	];
}

export async function run(source) {
	const library = new Library(await compile(source));
	return [
		...file(library, 100),
		...messages(library, 1000),
		...directMessages(library, 1000),
		...devices(library, 500)
	];
}
