// SPDX-License-Identifier: GPL-3.0-or-later
declare global {
	namespace App {
		interface PageState {
			/** The side panel that is open; kept in the history entry so that "back" closes it on a phone. */
			panel?: 'members';
		}
	}

	/** The core worker, if it was started early; see scripts/finish-build.mjs. */
	var chatalotWorker: Worker | undefined;
}

export {};
