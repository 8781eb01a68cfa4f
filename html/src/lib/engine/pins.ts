// SPDX-License-Identifier: GPL-3.0-or-later
// What a conversation is, as first seen: a channel or a private conversation, and with whom. The server may not change
// that later, and a private conversation has no readers but the two people.
import type { WireChannel } from '../api/shapes';
import type { Id } from '../core/types';
import type { PinRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { addNote } from './notes';

/** Remembers what a channel is; false when it is known to be something else, which is noted. */
export async function pin(ctx: Context, unit: Unit, wire: WireChannel): Promise<boolean> {
	const peer = wire.kind === 'dm' ? (wire.peer?.id ?? null) : null;
	const known = await pinOf(unit, wire.id);
	const isWhole = wire.kind === 'text' || peer !== null;
	if (known ? known.kind === wire.kind && known.peer === peer : isWhole) {
		unit.put('pins', { ...known, channel: wire.id, kind: wire.kind, peer });
		return true;
	}
	ctx.platform.log('error', `the server gives conversation ${wire.id} out for another one than it is`);
	if (known) await addNote(ctx, unit, wire.id, 'place_refused', null);
	return false;
}

export async function pinOf(unit: Unit, channel: Id): Promise<PinRecord | undefined> {
	const pinned = await unit.get('pins', channel);
	if (pinned) return pinned;
	const known = await unit.get('channels', channel);
	return known && { channel, kind: known.kind, peer: known.peer?.id ?? null };
}

/** Whether these are the readers that such a conversation can have. A channel may have any. */
export function canHave(pinned: PinRecord, own: Id, users: Id[]): boolean {
	if (pinned.kind === 'text') return true;
	const two = new Set([own, pinned.peer]);
	return users.length === two.size && new Set(users).size === two.size && users.every((user) => two.has(user));
}
