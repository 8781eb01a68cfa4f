// SPDX-License-Identifier: GPL-3.0-or-later
// The local store: sealed at rest, shared by tabs without going stale, all or nothing, and found out when damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreEvent } from '../src/lib/core/types';
import { Store, type Nudge } from '../src/lib/store/store';
import type { DraftRecord } from '../src/lib/store/tables';
import { Machine } from './support/platform';

const network = {
	origin: 'http://x',
	fetch: () => Promise.reject(new Error()),
	socket: () => assert.fail('no socket')
};

async function open(machine: Machine) {
	const events: CoreEvent[] = [];
	const nudges: Nudge[] = [];
	const { store, damaged } = await Store.open(machine.tab(), {
		event: (event) => events.push(event),
		nudge: (what) => nudges.push(what),
		lost: () => undefined
	});
	return { store, damaged, events, nudges };
}

async function everything(machine: Machine): Promise<string> {
	const db = await new Promise<IDBDatabase>((resolve) => {
		const request = machine.indexedDB.open('chatalot') as unknown as IDBOpenDBRequest;
		request.onsuccess = () => resolve(request.result);
	});
	let all = '';
	for (const name of [...db.objectStoreNames].filter((one) => one !== 'vault')) {
		const rows = await new Promise<unknown[]>((resolve) => {
			const request = db.transaction(name).objectStore(name).getAll();
			request.onsuccess = () => resolve(request.result);
		});
		all += JSON.stringify(rows, (_, value: unknown) =>
			value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value
		);
	}
	db.close();
	return all;
}

test('what is written is read again, bytes as bytes, and lies sealed', async () => {
	const machine = new Machine(network);
	const { store } = await open(machine);
	const data = crypto.getRandomValues(new Uint8Array(40));
	await store.change(async (unit) => {
		unit.put('drafts', { channel: 'c', text: 'a secret thought' });
		unit.put('backup', { id: 'b', kind: 'sender_key', body: data });
	});
	assert.deepEqual(await store.read.get('drafts', 'c'), { channel: 'c', text: 'a secret thought' });
	assert.deepEqual((await store.read.get('backup', 'b'))?.body, data);
	const disk = await everything(machine);
	assert.ok(disk.includes('"channel":"c"'));
	assert.ok(!disk.includes('secret thought'));
	assert.ok(!disk.includes(Buffer.from(data).toString('latin1').slice(0, 8)));
});

test('a second opening reads what the first wrote', async () => {
	const machine = new Machine(network);
	const first = await open(machine);
	await first.store.change(async (unit) => unit.put('drafts', { channel: 'c', text: 'kept' }));
	first.store.close();
	const second = await open(machine);
	assert.equal(second.damaged, false);
	assert.equal((await second.store.read.get('drafts', 'c'))?.text, 'kept');
});

test('changes of two tabs follow each other and lose nothing', async () => {
	const machine = new Machine(network);
	const tabs = [await open(machine), await open(machine)];
	const add = ({ store }: (typeof tabs)[number]) =>
		store.change(async (unit) => {
			const count = (await unit.meta('counter'))?.outbox ?? 0;
			await new Promise((resolve) => setImmediate(resolve));
			unit.setMeta('counter', { outbox: count + 1 });
		});
	await Promise.all(Array.from({ length: 40 }, (_, i) => add(tabs[i % 2]!)));
	assert.equal((await tabs[0]!.store.read.meta('counter'))?.outbox, 40);
});

test('a change that fails leaves nothing behind and tells nobody', async () => {
	const { store, events } = await open(new Machine(network));
	await assert.rejects(
		store.change(async (unit) => {
			unit.put('drafts', { channel: 'c', text: 'half' });
			unit.emit({ type: 'communities', data: [] });
			throw new Error('stop');
		})
	);
	assert.equal(await store.read.get('drafts', 'c'), undefined);
	assert.deepEqual(events, []);
	await store.change(async (unit) => unit.put('drafts', { channel: 'c', text: 'the lock is free' }));
});

test('a unit reads its own writes, also through an index', async () => {
	const { store } = await open(new Machine(network));
	await store.change(async (unit) => {
		for (const id of ['1', '2', '3'])
			unit.put('outbox', { id, channel: 'c', order: Number(id), writtenAt: 0, text: id, state: 'queued' });
	});
	await store.change(async (unit) => {
		unit.delete('outbox', '1');
		unit.put('outbox', { ...(await unit.get('outbox', '2'))!, text: 'changed' });
		const found = await unit.by('outbox', 'channel', 'c');
		assert.deepEqual(
			found.map(({ text }) => text),
			['changed', '3']
		);
	});
});

test('events reach this page and the other tab, after the commit', async () => {
	const machine = new Machine(network);
	const [one, two] = [await open(machine), await open(machine)];
	await one.store.change(async (unit) => {
		unit.put('drafts', { channel: 'c', text: 'x' });
		unit.emit({ type: 'security', data: { channel: 'c' } });
		assert.deepEqual(one.events, []);
	});
	await new Promise((resolve) => setImmediate(resolve));
	assert.equal(one.events.length, 1);
	assert.deepEqual(two.events, one.events);
});

test('records cannot change places on the disk', async () => {
	const machine = new Machine(network);
	const { store } = await open(machine);
	await store.change(async (unit) => {
		unit.put('drafts', { channel: 'a', text: 'for a' });
		unit.put('drafts', { channel: 'b', text: 'for b' });
	});
	await tamper(machine, (rows) => [
		{ ...rows[0]!, channel: 'b' },
		{ ...rows[1]!, channel: 'a' }
	]);
	await assert.rejects(store.read.get('drafts', 'a'), /cannot be opened/);
});

test('a store whose key is gone is emptied and says so', async () => {
	const machine = new Machine(network);
	const { store } = await open(machine);
	await store.change(async (unit) => unit.setMeta('place', { channel: 'c' }));
	store.close();
	await erase(machine, 'vault');
	const again = await open(machine);
	assert.equal(again.damaged, true);
	assert.equal(await again.store.read.meta('place'), undefined);
});

test('after a wipe nothing is left, and another tab is told', async () => {
	const machine = new Machine(network);
	const [one, two] = [await open(machine), await open(machine)];
	await one.store.change(async (unit) => unit.put('drafts', { channel: 'c', text: 'x' }));
	await one.store.wipe();
	await one.store.renew();
	await two.store.renew();
	assert.deepEqual(two.nudges, ['wiped']);
	await two.store.change(async (unit) => unit.put('drafts', { channel: 'c', text: 'new' }));
	assert.equal((await one.store.read.get('drafts', 'c'))?.text, 'new');
});

test('what is bound to an identity that is over writes nothing, here or in another tab, and tells nobody', async () => {
	const machine = new Machine(network);
	const [one, two] = [await open(machine), await open(machine)];
	const [own, other] = [one.store.bind(), two.store.bind()];
	await own.change(async (unit) => unit.put('drafts', { channel: 'c', text: 'x' }));
	const signedOut = { code: 'signed_out' };
	own.retire();
	own.tell({ type: 'communities', data: [] });
	assert.deepEqual(one.events, []);
	await assert.rejects(
		own.change(async () => assert.fail('not even begun')),
		signedOut
	);
	await one.store.wipe();
	await assert.rejects(
		other.change(async (unit) => unit.put('drafts', { channel: 'c', text: 'late' })),
		signedOut
	);
	await one.store.renew();
	await assert.rejects(
		other.change(async (unit) => unit.put('drafts', { channel: 'c', text: 'late' })),
		signedOut
	);
	assert.equal(await one.store.read.get('drafts', 'c'), undefined);
	await one.store.bind().change(async (unit) => unit.put('drafts', { channel: 'c', text: 'new' }));
	await assert.rejects(own.read.get('drafts', 'c'), /cannot be opened/);
});

type Row = DraftRecord & Record<string, unknown>;

async function withDrafts(machine: Machine, table: string, work: (store: IDBObjectStore, rows: Row[]) => void) {
	const db = await new Promise<IDBDatabase>((resolve) => {
		const request = machine.indexedDB.open('chatalot') as unknown as IDBOpenDBRequest;
		request.onsuccess = () => resolve(request.result);
	});
	await new Promise<void>((resolve) => {
		const transaction = db.transaction(table, 'readwrite');
		transaction.oncomplete = () => resolve();
		const store = transaction.objectStore(table);
		const request = store.getAll();
		request.onsuccess = () => work(store, request.result as Row[]);
	});
	db.close();
}

function tamper(machine: Machine, change: (rows: Row[]) => object[]): Promise<void> {
	return withDrafts(machine, 'drafts', (store, rows) => change(rows).forEach((row) => store.put(row)));
}

function erase(machine: Machine, table: string): Promise<void> {
	return withDrafts(machine, table, (store) => store.clear());
}

test('what a unit has written is found by index before it is committed', async () => {
	const { store } = await open(new Machine(network));
	const message = (seq: number, id: string) => ({
		channel: 'c',
		seq,
		id,
		sender: 's',
		device: 'd',
		at: 0,
		state: 'received' as const,
		text: ''
	});
	await store.change(async (unit) => unit.put('messages', message(1, 'one')));
	await store.change(async (unit) => {
		unit.put('messages', message(2, 'one'));
		unit.put('messages', message(3, 'other'));
		assert.deepEqual(
			(await unit.by('messages', 'id', 'one')).map(({ seq }) => seq),
			[1, 2]
		);
		unit.put('messages', message(1, 'changed'));
		assert.deepEqual(
			(await unit.by('messages', 'id', 'one')).map(({ seq }) => seq),
			[2]
		);
		unit.delete('messages', ['c', 2]);
		assert.deepEqual(await unit.by('messages', 'id', 'one'), []);
	});
});
