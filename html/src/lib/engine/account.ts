// SPDX-License-Identifier: GPL-3.0-or-later
// Becoming a device: registering and signing in. Derives what stands for the password, makes or opens the keyring, makes
// this device's keys and has the server admit it. Stores nothing itself: the caller writes what it returns at once.
import { PublicApi, type DeviceUpload, type Registration } from '../api/api';
import type { WireTokens } from '../api/shapes';
import { fromBase64url, sameBytes, toBase64url, wipe, type Bytes } from '../core/bytes';
import type { Platform } from '../core/platform';
import { fail, Failure } from '../core/problem';
import { uuidBytes } from '../core/uuid';
import { CryptoError, deriveRoot, Library, limits } from '../crypto/library';
import type { DeviceRecord, Meta, PrekeyRecord, TokenRecord } from '../store/tables';
import type { Reader } from '../store/reader';
import { Damaged } from '../store/seal';
import type { Store } from '../store/store';
import type { Unit } from '../store/unit';
import { newId } from './context';
import { Tokens } from './tokens';

export const ONE_TIME_PREKEYS = 100;

/** All that a new device has to keep. */
export interface NewDevice {
	device: DeviceRecord;
	tokens: TokenRecord;
	prekeys: PrekeyRecord[];
	/** Of its identity: there is no backup to restore. */
	isFirst?: true;
}

interface DeviceKeys {
	upload: DeviceUpload;
	secret: Bytes;
	key: Bytes;
	prekeys: PrekeyRecord[];
}

export interface RegisterRequest {
	username: string;
	displayName: string;
	password: string;
	setupToken?: string;
	invite?: string;
}

export class Enrolment {
	private readonly api: PublicApi;

	constructor(
		private readonly platform: Platform,
		private readonly module: WebAssembly.Module,
		private readonly library: Library
	) {
		this.api = new PublicApi(platform);
	}

	async register(r: RegisterRequest): Promise<{ made: NewDevice; recoveryCode: string }> {
		const { kdf } = await this.api.authConfig();
		const salt = this.platform.random(16);
		const root = this.root(r.password, salt, kdf.ops, kdf.mem);
		const { loginKey, wrapKey } = this.library.passwordKeys(root);
		const recovery = this.library.createRecoveryCode();
		const { recoveryKey, wrapKey: recoveryWrap } = this.library.recoveryKeys(recovery.code);
		const user = newId(this.platform);
		const id = uuidBytes(user);
		const keys = this.library.createAccount();
		const device = this.makeDevice(user, keys.accountSecret);
		const seal = (wrap: Bytes, kind: 'password' | 'recovery') =>
			toBase64url(this.library.sealKeyring(wrap, id, kind, keys.accountSecret, keys.backupSecret));
		try {
			const tokens = await this.registered(device, keys.accountKey, {
				setup_token: r.setupToken,
				invite: r.invite,
				user,
				username: r.username,
				display_name: r.displayName,
				salt: toBase64url(salt),
				ops: kdf.ops,
				mem: kdf.mem,
				login_key: toBase64url(loginKey),
				recovery_key: toBase64url(recoveryKey),
				account_key: toBase64url(keys.accountKey),
				backup_key: toBase64url(keys.backupKey),
				keyring_password: seal(wrapKey, 'password'),
				keyring_recovery: seal(recoveryWrap, 'recovery'),
				device: device.upload
			});
			if (tokens.user.id !== user) fail('bad_reply', 'The server made another account than was asked for.');
			const made: NewDevice = { ...this.newDevice(tokens, keys, device), isFirst: true };
			return { made, recoveryCode: recovery.text };
		} finally {
			wipe(root, wrapKey, recoveryWrap, recovery.code);
		}
	}

	async signIn(username: string, password: string): Promise<NewDevice> {
		const { salt, ops, mem } = await this.api.prelogin(username);
		const root = this.root(password, salt, ops, mem);
		const { loginKey, wrapKey } = this.library.passwordKeys(root);
		try {
			const login = await this.api.login(username, loginKey);
			const secrets = this.openKeyring(wrapKey, login.user.id, login.keyring_password);
			const keys = { ...secrets, ...this.library.accountPublic(secrets.accountSecret, secrets.backupSecret) };
			if (!sameBytes(keys.accountKey, login.account_key) || !sameBytes(keys.backupKey, login.backup_key))
				fail('keyring_mismatch', 'The keys that the server keeps for this account do not belong together.');
			const device = this.makeDevice(login.user.id, keys.accountSecret);
			const tokens = await this.api.enrol(login.enrol_token, keys.accountKey, device.upload);
			if (tokens.user.id !== login.user.id) fail('bad_reply', 'The server signed in another account.');
			return this.newDevice(tokens, keys, device);
		} finally {
			wipe(root, wrapKey);
		}
	}

	/** A lost answer is not given again; but if the account was made, its owner can sign this device in. */
	private async registered(device: DeviceKeys, accountKey: Bytes, body: Registration): Promise<WireTokens> {
		try {
			return await this.api.register(body);
		} catch (error) {
			if (!(error instanceof Failure) || !['network', 'timeout'].includes(error.code)) throw error;
			try {
				const login = await this.api.login(body.username, fromBase64url(body.login_key)!);
				if (login.user.id !== body.user) throw error;
				return await this.api.enrol(login.enrol_token, accountKey, device.upload);
			} catch {
				throw error;
			}
		}
	}

	/** The server may not have the password hashed cheaply, nor bring the device to its knees. */
	private root(password: string, salt: Uint8Array, ops: number, memBytes: number): Bytes {
		const kib = memBytes / 1024;
		const { passes, memoryKib } = limits;
		if (salt.length !== 16 || !Number.isInteger(kib) || ops < passes.min || kib < memoryKib.min)
			fail('kdf_weak', 'The server asks for a weaker protection of the password than this client accepts.');
		if (ops > passes.max || kib > memoryKib.max)
			fail('kdf_excessive', 'The server asks for more work to protect the password than this client accepts.');
		if (password === '' || new TextEncoder().encode(password.normalize('NFKC')).length > limits.passwordBytes)
			fail('invalid_field', 'The password must have 1 to 1,024 bytes.', { field: 'password' });
		return deriveRoot(this.module, password, salt, ops, kib);
	}

	private openKeyring(wrapKey: Bytes, user: string, keyring: Bytes) {
		try {
			return this.library.openKeyring(wrapKey, uuidBytes(user), 'password', keyring);
		} catch (error) {
			if (!(error instanceof CryptoError)) throw error;
			throw new Failure({
				code: 'keyring_mismatch',
				message: 'The keys that the server keeps for this account do not open.'
			});
		}
	}

	private makeDevice(user: string, accountSecret: Bytes): DeviceKeys {
		const { platform, library } = this;
		const id = newId(platform);
		const now = platform.now();
		const { secret, key } = library.createDevice();
		const party = { user: uuidBytes(user), device: uuidBytes(id), deviceKey: key };
		const signed = library.createSignedPrekey(secret, party.device, 1, now);
		const once = makeOneTimePrekeys(library, 1, ONE_TIME_PREKEYS, now);
		return {
			secret,
			key,
			prekeys: [{ kind: 'signed', id: 1, secret: signed.secret, createdAt: now }, ...once.records],
			upload: {
				id,
				name: platform.deviceName,
				device_key: toBase64url(key),
				certificate: toBase64url(library.createDeviceCertificate(accountSecret, party, now)),
				created_at: now,
				signed_prekey: toBase64url(signed.prekey),
				one_time_prekeys: once.upload
			}
		};
	}

	private newDevice(
		tokens: WireTokens,
		keys: { accountSecret: Bytes; accountKey: Bytes; backupSecret: Bytes; backupKey: Bytes },
		device: DeviceKeys
	): NewDevice {
		if (tokens.device !== device.upload.id) fail('bad_reply', 'The server admitted another device than was asked for.');
		const { id, username, display_name: displayName, role } = tokens.user;
		return {
			device: {
				account: { id, username, displayName, role, device: tokens.device },
				accountKey: keys.accountKey,
				accountSecret: keys.accountSecret,
				backupKey: keys.backupKey,
				backupSecret: keys.backupSecret,
				deviceKey: device.key,
				deviceSecret: device.secret,
				session: tokens.session
			},
			tokens: Tokens.record(this.platform, tokens, tokens.refresh_token),
			prekeys: device.prekeys
		};
	}
}

export function makeOneTimePrekeys(library: Library, from: number, count: number, now: number) {
	const records: PrekeyRecord[] = [];
	const upload: { id: number; key: string }[] = [];
	for (let id = from; id < from + count; id++) {
		const { secret, key } = library.createOneTimePrekey();
		records.push({ kind: 'once', id, secret, createdAt: now });
		upload.push({ id, key: toBase64url(key) });
	}
	return { records, upload };
}

const NOTHING: Meta['restore'] = { before: null, total: 0, finished: true, identities: 'known' };

/** Everything at once: a device that is half there would be one the server knows and nobody has. */
export function storeNewDevice(store: Store, made: NewDevice, now: number): Promise<void> {
	return store.begin(async (unit, before) => {
		const isKept = await isSamePerson(before, made.device);
		if (isKept) await keep(unit, before);
		unit.setMeta('device', made.device);
		unit.setMeta('tokens', made.tokens);
		unit.setMeta('prekeys', { nextOnce: ONE_TIME_PREKEYS + 1, nextSigned: 2, rotatedAt: now, checkedAt: now });
		const identities = isKept ? 'known' : 'sought';
		unit.setMeta('restore', made.isFirst ? NOTHING : { before: null, total: 0, finished: false, identities });
		for (const prekey of made.prekeys) unit.put('prekeys', prekey);
	});
}

async function isSamePerson(before: Reader, now: DeviceRecord): Promise<boolean> {
	try {
		const device = await before.meta('device');
		return device?.account.id === now.account.id && sameBytes(device.accountKey, now.accountKey);
	} catch (error) {
		if (error instanceof Damaged) return false;
		throw error;
	}
}

/**
 * Somebody whose session ended, which the server can cause at any time, signs in again: whom they have met, who could
 * read what, and what they have written stays. Keys and messages come back from backup and server; what was sealed was
 * sealed by a device that is no more.
 */
async function keep(unit: Unit, before: Reader): Promise<void> {
	for (const table of ['people', 'devices', 'pins', 'notes', 'rosters', 'drafts'] as const)
		for (const record of await before.all(table)) unit.put(table, record);
	for (const { id, channel, order, writtenAt, text, state, problem } of await before.all('outbox'))
		if (state !== 'sent')
			unit.put('outbox', { id, channel, order, writtenAt, text, state, ...(problem && { problem }) });
	const counter = await before.meta('counter');
	if (counter) unit.setMeta('counter', counter);
}
