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

/** Half a hundred small files cost more in requests and headers than they save, so what belongs together is one file:
    `start` is all that a sign-in form needs, `shell` what the conversations need besides. What only an import() reaches
    (settings, dialogs that are rarely opened, drawing QR codes) is left alone and becomes files of its own. */
const seeds = {
	start: /\/client\/entry\.js$|\/client-optimized\/app\.js$|\/src\/routes\/(\(auth\)\/.*)?\+[a-z]+\.(svelte|ts)$/,
	shell: /\/src\/routes\/\(app\)\/(?!settings|approve).*\+[a-z]+\.svelte$/
};

function fewFiles(): Plugin {
	const ids = new Set<string>();
	let reached: { start?: Set<string>; shell?: Set<string> } = {};
	type Graph = { getModuleInfo(id: string): { importedIds: readonly string[] } | null };
	const from = (graph: Graph, roots: string[], seen = new Set<string>()) => {
		const queue = [...roots];
		for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
			if (seen.has(id)) continue;
			seen.add(id);
			queue.push(...(graph.getModuleInfo(id)?.importedIds ?? []));
		}
		return seen;
	};
	const roots = (test: RegExp) => [...ids].filter((id) => test.test(id));
	const has = (which: 'start' | 'shell') => (id: string, graph: Graph) =>
		(reached[which] ??= from(graph, roots(seeds[which]))).has(id) ? which : null;
	return {
		name: 'few-files',
		enforce: 'post',
		config(config) {
			if (config.build?.ssr) return;
			const test = /\.(svelte|ts|js|mjs)(\?|$)/;
			const groups = [
				{ name: has('start'), test, priority: 2 },
				{ name: has('shell'), test, priority: 1 }
			];
			return { build: { rolldownOptions: { output: { codeSplitting: { groups } } } } };
		},
		buildStart() {
			ids.clear();
			reached = {};
		},
		moduleParsed({ id }) {
			ids.add(id);
		}
	};
}

export default defineConfig({
	plugins: [announcerByClass, tailwindcss(), sveltekit(), fewFiles()],
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
