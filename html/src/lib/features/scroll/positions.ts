// SPDX-License-Identifier: GPL-3.0-or-later
// Where the reader was in each conversation, as long as the page lives.
import type { Id } from '$lib/core/types';
import type { Position } from './scroller';

export const positions = new Map<Id, Position>();
