// SPDX-License-Identifier: GPL-3.0-or-later
// Initials and hues for people and places without a picture. Pure.
import type { Id } from '$lib/core/types';

let graphemes: Intl.Segmenter | undefined;

function first(word: string): string {
	// Making a segmenter takes as long as making the whole list of channels.
	if (/^[ -~]([ -~]|$)/.test(word)) return word[0]!.toLocaleUpperCase();
	if (typeof Intl.Segmenter === 'function') graphemes ??= new Intl.Segmenter();
	const segment = graphemes?.segment(word)[Symbol.iterator]().next().value?.segment;
	return (segment ?? [...word][0] ?? '').toLocaleUpperCase();
}

/** The first letters of the first and the last word. */
export function monogram(name: string): string {
	const words = name
		.split(/[\s_.-]+/)
		.map((word) => word.replace(/^[^\p{L}\p{N}\p{Extended_Pictographic}]+/u, ''))
		.filter((word) => word !== '');
	if (words.length === 0) return '·';
	return words.length === 1 ? first(words[0]!) : first(words[0]!) + first(words.at(-1)!);
}

/** Twelve hues, far enough apart to tell people from each other. */
export function hueOf(id: Id): number {
	let hash = 0;
	for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
	return (hash % 12) * 30 + 20;
}
