// SPDX-License-Identifier: GPL-3.0-or-later
// A unit of work: what one change reads and writes. It lives only while the state lock is held, so that what it has read
// cannot go stale; its writes reach the disk together, and only then do its events leave.
import type { CoreEvent } from '../core/types';
import type { Write } from './database';
import { sealRecord } from './records';
import type { Reader, WaitingPlace } from './reader';
import { keyOf, type Meta, type RecordTable, type Records, type TableName } from './tables';

export class Unit {
	private readonly cache = new Map<string, object | undefined>();
	private readonly dirty = new Map<string, { table: TableName; key: IDBValidKey }>();
	/** What lies on the disk under values of an index. */
	private readonly found = new Map<string, object[]>();
	readonly events: CoreEvent[] = [];
	/** Run after the commit, in order; for what must not happen when it fails. */
	readonly afterwards: (() => void)[] = [];
	/** Whether losing this change in a power cut would do harm that cannot be made good from the server. */
	durable = true;

	constructor(private readonly reader: Reader) {}

	async get<T extends RecordTable>(table: T, key: IDBValidKey): Promise<Records[T] | undefined> {
		return (await this.load(table, key, () => this.reader.get(table, key))) as Records[T] | undefined;
	}

	/** Reads records that will be asked for one by one, all at once: `get` then finds them here. */
	async preload<T extends RecordTable>(table: T, keys: IDBValidKey[]): Promise<void> {
		const missing = new Map<string, IDBValidKey>();
		for (const key of keys) {
			const name = cacheName(table, key);
			if (!this.cache.has(name)) missing.set(name, key);
		}
		const records = await this.reader.many(table, [...missing.values()]);
		[...missing.keys()].forEach((name, i) => {
			if (!this.cache.has(name)) this.cache.set(name, records[i]);
		});
	}

	/** Likewise for `by`. */
	async preloadBy<T extends RecordTable>(table: T, index: string, values: string[]): Promise<void> {
		const missing = [...new Set(values)].filter((value) => !this.found.has(foundName(table, index, value)));
		const found = await this.reader.manyBy(table, index, missing);
		missing.forEach((value, i) => this.found.set(foundName(table, index, value), found[i]!));
	}

	put<T extends RecordTable>(table: T, record: Records[T]): void {
		this.set(table, keyOf(table, record), record);
	}

	delete(table: RecordTable, key: IDBValidKey): void {
		this.set(table, key, undefined);
	}

	async meta<K extends keyof Meta>(name: K): Promise<Meta[K] | undefined> {
		const found = await this.load('meta', name, () => this.reader.metaRecord(name));
		return found && (Reflect.get(found, 'value') as Meta[K]);
	}

	setMeta<K extends keyof Meta>(name: K, value: Meta[K]): void {
		this.set('meta', name, { name, value });
	}

	deleteMeta(name: keyof Meta): void {
		this.set('meta', name, undefined);
	}

	/** By index, which is named as its field; as it is with this unit's own changes. */
	async by<T extends RecordTable>(table: T, index: string, value: string): Promise<Records[T][]> {
		const read = this.found.get(foundName(table, index, value)) as Records[T][] | undefined;
		const found = this.overlay(table, read ?? (await this.reader.by(table, index, value)));
		const added = this.added(table, found) as Records[T][];
		return [...found, ...added].filter((record) => Reflect.get(record, index) === value);
	}

	/** As in Reader; what this unit changed since is as it is now, what it added is not among them. */
	async waiting(limit: number, after?: WaitingPlace, wants?: string): Promise<Records['messages'][]> {
		return this.overlay('messages', await this.reader.waiting(limit, after, wants));
	}

	/** As in Reader; what this unit added is not among them. */
	async messages(channel: string, from: number, to: number, limit: number): Promise<Records['messages'][]> {
		return this.overlay('messages', await this.reader.messages(channel, from, to, limit));
	}

	async range<T extends RecordTable>(table: T, from: IDBValidKey, to: IDBValidKey): Promise<Records[T][]> {
		return this.overlay(table, await this.reader.range(table, from, to));
	}

	async all<T extends RecordTable>(table: T): Promise<Records[T][]> {
		return this.overlay(table, await this.reader.all(table));
	}

	emit(event: CoreEvent): void {
		this.events.push(event);
	}

	async commit(): Promise<void> {
		if (this.dirty.size === 0) return;
		await this.reader.database.write(await this.writes(), this.durable);
	}

	/** What it would write, sealed. */
	writes(): Promise<Write[]> {
		return Promise.all(
			[...this.dirty].map(async ([name, { table, key }]): Promise<Write> => {
				const record = this.cache.get(name);
				if (record === undefined) return { table, delete: key };
				return { table, put: await sealRecord(this.reader.sealer, table, record) };
			})
		);
	}

	private async load(table: TableName, key: IDBValidKey, read: () => Promise<object | undefined>) {
		const name = cacheName(table, key);
		if (!this.cache.has(name)) {
			const found = await read();
			if (!this.cache.has(name)) this.cache.set(name, found);
		}
		return this.cache.get(name);
	}

	private set(table: TableName, key: IDBValidKey, record: object | undefined): void {
		const name = cacheName(table, key);
		this.cache.set(name, record);
		this.dirty.set(name, { table, key });
	}

	/** What this unit wrote into the table, but for those. */
	private added(table: TableName, but: object[]): object[] {
		const known = new Set(but);
		const own = [...this.dirty].filter(([, write]) => write.table === table).map(([name]) => this.cache.get(name));
		return own.filter((record) => record !== undefined && !known.has(record)) as object[];
	}

	private overlay<T extends RecordTable>(table: T, records: Records[T][]): Records[T][] {
		const out: Records[T][] = [];
		for (const record of records) {
			const name = cacheName(table, keyOf(table, record));
			const current = this.cache.has(name) ? this.cache.get(name) : record;
			if (current) out.push(current as Records[T]);
		}
		return out;
	}
}

function foundName(table: TableName, index: string, value: string): string {
	return `${table}/${index}/${value}`;
}

function cacheName(table: TableName, key: IDBValidKey): string {
	return `${table}/${JSON.stringify(key)}`;
}
