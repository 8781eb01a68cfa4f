// SPDX-License-Identifier: GPL-3.0-or-later
// Own devices that signed in elsewhere and that the person at this one has not said they know.
import type { Device, Id } from '$lib/core/types';
import { core, hear } from '../core';

class UnknownDevices {
	#all = $state.raw<Device[]>([]);

	get first(): Device | undefined {
		return this.#all[0];
	}

	constructor() {
		hear({
			unknownDevices: (devices) => (this.#all = devices),
			account: ({ phase }) => {
				if (phase === 'signed-out') this.#all = [];
			}
		});
	}

	know(device: Id): Promise<void> {
		return core.knowDevice(device);
	}

	async remove(device: Id): Promise<void> {
		await core.removeDevice(device);
		await core.knowDevice(device);
	}
}

export const unknownDevices = new UnknownDevices();
