// SPDX-License-Identifier: GPL-3.0-or-later
// What can be reported. Pure.
import type { Message } from '$lib/core/types';

/** Others' messages that can be read here: one reports what one can show. */
export const canReport = (message: Message): boolean => !message.own && message.state === 'received';
