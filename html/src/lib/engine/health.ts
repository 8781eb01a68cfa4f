// SPDX-License-Identifier: GPL-3.0-or-later
// What this device cannot read, counted on this device only: the number that should be 0, and is shown to who asks.
import type { KeyHealth } from '../core/types';
import type { MessageRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import { DELETED } from './opening';

export const NONE: KeyHealth = { waiting: 0, unreadable: 0, requested: 0 };

type Counted = 'waiting' | 'unreadable' | null;

/** To be called with each message that is stored, changed (`before` is what it was) or removed (no `after`). */
export async function tally(unit: Unit, before: MessageRecord | undefined, after: MessageRecord | undefined) {
	const [was, is] = [countedAs(before), countedAs(after)];
	if (was === is) return;
	const health = { ...((await unit.meta('health')) ?? NONE) };
	if (was) health[was] = Math.max(0, health[was] - 1);
	if (is) health[is]++;
	unit.setMeta('health', health);
}

/** What an account took with it is not missing. */
function countedAs(message: MessageRecord | undefined): Counted {
	if (message?.state === 'waiting') return 'waiting';
	return message?.state === 'unreadable' && message.problem?.code !== DELETED.code ? 'unreadable' : null;
}
