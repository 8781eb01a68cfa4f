// SPDX-License-Identifier: GPL-3.0-or-later
// What a device writes, put into the server's log without the time it takes to send it.
import { toBase64url } from '../../src/lib/core/bytes';
import type { ClientCore } from '../../src/lib/core/core';
import type { Id } from '../../src/lib/core/types';
import type { Engine } from '../../src/lib/engine/engine';
import { bindingOf } from '../../src/lib/engine/opening';
import { encodePayload } from '../../src/lib/engine/payload';
import type { Relay } from './relay';

interface Tab {
	core: ClientCore;
}

/** The signed-in parts of a client, for what the page cannot cause. */
export function engineOf(person: Tab): Engine {
	return Reflect.get(person.core, 'engine') as Engine;
}

export const uuid = (n: number) => `0199bbbb-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

const lineOf = (n: number) => encodePayload(`line ${n}`, new Uint8Array(32));

/** So many messages that a device sealed and the server took, without the time it takes to send them. */
export async function writeMany(
	relay: Relay,
	from: Tab,
	channel: Id,
	count: number,
	payloadOf = lineOf
): Promise<void> {
	const { ctx } = engineOf(from);
	const { user: sender, device } = ctx.own;
	const place = relay.channels.get(channel)!;
	await ctx.store.change(async (unit) => {
		const own = (await unit.get('ownKeys', channel))!;
		for (let n = 0; n < count; n++) {
			const id = uuid(0x10000 + place.log.length);
			const entry = { channel, epoch: own.epoch, kind: 'message', id, thread: null, ref: null, sender, device };
			const payload = payloadOf(n);
			const sealed = ctx.library.sealChannelMessage(own.chain, bindingOf(entry), payload);
			own.chain = sealed.chain;
			const commitment = toBase64url(ctx.library.frankingCommit(new Uint8Array(32), payload));
			const ciphertext = toBase64url(sealed.message);
			place.log.push({ ...entry, ciphertext, commitment, seq: place.log.length + 1, created_at: Date.now() });
		}
		unit.put('ownKeys', own);
	});
	relay.sendTo(({ user }) => place.members.has(user), { type: 'resync' });
}
