// SPDX-License-Identifier: GPL-3.0-or-later
// Where in a channel's log each epoch was seen. Along the log epochs do not fall, in whatever order its pages come: who has
// been removed could otherwise go on writing under the epoch they were in, where the server puts it behind a page's edge.
import type { ChannelRecord } from '../store/tables';

/** An epoch, and the seqs of the first and the last entry that was opened under it. */
export interface Span {
	epoch: number;
	first: number;
	last: number;
}

/** Kept at either end. New entries come at the ends; what lies between them was compared when it came. */
const ENDS = 32;

/** Whether an entry with a higher epoch comes before it: then this one is late. */
export function isLate(spans: Span[], epoch: number, seq: number): boolean {
	return spans.some((span) => span.epoch > epoch && span.first < seq);
}

/** The last seq of an entry behind it that has a lower epoch: those up to there are late; null if there is none. */
export function lateUpTo(spans: Span[], epoch: number, seq: number): number | null {
	const late = spans.filter((span) => span.epoch < epoch && span.last > seq);
	return late.length === 0 ? null : Math.max(...late.map(({ last }) => last));
}

/** With an entry that was opened; what is late by it counts no longer. */
export function extend(spans: Span[], epoch: number, seq: number): Span[] {
	const same = spans.find((span) => span.epoch === epoch);
	const lower = spans.filter((span) => span.epoch < epoch && span.first < seq);
	const next = [
		...lower.map((span) => (span.last > seq ? { ...span, last: seq - 1 } : span)),
		{ epoch, first: Math.min(same?.first ?? seq, seq), last: Math.max(same?.last ?? seq, seq) },
		...spans.filter((span) => span.epoch > epoch)
	];
	return next.length <= 2 * ENDS ? next : [...next.slice(0, ENDS), ...next.slice(-ENDS)];
}

export function spansOf(channel: ChannelRecord): Span[] {
	if (channel.spans) return channel.spans;
	const { lastEpoch: epoch, first, last } = channel;
	return epoch === undefined ? [] : [{ epoch, first: Math.min(first, last), last }];
}
