// SPDX-License-Identifier: GPL-3.0-or-later
// Prints how fast the WebAssembly library is in a worker of Chromium: node measure.mjs. With --node it runs in Node, which
// needs no browser and has nearly the same engine. No test: times depend on the machine.

import { createServer } from 'node:http';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const html = fileURLToPath(new URL('../../html', import.meta.url));
const fromClient = createRequire(join(html, 'package.json'));
const wasm = readFileSync(join(html, 'src/lib/crypto/chatalot.wasm'));

function bundle(contents) {
	const { outputFiles } = fromClient('esbuild').buildSync({
		stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
		bundle: true,
		format: 'esm',
		platform: 'neutral',
		write: false
	});
	return outputFiles[0].text;
}

async function inNode() {
	const text = bundle(`export { run } from './workload.mjs';`);
	const { run } = await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
	return run(wasm);
}

const worker = `
	import { run } from './workload.mjs';
	run('/chatalot.wasm').then(
		(results) => postMessage({ results }),
		(error) => postMessage({ error: String(error) })
	);
`;

/** Served as the client is: cross-origin isolation or not makes no difference to the library, it has one thread. */
async function serve() {
	const files = {
		'/': ['text/html', '<!doctype html><title>measure</title>'],
		'/worker.js': ['text/javascript', bundle(worker)],
		'/chatalot.wasm': ['application/wasm', wasm]
	};
	const server = createServer((request, response) => {
		const [type, body] = files[request.url] ?? [];
		response.writeHead(type ? 200 : 404, { 'Content-Type': type ?? 'text/plain' });
		response.end(body);
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

async function inChromium() {
	const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
	if (!existsSync(executablePath)) throw new Error(`${executablePath} is not there`);
	const { chromium } = fromClient('playwright-core');
	const profile = mkdtempSync(join(tmpdir(), 'chatalot-measure-'));
	const site = await serve();
	const context = await chromium.launchPersistentContext(profile, {
		executablePath,
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage']
	});
	try {
		const page = context.pages()[0] ?? (await context.newPage());
		await page.goto(site.url);
		const { results, error } = await page.evaluate(
			() =>
				new Promise((resolve) => {
					const work = new Worker('/worker.js', { type: 'module' });
					work.onmessage = ({ data }) => resolve(data);
					work.onerror = ({ message }) => resolve({ error: message });
				})
		);
		if (error) throw new Error(error);
		return results;
	} finally {
		await context.close();
		site.close();
		rmSync(profile, { recursive: true, force: true });
	}
}

const results = await (process.argv.includes('--node') ? inNode() : inChromium());
for (const { name, ms, of, unit } of results) {
	const each = unit === 'MB' ? '' : `, ${((ms * 1000) / of).toFixed(0)} µs each`;
	console.log(`${name}: ${ms.toFixed(0)} ms, ${((of * 1000) / ms).toFixed(0)} ${unit}/s${each}`);
}
