// SPDX-License-Identifier: GPL-3.0-or-later
// In a real worker, with real IndexedDB and the real library: how long the client takes to take in 1,000 messages that
// were written while it was away, and to read them back as history on a device that begins with nothing. Driven by
// speed.mjs; the server is the one in memory, so that nothing but the client is measured.
import { fromBase64url } from '../../src/lib/core/bytes';
import { ClientCore } from '../../src/lib/core/core';
import type { Broadcast, Locks, Platform } from '../../src/lib/core/platform';
import type { CoreEvent } from '../../src/lib/core/types';
import { compile } from '../../src/lib/crypto/library';
import { bindingOf } from '../../src/lib/engine/opening';
import { Relay } from '../support/relay';
import { engineOf, writeMany } from '../support/write';

const COUNT = 1000;
const password = 'correct horse battery';

const turns = new MessageChannel();
const due: (() => void)[] = [];
turns.port1.onmessage = () => due.shift()?.();
Object.assign(globalThis, {
	setImmediate: (run: () => void) => {
		due.push(run);
		turns.port2.postMessage(0);
	}
});

/** A browser of its own for each: names of databases, locks and channels begin with whose they are. */
function platformOf(relay: Relay, name: string): Platform {
	const open = (database: string, version: number) => indexedDB.open(`${name} ${database}`, version);
	return {
		origin: relay.origin,
		secure: true,
		deviceName: name,
		fetch: relay.fetch,
		socket: relay.socket,
		indexedDB: { open, cmp: (a: unknown, b: unknown) => indexedDB.cmp(a, b) } as unknown as IDBFactory,
		keyRange: IDBKeyRange,
		locks: {
			request: (lock: string, options: LockOptions, work: LockGrantedCallback<unknown>) =>
				navigator.locks.request(`${name} ${lock}`, options, work)
		} as unknown as Locks,
		subtle: crypto.subtle,
		random: (length) => crypto.getRandomValues(new Uint8Array(length)),
		broadcast: (): Broadcast => ({ post: () => undefined, onmessage: null, close: () => undefined }),
		now: () => Date.now(),
		after: (ms, run) => {
			const timer = setTimeout(run, ms);
			return () => clearTimeout(timer);
		},
		online: () => true,
		watch: () => () => undefined,
		library: () => compile('/chatalot.wasm'),
		log: (level, message, detail) => postMessage({ log: `${level}: ${message} ${String(detail ?? '')}` })
	};
}

class Someone {
	readonly core: ClientCore;
	readonly readable = new Set<string>();
	private waiting: (() => void)[] = [];

	constructor(relay: Relay, name: string) {
		this.core = new ClientCore(platformOf(relay, name), (event) => this.hear(event));
	}

	private hear(event: CoreEvent): void {
		if (event.type === 'messages')
			for (const { id, text, seq } of event.data.messages) if (text !== '' && seq !== null) this.readable.add(id);
		for (const wake of this.waiting.splice(0)) wake();
	}

	async until(look: () => boolean): Promise<void> {
		while (!look()) await new Promise<void>((resolve) => this.waiting.push(resolve));
	}
}

async function begin(relay: Relay, name: string): Promise<Someone> {
	const person = new Someone(relay, name);
	await person.core.start();
	return person;
}

async function measure(): Promise<Record<string, number>> {
	const relay = new Relay();
	relay.syncLimit = 500;
	const ada = await begin(relay, 'ada');
	await ada.core.register({ username: 'ada', displayName: 'Ada', password });
	const community = await ada.core.createCommunity('Garden');
	const channel = community.groups[0]!.channels[0]!.id;
	const ben = await begin(relay, 'ben');
	await ben.core.register({ username: 'ben', displayName: 'Ben', password });
	await ben.core.acceptInvite((await ada.core.createInvite(community.id, {})).code);
	await ada.core.send(channel, 'first');
	await ben.until(() => ben.readable.size === 1);
	await ben.core.close();
	await writeMany(relay, ada, channel, COUNT);

	const out: Record<string, number> = {};
	out['the library alone, one message a call'] = await library(ada, relay, channel);
	const again = await begin(relay, 'ben');
	const { ctx } = engineOf(again);
	const portions: number[] = [];
	const change = ctx.store.change.bind(ctx.store);
	ctx.store.change = async (work) => {
		const from = performance.now();
		try {
			return await change(work);
		} finally {
			portions.push(performance.now() - from);
		}
	};
	await new Promise((resolve) => setTimeout(resolve, 0));
	const from = performance.now();
	await again.until(() => again.readable.size >= COUNT);
	out['1,000 messages taken in, connecting included'] = performance.now() - from;
	out['the longest wait for the state lock and a change under it'] = Math.max(...portions);
	const back = performance.now();
	let page = await again.core.open(channel);
	while (page.more && page.messages[0]) page = await again.core.older(channel, page.messages[0].seq!);
	out['the same read back from the store, page by page'] = performance.now() - back;
	return out;
}

/** What the cryptography of 1,000 messages costs, without anything round it. */
async function library(ada: Someone, relay: Relay, channel: string): Promise<number> {
	const { ctx } = engineOf(ada);
	const [key] = (await ctx.store.read.all('senderKeys')).filter((one) => one.channel === channel);
	const from = performance.now();
	let { record } = key!;
	for (const entry of relay.channels.get(channel)!.log) {
		const ciphertext = fromBase64url(entry.ciphertext)!;
		record = ctx.library.openChannelMessage(record, bindingOf(entry), ciphertext, true).record;
	}
	return performance.now() - from;
}

measure().then(
	(result) => postMessage({ result }),
	(error: unknown) => postMessage({ failed: error instanceof Error ? error.stack : String(error) })
);
