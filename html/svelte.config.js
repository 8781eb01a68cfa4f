// SPDX-License-Identifier: GPL-3.0-or-later
// The client is a single-page application of static files: nginx serves build/ and falls back to index.html.
import { readFileSync } from 'node:fs';
import adapter from '@sveltejs/adapter-static';

const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));

/** @type {import('@sveltejs/kit').Config} */
export default {
	compilerOptions: { runes: ({ filename }) => (filename.includes('node_modules') ? undefined : true) },
	kit: {
		adapter: adapter({ pages: 'build', assets: 'build', fallback: 'index.html', precompress: false }),
		output: { preloadStrategy: 'modulepreload' },
		version: { name: version }
	}
};
