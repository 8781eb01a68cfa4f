// SPDX-License-Identifier: GPL-3.0-or-later
// What new members of a channel can read: what is written from then on, or all that its members can. The server names the
// policy, but it cannot open the past with it: only keys that this device first learnt while it showed its person that
// newcomers read everything are ever handed to one, and with each change of the policy every device begins a new key.
import type { HistoryPolicy, Id } from '../core/types';
import type { PinRecord, SenderKeyRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { addNote } from './notes';

/** Remembers the policy that the server tells, and shows it where it is another one than before. After `pin`. */
export async function showPolicy(ctx: Context, unit: Unit, channel: Id, history: HistoryPolicy): Promise<void> {
	const pinned = await unit.get('pins', channel);
	const known = await unit.get('channels', channel);
	if (pinned?.kind !== 'text' || !known || pinned.history === history) return;
	unit.put('pins', { ...pinned, history, since: known.epoch, turn: (pinned.turn ?? 0) + 1 });
	unit.put('channels', { ...known, history });
	const isNews = history === 'all' || pinned.history !== undefined;
	if (isNews) await addNote(ctx, unit, channel, history === 'all' ? 'history_all' : 'history_since_joining', null);
}

/** Of a key that comes to be known now: in which turn of the policy that was. */
export async function turnOf(unit: Unit, channel: Id): Promise<number> {
	return (await unit.get('pins', channel))?.turn ?? 0;
}

/** Whether a newcomer is given this key, as far as it reaches back. */
export function isForNewcomers(pinned: PinRecord | undefined, key: SenderKeyRecord): boolean {
	if (pinned?.kind !== 'text' || pinned.history !== 'all') return false;
	return key.turn !== undefined && key.turn === pinned.turn && key.epoch >= (pinned.since ?? Infinity);
}
