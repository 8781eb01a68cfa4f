// SPDX-License-Identifier: GPL-3.0-or-later
// Becoming a device: by registering, by the password, by the recovery code, or by another device's word. Opens or makes
// the keyring, makes this device's keys and has the server admit it. Stores nothing: the caller writes what it returns.
import { PublicApi, type Registration } from '../api/api';
import type { WireLogin, WirePerson, WireTokens } from '../api/shapes';
import { toBase64url, type Bytes } from '../core/bytes';
import type { Platform } from '../core/platform';
import { fail, Failure, isPassing } from '../core/problem';
import type { Id } from '../core/types';
import type { AccountKeys, Library } from '../crypto/library';
import type { Again } from './approval';
import { newId } from './context';
import { admitted, makeDevice, type DeviceKeys, type NewDevice } from './device';
import { Passwords, wipeProof, type Proof } from './password';

/** Attempts to have the keyring open with the password again, once the device is in. */
const REWRAP_ATTEMPTS = 3;

export interface RegisterRequest {
	username: string;
	displayName: string;
	password: string;
	setupToken?: string;
	invite?: string;
}

/** Signed in by a password that opens no keyring: an admin has reset it. Kept in memory only. */
export interface Locked {
	username: string;
	proof: Proof;
	login: WireLogin;
}

export type Outcome = { made: NewDevice } | { locked: Locked };

/** What another device has handed over, with the token that admits this one. */
export interface HandedOver {
	user: WirePerson;
	keys: AccountKeys;
	token: string;
}

export class Enrolment {
	readonly passwords: Passwords;
	private readonly api: PublicApi;

	constructor(
		private readonly platform: Platform,
		module: WebAssembly.Module,
		private readonly library: Library
	) {
		this.api = new PublicApi(platform);
		this.passwords = new Passwords(platform, this.api, module, library);
	}

	async register(r: RegisterRequest): Promise<{ made: NewDevice; recoveryCode: string }> {
		const proof = await this.passwords.choose(r.password);
		const code = this.passwords.makeCode();
		const user = newId(this.platform);
		const keys = this.library.createAccount();
		const device = this.device(user, keys);
		try {
			const body: Registration = {
				setup_token: r.setupToken,
				invite: r.invite,
				user,
				username: r.username,
				display_name: r.displayName,
				...this.passwords.upload(proof, user, keys),
				...this.passwords.uploadCode(code, user, keys),
				account_key: toBase64url(keys.accountKey),
				backup_key: toBase64url(keys.backupKey),
				device: device.upload
			};
			const tokens = await this.despite(() => this.api.register(body), r.username, proof.loginKey, user, keys, device);
			return { made: admitted(this.platform, tokens, user, keys, device, true), recoveryCode: code.text };
		} finally {
			wipeProof(proof);
			wipeProof(code);
		}
	}

	async signIn(username: string, password: string): Promise<Outcome> {
		const proof = await this.passwords.prove(username, password);
		let locked: Locked | undefined;
		try {
			const login = await this.api.login(username, proof.loginKey);
			if (login.keyring_password === null) return { locked: (locked = { username, proof, login }) };
			const keys = this.passwords.open(proof.wrapKey, 'password', login.keyring_password, login);
			return { made: await this.enrol(login.enrol_token, login.user.id, keys) };
		} finally {
			if (!locked) wipeProof(proof);
		}
	}

	/** The one-time code of an admin sets a new password, which opens no keyring yet. */
	async useResetCode(username: string, resetCode: string, password: string): Promise<Outcome> {
		const { salt, ops, mem, loginKey, wrapKey } = await this.passwords.choose(password);
		wipeProof({ wrapKey });
		const body = { username, reset_code: resetCode, salt: toBase64url(salt), ops, mem };
		await this.api.useResetCode({ ...body, login_key: toBase64url(loginKey) });
		return this.signIn(username, password);
	}

	/** The recovery code opens what the password does not, and the password opens it from then on. */
	async unlock(locked: Locked, recoveryCode: string): Promise<NewDevice> {
		const { login } = locked;
		const code = this.passwords.readCode(recoveryCode);
		try {
			if (!login.keyring_recovery)
				fail('keyring_mismatch', 'The server does not give out the keys that the recovery code opens.');
			const keys = this.openWithCode(code.wrapKey, login.keyring_recovery, login);
			const made = await this.enrol(await this.freshToken(locked), login.user.id, keys);
			await this.rewrap(locked, made);
			return made;
		} finally {
			wipeProof(code);
		}
	}

	/** Another identity for the account: what was sealed for the old one stays unreadable. */
	async startAnew(locked: Locked): Promise<{ made: NewDevice; recoveryCode: string }> {
		const { proof } = locked;
		const user = locked.login.user.id;
		const keys = this.library.createAccount();
		const code = this.passwords.makeCode();
		const device = this.device(user, keys);
		const body = { ...this.passwords.uploadIdentity(proof, code, user, keys), device: device.upload };
		try {
			const token = await this.freshToken(locked);
			const replace = () => this.api.replaceIdentity(token, body);
			const tokens = await this.despite(replace, locked.username, proof.loginKey, user, keys, device);
			return { made: admitted(this.platform, tokens, user, keys, device, true), recoveryCode: code.text };
		} finally {
			wipeProof(code);
		}
	}

	/** New password, new code, and this device in place of all others, in one step; the keys stay. */
	async recover(
		username: string,
		recoveryCode: string,
		password: string
	): Promise<{ made: NewDevice; recoveryCode: string }> {
		const old = this.passwords.readCode(recoveryCode);
		let proof: Proof | undefined;
		const code = this.passwords.makeCode();
		try {
			const begun = await this.api.recovery(username, old.recoveryKey);
			const user = begun.user.id;
			const keys = this.openWithCode(old.wrapKey, begun.keyring_recovery, begun);
			proof = await this.passwords.choose(password);
			const device = this.device(user, keys);
			const body = {
				...this.passwords.upload(proof, user, keys),
				...this.passwords.uploadCode(code, user, keys),
				account_key: toBase64url(keys.accountKey),
				device: device.upload
			};
			const complete = () => this.api.completeRecovery(begun.recover_token, body);
			const tokens = await this.despite(complete, username, proof.loginKey, user, keys, device);
			return { made: admitted(this.platform, tokens, user, keys, device), recoveryCode: code.text };
		} finally {
			wipeProof(old);
			wipeProof(proof);
			wipeProof(code);
		}
	}

	/** By what another device has handed over, `again` and again: the token is good for this very device until it is in. */
	async approved({ user, keys, token }: HandedOver, again: Again, locked: Locked | undefined): Promise<NewDevice> {
		const device = this.device(user.id, keys);
		const tokens = await again(() => this.api.enrol(token, keys.accountKey, device.upload));
		const made = admitted(this.platform, tokens, user.id, keys, device);
		if (locked?.login.user.id === user.id) await this.rewrap(locked, made);
		return made;
	}

	private device(user: Id, keys: AccountKeys): DeviceKeys {
		return makeDevice(this.platform, this.library, user, keys.accountSecret);
	}

	private async enrol(token: string, user: Id, keys: AccountKeys): Promise<NewDevice> {
		const device = this.device(user, keys);
		const tokens = await this.api.enrol(token, keys.accountKey, device.upload);
		return admitted(this.platform, tokens, user, keys, device);
	}

	/** A keyring that does not open with the code is the server's doing: it has accepted the code. */
	private openWithCode(wrapKey: Bytes, keyring: Bytes, shown: Pick<WireLogin, 'user' | 'account_key' | 'backup_key'>) {
		return this.passwords.open(wrapKey, 'recovery', keyring, shown);
	}

	/** The one of the sign-in may have had its time while the person looked for the code. */
	private async freshToken({ username, proof, login }: Locked): Promise<string> {
		const again = await this.api.login(username, proof.loginKey);
		if (again.user.id !== login.user.id) fail('bad_reply', 'The server signed in another account.');
		return again.enrol_token;
	}

	/**
	 * The keyring opens with the password again. The device is in by now: should it not work, all that is lost is that the
	 * next sign-in asks for the recovery code or another device once more.
	 */
	private async rewrap({ proof }: Locked, made: NewDevice): Promise<void> {
		const body = this.passwords.upload(proof, made.device.account.id, made.device);
		for (let attempt = 1; ; attempt++) {
			try {
				await this.api.setPassword(made.tokens.access, proof.loginKey, body);
				return wipeProof(proof);
			} catch (error) {
				if (!(error instanceof Failure)) throw error;
				if (isPassing(error) && attempt < REWRAP_ATTEMPTS) continue;
				return this.platform.log('warn', `the password opens no keys yet: ${error.code}`);
			}
		}
	}

	/** A lost answer is not given again; but if it was done, the password of it signs this very device in. */
	private async despite(
		work: () => Promise<WireTokens>,
		username: string,
		loginKey: Bytes,
		user: Id,
		keys: AccountKeys,
		device: DeviceKeys
	): Promise<WireTokens> {
		try {
			return await work();
		} catch (error) {
			if (!(error instanceof Failure) || !['network', 'timeout'].includes(error.code)) throw error;
			try {
				const login = await this.api.login(username, loginKey);
				if (login.user.id !== user) throw error;
				this.passwords.requireMatch(keys, login);
				return await this.api.enrol(login.enrol_token, keys.accountKey, device.upload);
			} catch {
				throw error;
			}
		}
	}
}
