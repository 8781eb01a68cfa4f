// SPDX-License-Identifier: GPL-3.0-or-later
// IndexedDB itself: opening, the schema and its version, requests as promises. Knows object stores, not their meaning.
import type { Platform } from '../core/platform';
import { SCHEMA_VERSION, tables, type TableName } from './tables';

export const DATABASE = 'chatalot';

export type Write = { table: TableName; put: unknown } | { table: TableName; delete: IDBValidKey };

/** Where a record lies in an index. */
interface Place {
	key: IDBValidKey;
	primaryKey: IDBValidKey;
}

/** Another tab runs newer code and changes the schema; the browser took the data away; or something in it does not open. */
export type Lost = 'outdated' | 'cleared' | 'damaged';

export class Database {
	private constructor(
		private readonly db: IDBDatabase,
		private readonly factory: Pick<IDBFactory, 'cmp'>
	) {}

	static open(platform: Platform, onLost: (why: Lost) => void): Promise<Database> {
		return new Promise((resolve, reject) => {
			const opening = platform.indexedDB.open(DATABASE, SCHEMA_VERSION);
			opening.onupgradeneeded = (event) => upgrade(opening.result, event.oldVersion);
			opening.onsuccess = () => {
				const db = opening.result;
				db.onversionchange = () => {
					db.close();
					onLost('outdated');
				};
				db.onclose = () => onLost('cleared');
				resolve(new Database(db, platform.indexedDB));
			};
			opening.onerror = () => reject(opening.error ?? new Error('IndexedDB'));
			// An older tab still has the old schema open; it closes on versionchange, after which this goes on.
			opening.onblocked = () => platform.log('warn', 'local store: waiting for another tab to close');
		});
	}

	close(): void {
		this.db.close();
	}

	get(table: TableName, key: IDBValidKey): Promise<unknown> {
		return done(this.db.transaction(table).objectStore(table).get(key));
	}

	/** In one transaction; a transaction each would cost more than all of them. */
	getMany(table: TableName, keys: IDBValidKey[]): Promise<unknown[]> {
		const store = this.db.transaction(table).objectStore(table);
		return Promise.all(keys.map((key) => done(store.get(key))));
	}

	/** What lies under each value of an index, likewise. */
	getManyBy(table: TableName, index: string, values: IDBValidKey[]): Promise<unknown[][]> {
		const source = this.db.transaction(table).objectStore(table).index(index);
		return Promise.all(values.map((value) => done(source.getAll(value)) as Promise<unknown[]>));
	}

	getAll(table: TableName, index: string | undefined, query: IDBValidKey | IDBKeyRange | undefined, limit?: number) {
		const store = this.db.transaction(table).objectStore(table);
		return done((index ? store.index(index) : store).getAll(query, limit)) as Promise<unknown[]>;
	}

	/** The last `limit` records of a range, last first. */
	async getLast(table: TableName, query: IDBKeyRange, limit: number): Promise<unknown[]> {
		const store = this.db.transaction(table).objectStore(table);
		const out: unknown[] = [];
		return new Promise((resolve, reject) => {
			const walk = store.openCursor(query, 'prev');
			walk.onerror = () => reject(walk.error ?? new Error('IndexedDB'));
			walk.onsuccess = () => {
				const cursor = walk.result;
				if (!cursor) return resolve(out);
				out.push(cursor.value);
				if (out.length >= limit) return resolve(out);
				cursor.continue();
			};
		});
	}

	/**
	 * A page of an index, in its order, of the records behind `after`. What changes between two pages neither repeats nor
	 * hides the others.
	 */
	async getPage(
		table: TableName,
		index: string,
		query: IDBKeyRange,
		after: Place | null,
		limit: number
	): Promise<unknown[]> {
		const source = this.db.transaction(table).objectStore(table).index(index);
		const out: unknown[] = [];
		return new Promise((resolve, reject) => {
			const walk = source.openCursor(query);
			let from = after;
			walk.onerror = () => reject(walk.error ?? new Error('IndexedDB'));
			walk.onsuccess = () => {
				const cursor = walk.result;
				if (!cursor) return resolve(out);
				const side = from ? this.compare(cursor, from) : 1;
				if (from && side < 0) return cursor.continuePrimaryKey(from.key, from.primaryKey);
				from = null;
				if (side > 0) out.push(cursor.value);
				if (out.length >= limit) return resolve(out);
				cursor.continue();
			};
		});
	}

	private compare(a: Place, b: Place): number {
		return this.factory.cmp(a.key, b.key) || this.factory.cmp(a.primaryKey, b.primaryKey);
	}

	count(table: TableName, index?: string, query?: IDBValidKey | IDBKeyRange): Promise<number> {
		const store = this.db.transaction(table).objectStore(table);
		return done((index ? store.index(index) : store).count(query));
	}

	/** All or nothing; with `durable` it is on the disk when it returns. */
	write(writes: Write[], durable: boolean): Promise<void> {
		const names = [...new Set(writes.map((write) => write.table))];
		const transaction = this.db.transaction(names, 'readwrite', { durability: durable ? 'strict' : 'relaxed' });
		const result = finished(transaction);
		for (const write of writes) {
			const store = transaction.objectStore(write.table);
			if ('put' in write) store.put(write.put);
			else store.delete(write.delete);
		}
		return result;
	}

	clear(): Promise<void> {
		return this.replace([]);
	}

	/** Everything there is by these records, all or nothing. */
	replace(writes: { table: TableName; put: unknown }[]): Promise<void> {
		const names = Object.keys(tables) as TableName[];
		const transaction = this.db.transaction(names, 'readwrite', { durability: 'strict' });
		const result = finished(transaction);
		for (const name of names) transaction.objectStore(name).clear();
		for (const { table, put } of writes) transaction.objectStore(table).put(put);
		return result;
	}
}

/** From any older version to this one: what exists stays, what is missing is made. */
function upgrade(db: IDBDatabase, from: number): void {
	for (const [name, table] of Object.entries(tables)) {
		if (from >= table.since) continue;
		const store = db.createObjectStore(name, { keyPath: table.key as string | string[] });
		for (const [index, path] of Object.entries(table.indexes)) store.createIndex(index, path as string | string[]);
	}
}

function done<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
	});
}

function finished(transaction: IDBTransaction): Promise<void> {
	return new Promise((resolve, reject) => {
		transaction.oncomplete = () => resolve();
		transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB: aborted'));
	});
}
