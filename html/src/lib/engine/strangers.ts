// SPDX-License-Identifier: GPL-3.0-or-later
// Getting to know people who are in no list of members (any more): whoever wrote in a channel before they left it, or sent
// something to this device's inbox. Their identity, names and devices, removed ones too, for what they wrote is verified
// under these devices' keys.
import { Failure, isPassing } from '../core/problem';
import type { Id } from '../core/types';
import type { Context } from './context';
import { certify, learnNames, meet } from './trust';

/** Throws only what may pass; of whom the server tells nothing, nothing is known. `channel` is where they were met. */
export async function meetStranger(ctx: Context, user: Id, channel: Id): Promise<void> {
	try {
		const wire = await ctx.api.userDevices(user);
		if (wire.user !== user) return;
		const { username, display_name: displayName, account_key: accountKey } = wire;
		await ctx.store.change(async (unit) => {
			if (username !== undefined && displayName !== undefined)
				await learnNames(unit, { id: user, username, displayName });
			if (!accountKey) return;
			if (!(await meet(ctx, unit, user, accountKey))) unit.emit({ type: 'security', data: { channel } });
			for (const device of wire.devices) await certify(ctx, unit, user, device);
		});
	} catch (error) {
		if (isPassing(error) || !(error instanceof Failure)) throw error;
		ctx.platform.log('warn', `nothing can be learnt of ${user}: ${error.code}`);
	}
}
