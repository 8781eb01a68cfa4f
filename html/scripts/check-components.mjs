// SPDX-License-Identifier: GPL-3.0-or-later
// Every word the client says is in src/lib/text; this finds words that are in a component instead. It also finds style
// attributes, which the content security policy refuses (style: directives go through CSSOM and are allowed).
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'svelte/compiler';

const src = fileURLToPath(new URL('../src', import.meta.url));
const spoken = new Set(['aria-label', 'aria-description', 'title', 'placeholder', 'alt', 'label']);
const hasWords = (text) => /\p{L}{2}/u.test(text);
let found = 0;

function report(file, source, at, text) {
	const line = source.slice(0, at).split('\n').length;
	console.error(`${relative(join(src, '..'), file)}:${line}: not allowed in a component: ${text.trim().slice(0, 60)}`);
	found++;
}

function walk(node, visit) {
	if (Array.isArray(node)) return node.forEach((child) => walk(child, visit));
	if (typeof node !== 'object' || node === null) return;
	if (typeof node.type === 'string' && visit(node) === false) return;
	for (const [key, child] of Object.entries(node)) if (key !== 'parent') walk(child, visit);
}

for (const entry of readdirSync(src, { recursive: true, withFileTypes: true })) {
	if (!entry.name.endsWith('.svelte')) continue;
	const file = join(entry.parentPath ?? entry.path, entry.name);
	const source = readFileSync(file, 'utf8');
	walk(parse(source, { filename: file, modern: true }).fragment, (node) => {
		if (node.type === 'Attribute') {
			if (node.name === 'style') report(file, source, node.start, 'style attribute');
			const values = Array.isArray(node.value) ? node.value : [];
			for (const value of values)
				if (spoken.has(node.name) && value.type === 'Text' && hasWords(value.data))
					report(file, source, value.start, value.data);
			return true;
		}
		return node.type !== 'StyleDirective';
	});
	// Text between tags; texts of attributes were judged above.
	walk(parse(source, { filename: file, modern: true }).fragment, (node) => {
		if (node.type === 'Attribute' || node.type === 'StyleDirective') return false;
		if (node.type === 'Text' && hasWords(node.data)) report(file, source, node.start, node.data);
		return true;
	});
}
process.exitCode = found > 0 ? 1 : 0;
