// SPDX-License-Identifier: GPL-3.0-or-later
// The session's tokens: renewed shortly before they expire, by one tab at a time. The successor of a refresh token is
// chosen and stored before it is asked for, so that an exchange whose answer was lost is asked for again as it was.
import { PublicApi, type TokenSource } from '../api/api';
import { toBase64url } from '../core/bytes';
import type { Platform } from '../core/platform';
import { Failure } from '../core/problem';
import type { Store } from '../store/store';
import type { TokenRecord } from '../store/tables';

const TOKEN_LOCK = 'chatalot-token';
/** Renew so long before the end, against clocks that run differently and requests that take their time. */
const MARGIN = 60_000;

export class Tokens implements TokenSource {
	private readonly api: PublicApi;

	constructor(
		private readonly platform: Platform,
		private readonly store: Store,
		private readonly onEnded: (failure: Failure) => void
	) {
		this.api = new PublicApi(platform);
	}

	async access(): Promise<string> {
		const record = await this.load();
		return this.isFresh(record) ? record.access : this.exchange((now) => this.isFresh(now));
	}

	async renew(refused: string): Promise<string> {
		return this.exchange((now) => now.access !== refused && this.isFresh(now));
	}

	static record(platform: Platform, reply: { access_token: string; expires_in: number }, refresh: string): TokenRecord {
		const until = platform.now() + Math.max(reply.expires_in * 1000 - MARGIN, 5_000);
		return { access: reply.access_token, until, refresh, next: null };
	}

	private async exchange(isGood: (record: TokenRecord) => boolean): Promise<string> {
		return this.platform.locks.request(TOKEN_LOCK, {}, async () => {
			const record = await this.load();
			if (isGood(record)) return record.access;
			const next = record.next ?? toBase64url(this.platform.random(32));
			if (record.next === null) await this.save({ ...record, next });
			try {
				const reply = await this.api.refresh(record.refresh, next);
				await this.save(Tokens.record(this.platform, reply, next));
				return reply.access_token;
			} catch (error) {
				if (!(error instanceof Failure) || error.status !== 401) throw error;
				const ended = new Failure(
					{ code: 'session_ended', message: 'This session has ended. Sign in again.' },
					{ status: 401 }
				);
				this.onEnded(ended);
				throw ended;
			}
		});
	}

	private isFresh(record: TokenRecord): boolean {
		return this.platform.now() < record.until;
	}

	private async load(): Promise<TokenRecord> {
		const record = await this.store.read.meta('tokens');
		if (!record) throw new Failure({ code: 'signed_out', message: 'Nobody is signed in on this device.' });
		return record;
	}

	private save(record: TokenRecord): Promise<void> {
		return this.store.change(async (unit) => unit.setMeta('tokens', record));
	}
}
