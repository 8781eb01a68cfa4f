// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps a channel's messages in order as pages and events bring them, in whatever order they come. Pure.
import type { Id, Message, MessageState } from '$lib/core/types';

/** By place in the channel; those without one yet come last, as they were written. */
export function inOrder(a: Message, b: Message): number {
	if (a.seq !== null && b.seq !== null) return a.seq - b.seq;
	if (a.seq !== null) return -1;
	if (b.seq !== null) return 1;
	return a.at - b.at || (a.id < b.id ? -1 : 1);
}

/** How final a state is: what was read before an event must not undo it when it arrives after. */
const finality: Record<MessageState, number> = {
	queued: 0,
	sending: 1,
	failed: 2,
	waiting: 2,
	unreadable: 3,
	sent: 4,
	received: 4
};

/** An event's messages: new ones and new versions; `fresh` are those not held before. `floor`: ignore unknown ones older
    than the oldest held, because there is a gap between that would never be filled; they come with their page. Events
    are small and mostly about the newest, so each message is looked for from the end: no work in proportion to what is
    held, as long as it is recent. */
export function applyChanges(
	held: readonly Message[],
	changed: readonly Message[],
	gone: readonly Id[],
	floor: boolean
): { messages: Message[]; fresh: Message[] } {
	const messages = [...held];
	const fresh: Message[] = [];
	const oldest = held[0]?.seq ?? null;
	for (const message of changed) {
		const at = messages.findLastIndex((m) => m.id === message.id);
		if (at === -1) {
			if (floor && oldest !== null && message.seq !== null && message.seq < oldest) continue;
			fresh.push(message);
			insert(messages, message);
		} else if (messages[at]!.seq === message.seq) {
			messages[at] = message;
		} else {
			messages.splice(at, 1);
			insert(messages, message);
		}
	}
	for (const id of gone) {
		const at = messages.findLastIndex((m) => m.id === id);
		if (at !== -1) messages.splice(at, 1);
	}
	return { messages, fresh };
}

function insert(messages: Message[], message: Message) {
	let at = messages.length;
	while (at > 0 && inOrder(messages[at - 1]!, message) > 0) at--;
	messages.splice(at, 0, message);
}

/** A page: read at some moment before now, so what is held already wins unless the page's version is more final. */
export function applyPage(held: readonly Message[], page: readonly Message[]) {
	const byId = new Map(held.map((message) => [message.id, message]));
	for (const message of page) {
		const known = byId.get(message.id);
		if (!known || finality[message.state] > finality[known.state]) byId.set(message.id, message);
	}
	return [...byId.values()].sort(inOrder);
}
