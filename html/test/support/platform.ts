// SPDX-License-Identifier: GPL-3.0-or-later
// A Platform in Node: one Machine is one person's browser on one computer (its IndexedDB, locks and broadcast channels),
// each platform() of it is one tab. The network is given by the test.
import { readFile } from 'node:fs/promises';
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import type { Broadcast, Locks, Platform, SocketLike } from '../../src/lib/core/platform';

export interface Network {
	origin: string;
	fetch(url: string, init: RequestInit): Promise<Response>;
	socket(url: string): SocketLike;
}

let compiled: Promise<WebAssembly.Module> | undefined;

function library(): Promise<WebAssembly.Module> {
	// Tests run bundled, in a directory below node_modules/.cache.
	const file = process.env.CHATALOT_WASM ?? new URL('../../../src/lib/crypto/chatalot.wasm', import.meta.url);
	compiled ??= readFile(file).then((bytes) => WebAssembly.compile(bytes));
	return compiled;
}

export interface Tab extends Platform {
	readonly logged: string[];
	setOnline(online: boolean): void;
	wake(): void;
	/** Added to the clock. */
	skew: number;
	/** The process is gone, between two instructions: nothing leaves it any more, nothing reaches it, its locks are free. */
	die(): void;
}

export class Machine {
	readonly indexedDB = new IDBFactory();
	private readonly held = new Map<string, Promise<unknown>>();
	private readonly channels = new Map<string, Set<Broadcast>>();

	constructor(
		private readonly network: Network,
		readonly name = 'Test device'
	) {}

	tab(): Tab {
		const logged: string[] = [];
		const watchers = new Set<(what: 'network' | 'wake') => void>();
		let online = true;
		let isDead = false;
		const sockets = new Set<SocketLike>();
		let bury: () => void = () => undefined;
		const death = new Promise<void>((resolve) => (bury = resolve));
		const forever = <T>() => new Promise<T>(() => undefined);
		const tell = (what: 'network' | 'wake') => [...watchers].forEach((watcher) => watcher(what));
		const tab: Tab = {
			origin: this.network.origin,
			secure: true,
			deviceName: this.name,
			fetch: async (url, init) => {
				if (isDead) return forever();
				const response = await this.network.fetch(url, init);
				return isDead ? forever() : response;
			},
			socket: (url) => {
				const socket = this.network.socket(url);
				sockets.add(socket);
				return socket;
			},
			indexedDB: this.indexedDB as unknown as globalThis.IDBFactory,
			keyRange: IDBKeyRange as unknown as Platform['keyRange'],
			locks: this.locks(death, () => isDead),
			subtle: crypto.subtle,
			random: (length) => crypto.getRandomValues(new Uint8Array(length)),
			broadcast: (name) => this.broadcast(name),
			now: () => Date.now() + tab.skew,
			after: (ms, run) => {
				const timer = setTimeout(run, ms);
				return () => clearTimeout(timer);
			},
			online: () => online,
			watch: (listener) => {
				watchers.add(listener);
				return () => watchers.delete(listener);
			},
			library,
			log: (level, message, detail) => {
				logged.push(`${level}: ${message} ${detail === undefined ? '' : String(detail)}`);
				if (process.env.CHATALOT_TEST_LOG) console.error(`# ${this.name} ${level}: ${message}`, detail ?? '');
			},
			logged,
			skew: 0,
			die: () => {
				isDead = true;
				for (const socket of sockets) {
					socket.onopen = socket.onmessage = socket.onclose = null;
					socket.close();
				}
				bury();
			},
			setOnline: (now) => {
				online = now;
				tell('network');
			},
			wake: () => tell('wake')
		};
		return tab;
	}

	private locks(death: Promise<void>, isDead: () => boolean): Locks {
		return {
			request: async <T>(name: string, options: { ifAvailable?: boolean }, work: (lock: unknown) => Promise<T>) => {
				if (isDead()) return new Promise<T>(() => undefined);
				const before = this.held.get(name);
				if (before && options.ifAvailable) return work(null);
				const run = (before ?? Promise.resolve()).then(() =>
					isDead() ? new Promise<T>(() => undefined) : work({ name })
				);
				const done = run.then(
					() => undefined,
					() => undefined
				);
				const settled = Promise.race([done, death]);
				this.held.set(name, settled);
				void settled.then(() => this.held.get(name) === settled && this.held.delete(name));
				return run;
			}
		};
	}

	private broadcast(name: string): Broadcast {
		const peers = this.channels.get(name) ?? new Set<Broadcast>();
		this.channels.set(name, peers);
		const own: Broadcast = {
			onmessage: null,
			post: (message) => {
				const copy: unknown = structuredClone(message);
				for (const peer of peers) if (peer !== own) queueMicrotask(() => peer.onmessage?.(copy));
			},
			close: () => peers.delete(own)
		};
		peers.add(own);
		return own;
	}
}
