// SPDX-License-Identifier: GPL-3.0-or-later
// What a conversation's lock says: whether everybody in it is who they were, and every device vouched for.
import { fail, Failure, isPassing } from '../core/problem';
import type { Id, Person, Problem, Security } from '../core/types';
import type { RosterRecord } from '../store/tables';
import type { Context } from './context';
import { addNote, notesOf } from './notes';
import { READERS_REFUSED, type Rosters } from './rosters';
import { personOf } from './trust';

export async function securityOf(ctx: Context, rosters: Rosters, channel: Id): Promise<Security> {
	const { roster, problem } = await rosterOf(ctx, rosters, channel);
	const members: Security['members'] = [];
	const changed: Security['changed'] = [];
	for (const member of roster?.members ?? []) {
		const person = await personOf(ctx, ctx.store.read, member.user);
		members.push({ person, devices: member.devices.length, verified: false });
		if (member.changed) changed.push({ person, wasVerified: false });
	}
	const misnamed = await misnamedOf(ctx, members);
	const ghosts = roster?.members.some((member) => member.uncertified.length > 0) ?? false;
	const state = changed.length + misnamed.length > 0 || ghosts || problem ? 'attention' : 'sealed';
	const security: Security = { state, changed, misnamed, members, notes: await notesOf(ctx, channel) };
	if (problem) security.problem = problem;
	return security;
}

/** Without the network, or when the server's list is refused, what was last verified. */
async function rosterOf(
	ctx: Context,
	rosters: Rosters,
	channel: Id
): Promise<{ roster: RosterRecord | undefined; problem?: Problem }> {
	try {
		return { roster: await rosters.current(channel) };
	} catch (error) {
		const roster = await ctx.store.read.get('rosters', channel);
		if (error instanceof Failure && error.code === READERS_REFUSED.code) return { roster, problem: error.problem };
		if (!roster || !isPassing(error)) throw error;
		return { roster };
	}
}

/** Who has got another username, or one that somebody else here or elsewhere has: neither happens on an honest server. */
async function misnamedOf(ctx: Context, members: Security['members']): Promise<Person[]> {
	const bearers = new Map<string, number>();
	const renamed = new Set<Id>();
	const count = (name: string) => bearers.set(name, (bearers.get(name) ?? 0) + 1);
	count(ctx.own.account.username.toLowerCase());
	for (const { id, username, otherName } of await ctx.store.read.all('people')) {
		if (id === ctx.own.user) continue;
		if (username !== '') count(username.toLowerCase());
		if (otherName !== undefined) renamed.add(id);
	}
	const isDoubtful = ({ id, username }: Person) =>
		renamed.has(id) || (username !== '' && (bearers.get(username.toLowerCase()) ?? 0) > 1);
	return members.map(({ person }) => person).filter((person) => person.id !== ctx.own.user && isDoubtful(person));
}

/**
 * The identity that the server shows now takes the place of the remembered one. Nothing that rested on the old one is
 * kept: devices are to be certified anew, and sessions begin anew.
 */
export async function acceptIdentity(ctx: Context, user: Id): Promise<void> {
	await ctx.store.change(async (unit) => {
		const person = await unit.get('people', user);
		if (user === ctx.own.user || !person?.changedKey)
			fail('identity_unchanged', 'The identity of this person is the one that is remembered.');
		unit.put('people', { ...person, accountKey: person.changedKey, changedKey: null });
		for (const { id } of await unit.by('devices', 'user', user)) {
			unit.delete('devices', id);
			unit.delete('sessions', id);
		}
		for (const roster of await unit.all('rosters')) {
			if (!roster.members.some((member) => member.user === user)) continue;
			unit.put('rosters', { ...roster, stale: true });
			await addNote(ctx, unit, roster.channel, 'identity_accepted', user);
		}
	});
}
