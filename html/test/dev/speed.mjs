// SPDX-License-Identifier: GPL-3.0-or-later
// How fast the client reads in a real browser. Prints milliseconds; judges nothing, for machines differ.
//
//   node test/dev/speed.mjs        (CHROMIUM=/path/to/chromium)
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const worker = await build({
	entryPoints: [at('./speed-worker.ts')],
	bundle: true,
	write: false,
	format: 'esm',
	target: 'esnext',
	minify: true,
	plugins: [
		{
			// Only the check of reports needs it, and nothing is reported here.
			name: 'no-node',
			setup(bundler) {
				bundler.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'node' }));
				bundler.onLoad({ filter: /.*/, namespace: 'node' }, () => ({ contents: 'export const createHmac = null;' }));
			}
		}
	]
});
const files = {
	'/': ['text/html', '<!doctype html><title>speed</title>'],
	'/worker.js': ['text/javascript', worker.outputFiles[0].text],
	'/chatalot.wasm': ['application/wasm', readFileSync(at('../../src/lib/crypto/chatalot.wasm'))]
};
const server = createServer((request, response) => {
	const [type, body] = files[request.url] ?? ['text/plain', ''];
	response.writeHead(200, { 'Content-Type': type }).end(body);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const profile = mkdtempSync(join(tmpdir(), 'chatalot-speed-'));
const browser = await chromium.launchPersistentContext(profile, {
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
});
try {
	const page = await browser.newPage();
	page.on('console', (message) => console.error(message.text()));
	await page.goto(`http://127.0.0.1:${server.address().port}/`);
	const result = await page.evaluate(
		() =>
			new Promise((resolve, reject) => {
				const worker = new Worker('/worker.js', { type: 'module' });
				worker.onerror = (event) => reject(new Error(event.message));
				worker.onmessage = ({ data }) => {
					if (data.log) console.log(data.log);
					else if (data.failed) reject(new Error(data.failed));
					else resolve(data.result);
				};
			})
	);
	for (const [what, ms] of Object.entries(result)) console.log(`${String(Math.round(ms)).padStart(6)} ms  ${what}`);
} finally {
	await browser.close();
	server.close();
	rmSync(profile, { recursive: true, force: true });
}
