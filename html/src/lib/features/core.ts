// SPDX-License-Identifier: GPL-3.0-or-later
// The page's one door to the core worker: everything the features ask or hear goes through here.
import { connectCore } from '$lib/core/client';
import type { CoreEvents, Problem } from '$lib/core/types';

const client = connectCore();

export const core = client.core;

type Handlers = { [K in keyof CoreEvents]?: (data: CoreEvents[K]) => void };

/** Hears the named events; returns what ends the hearing. */
export function hear(handlers: Handlers): () => void {
	return client.on((event) => (handlers[event.type] as ((data: unknown) => void) | undefined)?.(event.data));
}

/** Whatever was thrown, as something that can be explained. */
export function toProblem(thrown: unknown): Problem {
	if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown) {
		const { code, message } = thrown as { code: unknown; message: unknown };
		if (typeof code === 'string' && typeof message === 'string') return thrown as Problem;
	}
	return { code: 'unexpected', message: thrown instanceof Error ? thrown.message : String(thrown) };
}
