// SPDX-License-Identifier: GPL-3.0-or-later
// The Platform of a browser's worker. The only file of the core that names the browser's globals.
import { compile } from '../crypto/library';
import type { Broadcast, Locks, Platform, SocketLike } from './platform';

const TICK = 10_000;
/** A timer that comes so much too late means that the device was asleep. */
const SLEPT = 25_000;

export interface BrowserPlatform extends Platform {
	/** The page came to the front. */
	woke(): void;
	/** The page heard that the network is gone or back; Chromium tells it to no worker. */
	networkChanged(): void;
}

export function browserPlatform(): BrowserPlatform {
	const listeners = new Set<(what: 'network' | 'wake') => void>();
	const tell = (what: 'network' | 'wake') => {
		for (const listener of [...listeners]) listener(what);
	};
	addEventListener('online', () => tell('network'));
	addEventListener('offline', () => tell('network'));
	let last = Date.now();
	setInterval(() => {
		const slept = Date.now() - last > TICK + SLEPT;
		last = Date.now();
		if (slept) tell('wake');
	}, TICK);

	return {
		origin: location.origin,
		secure: isSecureContext && typeof crypto.subtle === 'object' && 'locks' in navigator,
		deviceName: deviceName(navigator.userAgent),
		fetch: (url, init) => fetch(url, init),
		socket: (url) => new WebSocket(url) as unknown as SocketLike,
		indexedDB,
		keyRange: IDBKeyRange,
		locks: { request: (name, options, work) => navigator.locks.request(name, options, work) } as Locks,
		subtle: crypto.subtle,
		random: (length) => crypto.getRandomValues(new Uint8Array(length)),
		broadcast,
		now: () => Date.now(),
		after: (ms, run) => {
			const timer = setTimeout(run, ms);
			return () => clearTimeout(timer);
		},
		online: () => navigator.onLine,
		watch: (listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		library: () => compile(new URL('../crypto/chatalot.wasm', import.meta.url)),
		// eslint-disable-next-line no-console -- the one place the core logs to
		log: (level, message, detail) => console[level](`chatalot: ${message}`, detail ?? ''),
		woke: () => tell('wake'),
		networkChanged: () => tell('network')
	};
}

function broadcast(name: string): Broadcast {
	const channel = new BroadcastChannel(name);
	const wrapped: Broadcast = {
		post: (message) => channel.postMessage(message),
		onmessage: null,
		close: () => channel.close()
	};
	channel.onmessage = ({ data }) => wrapped.onmessage?.(data);
	return wrapped;
}

/** What a person recognises in a list of devices; no more than the server sees in the request anyway. */
function deviceName(agent: string): string {
	const find = (names: [RegExp, string][]) => names.find(([pattern]) => pattern.test(agent))?.[1];
	const browser = find([
		[/\bEdg\//, 'Edge'],
		[/\bOPR\//, 'Opera'],
		[/\bFirefox\//, 'Firefox'],
		[/\bChrome\//, 'Chrome'],
		[/\bSafari\//, 'Safari']
	]);
	const system = find([
		[/\bAndroid\b/, 'Android'],
		[/\b(iPhone|iPad)\b/, 'iOS'],
		[/\bWindows\b/, 'Windows'],
		[/\bMac OS X\b/, 'macOS'],
		[/\bCrOS\b/, 'ChromeOS'],
		[/\bLinux\b/, 'Linux']
	]);
	return [browser ?? 'Browser', system].filter(Boolean).join(' on ');
}
