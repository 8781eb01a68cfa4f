// SPDX-License-Identifier: GPL-3.0-or-later
// Starts the core and gives each feature its part of what this device knows; the network is not waited for.
import { core, toProblem } from './core';
import { unknownDevices } from './devices/state.svelte';
import { messages } from './messages/state.svelte';
import { places } from './places/state.svelte';
import { session } from './session/state.svelte';

export async function start(): Promise<void> {
	try {
		const known = await core.start();
		places.fill(known);
		unknownDevices.fill(known.unknownDevices);
		const last = places.place(known.lastChannel)?.channel.id;
		if (last && known.lastPage) messages.fill(last, known.lastPage);
		session.begin(known);
	} catch (thrown) {
		session.fail(toProblem(thrown));
	}
}
