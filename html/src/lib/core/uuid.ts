// SPDX-License-Identifier: GPL-3.0-or-later
// UUIDs: made as version 7 (RFC 9562, 5.7), so that ids sort by time; read in their canonical lower-case form.

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
	return pattern.test(text);
}

/** `random` are 10 random bytes of which 74 bits are used. */
export function uuidv7(now: number, random: Uint8Array): string {
	const bytes = new Uint8Array(16);
	let time = Math.max(0, Math.floor(now));
	for (let i = 5; i >= 0; i--) {
		bytes[i] = time % 256;
		time = Math.floor(time / 256);
	}
	bytes.set(random.subarray(0, 10), 6);
	bytes[6] = (bytes[6]! & 0x0f) | 0x70;
	bytes[8] = (bytes[8]! & 0x3f) | 0x80;
	return uuidOf(bytes);
}

export function uuidOf(bytes: Uint8Array): string {
	const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The 16 bytes of a canonical UUID. */
export function uuidBytes(id: string): Uint8Array<ArrayBuffer> {
	const out = new Uint8Array(16);
	const hex = id.replaceAll('-', '');
	for (let i = 0; i < 16; i++) out[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
	return out;
}
