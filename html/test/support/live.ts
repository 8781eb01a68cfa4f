// SPDX-License-Identifier: GPL-3.0-or-later
// Real cores at a real server: CHATALOT_URL names it, CHATALOT_SETUP_TOKEN makes its owner, CHATALOT_DATABASE is what a
// thief of its database has.
import { execFileSync } from 'node:child_process';
import { after } from 'node:test';
import type { SocketLike } from '../../src/lib/core/platform';
import { Person } from './person';
import { Machine, type Network } from './platform';

export const { CHATALOT_URL: url, CHATALOT_SETUP_TOKEN: setupToken, CHATALOT_DATABASE: database } = process.env;
export const password = 'four words of nonsense';

export const network: Network = {
	origin: url ?? '',
	fetch: (to, init) => fetch(to, init),
	socket: (to) => new WebSocket(to) as unknown as SocketLike
};

const everyone: Person[] = [];
after(async () => {
	for (const person of everyone) await person.core.close();
});

/** A device with nobody signed in; on a machine that was used before, whatever is left on it. */
export async function arrive(at: string | Machine): Promise<Person> {
	const person = new Person(typeof at === 'string' ? new Machine(network, at) : at);
	everyone.push(person);
	await person.core.start();
	return person;
}

export async function register(
	username: string,
	by: { setupToken?: string; invite?: string }
): Promise<{ person: Person; recoveryCode: string }> {
	const person = await arrive(username);
	const { recoveryCode } = await person.core.register({ username, displayName: username, password, ...by });
	await person.online();
	return { person, recoveryCode };
}

export async function signIn(at: string | Machine, username: string, secret = password): Promise<Person> {
	const person = await arrive(at);
	await person.core.signIn({ username, password: secret });
	await person.online();
	return person;
}

/** Rows of a query as objects; binary columns as hex behind \x. */
export function query<T>(select: string): T[] {
	const text = execFileSync(
		'psql',
		['-XAtq', '-d', database!, '-c', `select coalesce(json_agg(t), '[]') from (${select}) t`],
		{
			maxBuffer: 1 << 28,
			encoding: 'utf8'
		}
	);
	return JSON.parse(text) as T[];
}

export function dump(): string {
	return execFileSync('pg_dump', ['-d', database!], { maxBuffer: 1 << 28, encoding: 'latin1' });
}
