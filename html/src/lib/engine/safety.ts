// SPDX-License-Identifier: GPL-3.0-or-later
// Verifying a person: the number that both compare, the code that one scans from the other's screen, and what the person
// at this device says of it, which their other devices are told.
import { fromBase64url, sameBytes, toBase64url, type Bytes } from '../core/bytes';
import { fail, isPassing } from '../core/problem';
import type { Id, Safety } from '../core/types';
import { uuidBytes } from '../core/uuid';
import type { Letter } from '../crypto/library';
import type { PersonRecord } from '../store/tables';
import { newId, type Context } from './context';
import { decide, identityOf, isWarned, noteEverywhere, requireAcquainted } from './identities';
import type { Rosters } from './rosters';
import type { Sessions } from './sessions';
import { personOf } from './trust';

/** What a scanned code begins with. */
const SCHEME = 'chatalot-safety:';
const VERSION = [1, 1];
const LENGTH = 2 + 2 * (16 + 32);

type Known = PersonRecord & { accountKey: Bytes };

export class Safeties {
	/** The identity whose number the person at this device saw last: what they say of it is said of no other. */
	private readonly shown = new Map<Id, Bytes>();
	private telling: Promise<void> = Promise.resolve();

	constructor(
		private readonly ctx: Context,
		private readonly sessions: Sessions,
		private readonly rosters: Rosters,
		/** Something for the backup. */
		private readonly onDecided: () => void
	) {}

	async show(user: Id): Promise<Safety> {
		const { ctx } = this;
		const record = await this.known(user);
		const accountKey = presentKey(record);
		this.shown.set(user, accountKey);
		const theirs = [uuidBytes(user), accountKey] as const;
		const own = [ctx.own.userBytes, ctx.own.accountKey] as const;
		return {
			person: await personOf(ctx, ctx.store.read, user),
			digits: ctx.library.safetyNumber(...own, ...theirs),
			qr: SCHEME + toBase64url(new Uint8Array([VERSION, ...own, ...theirs].flatMap((part) => [...part]))),
			state: isWarned(record) ? 'changed' : record.trust === 'verified' ? 'verified' : 'met',
			since: record.since ?? 0
		};
	}

	/** The person has compared the numbers that were shown. */
	async verify(user: Id): Promise<Safety> {
		const seen = this.shown.get(user);
		if (!seen) fail('not_compared', 'The number has to be looked at before it can be the same.');
		await this.decided(user, async (unit, record) => {
			if (!sameBytes(seen, presentKey(record)))
				fail('identity_changed', 'The identity has changed since the number was shown. Compare again.');
			const { unseen: _, ...rest } = record;
			const since = this.ctx.platform.now();
			await decide(this.ctx, unit, {
				...rest,
				accountKey: seen,
				changedKey: null,
				trust: 'verified',
				since,
				decided: true
			});
			await noteEverywhere(this.ctx, unit, user, 'verified');
		});
		return this.show(user);
	}

	/** Both directions are in the code: that the other one has one's own key right, and that this is theirs. */
	async verifyScanned(user: Id, text: string): Promise<{ matches: boolean; safety: Safety }> {
		const safety = await this.show(user);
		const code = text.startsWith(SCHEME) ? fromBase64url(text.slice(SCHEME.length)) : null;
		if (code?.length !== LENGTH || code[0] !== VERSION[0] || code[1] !== VERSION[1])
			fail('not_a_safety_code', 'This is not the code of a safety number.');
		const { own } = this.ctx;
		const expected = [uuidBytes(user), this.shown.get(user)!, own.userBytes, own.accountKey];
		const matches = sameBytes(code.subarray(2), new Uint8Array(expected.flatMap((part) => [...part])));
		return { matches, safety: matches ? await this.verify(user) : safety };
	}

	async unverify(user: Id): Promise<Safety> {
		await this.decided(user, async (unit, record) => {
			// A change of somebody verified waits for consent, and this is none.
			if (record.trust !== 'verified') return;
			const { trust: _, ...rest } = record;
			await decide(this.ctx, unit, { ...rest, since: this.ctx.platform.now() });
			await noteEverywhere(this.ctx, unit, user, null);
		});
		return this.show(user);
	}

	/** Tells the person's other devices what was decided here, one after the other, until they have it in their inboxes. */
	tell(): Promise<void> {
		this.telling = this.telling.then(() => this.tellAll()).catch((error: unknown) => this.failed(error));
		return this.telling;
	}

	private failed(error: unknown): void {
		if (!isPassing(error)) this.ctx.platform.log('warn', 'own devices were not told', String(error));
	}

	private async decided(
		user: Id,
		work: (unit: Parameters<Parameters<Context['store']['change']>[0]>[0], record: Known) => Promise<void>
	): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			await requireAcquainted(unit);
			const record = await unit.get('people', user);
			if (!isKnown(record)) fail('person_unknown', 'This person has not been met yet.');
			await work(unit, record);
		});
		this.onDecided();
		void this.tell();
	}

	private async known(user: Id): Promise<Known> {
		if (user === this.ctx.own.user) fail('person_unknown', 'There is nothing to compare with oneself.');
		const record = await this.ctx.store.read.get('people', user);
		if (!isKnown(record)) fail('person_unknown', 'This person has not been met yet.');
		return record;
	}

	private async tellAll(): Promise<void> {
		const { ctx } = this;
		const { read } = ctx.store;
		const users = (await read.meta('untold'))?.users ?? [];
		if (users.length === 0 || !ctx.connection.online) return;
		const people = await Promise.all(users.map((user) => read.get('people', user)));
		const items = people.flatMap((person) => (person && identityOf(ctx, person)) ?? []);
		const [place] = await read.all('channels', 1);
		if (place && items.length > 0) await this.post(place.id, { kind: 'items', items });
		await ctx.store.change(async (unit) => {
			const now = (await unit.meta('untold'))?.users ?? [];
			const told = new Set(users.filter((_, i) => now.includes(users[i]!) && people[i]));
			const left: Id[] = [];
			for (const user of now) {
				const current = await unit.get('people', user);
				const sent = people[users.indexOf(user)];
				if (!told.has(user) || current?.since !== sent?.since) left.push(user);
			}
			unit.setMeta('untold', { users: left });
		});
	}

	/** Through the inbox, which wants a conversation that both are in: any will do. */
	private async post(channel: Id, letter: Letter): Promise<void> {
		const { ctx } = this;
		const roster = await this.rosters.current(channel);
		const own = roster.members.find((member) => member.user === ctx.own.user)?.devices ?? [];
		const devices = own.filter((device) => device !== ctx.own.device);
		if (devices.length === 0) return;
		await this.sessions.ensure(devices);
		const items = await ctx.store.change(async (unit) => {
			const made: { device: Id; id: Id; payload: string }[] = [];
			for (const device of devices) {
				const payload = await this.sessions.seal(unit, device, letter);
				if (payload) made.push({ device, id: newId(ctx.platform), payload: toBase64url(payload) });
			}
			return made;
		});
		if (items.length > 0) await ctx.connection.request({ type: 'deliver', channel, items });
	}
}

/** The one that the server shows now. */
function presentKey(record: Known): Bytes {
	return record.changedKey ?? record.accountKey;
}

function isKnown(record: PersonRecord | undefined): record is Known {
	return record !== undefined && record.accountKey !== null;
}
