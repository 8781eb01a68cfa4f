// SPDX-License-Identifier: GPL-3.0-or-later
// Whether what people wrote has left their devices readable: everything that reached the relay is searched for it, as it
// is and in base64 wherever it may begin in something longer.
import assert from 'node:assert/strict';
import { fromUtf8, toUtf8 } from '../../src/lib/core/bytes';
import type { Person } from './person';
import type { Relay } from './relay';

/** Shorter ones are found by chance. */
const SHORTEST = 6;

function forms(text: string): string[] {
	const bytes = Buffer.from(text, 'utf8');
	const found = [text, JSON.stringify(text).slice(1, -1), bytes.toString('hex')];
	for (let shift = 0; shift < 3; shift++) {
		const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64url');
		const from = shift === 0 ? 0 : shift + 1;
		found.push(encoded.slice(from, Math.floor(((bytes.length + shift) * 8) / 6)));
	}
	return found;
}

/** Every text that a person of this relay has on the screen is nowhere in what the relay was sent. */
export function assertNothingInClear(relay: Relay, people: Person[]): void {
	const sent = relay.sent.join('\n');
	const texts = new Set<string>();
	for (const person of people)
		for (const shown of person.shown.values())
			for (const { text } of shown.values()) if (text.length >= SHORTEST) texts.add(text);
	for (const text of texts)
		for (const form of forms(text)) assert.ok(!sent.includes(form), `"${text}" was sent in clear`);
}

/** That the search finds what it looks for, whatever surrounds it. */
export function findsInClear(text: string, before: string): boolean {
	const body = Buffer.concat([toUtf8(before), toUtf8(text), toUtf8('…')]).toString('base64url');
	assert.equal(fromUtf8(new Uint8Array(Buffer.from(body, 'base64url'))), `${before}${text}…`);
	return forms(text).some((form) => body.includes(form));
}
