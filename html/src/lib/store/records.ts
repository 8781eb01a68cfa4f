// SPDX-License-Identifier: GPL-3.0-or-later
// Records as they lie in IndexedDB: keys and indexed fields in clear, all the rest sealed and bound to its place.
import { Damaged, type Sealer } from './seal';
import { clearFields, type TableName } from './tables';

export interface Stored {
	[field: string]: unknown;
	iv: Uint8Array<ArrayBuffer>;
	sealed: Uint8Array<ArrayBuffer>;
}

function place(table: TableName, clear: Record<string, unknown>): string {
	return `chatalot store 1/${table}/${JSON.stringify(clear)}`;
}

export async function sealRecord(sealer: Sealer, table: TableName, record: object): Promise<Stored> {
	const clear: Record<string, unknown> = {};
	const secret: Record<string, unknown> = { ...record };
	for (const field of clearFields(table)) {
		if (secret[field] !== undefined) clear[field] = secret[field];
		delete secret[field];
	}
	const { iv, data } = await sealer.seal(place(table, clear), secret);
	return { ...clear, iv, sealed: data };
}

export async function openRecord(sealer: Sealer, table: TableName, stored: unknown): Promise<object> {
	if (typeof stored !== 'object' || stored === null) throw new Damaged(table);
	const iv: unknown = Reflect.get(stored, 'iv');
	const data: unknown = Reflect.get(stored, 'sealed');
	if (!(iv instanceof Uint8Array) || !(data instanceof Uint8Array)) throw new Damaged(table);
	const clear: Record<string, unknown> = {};
	for (const field of clearFields(table)) {
		const value: unknown = Reflect.get(stored, field);
		if (value !== undefined) clear[field] = value;
	}
	const secret = await sealer.open(place(table, clear), {
		iv: iv as Uint8Array<ArrayBuffer>,
		data: data as Uint8Array<ArrayBuffer>
	});
	if (typeof secret !== 'object' || secret === null) throw new Damaged(table);
	return { ...secret, ...clear };
}
