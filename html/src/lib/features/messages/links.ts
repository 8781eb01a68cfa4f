// SPDX-License-Identifier: GPL-3.0-or-later
// Finds web addresses in a text. Only http and https; the rest stays text. Pure, and linear in the text's length.
export type Part = { text: string; href?: string };

const address = /\bhttps?:\/\/[^\s<>"'`\\^{|}]{1,2000}/gi;

/** Punctuation that ends the sentence rather than the address; a closing bracket only if none was opened in it. */
function trimEnd(raw: string): string {
	let end = raw.length;
	while (end > 0) {
		const last = raw[end - 1]!;
		if ('.,;:!?*_~'.includes(last)) end--;
		else if (last === ')' && !raw.slice(0, end).includes('(')) end--;
		else if (last === ']' && !raw.slice(0, end).includes('[')) end--;
		else break;
	}
	return raw.slice(0, end);
}

function isWebAddress(text: string): boolean {
	try {
		const url = new URL(text);
		return (url.protocol === 'https:' || url.protocol === 'http:') && url.username === '' && url.password === '';
	} catch {
		return false;
	}
}

export function splitLinks(text: string): Part[] {
	const parts: Part[] = [];
	let done = 0;
	for (const match of text.matchAll(address)) {
		const href = trimEnd(match[0]);
		if (!isWebAddress(href)) continue;
		if (match.index > done) parts.push({ text: text.slice(done, match.index) });
		parts.push({ text: href, href });
		done = match.index + href.length;
	}
	if (done < text.length) parts.push({ text: text.slice(done) });
	return parts;
}
