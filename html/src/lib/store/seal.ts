// SPDX-License-Identifier: GPL-3.0-or-later
// Sealing of records at rest: AES-256-GCM under a WebCrypto key that cannot be exported and lies in IndexedDB beside them.
// A record's place (table, key, fields in clear) is authenticated, so that no two records can be swapped on the disk.
import { fromBase64url, fromUtf8, toBase64url, toUtf8, type Bytes } from '../core/bytes';
import type { Platform } from '../core/platform';

export interface Sealed {
	iv: Bytes;
	data: Bytes;
}

/** A sealed record that does not open: the store is damaged or its key is another one. */
export class Damaged extends Error {
	constructor(what: string) {
		super(`local store: ${what} cannot be opened`);
		this.name = 'Damaged';
	}
}

/** Copies of a CryptoKey cannot be compared, so it has an id beside it. */
export interface SealingKey {
	key: CryptoKey;
	id: string;
}

export class Sealer {
	constructor(
		private readonly platform: Platform,
		readonly key: SealingKey
	) {}

	static async makeKey(platform: Platform): Promise<SealingKey> {
		const key = await platform.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
		return { key, id: Sealer.makeId(platform) };
	}

	static makeId(platform: Platform): string {
		return toBase64url(platform.random(12));
	}

	async seal(place: string, value: unknown): Promise<Sealed> {
		const iv = this.platform.random(12);
		const plain = toUtf8(JSON.stringify(value, packBytes));
		const params = { name: 'AES-GCM', iv, additionalData: toUtf8(place) };
		const data = new Uint8Array(await this.platform.subtle.encrypt(params, this.key.key, plain));
		plain.fill(0);
		return { iv, data };
	}

	async open(place: string, sealed: Sealed): Promise<unknown> {
		try {
			const params = { name: 'AES-GCM', iv: sealed.iv, additionalData: toUtf8(place) };
			const plain = new Uint8Array(await this.platform.subtle.decrypt(params, this.key.key, sealed.data));
			const text = fromUtf8(plain);
			plain.fill(0);
			if (text === null) throw new Damaged(place);
			return JSON.parse(text, unpackBytes);
		} catch {
			throw new Damaged(place);
		}
	}
}

const TAG = '\u0000b';

function packBytes(_name: string, value: unknown): unknown {
	return value instanceof Uint8Array ? { [TAG]: toBase64url(value) } : value;
}

function unpackBytes(_name: string, value: unknown): unknown {
	if (typeof value !== 'object' || value === null || !Object.hasOwn(value, TAG)) return value;
	const text: unknown = Reflect.get(value, TAG);
	const bytes = typeof text === 'string' ? fromBase64url(text) : null;
	if (!bytes) throw new Error('bytes');
	return bytes;
}
