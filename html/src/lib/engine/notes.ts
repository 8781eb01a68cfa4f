// SPDX-License-Identifier: GPL-3.0-or-later
// What happened to who can read a conversation, kept on this device to be shown in it: the last few events, oldest first.
import type { Id, SecurityNote } from '../core/types';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { personOf } from './trust';

const MOST = 50;

/** Tells the page, too. A refusal like the one just before is not noted again, however often the server tries. */
export async function addNote(
	ctx: Context,
	unit: Unit,
	channel: Id,
	what: SecurityNote['what'],
	person: Id | null,
	was?: string
): Promise<void> {
	const notes = (await unit.get('notes', channel))?.notes ?? [];
	const last = notes.at(-1);
	if (what.endsWith('_refused') && last?.what === what && last.person === person) return;
	const note = { at: ctx.platform.now(), what, person, ...(was !== undefined && { was }) };
	unit.put('notes', { channel, notes: [...notes, note].slice(-MOST) });
	unit.emit({ type: 'security', data: { channel } });
}

export async function notesOf(ctx: Context, channel: Id): Promise<SecurityNote[]> {
	const { read } = ctx.store;
	const shown: SecurityNote[] = [];
	for (const { person, ...note } of (await read.get('notes', channel))?.notes ?? [])
		shown.push(person === null ? note : { ...note, person: await personOf(ctx, read, person) });
	return shown;
}
