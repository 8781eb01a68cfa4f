// SPDX-License-Identifier: GPL-3.0-or-later
// Devices that came to the account while this one was signed in: each device shows them until its person has said that they
// know them, whether they are still there or not. No device answers for another, and one that was let in here is asked about
// as well, for whoever let it in may not have been the person.
import { readDevices } from '../api/people';
import type { Id, UnknownDevice } from '../core/types';
import type { Unit } from '../store/unit';
import type { Context } from './context';

const DEVICES_LOCK = 'chatalot-own-devices';
/** The server says when the list changes; what it said while nobody heard it is found out by then. */
const LOOK_EVERY = 3600_000;
/** Questions that are kept; what comes beyond is asked about when these are answered. */
const MOST = 20;

export class OwnDevices {
	private due = true;
	private lookedAt = 0;

	constructor(private readonly ctx: Context) {}

	/** The list may be another one by now. */
	changed(): void {
		this.due = true;
	}

	async unknown(): Promise<UnknownDevice[]> {
		return (await this.ctx.store.read.meta('ownDevices'))?.unknown ?? [];
	}

	/**
	 * Reads the list where it may have changed, one tab after the other, so that none works on an older one. The first list
	 * that this device sees is taken for what its person signed in beside.
	 */
	async look(): Promise<void> {
		const { platform, api, store } = this.ctx;
		if (!this.due && platform.now() - this.lookedAt < LOOK_EVERY) return;
		this.due = false;
		try {
			await platform.locks.request(DEVICES_LOCK, {}, async () => {
				const devices = await readDevices(api);
				const there = new Set(devices.map(({ id }) => id));
				await store.change(async (unit) => {
					const was = await unit.meta('ownDevices');
					const known = was?.known.filter((id) => there.has(id)) ?? [...there];
					const unknown = (was?.unknown ?? []).map((device) => ({ ...device, gone: !there.has(device.id) }));
					const asked = new Set([...known, ...unknown.map(({ id }) => id)]);
					for (const { id, name, lastAddress: address, current } of devices)
						if (!current && !asked.has(id) && unknown.length < MOST)
							unknown.push({ id, name, address, seenAt: platform.now(), gone: false });
					this.put(unit, known, unknown);
				});
			});
			this.lookedAt = platform.now();
		} catch (error) {
			this.due = true;
			throw error;
		}
	}

	/** The person at this device has answered: they know it, or have removed it. */
	async know(device: Id): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const was = await unit.meta('ownDevices');
			if (!was?.unknown.some(({ id }) => id === device)) return;
			this.put(
				unit,
				[...was.known, device],
				was.unknown.filter(({ id }) => id !== device)
			);
		});
	}

	private put(unit: Unit, known: Id[], unknown: UnknownDevice[]): void {
		unit.setMeta('ownDevices', { known, unknown });
		unit.emit({ type: 'unknownDevices', data: unknown });
	}
}
