// SPDX-License-Identifier: GPL-3.0-or-later
// Serves the client with an in-memory core in place of the worker, to look at screens without a server. Development
// only: the build knows nothing of this. `node test/dev/serve.mjs [port]`
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const memory = fileURLToPath(new URL('./memory-core.ts', import.meta.url));

const server = await createServer({
	plugins: [
		{
			name: 'memory-core',
			enforce: 'pre',
			resolveId: (id) => (/^\$lib\/core\/client$|\/lib\/core\/client(\.ts)?$/.test(id) ? memory : undefined)
		}
	],
	server: { host: '127.0.0.1', port: Number(process.argv[2] ?? 5173), strictPort: true, fs: { allow: ['test'] } }
});
await server.listen();
server.printUrls();
