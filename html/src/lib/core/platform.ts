// SPDX-License-Identifier: GPL-3.0-or-later
// What the core needs from its surroundings, named so that a browser worker and a test in Node can both provide it.
// Nothing else under core/, api/, socket/, store/ and engine/ touches a global of the browser.

export interface SocketLike {
	onopen: (() => void) | null;
	onmessage: ((event: { data: unknown }) => void) | null;
	onclose: ((event: { code: number; reason: string }) => void) | null;
	onerror: (() => void) | null;
	send(text: string): void;
	close(code?: number, reason?: string): void;
}

export interface Locks {
	/** Runs `work` alone under this name among all tabs. With `ifAvailable` it is called with null when someone else has it. */
	request<T>(
		name: string,
		options: { ifAvailable?: boolean; mode?: 'exclusive' | 'shared' },
		work: (lock: unknown) => Promise<T>
	): Promise<T>;
}

export interface Broadcast {
	post(message: unknown): void;
	onmessage: ((message: unknown) => void) | null;
	close(): void;
}

export interface Platform {
	/** Scheme, host and port of the server, without a trailing slash. */
	origin: string;
	/** Whether the page is a secure context; without one there is neither SubtleCrypto nor Web Locks. */
	secure: boolean;
	/** How this device is called in the list of devices. */
	deviceName: string;
	fetch(url: string, init: RequestInit): Promise<Response>;
	socket(url: string): SocketLike;
	indexedDB: IDBFactory;
	keyRange: { bound(lower: unknown, upper: unknown): IDBKeyRange };
	locks: Locks;
	subtle: SubtleCrypto;
	random(length: number): Uint8Array<ArrayBuffer>;
	broadcast(name: string): Broadcast;
	now(): number;
	/** Returns what cancels it. */
	after(ms: number, run: () => void): () => void;
	online(): boolean;
	/** `network`: gone or back; `wake`: the device or the tab was asleep. */
	watch(listener: (what: 'network' | 'wake') => void): () => void;
	/** The compiled cryptographic library. */
	library(): Promise<WebAssembly.Module>;
	log(level: 'warn' | 'error', message: string, detail?: unknown): void;
}
