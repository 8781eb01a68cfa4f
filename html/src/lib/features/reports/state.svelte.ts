// SPDX-License-Identifier: GPL-3.0-or-later
// The message that is about to be reported.
import type { Message } from '$lib/core/types';

class Reporting {
	message = $state.raw<Message | undefined>();
}

export const reporting = new Reporting();

/** Others' messages that can be read here: one reports what one can show. */
export const canReport = (message: Message): boolean => !message.own && message.state === 'received';
