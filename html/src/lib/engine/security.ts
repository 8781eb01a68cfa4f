// SPDX-License-Identifier: GPL-3.0-or-later
// What a conversation's lock says: whether everybody in it is who they were, and every device vouched for.
import { fail, Failure, isPassing } from '../core/problem';
import type { Id, Person, Problem, Security } from '../core/types';
import type { RosterRecord } from '../store/tables';
import type { Context } from './context';
import { decide, isWarned, noteEverywhere } from './identities';
import { notesOf } from './notes';
import { READERS_REFUSED, type Rosters } from './rosters';
import { personOf } from './trust';

export async function securityOf(ctx: Context, rosters: Rosters, channel: Id): Promise<Security> {
	const { roster, problem } = await rosterOf(ctx, rosters, channel);
	const members: Security['members'] = [];
	const changed: Security['changed'] = [];
	for (const { user, devices, changed: isChanged } of roster?.members ?? []) {
		const person = await personOf(ctx, ctx.store.read, user);
		const record = user === ctx.own.user ? undefined : await ctx.store.read.get('people', user);
		members.push({ person, devices: devices.length, verified: user === ctx.own.user || record?.trust === 'verified' });
		if (isChanged || isWarned(record)) changed.push({ person, wasVerified: isChanged || record?.trust === 'doubted' });
	}
	const misnamed = await misnamedOf(ctx, members);
	const ghosts = roster?.members.some((member) => member.uncertified.length > 0) ?? false;
	const isDoubtful = changed.length + misnamed.length > 0 || ghosts || problem !== undefined;
	const isVerified = members.length > 1 && members.every(({ verified }) => verified);
	const state = isDoubtful ? 'attention' : isVerified ? 'verified' : 'sealed';
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
 * The person has looked at a changed identity. The one that the server shows takes the place of the remembered one, if it
 * has not done so already.
 */
export async function acceptIdentity(ctx: Context, user: Id): Promise<void> {
	await ctx.store.change(async (unit) => {
		const person = await unit.get('people', user);
		if (user === ctx.own.user || !person || !isWarned(person))
			fail('identity_unchanged', 'The identity of this person is the one that is remembered.');
		const { unseen: _, trust: __, ...rest } = person;
		const accountKey = person.changedKey ?? person.accountKey;
		await decide(ctx, unit, { ...rest, accountKey, changedKey: null, since: ctx.platform.now(), decided: true });
		await noteEverywhere(ctx, unit, user, 'identity_accepted');
	});
}
