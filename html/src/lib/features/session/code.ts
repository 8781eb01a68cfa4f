// SPDX-License-Identifier: GPL-3.0-or-later
// Codes that people copy by hand: recovery codes, an admin's reset codes, short codes of new devices. Crockford's base32:
// case, spaces and dashes do not matter, and what looks alike is alike. Pure.
import { t } from '$lib/text';

const alike: Record<string, string> = { O: '0', I: '1', L: '1' };

/** The code's own symbols; what is none stays, so that it can be told. */
export function symbolsOf(text: string): string {
	return text
		.normalize('NFKC')
		.toUpperCase()
		.replace(/[\s\p{Pd}._]/gu, '')
		.replace(/[OIL]/g, (letter) => alike[letter]!);
}

/** As it is shown: in groups of four. */
export function grouped(text: string): string {
	return symbolsOf(text).replace(/(.{4})(?=.)/gu, '$1-');
}

/** What is wrong with a code of so many symbols, or nothing. */
export function checkCode(text: string, length: number): string | undefined {
	const symbols = symbolsOf(text);
	if (symbols === '') return t.invalid.required;
	if (/[^0-9A-HJKMNP-TV-Z]/.test(symbols)) return t.invalid.codeCharacters;
	return symbols.length === length ? undefined : t.invalid.codeLength(length, symbols.length);
}

export const recoveryLength = 24;
export const resetLength = 16;
export const approvalLength = 8;
