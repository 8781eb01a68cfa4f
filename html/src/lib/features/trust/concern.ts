// SPDX-License-Identifier: GPL-3.0-or-later
// What a conversation's lock has to say, and how safety numbers are read. Pure.
import type { Security } from '$lib/core/types';

/** What most needs to be looked at, in the order of its weight. */
export type Concern = 'none' | 'verified' | 'consent' | 'changed' | 'misnamed' | 'refused';

export function concernOf(security: Security): Concern {
	if (security.state === 'verified') return 'verified';
	if (security.state === 'sealed') return 'none';
	if (security.changed.some(({ wasVerified }) => wasVerified)) return 'consent';
	if (security.changed.length > 0) return 'changed';
	return security.misnamed.length > 0 && !security.problem ? 'misnamed' : 'refused';
}

/** Sixty digits as they are read to each other: twelve groups of five. */
export const groupsOfFive = (digits: string): string[] => digits.match(/.{1,5}/g) ?? [];
