// SPDX-License-Identifier: GPL-3.0-or-later
// Dates and times as people read them, in the browser's own locale and time zone. Formatters are made once: making one
// costs more than a thousand uses.
import type { Millis } from '$lib/core/types';
import { t } from '.';

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dated = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const medium = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Days since 1970 in local time; equal for two moments of the same local day. */
export function dayOf(at: Millis): number {
	const d = new Date(at);
	return Math.floor(Date.UTC(d.getFullYear(), d.getMonth(), d.getDate()) / 86_400_000);
}

export const clockTime = (at: Millis) => clock.format(at);
export const fullTime = (at: Millis) => full.format(at);
export const shortDate = (at: Millis) => medium.format(at);
export const exactTime = (at: Millis) => exact.format(at);

export function dayLabel(at: Millis, now: Millis = Date.now()): string {
	const days = dayOf(now) - dayOf(at);
	if (days === 0) return t.conversation.today;
	if (days === 1) return t.conversation.yesterday;
	return (days > 0 && days < 180 ? weekday : dated).format(at);
}
