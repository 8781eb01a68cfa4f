// SPDX-License-Identifier: GPL-3.0-or-later
// What a person's devices remember of others' identities: the rules by which a remembered one changes, and what the
// person's own other devices and the backup say of it. The server has no say in any of this but to show a key.
import { sameBytes, type Bytes } from '../core/bytes';
import { fail, Failure } from '../core/problem';
import type { Id, Problem } from '../core/types';
import { uuidBytes, uuidOf } from '../core/uuid';
import type { Item } from '../crypto/library';
import type { Reader } from '../store/reader';
import type { PersonRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { addNote } from './notes';

export const BACKUP_WITHHELD: Problem = {
	code: 'backup_withheld',
	message:
		'The server gives out no backup of this account. Without it this device does not know whom you have verified.'
};
/** Devices of former identities of one person that are kept in mind. */
const FORMER = 64;
/** Decisions that are still to be told to the person's other devices. */
const UNTOLD = 1000;

export const stranger = (id: Id): PersonRecord => ({
	id,
	username: '',
	displayName: '',
	accountKey: null,
	changedKey: null
});

/**
 * A new device seals nothing for anybody before it knows whom this account has met and verified: what the server shows
 * it as their identities could be anything.
 */
export async function requireAcquainted(from: Unit | Reader): Promise<void> {
	const place = await from.meta('restore');
	if (place?.identities !== 'sought') return;
	if (place.finished) throw new Failure(BACKUP_WITHHELD);
	fail('backup_unread', 'This waits until the backup of your keys has been read.');
}

/** What it says of somebody met for the first time here that the backup was not read, or never came. */
export async function standing(unit: Unit): Promise<Pick<PersonRecord, 'provisional' | 'unsure'>> {
	const identities = (await unit.meta('restore'))?.identities;
	return identities === 'sought' ? { provisional: true } : identities === 'waived' ? { unsure: true } : {};
}

/** Of somebody whose identity changed, and the person at this device has not looked at it. */
export const isWarned = (person: PersonRecord | undefined): boolean =>
	person?.unseen === true || person?.trust === 'doubted';

/** The identity that the server shows is another one than that which is remembered. Whether it is sealed for from now on. */
export async function meetChanged(ctx: Context, unit: Unit, known: PersonRecord, shown: Bytes): Promise<boolean> {
	const since = ctx.platform.now();
	if (known.trust === undefined) {
		await remember(ctx, unit, { ...known, accountKey: shown, changedKey: null, since, unseen: true });
		await noteEverywhere(ctx, unit, known.id, 'identity_changed');
		return true;
	}
	if (known.changedKey && sameBytes(known.changedKey, shown)) return false;
	unit.put('people', { ...known, trust: 'doubted', changedKey: shown, since });
	await outdate(unit, known.id);
	await noteEverywhere(ctx, unit, known.id, 'identity_changed');
	return false;
}

/**
 * Puts a person's record. Where the identity is another one than before, nothing that rested on the old one is kept:
 * devices are to be certified anew, and sessions begin anew.
 */
export async function remember(ctx: Context, unit: Unit, person: PersonRecord): Promise<void> {
	const { accountKey: was, former = [] } = (await unit.get('people', person.id)) ?? stranger(person.id);
	const { accountKey: now } = person;
	if (was && now && !sameBytes(was, now)) {
		const devices = (await unit.by('devices', 'user', person.id)).map(({ id }) => id);
		for (const id of devices) {
			unit.delete('devices', id);
			unit.delete('sessions', id);
		}
		person = { ...person, former: [...new Set([...former, ...devices])].slice(-FORMER) };
		await outdate(unit, person.id);
	}
	unit.put('people', person);
	if (!person.provisional && person.trust !== 'doubted') queueIdentity(ctx, unit, person);
}

/** Nothing is sealed for lists of members from before a change that was seen elsewhere. */
export async function outdate(unit: Unit, user: Id): Promise<void> {
	for (const roster of await rostersWith(unit, user)) unit.put('rosters', { ...roster, stale: true });
}

/** In every conversation with the person that is known here. */
export async function noteEverywhere(
	ctx: Context,
	unit: Unit,
	user: Id,
	what: 'identity_changed' | 'identity_accepted' | 'verified' | null
): Promise<void> {
	for (const { channel } of await rostersWith(unit, user)) {
		if (what !== null) await addNote(ctx, unit, channel, what, user);
		unit.emit({ type: 'security', data: { channel } });
	}
}

async function rostersWith(unit: Unit, user: Id) {
	return (await unit.all('rosters')).filter(({ members }) => members.some((member) => member.user === user));
}

export function identityOf(ctx: Context, person: PersonRecord): Item | null {
	const { id, accountKey, trust, unsure } = person;
	if (!accountKey) return null;
	// At no time: whatever a device that had the backup says of this identity counts more.
	const since = unsure ? 0 : (person.since ?? 0);
	// Somebody verified stays so for devices to come, until the person has decided about the change.
	const state = trust === undefined ? 'met' : 'verified';
	return { kind: 'identity', body: ctx.library.makeIdentity({ user: uuidBytes(id), accountKey, state, since }) };
}

/** Oneself: that this is in the backup, and where, is how a new device knows that it was given the backup. */
export function ownIdentity(ctx: Context): Item {
	const { userBytes: user, accountKey } = ctx.own;
	const since = ctx.platform.now();
	return { kind: 'identity', body: ctx.library.makeIdentity({ user, accountKey, state: 'verified', since }) };
}

function queueIdentity(ctx: Context, unit: Unit, person: PersonRecord): void {
	const item = identityOf(ctx, person);
	if (item) unit.put('backup', { id: `identity/${person.id}`, ...item });
}

/** A decision of the person at this device: it goes to their other devices, too. */
export async function decide(ctx: Context, unit: Unit, person: PersonRecord): Promise<void> {
	const { unsure: _, ...sure } = person;
	await remember(ctx, unit, sure);
	const users = (await unit.meta('untold'))?.users ?? [];
	unit.setMeta('untold', { users: [...users.filter((user) => user !== person.id), person.id].slice(-UNTOLD) });
}

/**
 * What the backup or another own device remembers of a person. Of the same identity the later word counts, and that of a
 * device which went on without the backup, said at no time, less than any. Another one takes the place of what is
 * remembered here only where the person has verified it, or has decided so; else it is a change like one that the server
 * shows. Returns whether this is the mark that the backup was given out at all.
 */
export async function mergeIdentity(
	ctx: Context,
	unit: Unit,
	body: Bytes,
	source: 'backup' | 'own device'
): Promise<'own' | 'other'> {
	const { user, accountKey, state, since } = ctx.library.readIdentity(body);
	const id = uuidOf(user);
	if (id === ctx.own.user) return sameBytes(accountKey, ctx.own.accountKey) ? 'own' : 'other';
	const known = (await unit.get('people', id)) ?? stranger(id);
	const { unseen: _, provisional, unsure, decided: __, trust: ___, ...plain } = known;
	const told: PersonRecord = {
		...plain,
		accountKey,
		changedKey: null,
		since: Math.min(since, ctx.platform.now()),
		...(state === 'verified' ? { trust: 'verified' as const } : since === 0 && { unsure: true as const })
	};
	const isNewer = told.since! > (unsure ? 0 : (known.since ?? 0));
	if (known.accountKey === null) await remember(ctx, unit, told);
	else if (sameBytes(known.accountKey, accountKey)) {
		if (provisional || (isNewer && (unsure || known.trust !== told.trust))) await remember(ctx, unit, told);
	} else if (provisional || (unsure && isNewer)) {
		const shown = known.accountKey;
		await remember(ctx, unit, told);
		await meetChanged(ctx, unit, (await unit.get('people', id))!, shown);
	} else if (isNewer && (state === 'verified' || source === 'own device')) await remember(ctx, unit, told);
	else if (isNewer) await meetChanged(ctx, unit, known, accountKey);
	else if (state === 'verified' && known.trust === undefined && !known.decided) {
		const shown = known.accountKey;
		await remember(ctx, unit, told);
		await meetChanged(ctx, unit, (await unit.get('people', id))!, shown);
	}
	await noteEverywhere(ctx, unit, id, null);
	return 'other';
}

/**
 * The backup has told whom the account knows: whoever else was met since is met for the first time. Or the person goes on
 * without it, and nobody knows.
 */
export async function becomeAcquainted(ctx: Context, unit: Unit, by: 'backup' | 'waiver'): Promise<void> {
	for (const person of await unit.all('people')) {
		const { provisional, unsure, ...met } = person;
		if (provisional || (unsure && by === 'backup'))
			await remember(ctx, unit, by === 'backup' ? met : { ...met, unsure: true });
	}
}
