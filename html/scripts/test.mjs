// SPDX-License-Identifier: GPL-3.0-or-later
// Runs test/*.test.ts (or those named) under Node's own test runner, TAP on standard output. Each file is bundled
// first, because Node reads neither TypeScript in all its forms nor Svelte's runes.
//
//   npm test [-- test/NAME.test.ts …]
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { compileModule } from 'svelte/compiler';

const root = fileURLToPath(new URL('..', import.meta.url));
// Beside node_modules, so that what is not bundled is found from there.
const out = join(root, 'node_modules', '.cache', `chatalot-tests-${process.pid}`);

const named = process.argv.slice(2);
const files = named.length > 0 ? named : readdirSync(join(root, 'test')).filter((name) => name.endsWith('.test.ts'));
const entries = files.map((file) => join(root, 'test', basename(file)));

/** *.svelte.ts: types off, then runes compiled. */
const runes = {
	name: 'runes',
	setup(builder) {
		builder.onLoad({ filter: /\.svelte\.[jt]s$/ }, async ({ path }) => {
			const { code } = await transform(readFileSync(path, 'utf8'), { loader: 'ts', target: 'esnext' });
			return {
				contents: compileModule(code, { filename: path, generate: 'client', dev: false }).js.code,
				loader: 'js'
			};
		});
	}
};

mkdirSync(out, { recursive: true });
try {
	await build({
		entryPoints: entries,
		outdir: out,
		outExtension: { '.js': '.mjs' },
		bundle: true,
		format: 'esm',
		platform: 'node',
		target: 'node20',
		// Svelte must be one instance, resolved for browsers: on the server runes do nothing.
		conditions: ['browser', 'svelte'],
		external: ['fake-indexeddb', 'fake-indexeddb/*', 'ws', 'playwright-core'],
		alias: { $lib: join(root, 'src', 'lib') },
		define: { 'import.meta.dirname': JSON.stringify(join(root, 'test')) },
		plugins: [runes],
		sourcemap: 'inline',
		logLevel: 'warning'
	});
	const built = entries.map((entry) => join(out, basename(entry).replace(/\.ts$/, '.mjs')));
	const args = ['--enable-source-maps', '--test', '--test-reporter=tap', '--test-concurrency=2', ...built];
	process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root }).status ?? 1;
} finally {
	rmSync(out, { recursive: true, force: true });
}
