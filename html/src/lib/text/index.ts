// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogue in use. Components say `t.signIn.title`; none holds a word of its own.
import type { Problem } from '$lib/core/types';
import { en, type Text } from './en';

export const t: Text = en;

/** What to tell a person about a problem: the catalogue's sentence for its code, else the one it came with. */
export function explain(problem: Problem): string {
	const text = sentence(problem);
	return problem.retryAfter ? `${text} ${t.retryAfter(Math.ceil(problem.retryAfter))}` : text;
}

/** Without the advice when to try again. */
export function sentence(problem: Problem): string {
	return Object.hasOwn(t.problems, problem.code) ? t.problems[problem.code]! : problem.message;
}
