// SPDX-License-Identifier: GPL-3.0-or-later
// Ranks conversations by how well their name fits what was typed. Pure.
const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();

/** 0 does not fit; higher fits better: whole beginning, beginning of a word, somewhere, letters in order. */
export function fit(query: string, name: string): number {
	const wanted = fold(query.trim());
	if (wanted === '') return 1;
	const text = fold(name);
	const at = text.indexOf(wanted);
	if (at === 0) return 4;
	if (at > 0) return /[\p{L}\p{N}]/u.test(text[at - 1]!) ? 2 : 3;
	let next = 0;
	for (const letter of text) if (letter === wanted[next]) next++;
	return next >= wanted.length ? 1 : 0;
}
