// SPDX-License-Identifier: GPL-3.0-or-later
// The boundary to the cryptographic library: a trap ends one call, not the library.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CryptoError, Memory } from '../src/lib/crypto/memory';
import { Machine } from './support/platform';

const network = {
	origin: 'http://x',
	fetch: () => Promise.reject(new Error()),
	socket: () => assert.fail('no socket')
};
const crash = (error: unknown) => error instanceof CryptoError && error.code === 'crash';

test('after a trap the library works again, with a new instance', async () => {
	const memory = new Memory(await new Machine(network).tab().library());
	const nowhere = 0xfffff000;
	const trap = () => memory.run(() => memory.call('chatalot_sender_key_accept', nowhere, nowhere));
	for (let times = 0; times < 2; times++) {
		assert.throws(trap, crash);
		assert.equal(
			memory.run((frame) => frame.take(frame.input(Uint8Array.of(1, 2, 3)), 3)[2]),
			3
		);
	}
});

test('what began before a trap does not go on in the new instance', async () => {
	const memory = new Memory(await new Machine(network).tab().library());
	memory.run((frame) => {
		assert.throws(() => memory.call('chatalot_sender_key_accept', 0xfffff000, 0xfffff000), crash);
		assert.throws(() => frame.input(Uint8Array.of(1)), crash);
		assert.throws(() => memory.run((inner) => inner.output(4)), crash);
	});
	memory.run((frame) => assert.ok(frame.output(4) > 0));
});
