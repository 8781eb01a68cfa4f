// SPDX-License-Identifier: GPL-3.0-or-later
// What stands for a password, and the keyring that opens with it or with the recovery code. Parameters come from the
// server, and are taken only where they protect the password as this client wants it protected.
import type { PublicApi } from '../api/api';
import { sameBytes, toBase64url, wipe, type Bytes } from '../core/bytes';
import type { Platform } from '../core/platform';
import { fail, Failure } from '../core/problem';
import type { Id } from '../core/types';
import { uuidBytes } from '../core/uuid';
import { CryptoError, deriveRoot, limits, type AccountKeys, type KeyringKind, type Library } from '../crypto/library';

/** Derived from a password: what proves it to the server, and what opens the keyring. */
export interface Proof {
	salt: Bytes;
	ops: number;
	mem: number;
	loginKey: Bytes;
	wrapKey: Bytes;
}

export interface RecoveryProof {
	recoveryKey: Bytes;
	wrapKey: Bytes;
}

type Secrets = Pick<AccountKeys, 'accountSecret' | 'backupSecret'>;

export class Passwords {
	constructor(
		private readonly platform: Platform,
		private readonly api: PublicApi,
		private readonly module: WebAssembly.Module,
		private readonly library: Library
	) {}

	/** Of the password that an account has. */
	async prove(username: string, password: string): Promise<Proof> {
		const { salt, ops, mem } = await this.api.prelogin(username);
		return this.derive(password, salt, ops, mem);
	}

	/** Of a password that it is to have. */
	async choose(password: string): Promise<Proof> {
		const { kdf } = await this.api.authConfig();
		return this.derive(password, this.platform.random(16), kdf.ops, kdf.mem);
	}

	/** A new recovery code. */
	makeCode(): RecoveryProof & { text: string } {
		const { code, text } = this.library.createRecoveryCode();
		const keys = this.library.recoveryKeys(code);
		wipe(code);
		return { ...keys, text };
	}

	readCode(text: string): RecoveryProof {
		try {
			const code = this.library.parseRecoveryCode(text);
			const keys = this.library.recoveryKeys(code);
			wipe(code);
			return keys;
		} catch (error) {
			if (!(error instanceof CryptoError)) throw error;
			return fail('recovery_code_invalid', 'A recovery code has 24 letters and digits.', { field: 'recoveryCode' });
		}
	}

	upload({ salt, ops, mem, loginKey, wrapKey }: Proof, user: Id, secrets: Secrets) {
		return {
			salt: toBase64url(salt),
			ops,
			mem,
			login_key: toBase64url(loginKey),
			keyring_password: this.seal(wrapKey, user, 'password', secrets)
		};
	}

	/** Everything of an account whose keys are these from now on, but its device. The password stays. */
	uploadIdentity(proof: Proof, code: RecoveryProof, user: Id, keys: AccountKeys) {
		const { login_key, keyring_password } = this.upload(proof, user, keys);
		return {
			login_key,
			keyring_password,
			...this.uploadCode(code, user, keys),
			account_key: toBase64url(keys.accountKey),
			backup_key: toBase64url(keys.backupKey)
		};
	}

	uploadCode({ recoveryKey, wrapKey }: RecoveryProof, user: Id, secrets: Secrets) {
		return {
			recovery_key: toBase64url(recoveryKey),
			keyring_recovery: this.seal(wrapKey, user, 'recovery', secrets)
		};
	}

	/** The account's keys, if they are those that the server shows of it. */
	open(
		wrapKey: Bytes,
		kind: KeyringKind,
		keyring: Bytes,
		shown: { user: { id: Id }; account_key: Bytes; backup_key: Bytes }
	): AccountKeys {
		const secrets = this.openKeyring(wrapKey, kind, keyring, shown.user.id);
		return this.requireMatch({ ...secrets, ...this.publicOf(secrets) }, shown);
	}

	publicOf({ accountSecret, backupSecret }: Secrets) {
		return this.library.accountPublic(accountSecret, backupSecret);
	}

	requireMatch(keys: AccountKeys, shown: { account_key: Bytes; backup_key: Bytes }): AccountKeys {
		if (!sameBytes(keys.accountKey, shown.account_key) || !sameBytes(keys.backupKey, shown.backup_key))
			fail('keyring_mismatch', 'The keys that the server keeps for this account do not belong together.');
		return keys;
	}

	private seal(wrapKey: Bytes, user: Id, kind: KeyringKind, { accountSecret, backupSecret }: Secrets): string {
		return toBase64url(this.library.sealKeyring(wrapKey, uuidBytes(user), kind, accountSecret, backupSecret));
	}

	private openKeyring(wrapKey: Bytes, kind: KeyringKind, keyring: Bytes, user: Id): Secrets {
		try {
			return this.library.openKeyring(wrapKey, uuidBytes(user), kind, keyring);
		} catch (error) {
			if (!(error instanceof CryptoError)) throw error;
			throw new Failure({
				code: 'keyring_mismatch',
				message: 'The keys that the server keeps for this account do not open.'
			});
		}
	}

	/** The server may not have the password hashed cheaply, nor bring the device to its knees. */
	private derive(password: string, salt: Bytes, ops: number, mem: number): Proof {
		const kib = mem / 1024;
		const { passes, memoryKib } = limits;
		if (salt.length !== 16 || !Number.isInteger(kib) || ops < passes.min || kib < memoryKib.min)
			fail('kdf_weak', 'The server asks for a weaker protection of the password than this client accepts.');
		if (ops > passes.max || kib > memoryKib.max)
			fail('kdf_excessive', 'The server asks for more work to protect the password than this client accepts.');
		if (password === '' || new TextEncoder().encode(password.normalize('NFKC')).length > limits.passwordBytes)
			fail('invalid_field', 'The password must have 1 to 1,024 bytes.', { field: 'password' });
		const root = deriveRoot(this.module, password, salt, ops, kib);
		try {
			return { salt, ops, mem, ...this.library.passwordKeys(root) };
		} finally {
			wipe(root);
		}
	}
}

export function wipeProof(proof: { wrapKey: Bytes } | undefined): void {
	wipe(proof?.wrapKey);
}
