// SPDX-License-Identifier: GPL-3.0-or-later
import type { ClientInit, HandleClientError } from '@sveltejs/kit';
import { start } from '$lib/features/start';

/** Not waited for: what this device knows is read while the rest of the page is fetched. */
export const init: ClientInit = () => void start();

/** A mistyped address is no fault of the program; anything else is, and is told to whoever opens the console. */
export const handleError: HandleClientError = ({ error, status, message }) => {
	// eslint-disable-next-line no-console
	if (status !== 404) console.error(error);
	return { message };
};
