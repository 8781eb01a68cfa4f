// SPDX-License-Identifier: GPL-3.0-or-later
// What is inside a sealed message: UTF-8 JSON, {"type":"text","text","franking_key"}; docs/e2ee.md, section 8.
// Whoever wrote it is authenticated but not trusted: everything is bounded.
import { exactly, object, oneOf, string, type Decoded } from '../api/decode';
import { fromUtf8, toBase64url, toUtf8, type Bytes } from '../core/bytes';
import { fail } from '../core/problem';

export const TEXT_MAX = 16_000;
/** A padded payload has to fit 48 KiB of ciphertext. */
const PAYLOAD_MAX = 45_000;

const shape = object({ type: oneOf('text'), text: string(TEXT_MAX), franking_key: exactly(32) });
export type Payload = Decoded<typeof shape>;

export function encodePayload(text: string, frankingKey: Bytes): Bytes {
	const payload = toUtf8(JSON.stringify({ type: 'text', text, franking_key: toBase64url(frankingKey) }));
	if (text.length > TEXT_MAX || payload.length > PAYLOAD_MAX)
		fail('message_too_long', `A message may have ${TEXT_MAX} characters.`, { field: 'text' });
	return payload;
}

/** Throws Malformed or SyntaxError. */
export function decodePayload(payload: Bytes): Payload {
	const text = fromUtf8(payload);
	if (text === null) throw new SyntaxError('payload is not UTF-8');
	return shape(JSON.parse(text), 'payload');
}
