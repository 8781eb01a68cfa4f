// SPDX-License-Identifier: GPL-3.0-or-later
// The frames of docs/realtime.md: what the client sends, and decoders for what the server sends.
import { boolean, integer, list, object, optional, string, uuid, type Decoded, type Decoder } from '../api/decode';
import { channel, entry, inbox, inboxItem } from '../api/shapes';

const head = object({ id: uuid, head: integer(), roster: integer(), epoch: integer() });

export const ready = object({
	session: uuid,
	device: uuid,
	channels: list(head, 20_000),
	inbox_head: integer(),
	limits: optional(object({ rate: optional(integer(1)), burst: optional(integer(1)) })),
	degraded: boolean
});

const error = object({
	ref: optional(string(64)),
	error: object({ code: string(64, 1), message: string(2000), field: optional(string(200)) })
});

/** Frames the server sends by itself; every other type but `ok`, `error` and `ready` is ignored. */
const pushed = {
	entry,
	inbox: object({ item: inboxItem }),
	roster: object({ channel: uuid, roster: integer(), epoch: integer() }),
	channel_added: object({ channel }),
	channel: object({ channel }),
	channel_removed: object({ channel: uuid }),
	sender_wiped: object({ channel: uuid, sender: uuid }),
	communities: object({}),
	devices: object({}),
	resync: object({}),
	degraded: object({ degraded: boolean })
} satisfies Record<string, Decoder<unknown>>;

export type Pushed = {
	[K in keyof typeof pushed]: { type: K; data: Decoded<(typeof pushed)[K]> };
}[keyof typeof pushed];
export type Ready = Decoded<typeof ready>;

export type Frame =
	| { type: 'ready'; data: Ready }
	| { type: 'ok'; ref: string; result: unknown }
	| {
			type: 'error';
			ref: string | undefined;
			code: string;
			message: string;
			field: string | undefined;
			details: unknown;
	  }
	| { type: 'pushed'; frame: Pushed }
	| { type: 'unknown'; name: string };

/** Throws Malformed, or SyntaxError when it is not JSON. */
export function readFrame(text: string): Frame {
	const value: unknown = JSON.parse(text);
	const { type } = object({ type: string(64, 1) })(value, '');
	if (type === 'ready') return { type, data: ready(value, '') };
	if (type === 'ok') {
		const { ref } = object({ ref: string(64) })(value, '');
		return { type, ref, result: Reflect.get(Object(value), 'result') };
	}
	if (type === 'error') {
		const decoded = error(value, '');
		const details: unknown = Reflect.get(Object(Reflect.get(Object(value), 'error')), 'details');
		return { type, ref: decoded.ref, ...decoded.error, details };
	}
	if (Object.hasOwn(pushed, type)) {
		const name = type as keyof typeof pushed;
		return { type: 'pushed', frame: { type: name, data: pushed[name](value, '') } as Pushed };
	}
	return { type: 'unknown', name: type };
}

export interface SendFrame {
	type: 'send';
	channel: string;
	id: string;
	kind: string;
	ref_id?: string;
	thread?: string;
	roster: number;
	epoch: number;
	ciphertext: string;
	commitment: string;
	envelopes?: { device: string; id: string; payload: string }[];
}

/** Every request with the decoder of its result. */
export const results = {
	send: object({ seq: integer(1), created_at: integer() }),
	deliver: object({ delivered: integer() }),
	sync: object({
		channels: list(
			object({
				id: uuid,
				removed: optional(boolean),
				head: optional(integer()),
				after: optional(integer()),
				roster: optional(integer()),
				epoch: optional(integer()),
				entries: optional(list(entry, 1000)),
				wiped: optional(object({ to: integer(), senders: list(uuid, 1000) })),
				more: optional(boolean)
			}),
			1000
		)
	}),
	inbox,
	ack: object({}),
	ping: object({})
} satisfies Record<string, Decoder<unknown>>;

export type Request =
	| SendFrame
	| { type: 'deliver'; channel: string; items: { device: string; id: string; payload: string }[] }
	| { type: 'sync'; channels: Record<string, number>; wiped: Record<string, number> }
	| { type: 'inbox'; after: number }
	| { type: 'ack'; seq: number }
	| { type: 'ping' };

export type Result<T extends Request['type']> = Decoded<(typeof results)[T]>;
