// SPDX-License-Identifier: GPL-3.0-or-later
// What tests of keys begin with: people of one server, two of whom have talked in a channel and privately.
import { after, afterEach } from 'node:test';
import { toBase64url } from '../../src/lib/core/bytes';
import type { Id } from '../../src/lib/core/types';
import { newId } from '../../src/lib/engine/context';
import { Sessions } from '../../src/lib/engine/sessions';
import type { Letter } from '../../src/lib/crypto/library';
import type { SenderKeyRecord } from '../../src/lib/store/tables';
import { assertNothingInClear } from './clear';
import { Machine } from './platform';
import { Person } from './person';
import { Relay, type Json, type RelayChannel, type RelayUser } from './relay';
import { engineOf } from './write';

export { engineOf, uuid, writeMany } from './write';

export const password = 'correct horse battery';
const everyone: Person[] = [];
const relays = new Set<Relay>();
after(async () => {
	for (const person of everyone) await person.core.close();
});

// Whatever a server was up to in a test: what was written has reached it sealed, or not at all.
afterEach(() => {
	for (const relay of relays) assertNothingInClear(relay, everyone);
});

/** Closed when the tests are over. */
export function stay(person: Person): Person {
	everyone.push(person);
	return person;
}

/** A device with nobody signed in. */
export async function arrive(relay: Relay, name: string): Promise<Person> {
	relays.add(relay);
	const person = stay(new Person(new Machine(relay, name)));
	await person.core.start();
	return person;
}

export async function register(relay: Relay, username: string): Promise<Person> {
	const person = await arrive(relay, username);
	await person.core.register({ username, displayName: username, password });
	await person.online();
	return person;
}

export interface Scene {
	relay: Relay;
	ada: Person;
	ben: Person;
	channel: Id;
	dm: Id;
	log: Json[];
	users: { ada: RelayUser; ben: RelayUser };
}

/** Ada and Ben have talked in a channel and privately. */
export async function scene(): Promise<Scene> {
	const relay = new Relay();
	const ada = await register(relay, 'ada');
	const community = await ada.core.createCommunity('Garden');
	const channel = community.groups[0]!.channels[0]!.id;
	const ben = await register(relay, 'ben');
	await ben.core.acceptInvite((await ada.core.createInvite(community.id, {})).code);
	const { id: dm } = await ada.core.openDm((await ben.core.start()).account!.id);
	await ada.core.send(channel, 'from ada');
	await ben.message(channel, 'from ada');
	await ben.core.send(channel, 'from ben');
	await ada.message(channel, 'from ben');
	await ada.core.send(dm, 'in private');
	await ben.message(dm, 'in private');
	const [first, second] = [...relay.users.values()] as [RelayUser, RelayUser];
	return { relay, ada, ben, channel, dm, log: relay.channels.get(channel)!.log, users: { ada: first, ben: second } };
}

/** The server puts an entry of its own making into the log and tells everyone. */
export function inject(relay: Relay, channel: RelayChannel, entry: Json): Json {
	const full = { ...entry, channel: channel.id, seq: channel.log.length + 1, created_at: Date.now() };
	channel.log.push(full);
	relay.sendTo(({ user }) => channel.members.has(user), { type: 'entry', ...full });
	return full;
}

/** The same person on one more device. */
export async function secondDevice(relay: Relay, username: string): Promise<Person> {
	const person = await arrive(relay, `${username} 2`);
	await person.core.signIn({ username, password });
	await person.online();
	return person;
}

/** The person at this device has compared the numbers. */
export async function verify(person: Person, user: Id): Promise<void> {
	await person.core.safety(user);
	await person.core.verify(user);
}

/** The last one that registered joins the community of the scene. */
export function joinLast(relay: Relay): RelayUser {
	const user = [...relay.users.values()].at(-1)!;
	relay.join([...relay.communities.values()][0]!, user.body.user, 'member');
	return user;
}

/** Letters that a member makes by itself, to one device, through the honest ways. */
export async function deliver(from: Person, channel: Id, device: Id, letters: Letter[]): Promise<void> {
	const { ctx, rosters } = engineOf(from);
	await rosters.fetch(channel);
	const sessions = new Sessions(ctx);
	await sessions.ensure([device]);
	const items = await ctx.store.change(async (unit) => {
		const made: { device: Id; id: Id; payload: string }[] = [];
		for (const letter of letters) {
			const payload = await sessions.seal(unit, device, letter);
			made.push({ device, id: newId(ctx.platform), payload: toBase64url(payload!) });
		}
		return made;
	});
	await ctx.connection.request({ type: 'deliver', channel, items });
}

/** What a device has of the sender keys of another's device in a channel. */
export async function senderKeysOf(person: Person, channel: Id, device: Id): Promise<SenderKeyRecord[]> {
	const all = await engineOf(person).ctx.store.read.all('senderKeys');
	return all.filter((key) => key.channel === channel && key.device === device);
}
