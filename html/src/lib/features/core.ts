// SPDX-License-Identifier: GPL-3.0-or-later
// The page's one door to the core worker: everything the features ask or hear goes through here.
import { connectCore } from '$lib/core/client';
import type { Connection, CoreEvents, Problem } from '$lib/core/types';

const client = connectCore();

export const core = client.core;

type Handlers = { [K in keyof CoreEvents]?: (data: CoreEvents[K]) => void };

/** The server has ended this device's session: one has to sign in again. Another tab's newer version ends only the page. */
export const isOver = (connection: Connection): boolean =>
	connection.state === 'ended' && connection.problem.code !== 'outdated';

/** Hears the named events; returns what ends the hearing. For the page, a session that is over is a signing out. */
export function hear(handlers: Handlers): () => void {
	return client.on((event) => {
		(handlers[event.type] as ((data: unknown) => void) | undefined)?.(event.data);
		if (event.type === 'connection' && isOver(event.data)) handlers.account?.({ phase: 'signed-out' });
	});
}

/** Whatever was thrown, as something that can be explained. */
export function toProblem(thrown: unknown): Problem {
	if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
		const { code, message } = thrown as { code: unknown; message: unknown };
		if (typeof code === 'string' && typeof message === 'string') return thrown as Problem;
	}
	return { code: 'unexpected', message: thrown instanceof Error ? thrown.message : String(thrown) };
}
