// SPDX-License-Identifier: GPL-3.0-or-later
// The sealed backup of keys and of whom the account has met: what this device learnt goes up in batches from a durable
// queue; on a new device it comes down page by page, newest first, and what it opens is shown as it goes.
import { sameBytes, toBase64url } from '../core/bytes';
import { fail, Failure, isPassing } from '../core/problem';
import { CryptoError, type Item } from '../crypto/library';
import type { Meta } from '../store/tables';
import { newId, type Context } from './context';
import type { Entries } from './entries';
import { BACKUP_WITHHELD, becomeAcquainted, identityOf, mergeIdentity, ownIdentity } from './identities';
import { learnContentKey, learnSenderKey, type Learnt } from './keys';

const BACKUP_LOCK = 'chatalot-backup';
const RESTORE_LOCK = 'chatalot-restore';
/** Keys in one sealed item: 200 × 241 bytes stay below its 60,000. */
const BATCH = 200;
/** All identities are put into the backup together after so many items, so that a new device has them all soon. */
const SNAPSHOT_EVERY = 50;
/** Identities in one sealed item: 900 × 61 bytes stay below its 60,000. */
const IDENTITIES = 900;
/** How long signing out waits for what is still to go up. */
const FLUSH = 15_000;
const SOON = 3_000;
const RETRY = 60_000;
const PAGE = 100;
/** After something could not be read: by then the device that has its key will have put it into the backup. */
const LOOK_AGAIN = 10_000;

export class Backup {
	private timer: (() => void) | undefined;
	private cancelLook: (() => void) | undefined;
	private cancelFlush: () => void = () => undefined;
	private full = false;

	constructor(
		private readonly ctx: Context,
		private readonly entries: Entries,
		/** Whom the account has met is known now. */
		private readonly onAcquainted: () => void
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
		this.cancelLook?.();
	}

	/** Something cannot be read here: another device may just be putting its key, or an earlier copy of it, into the backup. */
	missed(): void {
		this.cancelLook ??= this.ctx.platform.after(LOOK_AGAIN, () => {
			this.cancelLook = undefined;
			if (!this.ctx.connection.online) return;
			this.catchUp().catch((error: unknown) => {
				if (!isPassing(error)) this.ctx.platform.log('warn', 'backup', String(error));
			});
		});
	}

	/** What has come since the backup was last read, while there is anything here that cannot be read. */
	async catchUp(): Promise<void> {
		const { platform, store, api } = this.ctx;
		const health = await store.read.meta('health');
		if (!health || health.waiting + health.unreadable === 0) return;
		await platform.locks.request(RESTORE_LOCK, {}, async () => {
			const place = await store.read.meta('restore');
			if (place && !place.finished) return;
			const known = place?.total ?? 0;
			let newest = known;
			let before: number | undefined;
			for (;;) {
				const { items, more } = await api.backup(before, PAGE);
				const fresh = items
					.filter(({ seq }) => seq > known && seq < (before ?? Infinity))
					.sort((a, b) => b.seq - a.seq);
				for (const { seq, data } of fresh) await this.learn(seq, data);
				newest = Math.max(newest, fresh[0]?.seq ?? 0);
				before = fresh.at(-1)?.seq;
				if (!more || before === undefined || fresh.length < items.length) break;
			}
			await store.change(async (unit) => {
				const now = await unit.meta('restore');
				unit.setMeta('restore', { ...(now ?? { before: null, finished: true }), total: newest });
			});
		});
	}

	/** A first device at once lets the ones to come know that there is a backup: they send nothing before they have it. */
	async mark(): Promise<void> {
		if ((await this.ctx.store.read.meta('snapshot')) !== undefined) return;
		const sent = this.ctx.platform.locks.request(BACKUP_LOCK, {}, () => this.snapshot());
		await sent.catch((error: unknown) => this.failed(error));
	}

	/** Everything goes up now. Throws `backup_pending` when it cannot. */
	async flush(): Promise<void> {
		const { platform, store } = this.ctx;
		const late = new Promise<boolean>((resolve) => {
			this.cancelFlush = platform.after(FLUSH, () => resolve(false));
		});
		try {
			const done = this.upload().then(
				() => true,
				() => false
			);
			if (!(await Promise.race([done, late])) || (await store.read.count('backup')) > 0)
				fail(
					'backup_pending',
					'Keys of this device are not in the backup yet. Without them, messages stay unreadable.'
				);
		} finally {
			this.cancelFlush();
		}
	}

	private async upload(): Promise<void> {
		const { platform, store } = this.ctx;
		await platform.locks.request(BACKUP_LOCK, {}, async () => {
			for (;;) {
				await this.snapshot();
				const queued = await store.read.all('backup', BATCH);
				if (queued.length === 0) return;
				await this.send(queued.map(({ kind, body }) => ({ kind, body })));
				await store.change(async (unit) => {
					for (const { id, body } of queued) {
						const now = await unit.get('backup', id);
						// Another copy of the key may have taken its place meanwhile.
						if (now && sameBytes(now.body, body)) unit.delete('backup', id);
					}
					const { items } = (await unit.meta('snapshot')) ?? { items: 0 };
					unit.setMeta('snapshot', { items: items + 1 });
				});
			}
		});
	}

	/**
	 * Every identity that is remembered, oneself first: a device that reads the backup back to here knows them all. And it
	 * knows that it was given the backup, for which one that went on without cannot vouch.
	 */
	private async snapshot(): Promise<void> {
		const { ctx } = this;
		const { read } = ctx.store;
		const [place, last] = await Promise.all([read.meta('restore'), read.meta('snapshot')]);
		if ((place && !place.finished) || (last && last.items < SNAPSHOT_EVERY)) return;
		if (place?.identities === 'sought' || place?.identities === 'waived') return;
		const people = (await read.all('people')).filter(({ id }) => id !== ctx.own.user);
		const others = people.map((person) => identityOf(ctx, person)).filter((item) => item !== null);
		const items = [ownIdentity(ctx), ...others];
		for (let at = 0; at < items.length; at += IDENTITIES) await this.send(items.slice(at, at + IDENTITIES));
		await ctx.store.change(async (unit) => unit.setMeta('snapshot', { items: 0 }));
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

	/**
	 * Takes up the restore where it stopped; at once when there is none to do. What ended without telling whom the account
	 * knows was not the whole backup, and is begun again.
	 */
	async restore(): Promise<void> {
		const { platform, store } = this.ctx;
		await platform.locks.request(RESTORE_LOCK, {}, async () => {
			let place = await store.read.meta('restore');
			if (place?.finished && place.identities === 'sought') place = { ...place, before: null, finished: false };
			// The person went on without: it is asked for what is before all that came, in case that comes after all.
			if (place?.finished && place.identities === 'waived' && (place.before ?? Infinity) > 1)
				place = { ...place, finished: false };
			while (place && !place.finished) {
				place = await this.restorePage(place);
				const done = place.finished ? place.total : place.total - (place.before ?? 1) + 1;
				const withheld = place.finished && place.identities === 'sought';
				if (withheld) platform.log('warn', 'the backup of this account is not given out, or only a part of it');
				if (place.total > 0 || withheld)
					store.tell({
						type: 'restore',
						data: { done, total: place.total, ...(withheld && { problem: BACKUP_WITHHELD }) }
					});
			}
		});
	}

	/** The person goes on without knowing whom they had met. */
	async waive(): Promise<void> {
		let total = 0;
		await this.ctx.store.change(async (unit) => {
			const place = await unit.meta('restore');
			if (place?.identities !== 'sought' || !place.finished)
				fail('backup_unread', 'The backup of your keys is still being read.');
			unit.setMeta('restore', { ...place, identities: 'waived' });
			total = place.total;
			await becomeAcquainted(this.ctx, unit, 'waiver');
		});
		this.ctx.store.tell({ type: 'restore', data: { done: total, total } });
		this.onAcquainted();
		this.soon();
	}

	private async restorePage(place: Meta['restore']): Promise<Meta['restore']> {
		const { ctx } = this;
		const { items, more } = await ctx.api.backup(place.before ?? undefined, PAGE);
		const total = Math.max(place.total, items[0]?.seq ?? 0);
		const lowest = items.reduce((low, item) => Math.min(low, item.seq), place.before ?? Infinity);
		const progress = place.before === null ? items.length > 0 : lowest < place.before;
		const finished = !more || !progress || lowest <= 1;
		const before = Number.isFinite(lowest) ? lowest : null;
		let marked = false;
		// The newest first: the first copy of a content key is kept.
		for (const { seq, data } of [...items].sort((a, b) => b.seq - a.seq))
			marked = (await this.learn(seq, data)) || marked;
		const acquainted = marked && (place.identities === 'sought' || place.identities === 'waived');
		const next: Meta['restore'] = { ...place, before, total, finished };
		if (acquainted) next.identities = 'known';
		await ctx.store.change(async (unit) => {
			// The person may have gone on without meanwhile.
			const now = await unit.meta('restore');
			if (now?.identities === 'waived' && !acquainted) next.identities = 'waived';
			unit.setMeta('restore', next);
			if (acquainted) await becomeAcquainted(ctx, unit, 'backup');
		});
		if (acquainted) this.onAcquainted();
		return next;
	}

	/** Whether it has the mark behind which nobody was met who is not in what was read. */
	private async learn(seq: number, data: Uint8Array): Promise<boolean> {
		const { ctx } = this;
		let marked = false;
		await ctx.store.change(async (unit) => {
			const learnt: (Learnt | null)[] = [];
			let items: Item[] = [];
			try {
				items = ctx.library.openBackup(ctx.own.backupSecret, ctx.own.userBytes, data);
			} catch (error) {
				this.skip(seq, error);
			}
			for (const { kind, body } of items) {
				try {
					if (kind === 'sender_key') learnt.push(await learnSenderKey(ctx, unit, body, 'backup'));
					else if (kind === 'content_key') learnt.push(await learnContentKey(ctx, unit, body, false));
					else marked = (await mergeIdentity(ctx, unit, body, 'backup')) === 'own' || marked;
				} catch (error) {
					this.skip(seq, error);
				}
			}
			await this.entries.reopen(
				unit,
				learnt.filter((one) => one !== null)
			);
		});
		await this.entries.reopenRest();
		return marked;
	}

	private skip(seq: number, error: unknown): void {
		if (!(error instanceof CryptoError) || error.code === 'crash') throw error;
		this.ctx.platform.log('warn', `backup item ${seq} is passed over: ${error.message}`);
	}
}
