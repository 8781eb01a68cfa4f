// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes and their encodings. base64url is strict: no padding, no stray bits, nothing outside the alphabet.

export type Bytes = Uint8Array<ArrayBuffer>;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const values = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) values[alphabet.charCodeAt(i)] = i;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function toBase64url(data: Uint8Array): string {
	const parts: string[] = [];
	for (let start = 0; start < data.length; start += 3072) {
		let part = '';
		const end = Math.min(start + 3072, data.length);
		for (let i = start; i < end; i += 3) {
			const a = data[i]!;
			const b = data[i + 1] ?? 0;
			const c = data[i + 2] ?? 0;
			part += alphabet[a >> 2]! + alphabet[((a & 3) << 4) | (b >> 4)]!;
			if (i + 1 < end) part += alphabet[((b & 15) << 2) | (c >> 6)]!;
			if (i + 2 < end) part += alphabet[c & 63]!;
		}
		parts.push(part);
	}
	return parts.join('');
}

/** Null for anything that is not the one canonical encoding of some bytes. */
export function fromBase64url(text: string): Bytes | null {
	const rest = text.length % 4;
	if (rest === 1) return null;
	const out = new Uint8Array(Math.floor((text.length * 3) / 4));
	let at = 0;
	let bits = 0;
	let held = 0;
	for (let i = 0; i < text.length; i++) {
		const code = text.charCodeAt(i);
		const value = code < 128 ? values[code]! : -1;
		if (value < 0) return null;
		held = ((held << 6) | value) & 0xfff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[at++] = (held >> bits) & 0xff;
		}
	}
	if (bits > 0 && (held & ((1 << bits) - 1)) !== 0) return null;
	return out;
}

export function toUtf8(text: string): Bytes {
	return encoder.encode(text) as Bytes;
}

/** Null for bytes that are not UTF-8. */
export function fromUtf8(data: Uint8Array): string | null {
	try {
		return strictDecoder.decode(data);
	} catch {
		return null;
	}
}

/** For public values only: it stops at the first difference. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) return false;
	for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
	return true;
}

export function wipe(...secrets: (Uint8Array | undefined | null)[]): void {
	for (const secret of secrets) secret?.fill(0);
}
