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
    `start` is what everybody needs, `auth` what somebody without an account here needs besides, `shell` what the
    conversations need. What only an import() reaches (settings, dialogs, menus, drawing QR codes) is left alone and becomes
    files of its own. */
const seeds = {
	start: /\/client\/entry\.js$|\/client-optimized\/app\.js$|\/src\/routes\/\+[a-z]+\.(svelte|ts)$/,
	auth: /\/src\/routes\/\(auth\)\/.*\+[a-z]+\.svelte$/,
	shell: /\/src\/routes\/\(app\)\/(?!settings|approve|reports).*\+[a-z]+\.svelte$/
};
type Part = keyof typeof seeds;

function fewFiles(): Plugin {
	const ids = new Set<string>();
	let parts: Record<Part, Set<string>> | undefined;
	type Graph = { getModuleInfo(id: string): { importedIds: readonly string[] } | null };
	const reached = (graph: Graph, part: Part) => {
		const seen = new Set<string>();
		const queue = [...ids].filter((id) => seeds[part].test(id));
		for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
			if (seen.has(id)) continue;
			seen.add(id);
			queue.push(...(graph.getModuleInfo(id)?.importedIds ?? []));
		}
		return seen;
	};
	const divide = (graph: Graph) => {
		const [start, auth, shell] = [reached(graph, 'start'), reached(graph, 'auth'), reached(graph, 'shell')];
		// In either of the two it would be fetched in vain by who needs only the other.
		for (const id of auth) if (shell.has(id)) start.add(id);
		return { start, auth, shell };
	};
	const group = (name: Part, priority: number) => ({
		name: (id: string, graph: Graph) => ((parts ??= divide(graph))[name].has(id) ? name : null),
		test: /\.(svelte|ts|js|mjs)(\?|$)/,
		priority
	});
	return {
		name: 'few-files',
		enforce: 'post',
		config(config) {
			if (config.build?.ssr) return;
			const groups = [group('start', 2), group('auth', 1), group('shell', 1)];
			return { build: { rolldownOptions: { output: { codeSplitting: { groups } } } } };
		},
		buildStart() {
			ids.clear();
			parts = undefined;
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
