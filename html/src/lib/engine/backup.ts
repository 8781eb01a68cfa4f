// SPDX-License-Identifier: GPL-3.0-or-later
// The sealed backup of keys: what this device learnt goes up in batches from a durable queue; on a new device it comes
// down page by page, newest first, and what it opens is shown as it goes.
import { sameBytes, toBase64url } from '../core/bytes';
import { Failure, isPassing } from '../core/problem';
import { CryptoError, type Item } from '../crypto/library';
import { newId, type Context } from './context';
import type { Entries } from './entries';
import { learnContentKey, learnSenderKey, type Learnt } from './keys';

const BACKUP_LOCK = 'chatalot-backup';
const RESTORE_LOCK = 'chatalot-restore';
/** Keys in one sealed item: 200 × 241 bytes stay below its 60,000. */
const BATCH = 200;
const SOON = 3_000;
const RETRY = 60_000;
const PAGE = 100;

export class Backup {
	private timer: (() => void) | undefined;
	private full = false;

	constructor(
		private readonly ctx: Context,
		private readonly entries: Entries
	) {}

	/** Something may be in the queue. */
	soon(ms = SOON): void {
		if (this.full) return;
		this.timer ??= this.ctx.platform.after(ms, () => {
			this.timer = undefined;
			if (!this.ctx.connection.online) return;
			this.upload().catch((error: unknown) => this.failed(error));
		});
	}

	stop(): void {
		this.timer?.();
		this.timer = undefined;
	}

	private async upload(): Promise<void> {
		const { platform, store } = this.ctx;
		await platform.locks.request(BACKUP_LOCK, {}, async () => {
			for (;;) {
				const queued = await store.read.all('backup', BATCH);
				if (queued.length === 0) return;
				await this.send(queued.map(({ kind, body }) => ({ kind, body })));
				await store.change(async (unit) => {
					for (const { id, body } of queued) {
						const now = await unit.get('backup', id);
						// Another copy of the key may have taken its place meanwhile.
						if (now && sameBytes(now.body, body)) unit.delete('backup', id);
					}
				});
			}
		});
	}

	private async send(items: Item[]): Promise<void> {
		const { library, own, api, platform } = this.ctx;
		const sealed = library.sealBackup(own.backupSecret, own.userBytes, items);
		await api.storeBackup([{ id: newId(platform), data: toBase64url(sealed) }]);
	}

	private failed(error: unknown): void {
		if (error instanceof Failure && error.code === 'backup_full') this.full = true;
		if (!isPassing(error)) this.ctx.platform.log('warn', 'backup', String(error));
		this.soon(RETRY);
	}

	/** Takes up the restore where it stopped; at once when there is none to do. */
	async restore(): Promise<void> {
		const { platform, store } = this.ctx;
		await platform.locks.request(RESTORE_LOCK, {}, async () => {
			let place = await store.read.meta('restore');
			while (place && !place.finished) {
				place = await this.restorePage(place);
				const done = place.finished ? place.total : place.total - (place.before ?? 1) + 1;
				if (place.total > 0) store.tell({ type: 'restore', data: { done, total: place.total } });
			}
		});
	}

	private async restorePage(place: { before: number | null; total: number }) {
		const { ctx } = this;
		const { items, more } = await ctx.api.backup(place.before ?? undefined, PAGE);
		const total = Math.max(place.total, items[0]?.seq ?? 0);
		const lowest = items.reduce((low, item) => Math.min(low, item.seq), place.before ?? Infinity);
		const progress = place.before === null ? items.length > 0 : lowest < place.before;
		const finished = !more || !progress || lowest <= 1;
		const next = { before: Number.isFinite(lowest) ? lowest : null, total, finished };
		// The newest first: the first copy of a content key is kept.
		for (const { seq, data } of [...items].sort((a, b) => b.seq - a.seq)) await this.learn(seq, data);
		await ctx.store.change(async (unit) => unit.setMeta('restore', next));
		return next;
	}

	private async learn(seq: number, data: Uint8Array): Promise<void> {
		const { ctx } = this;
		const rest = await ctx.store.change(async (unit) => {
			const learnt: (Learnt | null)[] = [];
			let items: Item[] = [];
			try {
				items = ctx.library.openBackup(ctx.own.backupSecret, ctx.own.userBytes, data);
			} catch (error) {
				this.skip(seq, error);
			}
			for (const { kind, body } of items) {
				try {
					const isSenderKey = kind === 'sender_key';
					learnt.push(
						await (isSenderKey ? learnSenderKey(ctx, unit, body, 'backup') : learnContentKey(ctx, unit, body, false))
					);
				} catch (error) {
					this.skip(seq, error);
				}
			}
			return this.entries.reopen(
				unit,
				learnt.filter((one) => one !== null)
			);
		});
		await this.entries.reopenRest(rest);
	}

	private skip(seq: number, error: unknown): void {
		if (!(error instanceof CryptoError) || error.code === 'crash') throw error;
		this.ctx.platform.log('warn', `backup item ${seq} is passed over: ${error.message}`);
	}
}
