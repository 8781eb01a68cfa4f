// SPDX-License-Identifier: GPL-3.0-or-later
// The message that is about to be reported.
import type { Message } from '$lib/core/types';

class Reporting {
	message = $state.raw<Message | undefined>();
}

export const reporting = new Reporting();
