// SPDX-License-Identifier: GPL-3.0-or-later
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig, type Plugin } from 'vite';

// light-dark(), Web Locks and module workers set the floor.
export const browsers = ['chrome123', 'edge123', 'firefox121', 'safari17.5'];

/** SvelteKit hides its announcer of page titles with a style attribute, which the content security policy refuses. */
const announcerByClass: Plugin = {
	name: 'announcer-by-class',
	enforce: 'pre',
	transform(code, id) {
		if (!id.endsWith('/generated/root.svelte')) return;
		const styled = /(<div id="svelte-announcer"[^>]*?) style="[^"]*"/;
		if (!styled.test(code)) throw new Error('root.svelte: the announcer is not as expected; see vite.config.ts');
		return { code: code.replace(styled, '$1 class="sr-only"'), map: null };
	}
};

/** Half a hundred small files cost more in requests and headers than they save: what the screens need is one file. What
    is to be loaded only when needed (by import()) must be left out here by name. */
const oneFile: Plugin = {
	name: 'one-file',
	enforce: 'post',
	config(config) {
		if (config.build?.ssr) return;
		const groups = [{ name: 'client', test: /\.(svelte|ts|js|mjs)(\?|$)/ }];
		return { build: { rolldownOptions: { output: { codeSplitting: { groups } } } } };
	}
};

export default defineConfig({
	plugins: [announcerByClass, tailwindcss(), sveltekit(), oneFile],
	build: {
		target: browsers,
		cssTarget: browsers,
		// The content security policy knows no data: for fonts and WebAssembly; files cache better as well.
		assetsInlineLimit: 0
	},
	worker: { format: 'es' },
	server: {
		// `npx vite dev` against a running server: everything that is not the page goes there.
		proxy: process.env.CHATALOT_URL
			? {
					'/api': process.env.CHATALOT_URL,
					'/ws': { target: process.env.CHATALOT_URL.replace(/^http/, 'ws'), ws: true }
				}
			: {}
	}
});
