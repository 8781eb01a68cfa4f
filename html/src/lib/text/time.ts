// SPDX-License-Identifier: GPL-3.0-or-later
// Dates and times as people read them, in the browser's own locale and time zone. Formatters are made once, for making one
// costs more than a thousand uses; and when they are first needed, for all of them would delay the first sight.
import type { Millis } from '$lib/core/types';
import { t } from '.';

function formatter(options: Intl.DateTimeFormatOptions): (at: Millis) => string {
	let made: Intl.DateTimeFormat | undefined;
	return (at) => (made ??= new Intl.DateTimeFormat(undefined, options)).format(at);
}

export const clockTime = formatter({ hour: 'numeric', minute: '2-digit' });
export const fullTime = formatter({ dateStyle: 'full', timeStyle: 'medium' });
export const shortDate = formatter({ dateStyle: 'medium' });
export const exactTime = formatter({ dateStyle: 'medium', timeStyle: 'short' });
const weekday = formatter({ weekday: 'long', day: 'numeric', month: 'long' });
const dated = formatter({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** Days since 1970 in local time; equal for two moments of the same local day. */
export function dayOf(at: Millis): number {
	const d = new Date(at);
	return Math.floor(Date.UTC(d.getFullYear(), d.getMonth(), d.getDate()) / 86_400_000);
}

export function dayLabel(at: Millis, now: Millis = Date.now()): string {
	const days = dayOf(now) - dayOf(at);
	if (days === 0) return t.conversation.today;
	if (days === 1) return t.conversation.yesterday;
	return (days > 0 && days < 180 ? weekday : dated)(at);
}
