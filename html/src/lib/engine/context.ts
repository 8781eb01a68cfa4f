// SPDX-License-Identifier: GPL-3.0-or-later
// What every part of the engine works with. `Own` is this device's identity: written once at sign-in and never changed,
// the only state that may be kept in memory.
import type { Api } from '../api/api';
import type { Bytes } from '../core/bytes';
import type { Platform } from '../core/platform';
import type { Account, Id } from '../core/types';
import { uuidBytes, uuidv7 } from '../core/uuid';
import type { Library, Party } from '../crypto/library';
import type { Connection } from '../socket/connection';
import type { Store } from '../store/store';
import type { DeviceRecord } from '../store/tables';

export interface Own {
	account: Account;
	user: Id;
	device: Id;
	party: Party;
	userBytes: Bytes;
	accountKey: Bytes;
	deviceSecret: Bytes;
	backupSecret: Bytes;
}

export interface Context {
	platform: Platform;
	store: Store;
	api: Api;
	connection: Connection;
	library: Library;
	own: Own;
}

export function ownOf(record: DeviceRecord): Own {
	const { account } = record;
	return {
		account,
		user: account.id,
		device: account.device,
		party: { user: uuidBytes(account.id), device: uuidBytes(account.device), deviceKey: record.deviceKey },
		userBytes: uuidBytes(account.id),
		accountKey: record.accountKey,
		deviceSecret: record.deviceSecret,
		backupSecret: record.backupSecret
	};
}

export function newId(platform: Platform): Id {
	return uuidv7(platform.now(), platform.random(10));
}
