// SPDX-License-Identifier: GPL-3.0-or-later
import type { HandleClientError } from '@sveltejs/kit';

/** A mistyped address is no fault of the program; anything else is, and is told to whoever opens the console. */
export const handleError: HandleClientError = ({ error, status, message }) => {
	// eslint-disable-next-line no-console
	if (status !== 404) console.error(error);
	return { message };
};
