// SPDX-License-Identifier: GPL-3.0-or-later
// One tab with a real core, driven like the page drives it: what it was told is kept, and can be waited for.
import { ClientCore } from '../../src/lib/core/core';
import type { CoreEvent, CoreEvents, Id, Message } from '../../src/lib/core/types';
import type { Machine, Tab } from './platform';

const PATIENCE = 60_000;

export class Person {
	readonly tab: Tab;
	readonly core: ClientCore;
	readonly events: CoreEvent[] = [];
	/** As the page would show them, by channel. */
	readonly shown = new Map<Id, Map<Id, Message>>();
	private waiting: (() => void)[] = [];

	constructor(readonly machine: Machine) {
		this.tab = machine.tab();
		this.core = new ClientCore(this.tab, (event) => this.hear(event));
	}

	/** Waits until what `look` returns is neither undefined, null nor false. */
	async until<T>(
		what: string,
		look: () => T | Promise<T>,
		patience = PATIENCE
	): Promise<Exclude<T, undefined | null | false>> {
		const end = Date.now() + patience;
		for (;;) {
			const found = await look();
			if (found !== undefined && found !== null && found !== false)
				return found as Exclude<T, undefined | null | false>;
			const left = end - Date.now();
			if (left <= 0) throw new Error(`waited in vain for ${what}; log: ${this.tab.logged.slice(-12).join(' | ')}`);
			await new Promise<void>((resolve) => {
				const timer = setTimeout(resolve, Math.min(left, 100));
				this.waiting.push(() => {
					clearTimeout(timer);
					resolve();
				});
			});
		}
	}

	/** Whose tab it is. */
	get user(): Id {
		const engine = Reflect.get(this.core, 'engine') as { ctx: { own: { user: Id } } } | undefined;
		if (!engine) throw new Error('nobody is signed in');
		return engine.ctx.own.user;
	}

	online(): Promise<CoreEvent> {
		return this.until('the connection', () => {
			const last = this.events.findLast((event) => event.type === 'connection');
			return last?.type === 'connection' && last.data.state === 'online' ? last : undefined;
		});
	}

	message(channel: Id, text: string, state?: Message['state']): Promise<Message> {
		return this.until(`"${text}" ${state ?? ''}`, () =>
			this.messages(channel).find((message) => message.text === text && (!state || message.state === state))
		);
	}

	messages(channel: Id): Message[] {
		const all = [...(this.shown.get(channel)?.values() ?? [])];
		return all.sort((a, b) => (a.seq ?? Infinity) - (b.seq ?? Infinity));
	}

	/** Opens a conversation and shows what is there. */
	async open(channel: Id): Promise<Message[]> {
		const page = await this.core.open(channel);
		this.show(channel, page.messages);
		return page.messages;
	}

	/** Waits until every key that was learnt is in the backup. */
	async backedUp(): Promise<void> {
		const db = await result(this.tab.indexedDB.open('chatalot'));
		await this.until('the backup', async () => {
			return (await result(db.transaction('backup').objectStore('backup').count())) === 0;
		});
		db.close();
	}

	/** Changes one bit of each record of a table on the disk. */
	async spoil(table: string): Promise<void> {
		const db = await result(this.tab.indexedDB.open('chatalot'));
		const store = db.transaction(table, 'readwrite').objectStore(table);
		for (const row of (await result(store.getAll())) as { sealed: Uint8Array }[]) {
			row.sealed[0]! ^= 1;
			await result(store.put(row));
		}
		db.close();
	}

	last<K extends keyof CoreEvents>(type: K): CoreEvents[K] | undefined {
		return this.events.findLast((event) => event.type === type)?.data as CoreEvents[K] | undefined;
	}

	private show(channel: Id, messages: Message[]): void {
		const shown = this.shown.get(channel) ?? new Map<Id, Message>();
		for (const message of messages) shown.set(message.id, message);
		this.shown.set(channel, shown);
	}

	private hear(event: CoreEvent): void {
		this.events.push(event);
		if (event.type === 'messages') {
			this.show(event.data.channel, event.data.messages);
			for (const id of event.data.gone) this.shown.get(event.data.channel)?.delete(id);
		}
		for (const wake of this.waiting.splice(0)) wake();
	}
}

function result<T>(request: IDBRequest<T>): Promise<T> {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
	});
}
