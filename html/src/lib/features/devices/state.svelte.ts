// SPDX-License-Identifier: GPL-3.0-or-later
// Own devices that signed in elsewhere and that the person at this one has not said they know.
import type { Id, UnknownDevice } from '$lib/core/types';
import { core, hear, toProblem } from '../core';

class UnknownDevices {
	#all = $state.raw<UnknownDevice[]>([]);

	/** The one that came first: which is asked about does not change because another one comes. */
	get first(): UnknownDevice | undefined {
		return this.#all[0];
	}

	constructor() {
		hear({
			unknownDevices: (devices) => this.fill(devices),
			// Whoever is signed in from now on is told anew.
			account: () => this.fill([])
		});
	}

	fill(devices: UnknownDevice[]) {
		this.#all = devices;
	}

	know(device: Id): Promise<void> {
		return core.knowDevice(device);
	}

	/** Also where another device has removed it meanwhile. */
	async remove(device: Id): Promise<void> {
		try {
			await core.removeDevice(device);
		} catch (thrown) {
			if (toProblem(thrown).code !== 'device_not_found') throw thrown;
		}
		await core.knowDevice(device);
	}
}

export const unknownDevices = new UnknownDevices();
