// SPDX-License-Identifier: GPL-3.0-or-later
// What comes from outside: encodings and decoders refuse everything but the one right form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
	bytes,
	exactly,
	integer,
	list,
	Malformed,
	nullable,
	object,
	oneOf,
	optional,
	string,
	uuid
} from '../src/lib/api/decode';
import { fromBase64url, fromUtf8, toBase64url } from '../src/lib/core/bytes';
import { isUuid, uuidBytes, uuidOf, uuidv7 } from '../src/lib/core/uuid';
import { decodePayload, encodePayload } from '../src/lib/engine/payload';

test('base64url survives every length and agrees with the platform', () => {
	for (let length = 0; length < 300; length++) {
		const data = crypto.getRandomValues(new Uint8Array(length));
		const text = toBase64url(data);
		assert.equal(text, Buffer.from(data).toString('base64url'));
		assert.deepEqual(fromBase64url(text), data);
	}
});

test('base64url refuses padding, other alphabets, stray bits and impossible lengths', () => {
	for (const text of ['A', 'AA==', 'A+', 'A/', 'AB', 'AAB', 'AA ', 'Aé', 'AAAAA'])
		assert.equal(fromBase64url(text), null, text);
});

test('UTF-8 that is not is refused', () => {
	assert.equal(fromUtf8(Uint8Array.of(0xc0, 0x80)), null);
	assert.equal(fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80)), null);
});

test('UUIDs sort by time, have version and variant, and turn into bytes and back', () => {
	const random = () => crypto.getRandomValues(new Uint8Array(10));
	const early = uuidv7(1_700_000_000_000, random());
	const late = uuidv7(1_700_000_000_001, random());
	assert.ok(early < late);
	assert.match(early, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
	assert.equal(uuidOf(uuidBytes(early)), early);
	assert.ok(!isUuid(early.toUpperCase()));
});

test('an object keeps what is named, drops the rest, and names what is wrong', () => {
	const shape = object({
		id: uuid,
		n: integer(0, 10),
		tags: list(string(3), 2),
		key: exactly(2),
		maybe: optional(string(1))
	});
	const good = { id: '0199aaaa-0000-7000-8000-000000000001', n: 1, tags: ['a'], key: 'AAA', extra: 1 };
	assert.deepEqual(shape(good, ''), { id: good.id, n: 1, tags: ['a'], key: new Uint8Array(2), maybe: undefined });
	const refused = (change: object, path: string) =>
		assert.throws(
			() => shape({ ...good, ...change }, ''),
			(error: Malformed) => error.path === path,
			path
		);
	refused({ id: 'x' }, 'id');
	refused({ n: 11 }, 'n');
	refused({ n: 1.5 }, 'n');
	refused({ n: '1' }, 'n');
	refused({ tags: ['a', 'b', 'c'] }, 'tags');
	refused({ tags: ['a', 'long'] }, 'tags[1]');
	refused({ key: 'AAAA' }, 'key');
	for (const value of [null, [], 'x', 5]) assert.throws(() => shape(value, ''), Malformed);
});

test('fields of the prototype are not fields', () => {
	assert.throws(() => object({ constructor: string(9) })({}, ''), Malformed);
	assert.equal(nullable(string(1))(undefined, ''), null);
	assert.throws(() => oneOf('a')('toString', ''), Malformed);
	assert.throws(() => bytes(3)('A'.repeat(1_000_000), ''), Malformed);
});

test('a payload comes back as it was, and a strange one is refused', () => {
	const key = crypto.getRandomValues(new Uint8Array(32));
	assert.equal(decodePayload(encodePayload('grüße 👋', key)).text, 'grüße 👋');
	assert.throws(() => encodePayload('x'.repeat(16_001), key), /message_too_long/);
	const payload = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)) as Uint8Array<ArrayBuffer>;
	const franking_key = toBase64url(key);
	for (const value of [
		{},
		null,
		{ type: 'text', text: 5, franking_key },
		{ type: 'poll', text: '', franking_key },
		{ type: 'text', text: '' }
	])
		assert.throws(() => decodePayload(payload(value)));
	assert.throws(() => decodePayload(Uint8Array.of(0xff)));
});
