// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of a channel's past, from other members to those who came later, where the policy lets newcomers read everything.
// They are asked for, not sent unasked: of a thousand members one or two answer. What is taken is bounded, and believed
// only as far as it opens something.
import { CryptoError } from '../crypto/library';
import type { Id } from '../core/types';
import type { DeviceKeyRecord, RosterRecord, SenderKeyRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { isForNewcomers } from './policy';
import { otherDevices } from './rosters';

/** How long an answer is waited for, and is taken. */
const DAY = 24 * 3600 * 1000;
/** Keys from other members that are kept of one channel. */
const MOST = 5000;
/** Handed on in one answer: 34 letters. */
const ANSWER = 510;
/** Devices that wrote last are looked for in so many messages: they are the most likely to be there. */
const RECENT = 100;
const HELPERS = 2;

/** Whom to ask for what was written before this device came: none where newcomers are not given it. */
export async function helpersOf(ctx: Context, roster: RosterRecord, channel: Id): Promise<Id[]> {
	const { read } = ctx.store;
	const [pinned, known] = await Promise.all([read.get('pins', channel), read.get('channels', channel)]);
	if (!known || pinned?.history !== 'all') return [];
	const members = roster.members.filter((member) => member.user !== ctx.own.user && !member.changed);
	const devices = new Set(otherDevices({ ...roster, members }, ctx.own.device));
	const written = (await read.messages(channel, known.first, known.last, RECENT)).reverse();
	const recent = [...new Set(written.map(({ device }) => device))].filter((device) => devices.has(device));
	const others = [...devices].filter((device) => !recent.includes(device));
	const anyone = others[Math.floor((ctx.platform.random(1)[0]! / 256) * others.length)];
	// The one by chance comes first now and then: those who wrote last may have gone.
	const found = [...recent.slice(0, HELPERS), ...(anyone === undefined ? [] : [anyone])];
	return found.slice(0, HELPERS + 1);
}

/** Their answers will be taken. */
export async function expectPast(ctx: Context, unit: Unit, channel: Id, devices: Id[]): Promise<void> {
	const now = ctx.platform.now();
	const past = { ...((await unit.meta('past')) ?? {}) };
	for (const [place, { asked }] of Object.entries(past))
		if (Object.values(asked).every((at) => now - at > DAY)) delete past[place];
	const known = past[channel] ?? { asked: {}, kept: 0 };
	past[channel] = {
		...known,
		asked: { ...known.asked, ...Object.fromEntries(devices.map((device) => [device, now])) }
	};
	unit.setMeta('past', past);
}

/** How many keys are taken from this device now; throws CryptoError where none are. */
export async function roomForPast(ctx: Context, unit: Unit, channel: Id, peer: DeviceKeyRecord): Promise<number> {
	const [pinned, roster, known] = [
		await unit.get('pins', channel),
		await unit.get('rosters', channel),
		(await unit.meta('past'))?.[channel]
	];
	const at = known?.asked[peer.id];
	const isMember = roster?.members.some(
		({ user, devices, changed }) => user === peer.user && !changed && devices.includes(peer.id)
	);
	const isExpected = pinned?.history === 'all' && at !== undefined && ctx.platform.now() - at < DAY;
	if (!isMember || !isExpected) throw new CryptoError('auth', 'keys handed on by somebody who was not asked');
	const room = MOST - known!.kept;
	if (room <= 0) throw new CryptoError('exhausted', 'too many keys handed on');
	return room;
}

export async function keepPast(unit: Unit, channel: Id, count: number): Promise<void> {
	const past = (await unit.meta('past')) ?? {};
	const known = past[channel];
	if (known && count > 0) unit.setMeta('past', { ...past, [channel]: { ...known, kept: known.kept + count } });
}

/** What a newcomer who asks for this key is given: it first, then what was there at that time and before, then the rest. */
export async function pastFor(ctx: Context, channel: Id, keyId: string): Promise<SenderKeyRecord[]> {
	const { read } = ctx.store;
	const pinned = await read.get('pins', channel);
	if (pinned?.history !== 'all') return [];
	const keys = (await read.range('senderKeys', [channel], [channel, []])).filter((key) => isForNewcomers(pinned, key));
	const epoch = keys.find((key) => key.keyId === keyId)?.epoch ?? Infinity;
	const rank = (key: SenderKeyRecord) => (key.keyId === keyId ? 2 : key.epoch <= epoch ? 1 : 0);
	return keys.sort((a, b) => rank(b) - rank(a) || b.epoch - a.epoch).slice(0, ANSWER);
}
