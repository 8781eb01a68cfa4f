// SPDX-License-Identifier: GPL-3.0-or-later
// Who is who: identities are remembered as first met, and a device counts only with a valid certificate under the
// remembered identity. What the server says beyond that is recorded, never believed.
import type { WireDevice } from '../api/shapes';
import { sameBytes, type Bytes } from '../core/bytes';
import type { Id, Person } from '../core/types';
import { uuidBytes } from '../core/uuid';
import { CryptoError, type Party } from '../crypto/library';
import type { DeviceKeyRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { meetChanged, outdate, remember, standing, stranger } from './identities';

/**
 * Remembers a person's names. An identity that was remembered stays, and so does the username: messages that were
 * ascribed to it must not become somebody else's. Returns the display name that another one has taken the place of.
 */
export async function learnNames(unit: Unit, person: Person): Promise<string | null> {
	const known = await unit.get('people', person.id);
	const { id, displayName } = person;
	const username = known?.username || person.username;
	const otherName = person.username === username ? undefined : person.username;
	if (known && known.username === username && known.displayName === displayName && known.otherName === otherName)
		return null;
	const { otherName: _, ...rest } = known ?? stranger(id);
	unit.put('people', { ...rest, username, displayName, ...(otherName !== undefined && { otherName }) });
	return known?.displayName && known.displayName !== displayName ? known.displayName : null;
}

/**
 * Whether this is the identity that is sealed for. It is remembered at first sight; and another one that takes its place,
 * with a warning, but not that of somebody who was verified. One's own never changes.
 */
export async function meet(ctx: Context, unit: Unit, user: Id, accountKey: Bytes): Promise<boolean> {
	const known = (await unit.get('people', user)) ?? stranger(user);
	if (user === ctx.own.user) {
		const same = sameBytes(ctx.own.accountKey, accountKey);
		const isNoted = known.changedKey ? sameBytes(known.changedKey, accountKey) : same && known.accountKey;
		if (!isNoted) {
			unit.put('people', { ...known, accountKey: ctx.own.accountKey, changedKey: same ? null : accountKey });
			if (!same) await outdate(unit, user);
		}
		return same;
	}
	if (known.accountKey === null) {
		await remember(ctx, unit, { ...known, accountKey, since: ctx.platform.now(), ...(await standing(unit)) });
		return true;
	}
	if (!sameBytes(known.accountKey, accountKey)) return meetChanged(ctx, unit, known, accountKey);
	if (known.changedKey) unit.put('people', { ...known, changedKey: null });
	return true;
}

/** Whether the device is certified under the user's remembered identity; remembers it if so. */
export async function certify(ctx: Context, unit: Unit, user: Id, device: WireDevice): Promise<boolean> {
	const known = await unit.get('devices', device.id);
	if (known) return known.user === user && sameBytes(known.deviceKey, device.device_key);
	const person = await unit.get('people', user);
	const accountKey = user === ctx.own.user ? ctx.own.accountKey : person?.accountKey;
	if (!accountKey) return false;
	const party = { user: uuidBytes(user), device: uuidBytes(device.id), deviceKey: device.device_key };
	try {
		ctx.library.verifyDeviceCertificate(device.certificate, accountKey, party, device.created_at);
	} catch (error) {
		if (!(error instanceof CryptoError)) throw error;
		ctx.platform.log('warn', `device ${device.id} of ${user} has no valid certificate: ${error.code}`);
		return false;
	}
	unit.put('devices', {
		id: device.id,
		user,
		deviceKey: device.device_key,
		certificate: device.certificate,
		createdAt: device.created_at
	});
	return true;
}

export function partyOf(device: DeviceKeyRecord): Party {
	return { user: uuidBytes(device.user), device: uuidBytes(device.id), deviceKey: device.deviceKey };
}

export async function personOf(ctx: Context, unit: Unit | Context['store']['read'], user: Id): Promise<Person> {
	const { account } = ctx.own;
	if (user === ctx.own.user) return { id: user, username: account.username, displayName: account.displayName };
	const known = await unit.get('people', user);
	return known?.username
		? { id: user, username: known.username, displayName: known.displayName }
		: { id: user, username: '', displayName: 'Former member' };
}
