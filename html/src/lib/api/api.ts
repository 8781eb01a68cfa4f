// SPDX-License-Identifier: GPL-3.0-or-later
// The routes of docs/api.md as typed functions. Those for signed-in people take their token from a TokenSource, which
// is asked once more when the server no longer accepts what it gave.
import { toBase64url } from '../core/bytes';
import type { Platform } from '../core/platform';
import { Failure } from '../core/problem';
import { nothing, type Decoder } from './decode';
import { request, type Call } from './request';
import * as shapes from './shapes';

export interface TokenSource {
	/** A token that should still be accepted; throws a Failure when there is no session or it cannot be renewed now. */
	access(): Promise<string>;
	/** The server refused this token: returns another one, or throws. */
	renew(refused: string): Promise<string>;
}

export interface DeviceUpload {
	id: string;
	name: string;
	device_key: string;
	certificate: string;
	created_at: number;
	signed_prekey: string;
	one_time_prekeys: { id: number; key: string }[];
}

export interface Registration {
	setup_token?: string;
	invite?: string;
	user: string;
	username: string;
	display_name: string;
	salt: string;
	ops: number;
	mem: number;
	login_key: string;
	recovery_key: string;
	account_key: string;
	backup_key: string;
	keyring_password: string;
	keyring_recovery: string;
	device: DeviceUpload;
}

/** What stands for a password at the server, and the keyring that opens with it. */
export interface PasswordUpload {
	salt: string;
	ops: number;
	mem: number;
	login_key: string;
	keyring_password: string;
}

export interface RecoveryUpload {
	recovery_key: string;
	keyring_recovery: string;
}

/** A new identity in place of the old one; the password stays. */
export interface IdentityUpload extends RecoveryUpload {
	login_key: string;
	keyring_password: string;
	account_key: string;
	backup_key: string;
	device: DeviceUpload;
}

/** The server hashes with Argon2 and may queue: these take longer. */
const SLOW = 60_000;

/** What needs no session. */
export class PublicApi {
	constructor(private readonly platform: Platform) {}

	authConfig() {
		return this.call({ method: 'GET', path: '/auth/config', reply: shapes.authConfig });
	}
	prelogin(username: string) {
		return this.call({ method: 'POST', path: '/auth/prelogin', body: { username }, reply: shapes.prelogin });
	}
	register(body: Registration) {
		return this.call({ method: 'POST', path: '/auth/register', body, reply: shapes.tokens, timeout: SLOW });
	}
	login(username: string, loginKey: Uint8Array) {
		const body = { username, login_key: toBase64url(loginKey) };
		return this.call({ method: 'POST', path: '/auth/login', body, reply: shapes.login, timeout: SLOW });
	}
	recovery(username: string, recoveryKey: Uint8Array) {
		const body = { username, recovery_key: toBase64url(recoveryKey) };
		return this.call({ method: 'POST', path: '/auth/recovery', body, reply: shapes.recovery, timeout: SLOW });
	}
	completeRecovery(
		token: string,
		body: PasswordUpload & RecoveryUpload & { account_key: string; device: DeviceUpload }
	) {
		const path = '/auth/recovery/complete';
		return this.call({ method: 'POST', path, body, token, reply: shapes.tokens, timeout: SLOW });
	}
	useResetCode(body: {
		username: string;
		reset_code: string;
		salt: string;
		ops: number;
		mem: number;
		login_key: string;
	}) {
		return this.call({ method: 'POST', path: '/auth/reset', body, reply: nothing, timeout: SLOW });
	}
	/** With the token of a login, or of a session. `current` stands for the password of now. */
	setPassword(token: string, current: Uint8Array, next: PasswordUpload) {
		const body = { login_key: toBase64url(current), new: next };
		return this.call({ method: 'POST', path: '/auth/password', body, token, reply: nothing, timeout: SLOW });
	}
	replaceIdentity(token: string, body: IdentityUpload) {
		return this.call({ method: 'POST', path: '/auth/identity', body, token, reply: shapes.tokens, timeout: SLOW });
	}
	askApproval(body: { id: string; claim: string; commitment: string; name: string }) {
		return this.call({ method: 'POST', path: '/approvals', body, reply: shapes.approvalMade });
	}
	pollApproval(id: string, claim: string) {
		return this.call({ method: 'POST', path: '/approvals/poll', body: { id, claim }, reply: shapes.approvalPolled });
	}
	revealApproval(body: { id: string; claim: string; key: string; nonce: string }) {
		return this.call({ method: 'POST', path: '/approvals/reveal', body, reply: nothing });
	}
	cancelApproval(id: string, claim: string) {
		return this.call({ method: 'POST', path: '/approvals/cancel', body: { id, claim }, reply: nothing });
	}
	enrol(token: string, accountKey: Uint8Array, device: DeviceUpload) {
		const body = { account_key: toBase64url(accountKey), device };
		return this.call({ method: 'POST', path: '/devices', body, token, reply: shapes.tokens });
	}
	refresh(refreshToken: string, nextToken: string) {
		const body = { refresh_token: refreshToken, next_token: nextToken };
		return this.call({ method: 'POST', path: '/auth/refresh', body, reply: shapes.refreshed });
	}
	lookAtInvite(code: string) {
		return this.call({ method: 'GET', path: `/invites/${encodeURIComponent(code)}`, reply: shapes.inviteInfo });
	}

	protected call<T>(call: Call<T>): Promise<T> {
		return request(this.platform, call);
	}
}

export class Api extends PublicApi {
	constructor(
		platform: Platform,
		private readonly tokens: TokenSource
	) {
		super(platform);
	}

	logout() {
		return this.post('/auth/logout', undefined, nothing);
	}
	me() {
		return this.get('/me', shapes.me);
	}
	devices() {
		return this.get('/devices', shapes.devices);
	}
	renameDevice(device: string, name: string) {
		return this.signed({ method: 'PATCH', path: `/devices/${device}`, body: { name }, reply: nothing });
	}
	removeDevice(device: string) {
		return this.signed({ method: 'DELETE', path: `/devices/${device}`, reply: nothing });
	}
	resetAccount(user: string) {
		return this.post(`/users/${user}/reset`, undefined, shapes.resetCode, SLOW);
	}
	changePassword(current: Uint8Array, next: PasswordUpload) {
		return this.withToken((token) => this.setPassword(token, current, next));
	}
	setRecoveryCode(loginKey: Uint8Array, next: RecoveryUpload) {
		const body = { login_key: toBase64url(loginKey), ...next };
		return this.post('/auth/recovery-code', body, nothing, SLOW);
	}
	newIdentity(body: IdentityUpload) {
		return this.withToken((token) => this.replaceIdentity(token, body));
	}
	deleteAccount(loginKey: Uint8Array) {
		return this.post('/account/delete', { login_key: toBase64url(loginKey) }, nothing, SLOW);
	}
	approval(code: string) {
		return this.get(`/approvals/${encodeURIComponent(code)}`, shapes.approvalSeen);
	}
	answerApproval(code: string, key: string) {
		return this.post(`/approvals/${encodeURIComponent(code)}/answer`, { key }, nothing);
	}
	approve(code: string, sealed: string) {
		return this.post(`/approvals/${encodeURIComponent(code)}/approve`, { sealed }, nothing);
	}
	refuseApproval(code: string) {
		return this.signed({ method: 'DELETE', path: `/approvals/${encodeURIComponent(code)}`, reply: nothing });
	}
	prekeyStatus() {
		return this.get('/prekeys', shapes.prekeyStatus);
	}
	uploadPrekeys(body: {
		device_key?: string;
		signed_prekey?: string;
		one_time_prekeys?: { id: number; key: string }[];
	}) {
		return this.post('/prekeys', body, shapes.prekeyCount);
	}
	claimPrekeys(devices: string[]) {
		return this.post('/prekeys/claim', { devices }, shapes.bundles);
	}
	communities() {
		return this.get('/communities', shapes.communities);
	}
	createCommunity(id: string, name: string) {
		return this.post('/communities', { id, name }, shapes.community);
	}
	members(community: string) {
		return this.get(`/communities/${community}/members`, shapes.members);
	}
	removeMember(community: string, user: string) {
		return this.signed({ method: 'DELETE', path: `/communities/${community}/members/${user}`, reply: nothing });
	}
	createInvite(community: string, body: { max_uses?: number; expires_in_hours?: number }) {
		return this.post(`/communities/${community}/invites`, body, shapes.invite);
	}
	invites(community: string) {
		return this.get(`/communities/${community}/invites`, shapes.invites);
	}
	withdrawInvite(code: string) {
		return this.signed({ method: 'DELETE', path: `/invites/${encodeURIComponent(code)}`, reply: nothing });
	}
	acceptInvite(code: string) {
		return this.post(`/invites/${encodeURIComponent(code)}/accept`, undefined, shapes.community);
	}
	openDm(id: string, user: string) {
		return this.post('/dms', { id, user }, shapes.channel);
	}
	dms() {
		return this.get('/dms', shapes.dms);
	}
	userDevices(user: string) {
		return this.get(`/users/${user}/devices`, shapes.userDevices);
	}
	roster(channel: string) {
		return this.get(`/channels/${channel}/roster`, shapes.roster);
	}
	entries(channel: string, before: number | undefined, limit: number) {
		return this.get(`/channels/${channel}/entries`, shapes.entries, { before, limit });
	}
	setHistory(channel: string, history: 'since_joining' | 'all') {
		return this.signed({ method: 'PATCH', path: `/channels/${channel}`, body: { history }, reply: shapes.channel });
	}
	report(body: { id: string; channel: string; entry: string; payload: string; franking_key: string; reason: string }) {
		return this.post('/reports', body, nothing);
	}
	reports(query: { community?: string; before?: string; limit: number }) {
		return this.get('/reports', shapes.reports, query);
	}
	resolveReport(report: string) {
		return this.post(`/reports/${report}/resolve`, undefined, nothing);
	}
	storeBackup(items: { id: string; data: string }[]) {
		return this.post('/backup', { items }, shapes.stored);
	}
	backup(before: number | undefined, limit: number) {
		return this.get('/backup', shapes.backupItems, { before, limit });
	}

	private get<T>(path: string, reply: Decoder<T>, query?: Call<T>['query']): Promise<T> {
		return this.signed({ method: 'GET', path, query, reply });
	}

	private post<T>(path: string, body: unknown, reply: Decoder<T>, timeout?: number): Promise<T> {
		return this.signed({ method: 'POST', path, body, reply, timeout });
	}

	private signed<T>(call: Call<T>): Promise<T> {
		return this.withToken((token) => this.call({ ...call, token }));
	}

	/** With a token that is renewed once if need be; a wrong password is no reason for it. */
	private async withToken<T>(work: (token: string) => Promise<T>): Promise<T> {
		const token = await this.tokens.access();
		try {
			return await work(token);
		} catch (error) {
			if (!(error instanceof Failure) || error.status !== 401 || error.code === 'bad_credentials') throw error;
			return await work(await this.tokens.renew(token));
		}
	}
}
