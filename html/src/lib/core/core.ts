// SPDX-License-Identifier: GPL-3.0-or-later
// The core as the page sees it: starting, becoming and ceasing to be a device, and handing everything else to the engine.
// Runs in a worker in the browser and in Node in tests; it knows both only as a Platform.
import { PublicApi } from '../api/api';
import { Library } from '../crypto/library';
import { Enrolment, type Locked, type Outcome } from '../engine/account';
import { Newcomer } from '../engine/approval';
import { newId } from '../engine/context';
import { Credentials, type NewIdentity } from '../engine/credentials';
import { storeNewDevice, storeNewIdentity, type NewDevice } from '../engine/device';
import { Engine } from '../engine/engine';
import { NONE } from '../engine/health';
import { wipeProof } from '../engine/password';
import { readReports, report } from '../engine/reports';
import { acceptIdentity, securityOf } from '../engine/security';
import type { Lost } from '../store/database';
import { Store, type Nudge } from '../store/store';
import type { DeviceRecord } from '../store/tables';
import { readConfig, readDevices, readInvite, readInvites, readMembers } from '../api/people';
import type { Platform } from './platform';
import { fail, Failure } from './problem';
import type {
	Account,
	Channel,
	Community,
	Connection,
	Core,
	CoreEvent,
	Device,
	HistoryPolicy,
	Id,
	Invite,
	OpenInvite,
	KeyHealth,
	Member,
	Problem,
	Report,
	Safety,
	SignInResult,
	Start
} from './types';

const SIGN_IN_LOCK = 'chatalot-sign-in';

export class ClientCore implements Core {
	private readonly api: PublicApi;
	private begun: Promise<Start> | undefined;
	private opening: Promise<Store> | undefined;
	private cryptography: Promise<{ module: WebAssembly.Module; library: Library }> | undefined;
	private engine: Engine | undefined;
	private connection: Connection = { state: 'offline' };
	/** On their way to the store, which may be busy: whoever comes back to a channel sees what was written there last. */
	private readonly drafts = new Map<Id, { text: string }>();
	/** Who has signed in with a password that opens no keys. */
	private locked: Locked | undefined;
	private newcomer: Newcomer | undefined;
	/** Of whoever is signed in: the server may have it already, though its answer was lost. */
	private nextIdentity: NewIdentity | undefined;

	constructor(
		private readonly platform: Platform,
		private readonly emit: (event: CoreEvent) => void
	) {
		this.api = new PublicApi(platform);
	}

	/** Begins what `start` answers, before the page is there to ask for it. Events may come before that answer is taken. */
	begin(): void {
		this.begun = this.start();
		// Said to who asks.
		this.begun.catch(() => undefined);
	}

	async start(): Promise<Start> {
		const { begun } = this;
		this.begun = undefined;
		if (begun) return begun;
		this.requireSecure();
		const store = await this.store();
		const [device, over, place] = await Promise.all([
			store.read.meta('device'),
			store.read.meta('over'),
			store.read.meta('place')
		]);
		// Nothing is asked of a server that has said the last word; what is kept waits for the same person.
		if (device && over && !this.engine) this.connection = { state: 'ended', problem: over };
		if (!device || (over && !this.engine))
			return { phase: 'signed-out', communities: [], dms: [], unknownDevices: [], connection: this.connection };
		const engine = await this.run(device);
		const [{ communities, dms }, unknownDevices, lastPage] = await Promise.all([
			engine.shell.show(),
			engine.ownDevices.unknown(),
			// A conversation that cannot be read says so where it is shown, and keeps nobody out of the others.
			place && engine.history.open(place.channel).catch(() => undefined)
		]);
		const { account } = device;
		const { connection } = this;
		const start: Start = { phase: 'signed-in', account, communities, dms, unknownDevices, connection };
		if (place) Object.assign(start, { lastChannel: place.channel, lastPage });
		return start;
	}

	/** Ends everything that runs, and keeps what is stored. */
	async close(): Promise<void> {
		await this.cancelApproval();
		this.engine?.stop();
		this.engine = undefined;
		(await this.opening)?.close();
		this.opening = undefined;
	}

	async authConfig() {
		return readConfig(this.api);
	}

	async register(r: Parameters<Core['register']>[0]) {
		return this.becomeDevice(async (enrolment) => {
			const { made, recoveryCode } = await enrolment.register(r);
			return { made, result: { account: made.device.account, recoveryCode } };
		});
	}

	async signIn(r: { username: string; password: string }): Promise<SignInResult> {
		return this.signInWith((enrolment) => enrolment.signIn(r.username, r.password));
	}

	async useResetCode(r: { username: string; code: string; password: string }): Promise<SignInResult> {
		return this.signInWith((enrolment) => enrolment.useResetCode(r.username, r.code, r.password));
	}

	async unlock(recoveryCode: string) {
		return this.becomeDevice(async (enrolment) => {
			const made = await enrolment.unlock(this.requireLocked(), recoveryCode);
			return { made, result: { account: made.device.account } };
		});
	}

	async startAnew() {
		return this.becomeDevice(async (enrolment) => {
			const { made, recoveryCode } = await enrolment.startAnew(this.requireLocked());
			return { made, result: { account: made.device.account, recoveryCode } };
		});
	}

	async recover(r: { username: string; recoveryCode: string; password: string }) {
		return this.becomeDevice(async (enrolment) => {
			const { made, recoveryCode } = await enrolment.recover(r.username, r.recoveryCode, r.password);
			return { made, result: { account: made.device.account, recoveryCode } };
		});
	}

	async requestApproval() {
		this.requireSecure();
		if (this.engine && this.connection.state !== 'ended')
			fail('already_signed_in', 'Somebody is signed in on this device already.');
		const { library } = await this.crypto();
		this.newcomer?.cancel();
		const newcomer = new Newcomer(
			this.platform,
			library,
			(fate) => this.newcomer === newcomer && this.emit({ type: 'approval', data: fate }),
			(handed, again) =>
				this.becomeDevice(async (enrolment) => ({
					made: await enrolment.approved(handed, again, this.locked),
					result: undefined
				}))
		);
		this.newcomer = newcomer;
		return newcomer.begin();
	}

	async confirmApproval(): Promise<void> {
		if (!this.newcomer) fail('not_compared', 'There is nothing to be compared.');
		this.newcomer.confirm();
	}

	async cancelApproval(): Promise<void> {
		this.newcomer?.cancel();
		this.newcomer = undefined;
	}

	async lookAtApproval(text: string) {
		return this.signedIn().approver.look(text);
	}

	async approve(code: string): Promise<void> {
		return this.signedIn().approver.approve(code);
	}

	async refuse(code: string): Promise<void> {
		return this.signedIn().approver.refuse(code);
	}

	async changePassword(r: { current: string; next: string }): Promise<void> {
		await (await this.credentials()).changePassword(r.current, r.next);
	}

	async makeRecoveryCode() {
		return { recoveryCode: (await this.credentials()).makeRecoveryCode() };
	}

	async setRecoveryCode(r: { password: string; recoveryCode: string }): Promise<void> {
		await (await this.credentials()).setRecoveryCode(r.password, r.recoveryCode);
	}

	async replaceIdentity(password: string) {
		const store = await this.store();
		return this.platform.locks.request(SIGN_IN_LOCK, {}, async () => {
			const credentials = await this.credentials();
			const identity = (this.nextIdentity ??= credentials.makeIdentity());
			const made = await credentials.replaceIdentity(password, identity);
			this.stopEngine();
			wipeProof(identity.code);
			await storeNewIdentity(store, made, this.platform.now());
			await this.run(made.device);
			this.emit({ type: 'account', data: { phase: 'signed-in', account: made.device.account } });
			return { recoveryCode: identity.code.text };
		});
	}

	async deleteAccount(password: string): Promise<void> {
		await (await this.credentials()).deleteAccount(password);
		await this.forget();
	}

	async resetAccount(user: Id) {
		const { reset_code: code, expires_at: expiresAt } = await this.signedIn().ctx.api.resetAccount(user);
		return { code, expiresAt };
	}

	async continueWithoutBackup(): Promise<void> {
		return this.signedIn().backup.waive();
	}

	async signOut(o: { withoutBackup?: boolean } = {}): Promise<void> {
		if (!o.withoutBackup && this.connection.state !== 'ended') await this.engine?.backup.flush();
		try {
			await this.engine?.ctx.api.logout();
		} catch (error) {
			// Without the server the device stays in the account's list; what is here goes all the same.
			if (!(error instanceof Failure)) throw error;
			this.platform.log('warn', `sign out: ${error.code}`);
		}
		await this.forget();
	}

	async createCommunity(name: string): Promise<Community> {
		const engine = this.signedIn();
		return engine.shell.addCommunity(await engine.ctx.api.createCommunity(newId(this.platform), name));
	}

	async members(community: Id): Promise<Member[]> {
		return readMembers(this.signedIn().ctx.api, community);
	}

	async createInvite(community: Id, o: { maxUses?: number; expiresInHours?: number }): Promise<Invite> {
		const wanted = { max_uses: o.maxUses, expires_in_hours: o.expiresInHours };
		const { code, expires_at, max_uses } = await this.signedIn().ctx.api.createInvite(community, wanted);
		return {
			code,
			url: this.inviteUrl(code),
			expiresAt: expires_at,
			maxUses: max_uses
		};
	}

	async invites(community: Id): Promise<OpenInvite[]> {
		return readInvites(this.signedIn().ctx.api, community, (code) => this.inviteUrl(code));
	}

	async withdrawInvite(code: string): Promise<void> {
		await this.signedIn().ctx.api.withdrawInvite(code);
	}

	private inviteUrl(code: string): string {
		return `${this.platform.origin}/invite/${encodeURIComponent(code)}`;
	}

	async lookAtInvite(code: string) {
		return readInvite(this.api, code);
	}

	async acceptInvite(code: string): Promise<Community> {
		const engine = this.signedIn();
		return engine.shell.addCommunity(await engine.ctx.api.acceptInvite(code));
	}

	async leaveCommunity(community: Id): Promise<void> {
		await this.removeMember(community, this.signedIn().ctx.own.user);
		await this.signedIn().shell.refresh();
	}

	async removeMember(community: Id, user: Id): Promise<void> {
		await this.signedIn().ctx.api.removeMember(community, user);
	}

	async openDm(user: Id) {
		const engine = this.signedIn();
		const wire = await engine.ctx.api.openDm(newId(this.platform), user);
		const isIt = wire.kind === 'dm' && wire.peer?.id === user;
		return (
			(isIt && (await engine.shell.addChannel(wire))) ||
			fail('bad_reply', 'The server gave another conversation than the private one that was asked for.')
		);
	}

	async devices(): Promise<Device[]> {
		return readDevices(this.signedIn().ctx.api);
	}

	async renameDevice(id: Id, name: string): Promise<void> {
		await this.signedIn().ctx.api.renameDevice(id, name);
	}

	async removeDevice(id: Id): Promise<void> {
		const { api, own } = this.signedIn().ctx;
		if (id === own.device) fail('own_device', 'This is the device in your hands: sign out instead.');
		await api.removeDevice(id);
	}

	async knowDevice(id: Id): Promise<void> {
		await this.signedIn().ownDevices.know(id);
	}

	async setHistory(channel: Id, history: HistoryPolicy): Promise<Channel> {
		const { ctx, shell } = this.signedIn();
		const wire = await ctx.api.setHistory(channel, history);
		const isIt = wire.id === channel && wire.kind === 'text' && wire.history === history;
		return (
			(isIt && (await shell.updateChannel(wire))) ||
			fail('bad_reply', 'The server changed something else than it was asked to.')
		);
	}

	async open(channel: Id) {
		const { history, ctx } = this.signedIn();
		// Not waited for: what changes after the page was read is told by events, which must not overtake it.
		ctx.store
			.change(async (unit) => {
				unit.durable = false;
				unit.setMeta('place', { channel });
			})
			.catch((error: unknown) => this.platform.log('warn', 'the place is not remembered', String(error)));
		return history.open(channel);
	}

	async older(channel: Id, before: number) {
		return this.signedIn().history.older(channel, before);
	}

	async security(channel: Id) {
		const { ctx, rosters } = this.signedIn();
		return securityOf(ctx, rosters, channel);
	}

	async acceptIdentity(channel: Id, user: Id) {
		const engine = this.signedIn();
		await acceptIdentity(engine.ctx, user);
		engine.decided();
		return securityOf(engine.ctx, engine.rosters, channel);
	}

	async safety(user: Id): Promise<Safety> {
		return this.signedIn().safeties.show(user);
	}

	async verify(user: Id): Promise<Safety> {
		const engine = this.signedIn();
		const safety = await engine.safeties.verify(user);
		engine.decided();
		return safety;
	}

	async verifyScanned(user: Id, text: string): Promise<{ matches: boolean; safety: Safety }> {
		const engine = this.signedIn();
		const scanned = await engine.safeties.verifyScanned(user, text);
		if (scanned.matches) engine.decided();
		return scanned;
	}

	async unverify(user: Id): Promise<Safety> {
		return this.signedIn().safeties.unverify(user);
	}

	async report(message: { channel: Id; id: Id }, reason: string): Promise<void> {
		await report(this.signedIn().ctx, message, reason);
	}

	async reports(o: { community?: Id; before?: Id }): Promise<{ reports: Report[]; more: boolean }> {
		return readReports(this.signedIn().ctx, o);
	}

	async resolveReport(id: Id): Promise<void> {
		await this.signedIn().ctx.api.resolveReport(id);
	}

	async keyHealth(): Promise<KeyHealth> {
		return (await this.signedIn().ctx.store.read.meta('health')) ?? NONE;
	}

	async send(channel: Id, text: string) {
		return this.signedIn().outbox.add(channel, text);
	}

	async retry(message: Id) {
		return this.signedIn().outbox.retry(message);
	}

	async discard(message: Id) {
		return this.signedIn().outbox.discard(message);
	}

	async markRead(channel: Id, seq: number) {
		return this.signedIn().history.markRead(channel, seq);
	}

	async draft(channel: Id): Promise<string> {
		const { store } = this.signedIn().ctx;
		return (this.drafts.get(channel) ?? (await store.read.get('drafts', channel)))?.text ?? '';
	}

	async saveDraft(channel: Id, text: string): Promise<void> {
		const { store } = this.signedIn().ctx;
		const draft = { text: text.slice(0, 100_000) };
		this.drafts.set(channel, draft);
		try {
			await store.change(async (unit) => {
				unit.durable = false;
				if (text === '') unit.delete('drafts', channel);
				else unit.put('drafts', { channel, ...draft });
			});
		} finally {
			if (this.drafts.get(channel) === draft) this.drafts.delete(channel);
		}
	}

	private requireSecure(): void {
		if (this.platform.secure) return;
		fail('insecure_context', 'This page was not opened over HTTPS: the browser offers no encryption here.');
	}

	private store(): Promise<Store> {
		this.opening ??= this.openStore().catch((error: unknown) => {
			this.opening = undefined;
			this.platform.log('error', 'local store', error);
			return fail('storage_unavailable', 'This browser does not let Chatalot keep anything on this device.');
		});
		return this.opening;
	}

	private async openStore(): Promise<Store> {
		const { store, damaged } = await Store.open(this.platform, {
			event: (event) => this.emit(event),
			nudge: (what) => void this.nudged(what).catch((error: unknown) => this.platform.log('error', what, error)),
			lost: (why) => this.lost(why)
		});
		if (damaged) this.platform.log('warn', 'local store: it was damaged and has been emptied');
		return store;
	}

	private async signInWith(enrol: (enrolment: Enrolment) => Promise<Outcome>): Promise<SignInResult> {
		return this.becomeDevice<SignInResult>(async (enrolment) => {
			const outcome = await enrol(enrolment);
			if ('made' in outcome) {
				const { made } = outcome;
				return { made, result: { state: 'signed-in', account: made.device.account } };
			}
			this.lock(outcome.locked);
			const { id, username, display_name: displayName } = outcome.locked.login.user;
			return { made: null, result: { state: 'locked', person: { id, username, displayName } } };
		});
	}

	/** Under the sign-in lock: nothing is sealed under what is wiped here. What opens the keyring is not left in memory. */
	private lock(locked: Locked | undefined): void {
		wipeProof(this.locked?.proof);
		this.locked = locked;
	}

	private requireLocked(): Locked {
		return this.locked ?? fail('not_locked', 'Sign in with the password first.');
	}

	/** One tab at a time; what was on this device before makes room, but for what the same person keeps. */
	private async becomeDevice<T>(
		enrol: (enrolment: Enrolment) => Promise<{ made: NewDevice | null; result: T }>
	): Promise<T> {
		this.requireSecure();
		const store = await this.store();
		return this.platform.locks.request(SIGN_IN_LOCK, {}, async () => {
			if ((await store.read.meta('device')) && this.connection.state !== 'ended')
				fail('already_signed_in', 'Somebody is signed in on this device already.');
			const { module, library } = await this.crypto();
			const { made, result } = await enrol(new Enrolment(this.platform, module, library));
			if (!made) return result;
			this.stopEngine();
			this.lock(undefined);
			await storeNewDevice(store, made, this.platform.now());
			await this.run(made.device);
			this.emit({ type: 'account', data: { phase: 'signed-in', account: made.device.account } });
			return result;
		});
	}

	private async credentials(): Promise<Credentials> {
		const { ctx } = this.signedIn();
		return new Credentials(ctx, (await this.crypto()).module);
	}

	/** Nothing of the device stays. */
	private async forget(): Promise<void> {
		const store = await this.store();
		this.stopEngine();
		await store.wipe();
		await store.renew();
		this.emit({ type: 'account', data: { phase: 'signed-out' } });
	}

	private async run(device: DeviceRecord): Promise<Engine> {
		if (this.engine) return this.engine;
		const { library } = await this.crypto();
		const store = (await this.store()).bind();
		const engine = new Engine(this.platform, store, library, device, (shown) => {
			this.connection = shown;
			const tell = () => this.emit({ type: 'connection', data: shown });
			if (shown.state !== 'ended') return tell();
			void this.remember(store, shown.problem).then(() => this.connection === shown && tell());
		});
		this.engine = engine;
		engine.start();
		return engine;
	}

	/** That the session is over holds for the next start, too. */
	private async remember(store: Store, problem: Problem): Promise<void> {
		if (problem.code !== 'session_ended') return;
		try {
			await store.change(async (unit) => unit.setMeta('over', problem));
		} catch (error) {
			this.platform.log('warn', 'the end of the session could not be noted', error);
		}
	}

	private stopEngine(): void {
		this.engine?.stop();
		this.engine = undefined;
		this.nextIdentity = undefined;
	}

	private crypto(): Promise<{ module: WebAssembly.Module; library: Library }> {
		this.cryptography ??= this.platform
			.library()
			.then((module) => ({ module, library: new Library(module) }))
			.catch((error: unknown) => {
				this.cryptography = undefined;
				throw error;
			});
		return this.cryptography;
	}

	private signedIn(): Engine {
		if (!this.engine) throw new Failure({ code: 'signed_out', message: 'Nobody is signed in on this device.' });
		return this.engine;
	}

	private async nudged(what: Nudge): Promise<void> {
		if (what === 'outbox') return this.engine?.outbox.drain();
		const store = await this.store();
		this.stopEngine();
		await store.renew();
		const account = what === 'signed-in' ? await this.runStored(store) : undefined;
		this.emit({ type: 'account', data: account ? { phase: 'signed-in', account } : { phase: 'signed-out' } });
	}

	private async runStored(store: Store): Promise<Account | undefined> {
		const device = await store.read.meta('device');
		if (device) await this.run(device);
		return device?.account;
	}

	/** Keys that were changed on the disk are not worked with: signing in again brings the history back. */
	private async clearDamaged(): Promise<void> {
		if (!this.engine) return;
		this.stopEngine();
		const store = await this.store();
		// Another tab may have signed in anew, and this one has not heard of it yet.
		if (await store.renew()) return this.nudged('signed-in');
		this.platform.log('error', 'local store: a record does not open; everything is forgotten');
		await store.wipe();
		await store.renew();
		this.emit({ type: 'account', data: { phase: 'signed-out' } });
	}

	/** A newer tab changed the schema, or the browser threw the data away. */
	private lost(why: Lost): void {
		if (why === 'damaged') {
			this.clearDamaged().catch((error: unknown) => this.platform.log('error', 'local store', error));
			return;
		}
		this.stopEngine();
		this.opening = undefined;
		if (why === 'cleared') return this.emit({ type: 'account', data: { phase: 'signed-out' } });
		const problem = { code: 'outdated', message: 'Another tab runs a newer version. Reload this one.' };
		this.connection = { state: 'ended', problem };
		this.emit({ type: 'connection', data: this.connection });
	}
}
