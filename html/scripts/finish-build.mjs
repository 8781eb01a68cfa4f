// SPDX-License-Identifier: GPL-3.0-or-later
// The last step of the build: moves the page's inline bootstrap into a file, so that the content security policy
// needs neither 'unsafe-inline' nor hashes; has what the page needs begin before its modules ask for it; and writes .gz
// and .br files for nginx's gzip_static and brotli_static.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const build = new URL('../build/', import.meta.url).pathname;
const kit = new URL('../.svelte-kit/', import.meta.url).pathname;
const index = join(build, 'index.html');

/** The bootstrap looks its place up through document.currentScript, so it stays a classic script in the same place. */
function extractBootstrap(html) {
	const inline = /<script>([\s\S]*?)<\/script>/g;
	const found = [...html.matchAll(inline)];
	if (found.length !== 1) throw new Error(`index.html: expected one inline script, found ${found.length}`);

	const code = found[0][1].replace(/^\t+/gm, '').trim() + '\n';
	return html.replace(found[0][0], `<script src="${write('boot', code)}"></script>`);
}

/** A file named by its content: kept for ever, and never asked for again. Returns its path. */
function write(name, code) {
	const path = `_app/immutable/${name}.${createHash('sha256').update(code).digest('hex').slice(0, 12)}.js`;
	writeFileSync(join(build, path), code);
	return `/${path}`;
}

/** The first script, with what is to begin at once. */
function extendFirst(html) {
	const first = '/theme-boot.js';
	if (!html.includes(`src="${first}"`)) throw new Error(`index.html: ${first} is not its first script`);
	const code = readFileSync(join(build, first), 'utf8') + startWorker() + preloadShell();
	rmSync(join(build, first));
	return html.replace(first, write('first', code));
}

/** The worker reads what is stored while the page's modules are loaded, not after that; lib/core/client.ts takes it. */
function startWorker() {
	const workers = readdirSync(join(build, '_app/immutable/workers')).filter((name) => name.startsWith('worker-'));
	if (workers.length !== 1) throw new Error(`expected one worker, found ${workers.length}`);
	return `
(function () {
	var worker = new Worker('/_app/immutable/workers/${workers[0]}', { type: 'module', name: 'chatalot-core' });
	worker.onerror = function () {
		worker.terminate();
		delete window.chatalotWorker;
	};
	window.chatalotWorker = worker;
})();
`;
}

/** Where a conversation will be shown, its modules come along with the first ones, not after them. */
function preloadShell() {
	const client = readFileSync(join(kit, 'generated/client-optimized/app.js'), 'utf8');
	const manifest = JSON.parse(readFileSync(join(kit, 'output/client/.vite/manifest.json'), 'utf8'));
	const files = new Set();
	const add = (name) => {
		const { file, imports = [] } = manifest[name];
		files.add(`/${file}`);
		imports.forEach(add);
	};
	for (const route of ['/(app)', '/(app)/c/[community]/[channel]']) {
		const [, page, layouts] =
			client.match(new RegExp(`"${route.replace(/[()[\]]/g, '\\$&')}": \\[~?(\\d+),\\[([\\d,]*)\\]`)) ?? [];
		if (!page) throw new Error(`no route ${route}`);
		for (const node of [page, ...layouts.split(',')]) add(`.svelte-kit/generated/client-optimized/nodes/${node}.js`);
	}
	return `
if (/^\\/($|c\\/|dm\\/)/.test(location.pathname))
	${JSON.stringify([...files])}.forEach(function (href) {
		var link = document.createElement('link');
		link.rel = 'modulepreload';
		link.href = href;
		document.head.appendChild(link);
	});
`;
}

function refuseInline(html) {
	const left = html.match(/<script(?![^>]*\bsrc=)[^>]*>|<style\b|\sstyle=|\son\w+=/i);
	if (left) throw new Error(`index.html: still has something inline: ${left[0]}`);
}

const html = extendFirst(extractBootstrap(readFileSync(index, 'utf8').replace(/ style="display: contents"/g, '')));
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
