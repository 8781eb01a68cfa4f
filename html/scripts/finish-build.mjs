// SPDX-License-Identifier: GPL-3.0-or-later
// The last step of the build: moves the page's inline bootstrap into a file, so that the content security policy
// needs neither 'unsafe-inline' nor hashes, and writes .gz and .br files for nginx's gzip_static and brotli_static.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const build = new URL('../build/', import.meta.url).pathname;
const index = join(build, 'index.html');

/** The bootstrap looks its place up through document.currentScript, so it stays a classic script in the same place. */
function extractBootstrap(html) {
	const inline = /<script>([\s\S]*?)<\/script>/g;
	const found = [...html.matchAll(inline)];
	if (found.length !== 1) throw new Error(`index.html: expected one inline script, found ${found.length}`);

	const code = found[0][1].replace(/^\t+/gm, '').trim() + '\n';
	const name = `_app/immutable/boot.${createHash('sha256').update(code).digest('hex').slice(0, 12)}.js`;
	writeFileSync(join(build, name), code);
	return html.replace(found[0][0], `<script src="/${name}"></script>`);
}

function refuseInline(html) {
	const left = html.match(/<script(?![^>]*\bsrc=)[^>]*>|<style\b|\sstyle=|\son\w+=/i);
	if (left) throw new Error(`index.html: still has something inline: ${left[0]}`);
}

const html = extractBootstrap(readFileSync(index, 'utf8').replace(/ style="display: contents"/g, ''));
refuseInline(html);
writeFileSync(index, html);

const compressible = /\.(html|js|mjs|css|json|svg|wasm|txt|webmanifest)$/;
let files = 0;
for (const entry of readdirSync(build, { recursive: true, withFileTypes: true })) {
	if (!entry.isFile() || !compressible.test(entry.name)) continue;
	const path = join(entry.parentPath ?? entry.path, entry.name);
	const data = readFileSync(path);
	const packed = gzipSync(data, { level: 9 });
	if (data.length < 512 || packed.length >= data.length) continue;
	writeFileSync(`${path}.gz`, packed);
	writeFileSync(
		`${path}.br`,
		brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: data.length } })
	);
	files++;
}
console.log(`bootstrap extracted, ${files} files compressed`);
