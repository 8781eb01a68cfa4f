// SPDX-License-Identifier: GPL-3.0-or-later
// Reading records: opened, typed, and never cached, because another tab may change them at any time.
import type { Platform } from '../core/platform';
import type { Database } from './database';
import { openRecord } from './records';
import { Damaged, type Sealer } from './seal';
import type { Meta, RecordTable, Records, TableName } from './tables';

/** Behind which of the waiting messages a page begins. */
export type WaitingPlace = Pick<Records['messages'], 'channel' | 'seq' | 'wants'>;

export class Reader {
	constructor(
		private readonly platform: Platform,
		readonly database: Database,
		public sealer: Sealer,
		/** A record did not open: what rests on it can no longer be relied on. */
		private readonly onDamaged: () => void
	) {}

	async get<T extends RecordTable>(table: T, key: IDBValidKey): Promise<Records[T] | undefined> {
		const stored = await this.database.get(table, key);
		return stored === undefined ? undefined : ((await this.opened(table, stored)) as Records[T]);
	}

	/** In the order of the keys; undefined where there is none. */
	async many<T extends RecordTable>(table: T, keys: IDBValidKey[]): Promise<(Records[T] | undefined)[]> {
		if (keys.length === 0) return [];
		const stored = await this.database.getMany(table, keys);
		const opened = stored.map((one) => (one === undefined ? undefined : this.opened(table, one)));
		return Promise.all(opened) as Promise<(Records[T] | undefined)[]>;
	}

	async manyBy<T extends RecordTable>(table: T, index: string, values: IDBValidKey[]): Promise<Records[T][][]> {
		if (values.length === 0) return [];
		const stored = await this.database.getManyBy(table, index, values);
		return Promise.all(stored.map((found) => this.openAll(table, found)));
	}

	async metaRecord(name: keyof Meta): Promise<object | undefined> {
		const stored = await this.database.get('meta', name);
		return stored === undefined ? undefined : await this.opened('meta', stored);
	}

	async meta<K extends keyof Meta>(name: K): Promise<Meta[K] | undefined> {
		const record = await this.metaRecord(name);
		return record && (Reflect.get(record, 'value') as Meta[K]);
	}

	async all<T extends RecordTable>(table: T, limit?: number): Promise<Records[T][]> {
		return this.openAll(table, await this.database.getAll(table, undefined, undefined, limit));
	}

	async by<T extends RecordTable>(table: T, index: string, value: IDBValidKey, limit?: number): Promise<Records[T][]> {
		return this.openAll(table, await this.database.getAll(table, index, value, limit));
	}

	async range<T extends RecordTable>(table: T, from: IDBValidKey, to: IDBValidKey): Promise<Records[T][]> {
		return this.openAll(table, await this.database.getAll(table, undefined, this.platform.keyRange.bound(from, to)));
	}

	/** Messages of a channel with seq in [from, to], oldest first, the last `limit` of them. */
	async messages(channel: string, from: number, to: number, limit: number): Promise<Records['messages'][]> {
		if (from > to) return [];
		const range = (first: number, last: number) => this.platform.keyRange.bound([channel, first], [channel, last]);
		// Nearly every place in the log is a message: one request then finds them, where a cursor asks for each.
		const near = Math.max(from, to - limit + 1);
		const found = await this.database.getAll('messages', undefined, range(near, to));
		const missing = limit - found.length;
		if (missing > 0 && near > from) {
			const older = await this.database.getLast('messages', range(from, near - 1), missing);
			found.unshift(...older.reverse());
		}
		return this.openAll('messages', found);
	}

	/** Messages that wait for a key, or for this key, in a lasting order: those behind `after`. */
	async waiting(limit: number, after?: WaitingPlace, wants?: string): Promise<Records['messages'][]> {
		const { keyRange } = this.platform;
		const query = keyRange.bound(wants ?? '', wants ?? '\uffff');
		const place = after?.wants === undefined ? null : { key: after.wants, primaryKey: [after.channel, after.seq] };
		return this.openAll('messages', await this.database.getPage('messages', 'wants', query, place, limit));
	}

	count(table: TableName, index?: string, value?: IDBValidKey): Promise<number> {
		return this.database.count(table, index, value);
	}

	private openAll<T extends RecordTable>(table: T, stored: unknown[]): Promise<Records[T][]> {
		return Promise.all(stored.map((one) => this.opened(table, one))) as Promise<Records[T][]>;
	}

	private async opened(table: TableName, stored: unknown): Promise<object> {
		try {
			return await openRecord(this.sealer, table, stored);
		} catch (error) {
			if (error instanceof Damaged) this.onDamaged();
			throw error;
		}
	}
}
