// SPDX-License-Identifier: GPL-3.0-or-later
// Runs test/*.test.ts (or the files and folders that are named) under Node's own test runner, TAP on standard output.
// Each file is bundled first, because Node reads neither TypeScript in all its forms nor Svelte's runes.
//
//   npm test [-- test/NAME.test.ts test/malicious …]
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { compileModule } from 'svelte/compiler';

const root = fileURLToPath(new URL('..', import.meta.url));
// Beside node_modules, so that what is not bundled is found from there.
const out = join(root, 'node_modules', '.cache', `chatalot-tests-${process.pid}`);

const isTest = (name) => name.endsWith('.test.ts');
const filesOf = (path) => {
	if (!statSync(path).isDirectory()) return [path];
	return readdirSync(path)
		.filter(isTest)
		.map((name) => join(path, name));
};
const named = process.argv.slice(2);
const files = (named.length > 0 ? named : ['test']).flatMap((name) => filesOf(resolve(root, name)));
// All beside one another: where the library lies is told from there.
const nameOf = (file) => relative(join(root, 'test'), file).replaceAll('/', '-').replace(/\.ts$/, '');
const entries = files.map((file) => ({ in: file, out: nameOf(file) }));

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
	const built = entries.map((entry) => join(out, `${entry.out}.mjs`));
	const args = ['--enable-source-maps', '--test', '--test-reporter=tap', '--test-concurrency=2', ...built];
	process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root }).status ?? 1;
} finally {
	rmSync(out, { recursive: true, force: true });
}
