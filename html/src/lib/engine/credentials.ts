// SPDX-License-Identifier: GPL-3.0-or-later
// What somebody signed in changes about their account: password, recovery code, identity, and that there is one. Each
// wants the password, which the server checks; the keys that are sealed anew are those of this device, never the server's.
import { fail, Failure } from '../core/problem';
import { ownerStays, type WireTokens } from '../api/shapes';
import type { AccountKeys } from '../crypto/library';
import type { DeviceRecord } from '../store/tables';
import type { Context } from './context';
import { admitted, makeDevice, type DeviceKeys, type NewDevice } from './device';
import { Passwords, wipeProof, type Proof, type RecoveryProof } from './password';

/** Made here; kept in memory only, until it is known to be the account's. */
export interface NewIdentity {
	keys: AccountKeys;
	device: DeviceKeys;
	code: RecoveryProof & { text: string };
}

export class Credentials {
	private readonly passwords: Passwords;

	constructor(
		private readonly ctx: Context,
		module: WebAssembly.Module
	) {
		this.passwords = new Passwords(ctx.platform, ctx.api, module, ctx.library);
	}

	async changePassword(current: string, next: string): Promise<void> {
		const { account, user } = this.ctx.own;
		const old = await this.passwords.prove(account.username, current);
		let proof: Proof | undefined;
		try {
			proof = await this.passwords.choose(next);
			await this.ctx.api.changePassword(old.loginKey, this.passwords.upload(proof, user, await this.secrets()));
		} finally {
			wipeProof(old);
			wipeProof(proof);
		}
	}

	/** A code that opens nothing yet: the person keeps it first. */
	makeRecoveryCode(): string {
		const code = this.passwords.makeCode();
		wipeProof(code);
		return code.text;
	}

	/** As often as it takes, with the same code: a lost answer leaves open which one works. */
	async setRecoveryCode(password: string, recoveryCode: string): Promise<void> {
		const { account, user } = this.ctx.own;
		const code = this.passwords.readCode(recoveryCode);
		let proof: Proof | undefined;
		try {
			proof = await this.passwords.prove(account.username, password);
			const body = this.passwords.uploadCode(code, user, await this.secrets());
			await this.ctx.api.setRecoveryCode(proof.loginKey, body).catch(unconfirmed);
		} finally {
			wipeProof(proof);
			wipeProof(code);
		}
	}

	/** The keys of another identity. They are its keys once `replaceIdentity` has told the server. */
	makeIdentity(): NewIdentity {
		const { platform, library, own } = this.ctx;
		const keys = library.createAccount();
		const device = makeDevice(platform, library, own.user, keys.accountSecret);
		return { keys, device, code: this.passwords.makeCode() };
	}

	/** As often as it takes, with the same keys: where the answer was lost, this device may be out, and is let in again. */
	async replaceIdentity(password: string, { keys, device, code }: NewIdentity): Promise<NewDevice> {
		const { platform, api, own } = this.ctx;
		const proof = await this.passwords.prove(own.account.username, password);
		const body = { ...this.passwords.uploadIdentity(proof, code, own.user, keys), device: device.upload };
		try {
			const replaced = api.newIdentity(body);
			const tokens = await replaced.catch((error: unknown) => this.isDone(error, proof, keys, device.upload));
			return admitted(platform, tokens, own.user, keys, device, true);
		} finally {
			wipeProof(proof);
		}
	}

	async deleteAccount(password: string): Promise<void> {
		const proof = await this.passwords.prove(this.ctx.own.account.username, password);
		wipeProof(proof);
		try {
			await this.ctx.api.deleteAccount(proof.loginKey);
		} catch (error) {
			throw this.ownerStays(error);
		}
	}

	/** With the communities that need another owner, as far as the server names them. */
	private ownerStays(error: unknown): unknown {
		if (!(error instanceof Failure) || error.code !== 'owner_stays') return error;
		try {
			const { communities } = ownerStays(error.details, '');
			return new Failure({ ...error.problem, communities }, { status: error.status });
		} catch {
			return error;
		}
	}

	/** The answer was lost: then the server has the new identity, or it has not. */
	private async isDone(
		error: unknown,
		proof: Proof,
		keys: AccountKeys,
		device: DeviceKeys['upload']
	): Promise<WireTokens> {
		if (!(error instanceof Failure) || !['network', 'timeout', 'session_ended'].includes(error.code)) throw error;
		try {
			const { api, own } = this.ctx;
			const login = await api.login(own.account.username, proof.loginKey);
			this.passwords.requireMatch(keys, login);
			return await api.enrol(login.enrol_token, keys.accountKey, device);
		} catch {
			throw error;
		}
	}

	private async secrets(): Promise<DeviceRecord> {
		const device = await this.ctx.store.read.meta('device');
		return device ?? fail('signed_out', 'Nobody is signed in on this device.');
	}
}

/** Whatever is no refusal may have been done. */
function unconfirmed(error: unknown): never {
	const status = error instanceof Failure ? error.status : undefined;
	if (status !== undefined && status >= 400 && status < 500) throw error;
	return fail('code_unconfirmed', 'The server did not say whether the new recovery code works. Try again.');
}
