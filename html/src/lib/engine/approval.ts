// SPDX-License-Identifier: GPL-3.0-or-later
// Admitting a new device from one that is signed in, both sides of it. The new one commits to its key before it sees the
// other's, so that six digits are enough to know that nobody stands between them. Each side goes by its own person's word
// only: the old one hands nothing over before it, the new one takes nothing; docs/e2ee.md, section 2.
import { PublicApi } from '../api/api';
import type { WireApproval, WirePerson } from '../api/shapes';
import { fromBase64url, sameBytes, toBase64url, wipe, type Bytes } from '../core/bytes';
import type { Platform } from '../core/platform';
import { fail, Failure, isPassing, toProblem } from '../core/problem';
import type { ApprovalRequest, CoreEvents, Person } from '../core/types';
import { uuidBytes } from '../core/uuid';
import { CryptoError, type Approval, type Library } from '../crypto/library';
import type { HandedOver } from './account';
import { newId, type Context } from './context';

/** Between two looks: at first somebody is waiting before the screen, later rather not. */
const PAUSE = { first: 1_000, most: 5_000, factor: 1.2 };
/** How long a request lives at most, whatever the server says: ten minutes to be approved, and as many from then on. */
const LIFE = 21 * 60_000;
/** How long the approver waits for the new device to show what it committed to. */
const REVEAL = 30_000;
/** Requests that one device looks at without deciding. */
const LOOKED_AT = 8;

const STOPPED = 'stopped';
/** What the server says of a request that has expired, was used or taken back: to the claim, and to the token. */
const OVER = new Set(['approval_not_found', 'session_ended']);
const SENSELESS = 'The server’s answer to the request makes no sense.';
const MISMATCH = 'The two devices do not have the same keys of each other: somebody stands between them.';

export type Fate = CoreEvents['approval'];

interface Begun {
	id: Bytes;
	wireId: string;
	claim: string;
	secret: Bytes;
	key: Bytes;
	nonce: Bytes;
	commitment: Bytes;
}

/** Repeats what failed in passing, for as long as the request lives. */
export type Again = <T>(work: () => Promise<T>) => Promise<T>;

/** The new device's side. Made for one request. */
export class Newcomer {
	private readonly api: PublicApi;
	private begun: Begun | undefined;
	private stopped = false;
	/** What the person is shown, from the comparison on; and whether they have said that the other device shows it, too. */
	private shown: { digits: string; person: Person } | undefined;
	private confirmed = false;
	private pause = PAUSE.first;
	private wake: () => void = () => undefined;

	constructor(
		private readonly platform: Platform,
		private readonly library: Library,
		private readonly tell: (fate: Fate) => void,
		/** Becomes a device with what was handed over. */
		private readonly onApproved: (handed: HandedOver, again: Again) => Promise<void>
	) {
		this.api = new PublicApi(platform);
	}

	async begin(): Promise<{ code: string; url: string; expiresAt: number }> {
		const { platform, library } = this;
		const wireId = newId(platform);
		const id = uuidBytes(wireId);
		const begun: Begun = { id, wireId, claim: toBase64url(platform.random(32)), ...library.approvalBegin(id) };
		const commitment = toBase64url(begun.commitment);
		const asked = await this.api.askApproval({
			id: wireId,
			claim: begun.claim,
			commitment,
			name: platform.deviceName
		});
		// The server writes codes in small letters and reads both; people see and type capitals.
		const code = asked.code.toUpperCase();
		if (!isCode(code)) fail('bad_reply', 'The server gave a code that is none.');
		// By this device's clock: the server's may differ, and the server says itself when it is over.
		const end = platform.now() + LIFE;
		this.begun = begun;
		if (this.stopped) this.withdraw();
		void this.follow(begun, end).finally(() => this.end());
		return { code, url: `${platform.origin}/approve#${code}.${commitment}`, expiresAt: asked.expires_at };
	}

	/** The person at this device has seen the same digits on the other one. Without that nothing is taken. */
	confirm(): void {
		if (this.confirmed) return;
		if (!this.shown || !this.begun) fail('not_compared', 'The digits have to be shown before they can be the same.');
		this.confirmed = true;
		this.tell({ state: 'confirmed', ...this.shown });
		this.pause = PAUSE.first;
		this.wake();
	}

	/** Also what comes of digits that differ: the key is gone, so that nothing sealed for it opens ever. */
	cancel(): void {
		if (this.stopped) return;
		this.stopped = true;
		this.withdraw();
		this.wake();
	}

	/** So that nobody approves what nobody waits for. Whether the server heeds it changes nothing here. */
	private withdraw(): void {
		if (!this.begun) return;
		const { wireId, claim } = this.begun;
		this.end();
		this.api.cancelApproval(wireId, claim).catch((error: unknown) => {
			this.platform.log('warn', 'the request was not taken back', String(error));
		});
	}

	private end(): void {
		wipe(this.begun?.secret);
		this.begun = undefined;
	}

	private async follow(begun: Begun, end: number): Promise<void> {
		try {
			this.tell({ state: 'waiting' });
			const answered = await this.poll(begun, end, ({ state }) => state !== 'waiting');
			const about = await this.compare(begun, answered);
			// The server's word that the other device approves is none: anybody could be that device.
			const approved = await this.poll(begun, end, (found) => {
				if (found.state === 'waiting') fail('bad_reply', SENSELESS);
				requireSame(found, about);
				return found.state === 'approved' && this.confirmed;
			});
			const handed = this.take(begun, about, approved);
			this.end();
			await this.onApproved(handed, (work) => this.again(work));
			this.tell({ state: 'done' });
		} catch (error) {
			this.failed(error);
		}
	}

	private failed(error: unknown): void {
		const code = error instanceof Failure ? error.code : '';
		if (code === STOPPED) return;
		if (!(error instanceof Failure)) this.platform.log('error', 'approval', error);
		if (code === 'approval_refused') this.tell({ state: 'refused' });
		else if (code === 'approval_expired') this.tell({ state: 'expired' });
		else {
			this.withdraw();
			this.tell({ state: 'failed', problem: toProblem(error) });
		}
	}

	/** Only now, when the other's key is known, the own one is shown, and with it the digits. */
	private async compare(begun: Begun, { state, answer_key: approverKey, user }: WireApproval): Promise<Approval> {
		if (state !== 'answered' || !approverKey || !user) fail('bad_reply', SENSELESS);
		const { id, commitment, key: newcomerKey, nonce, wireId, claim, secret } = begun;
		const about = { id, commitment, newcomerKey, nonce, approverKey, user: uuidBytes(user.id) };
		const digits = guarded(() => this.library.approvalDigits('newcomer', secret, about));
		await this.again(() =>
			this.api.revealApproval({ id: wireId, claim, key: toBase64url(newcomerKey), nonce: toBase64url(nonce) })
		);
		this.shown = { digits, person: personOf(user) };
		this.tell({ state: 'compare', ...this.shown });
		return about;
	}

	private take({ secret }: Begun, about: Approval, approved: WireApproval): HandedOver {
		const { sealed, account_key, backup_key, enrol_token: token, user } = approved;
		if (!sealed || !account_key || !backup_key || !token || !user) fail('bad_reply', SENSELESS);
		const opened = guarded(() => this.library.approvalOpen(secret, about, sealed));
		const keys = { ...opened, ...this.library.accountPublic(opened.accountSecret, opened.backupSecret) };
		if (!sameBytes(keys.accountKey, account_key) || !sameBytes(keys.backupKey, backup_key))
			fail('keyring_mismatch', 'The keys that the server keeps for this account do not belong together.');
		return { user, keys, token };
	}

	/** Asks until what has become of the request is enough, or it is over. */
	private async poll(
		{ wireId, claim }: Begun,
		end: number,
		isEnough: (found: WireApproval) => boolean
	): Promise<WireApproval> {
		for (this.pause = PAUSE.first; ; this.pause = Math.min(PAUSE.most, this.pause * PAUSE.factor)) {
			const found = await this.again(() => this.api.pollApproval(wireId, claim));
			if (found.state === 'refused') fail('approval_refused', 'The request was refused.');
			if (isEnough(found)) return found;
			if (this.platform.now() + this.pause > end) fail('approval_expired', 'Nobody has taken up the request.');
			await this.sleep(this.pause);
		}
	}

	/** Through failures that pass, as long as the request lives: the server forgets it after its time. */
	private async again<T>(work: () => Promise<T>): Promise<T> {
		let pause = PAUSE.first;
		for (let attempt = 0; ; attempt++) {
			this.goOn();
			try {
				const done = await work();
				this.goOn();
				return done;
			} catch (error) {
				if (error instanceof Failure && OVER.has(error.code)) fail('approval_expired', 'The request has had its time.');
				if (!isPassing(error) || attempt >= LIFE / PAUSE.most) throw error;
			}
			await this.sleep(pause);
			pause = Math.min(PAUSE.most, pause * PAUSE.factor);
		}
	}

	private async sleep(ms: number): Promise<void> {
		await new Promise<void>((resolve) => {
			const cancel = this.platform.after(ms, resolve);
			this.wake = () => {
				cancel();
				resolve();
			};
		});
		this.goOn();
	}

	private goOn(): void {
		if (this.stopped) fail(STOPPED, STOPPED);
	}
}

interface LookedAt {
	secret: Bytes;
	key: Bytes;
	/** What the new device had committed to before it could know this key. */
	commitment: Bytes;
	/** Once the new device has shown its key. */
	about?: Approval;
}

/** The signed-in device's side. */
export class Approver {
	private readonly lookedAt = new Map<string, LookedAt>();

	constructor(private readonly ctx: Context) {}

	/** `text`: the code, or the link behind the QR code, which has the commitment, too. */
	async look(text: string): Promise<ApprovalRequest> {
		const { api, library, own } = this.ctx;
		const { code, commitment: scanned } = readRequest(text, this.ctx.platform.origin);
		const seen = await api.approval(code);
		if (scanned && !sameBytes(scanned, seen.commitment)) return this.mismatch(code, false);
		const mine = this.mine(code, seen.commitment);
		// One that was chosen after this key was given out could be made for the digits that the new device shows.
		if (!sameBytes(mine.commitment, seen.commitment)) return this.mismatch(code, true);
		await api.answerApproval(code, toBase64url(mine.key));
		const { key, nonce } = await this.revealed(code, seen.commitment);
		const about: Approval = {
			id: uuidBytes(seen.id),
			commitment: seen.commitment,
			newcomerKey: key,
			nonce,
			approverKey: mine.key,
			user: own.userBytes
		};
		try {
			const digits = library.approvalDigits('approver', mine.secret, about);
			// The first one that was looked at is the one that the digits on the screen are of.
			if (mine.about && !sameBytes(mine.about.newcomerKey, key)) return await this.mismatch(code, true);
			mine.about = about;
			return { code, deviceName: seen.name, address: seen.address ?? '', digits };
		} catch (error) {
			if (!(error instanceof CryptoError)) throw error;
			return this.mismatch(code, true);
		}
	}

	async approve(code: string): Promise<void> {
		const { api, library, store } = this.ctx;
		const looked = this.lookedAt.get(code);
		if (!looked?.about) fail('not_compared', 'The digits have to be looked at before they can be the same.');
		const device = await store.read.meta('device');
		if (!device) fail('signed_out', 'Nobody is signed in on this device.');
		const { accountSecret, backupSecret } = device;
		const sealed = library.approvalSeal(looked.secret, looked.about, accountSecret, backupSecret);
		await api.approve(code, toBase64url(sealed));
		this.forget(code);
	}

	async refuse(code: string): Promise<void> {
		await this.ctx.api.refuseApproval(code);
		this.forget(code);
	}

	/** The same key each time, so that an answer whose reply was lost may be given again. */
	private mine(code: string, commitment: Bytes): LookedAt {
		const known = this.lookedAt.get(code);
		if (known) return known;
		const made: LookedAt = { ...this.ctx.library.approvalAnswer(), commitment };
		const [oldest] = this.lookedAt.keys();
		if (oldest !== undefined && this.lookedAt.size >= LOOKED_AT) this.forget(oldest);
		this.lookedAt.set(code, made);
		return made;
	}

	private async revealed(code: string, commitment: Bytes): Promise<{ key: Bytes; nonce: Bytes }> {
		const { api, platform } = this.ctx;
		const end = platform.now() + REVEAL;
		for (let pause = PAUSE.first / 2; platform.now() < end; pause = Math.min(PAUSE.most, pause * PAUSE.factor)) {
			const seen = await api.approval(code);
			if (!sameBytes(seen.commitment, commitment)) return this.mismatch(code, true);
			if (seen.key && seen.nonce) return { key: seen.key, nonce: seen.nonce };
			await new Promise<void>((resolve) => platform.after(pause, resolve));
		}
		return fail('approval_silent', 'The new device does not answer. Is it still showing the code?');
	}

	/** Nothing was handed over; and nothing will be. */
	private async mismatch(code: string, answered: boolean): Promise<never> {
		this.forget(code);
		if (answered)
			await this.ctx.api.refuseApproval(code).catch((error: unknown) => {
				if (!(error instanceof Failure)) throw error;
			});
		return fail('approval_mismatch', MISMATCH);
	}

	private forget(code: string): void {
		wipe(this.lookedAt.get(code)?.secret);
		this.lookedAt.delete(code);
	}
}

const isCode = (text: string) => /^[0-9A-HJKMNP-TV-Z]{8}$/.test(text);

/** The code, however it was typed: as in a recovery code, O is 0, and I and L are 1. */
function readRequest(text: string, origin: string): { code: string; commitment: Bytes | null } {
	const link = `${origin}/approve#`;
	const trimmed = text.trim();
	const [typed = '', rest] = (trimmed.startsWith(link) ? trimmed.slice(link.length) : trimmed).split('.', 2);
	const code = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
	const commitment = rest === undefined ? null : fromBase64url(rest);
	if (!isCode(code) || (rest !== undefined && commitment?.length !== 32))
		fail('approval_code_invalid', 'This is not the code of a device that wants to be admitted.', { field: 'code' });
	return { code, commitment };
}

function guarded<T>(work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (!(error instanceof CryptoError)) throw error;
		return fail('approval_mismatch', MISMATCH);
	}
}

/** The first answer is the one that the digits are of. */
function requireSame({ answer_key: key, user }: WireApproval, about: Approval): void {
	if (!key || !user) fail('bad_reply', SENSELESS);
	if (!sameBytes(key, about.approverKey) || !sameBytes(uuidBytes(user.id), about.user))
		fail('approval_mismatch', MISMATCH);
}

function personOf({ id, username, display_name: displayName }: WirePerson) {
	return { id, username, displayName };
}
