// SPDX-License-Identifier: GPL-3.0-or-later
// Devices that came to the account while this one was signed in: each device shows them until its person has said that they
// know them, and no device answers for another, for it may be the stolen one.
import { readDevices } from '../api/people';
import type { Device, Id } from '../core/types';
import type { Context } from './context';

/** The server says when the list changes; what it said while nobody heard it is found out by then. */
const LOOK_EVERY = 3600_000;

export class OwnDevices {
	private due = true;
	private lookedAt = 0;
	/** What the page was told last. */
	private unknown: Device[] = [];

	constructor(private readonly ctx: Context) {}

	/** The list may be another one by now. */
	changed(): void {
		this.due = true;
	}

	/** Reads the list where it may have changed. The first one that this device sees is what its person signed in beside. */
	async look(): Promise<void> {
		const { platform, api, store } = this.ctx;
		if (!this.due && platform.now() - this.lookedAt < LOOK_EVERY) return;
		this.due = false;
		try {
			const devices = await readDevices(api);
			await store.change(async (unit) => {
				const known = new Set((await unit.meta('knownDevices'))?.ids ?? devices.map(({ id }) => id));
				const still = devices.filter(({ id }) => known.has(id)).map(({ id }) => id);
				unit.setMeta('knownDevices', { ids: still });
				const unknown = devices.filter(({ id, current }) => !current && !known.has(id));
				if (unknown.length + this.unknown.length > 0) unit.emit({ type: 'unknownDevices', data: unknown });
				this.unknown = unknown;
			});
			this.lookedAt = platform.now();
		} catch (error) {
			this.due = true;
			throw error;
		}
	}

	/** The person at this device knows it. */
	async know(device: Id): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const known = (await unit.meta('knownDevices'))?.ids ?? [];
			unit.setMeta('knownDevices', { ids: [...new Set([...known, device])] });
			this.unknown = this.unknown.filter(({ id }) => id !== device && !known.includes(id));
			unit.emit({ type: 'unknownDevices', data: this.unknown });
		});
	}
}
