// SPDX-License-Identifier: GPL-3.0-or-later
// The local store, shared by all tabs of this device. Every change runs under one lock: read from the disk, change, write
// in one transaction, tell the other tabs. Knows nothing of what the records mean.
import type { Broadcast, Platform } from '../core/platform';
import { fail } from '../core/problem';
import type { CoreEvent } from '../core/types';
import { Database, type Lost } from './database';
import { Reader } from './reader';
import { Damaged, Sealer, type SealingKey } from './seal';
import { Unit } from './unit';

const STATE_LOCK = 'chatalot-state';
const CHANNEL = 'chatalot';

/** What tabs tell each other beside the events for their pages. */
export type Nudge = 'outbox' | 'wiped' | 'signed-in';

export interface StoreEvents {
	/** From this tab or another one; both have been committed. */
	event(event: CoreEvent): void;
	/** From another tab. */
	nudge(what: Nudge): void;
	lost(why: Lost): void;
}

export class Store {
	private retired = false;
	/** Events that pages were told. Who reads without the lock sees by it that what was read may have changed since. */
	told = 0;

	private constructor(
		private readonly platform: Platform,
		private readonly database: Database,
		readonly read: Reader,
		private readonly tabs: Broadcast,
		private readonly events: StoreEvents
	) {}

	/** Opens the store, making it when there is none. A store that does not open is emptied: `fresh` says so. */
	static async open(platform: Platform, events: StoreEvents): Promise<{ store: Store; damaged: boolean }> {
		const database = await Database.open(platform, events.lost);
		return platform.locks.request(STATE_LOCK, {}, async () => {
			const tabs = platform.broadcast(CHANNEL);
			let key = await readKey(database);
			let damaged = false;
			const made = (key: SealingKey) => {
				const reader = new Reader(platform, database, new Sealer(platform, key), () => events.lost('damaged'));
				const store = new Store(platform, database, reader, tabs, events);
				tabs.onmessage = (message) => store.fromTab(message);
				return store;
			};
			if (key) {
				const store = made(key);
				damaged = await isDamaged(store.read);
				if (!damaged) return { store, damaged };
			}
			damaged ||= (await database.count('meta')) > 0;
			key = await renew(platform, database);
			return { store: made(key), damaged };
		});
	}

	/**
	 * The store for one device identity: bound to the sealing key that there is now. What still runs for that identity when
	 * it is over can neither write for the next one, nor read, nor tell the page anything.
	 */
	bind(): Store {
		const reader: Reader = new Reader(this.platform, this.database, this.read.sealer, () => {
			if (!bound.retired) this.events.lost('damaged');
		});
		const bound: Store = new Store(this.platform, this.database, reader, this.tabs, this.events);
		return bound;
	}

	/** The identity that this store was bound for is over. */
	retire(): void {
		this.retired = true;
	}

	/** The only way to change anything. `work` must not wait for the network: other tabs are waiting for it. */
	async change<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
		return this.platform.locks.request(STATE_LOCK, {}, async () => {
			// Wiping takes the same lock: what the key is now, it is until the commit.
			const key = this.retired ? undefined : await readKey(this.database);
			if (key?.id !== this.read.sealer.key.id) fail('signed_out', 'This device was signed out meanwhile.');
			const unit = new Unit(this.read);
			const result = await work(unit);
			await unit.commit();
			for (const event of unit.events) this.tell(event);
			for (const run of unit.afterwards) run();
			return result;
		});
	}

	/** Tells this page and the other tabs'. */
	tell(event: CoreEvent): void {
		if (this.retired) return;
		this.told++;
		this.events.event(event);
		this.tabs.post({ event });
	}

	nudge(what: Nudge): void {
		this.tabs.post({ nudge: what });
	}

	/**
	 * A new identity begins: what `work` puts takes the place of everything, under a new sealing key, in one step. `work`
	 * may read what was there before, and put only.
	 */
	async begin(work: (unit: Unit, before: Reader) => Promise<void>): Promise<void> {
		const { platform, database } = this;
		await platform.locks.request(STATE_LOCK, {}, async () => {
			// Another tab may have begun anew since this one looked.
			const old = (await readKey(database)) ?? this.read.sealer.key;
			const before = new Reader(platform, database, new Sealer(platform, old), () => undefined);
			const key = await Sealer.makeKey(platform);
			const sealer = new Sealer(platform, key);
			const unit = new Unit(new Reader(platform, database, sealer, () => undefined));
			await work(unit, before);
			const writes = (await unit.writes()).filter((write) => 'put' in write);
			await database.replace([{ table: 'vault', put: { name: 'sealing', ...key } }, ...writes]);
			this.read.sealer = sealer;
		});
		this.nudge('signed-in');
	}

	/**
	 * Another identity takes over what there is, in one step. Everything that was bound for the old one is cut off, as by
	 * `begin`; but the sealing key stays, under another id.
	 */
	async succeed(work: (unit: Unit) => Promise<void>): Promise<void> {
		const { platform, database } = this;
		await platform.locks.request(STATE_LOCK, {}, async () => {
			const old = await readKey(database);
			if (old?.id !== this.read.sealer.key.id) fail('signed_out', 'This device was signed out meanwhile.');
			const unit = new Unit(this.read);
			await work(unit);
			const key = { ...old, id: Sealer.makeId(platform) };
			await database.write([{ table: 'vault', put: { name: 'sealing', ...key } }, ...(await unit.writes())], true);
			this.read.sealer = new Sealer(platform, key);
		});
		this.nudge('signed-in');
	}

	/** Forgets everything, the sealing key too: what was on the disk can no longer be opened. */
	async wipe(): Promise<void> {
		await this.platform.locks.request(STATE_LOCK, {}, async () => {
			await this.database.clear();
		});
		this.nudge('wiped');
	}

	/** After a wipe, here or in another tab: takes up the key that there is now, or makes one. Whether it is another one. */
	async renew(): Promise<boolean> {
		return this.platform.locks.request(STATE_LOCK, {}, async () => {
			const key = (await readKey(this.database)) ?? (await renew(this.platform, this.database));
			const another = key.id !== this.read.sealer.key.id;
			this.read.sealer = new Sealer(this.platform, key);
			return another;
		});
	}

	close(): void {
		this.tabs.onmessage = null;
		this.tabs.close();
		this.database.close();
	}

	private fromTab(message: unknown): void {
		if (typeof message !== 'object' || message === null) return;
		const event: unknown = Reflect.get(message, 'event');
		const nudge: unknown = Reflect.get(message, 'nudge');
		if (event !== undefined) this.events.event(event as CoreEvent);
		if (nudge !== undefined) this.events.nudge(nudge as Nudge);
	}
}

async function readKey(database: Database): Promise<SealingKey | undefined> {
	const record = Object((await database.get('vault', 'sealing')) ?? {});
	const key: unknown = Reflect.get(record, 'key');
	const id: unknown = Reflect.get(record, 'id');
	return typeof key === 'object' && key !== null && typeof id === 'string' ? { key: key as CryptoKey, id } : undefined;
}

async function renew(platform: Platform, database: Database): Promise<SealingKey> {
	const made = await Sealer.makeKey(platform);
	await database.clear();
	await database.write([{ table: 'vault', put: { name: 'sealing', ...made } }], true);
	return made;
}

/** Whether the records that everything else rests on are there and open. */
async function isDamaged(reader: Reader): Promise<boolean> {
	try {
		const device = await reader.meta('device');
		const tokens = await reader.meta('tokens');
		return (device === undefined) !== (tokens === undefined);
	} catch (error) {
		if (error instanceof Damaged) return true;
		throw error;
	}
}
