// SPDX-License-Identifier: GPL-3.0-or-later
// This device's prekeys: one-time ones refilled before they run out, the signed one replaced every week. Secrets are on
// the disk before their public halves leave.
import { fromBase64url, toBase64url, type Bytes } from '../core/bytes';
import { Failure } from '../core/problem';
import type { Meta, PrekeyRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import { makeOneTimePrekeys, ONE_TIME_PREKEYS } from './device';
import type { Context } from './context';

const PREKEY_LOCK = 'chatalot-prekeys';
const LOW = 25;
const DAY = 24 * 3600 * 1000;
const ROTATE = 7 * DAY;
const KEEP_SIGNED = 30 * DAY;
/** One-time secrets that were handed out and never used: only so many are kept. */
const KEEP_ONCE = 1000;
const CHECK_EVERY = 3600 * 1000;
/** Those that had arrived, though the answer was lost, fill up nothing when they go up again; the next ones do. */
const ROUNDS = 2;

type Unsent = PrekeyRecord & { unsent: Bytes };

function isUnsent(record: PrekeyRecord): record is Unsent {
	return record.unsent !== undefined;
}

export class Prekeys {
	constructor(private readonly ctx: Context) {}

	async maintain(): Promise<void> {
		const { platform, api } = this.ctx;
		await platform.locks.request(PREKEY_LOCK, {}, async () => {
			const state = await this.due();
			if (!state) return;
			let { one_time: left } = await api.prekeyStatus();
			for (let round = 0; left < LOW && round < ROUNDS; round++) left = await this.refill(ONE_TIME_PREKEYS - left);
			if (platform.now() - state.rotatedAt > ROTATE) await this.rotate();
		});
	}

	/** Whether it is time. Noted before it is tried, so that what fails is not tried again and again. */
	private due(): Promise<Meta['prekeys'] | null> {
		const { platform, store } = this.ctx;
		return store.change(async (unit) => {
			const state = await unit.meta('prekeys');
			if (!state || platform.now() - state.checkedAt < CHECK_EVERY) return null;
			unit.setMeta('prekeys', { ...state, checkedAt: platform.now() });
			this.forgetOld(await unit.all('prekeys'), (record) => unit.delete('prekeys', [record.kind, record.id]));
			return state;
		});
	}

	/** Returns how many the server has now. */
	private async refill(count: number): Promise<number> {
		const { store, api } = this.ctx;
		const records = await store.change((unit) => this.unsentOnce(unit, count));
		const upload = records.map(({ id, unsent }) => ({ id, key: toBase64url(unsent) }));
		let left = ONE_TIME_PREKEYS;
		try {
			({ one_time: left } = await api.uploadPrekeys({ one_time_prekeys: upload }));
		} catch (error) {
			if (!(error instanceof Failure) || error.code !== 'prekey_limit') throw error;
		}
		await this.sent(records);
		return left;
	}

	/**
	 * Those that were made before and perhaps never arrived, then new ones. Their ids grow, and the server passes over every
	 * one that is not above all it has had: what did arrive, and was perhaps handed out since, does not lie there again.
	 */
	private async unsentOnce(unit: Unit, count: number): Promise<Unsent[]> {
		const { library, platform } = this.ctx;
		const state = await unit.meta('prekeys');
		if (!state) return [];
		const before = (await unit.all('prekeys')).filter((record) => record.kind === 'once').filter(isUnsent);
		before.sort((a, b) => a.id - b.id);
		const made = makeOneTimePrekeys(library, state.nextOnce, Math.max(0, count - before.length), platform.now());
		const fresh = made.records.map((record, i) => ({ ...record, unsent: fromBase64url(made.upload[i]!.key)! }));
		for (const record of fresh) unit.put('prekeys', record);
		unit.setMeta('prekeys', { ...state, nextOnce: state.nextOnce + fresh.length });
		return [...before, ...fresh].slice(0, count);
	}

	private async rotate(): Promise<void> {
		const { platform, store, api, own } = this.ctx;
		const record = await store.change((unit) => this.unsentSigned(unit));
		if (!record) return;
		await api.uploadPrekeys({
			device_key: toBase64url(own.party.deviceKey),
			signed_prekey: toBase64url(record.unsent)
		});
		await this.sent([record]);
		await store.change(async (unit) => {
			const state = await unit.meta('prekeys');
			if (state) unit.setMeta('prekeys', { ...state, rotatedAt: platform.now() });
		});
	}

	private async unsentSigned(unit: Unit): Promise<Unsent | null> {
		const { library, platform, own } = this.ctx;
		const state = await unit.meta('prekeys');
		if (!state) return null;
		const now = platform.now();
		const signed = (await unit.all('prekeys')).filter((record) => record.kind === 'signed').filter(isUnsent);
		const young = signed.find((record) => now - record.createdAt < ROTATE);
		if (young) return young;
		const id = state.nextSigned;
		const made = library.createSignedPrekey(own.deviceSecret, own.party.device, id, now);
		const record: Unsent = { kind: 'signed', id, secret: made.secret, createdAt: now, unsent: made.prekey };
		unit.put('prekeys', record);
		unit.setMeta('prekeys', { ...state, nextSigned: id + 1 });
		return record;
	}

	private sent(records: Unsent[]): Promise<void> {
		return this.ctx.store.change(async (unit) => {
			for (const { kind, id } of records) {
				const known = await unit.get('prekeys', [kind, id]);
				if (!known) continue;
				const { unsent: _, ...rest } = known;
				unit.put('prekeys', rest);
			}
		});
	}

	private forgetOld(records: PrekeyRecord[], forget: (record: PrekeyRecord) => void): void {
		const signed = records.filter(({ kind }) => kind === 'signed').sort((a, b) => b.id - a.id);
		for (const record of signed.slice(2))
			if (this.ctx.platform.now() - record.createdAt > KEEP_SIGNED + ROTATE) forget(record);
		const once = records.filter(({ kind }) => kind === 'once').sort((a, b) => b.id - a.id);
		once.slice(KEEP_ONCE).forEach(forget);
	}
}
