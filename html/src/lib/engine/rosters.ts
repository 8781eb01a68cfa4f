// SPDX-License-Identifier: GPL-3.0-or-later
// Who can read a channel: fetched when the server's version moved, verified member by member and device by device.
import type { WireRoster } from '../api/shapes';
import { fail, Failure, isPassing } from '../core/problem';
import type { Id, Problem } from '../core/types';
import type { RosterMember, RosterRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { addNote } from './notes';
import { canHave, pinOf } from './pins';
import { showPolicy } from './policy';
import { certify, learnNames, meet } from './trust';

export const READERS_REFUSED: Problem = {
	code: 'readers_refused',
	message: 'The server names other readers than the two of you. Nothing is sent until it no longer does.'
};

/** Members that are verified under one hold of the state lock. */
const PORTION = 50;

export class Rosters {
	constructor(private readonly ctx: Context) {}

	/** The verified roster of the version that the channel is known to have. */
	async current(channel: Id): Promise<RosterRecord> {
		const { read } = this.ctx.store;
		const [cached, known] = await Promise.all([read.get('rosters', channel), read.get('channels', channel)]);
		if (cached && !cached.stale && known && cached.roster === known.roster && cached.epoch === known.epoch)
			return cached;
		return this.fetch(channel);
	}

	async fetch(channel: Id): Promise<RosterRecord> {
		return this.take(channel, await this.ctx.api.roster(channel));
	}

	/** For the names in it only: a list that is refused leaves people unnamed, and stops nothing else. */
	async learn(channel: Id): Promise<void> {
		try {
			await this.current(channel);
		} catch (error) {
			if (!(error instanceof Failure) || isPassing(error)) throw error;
			this.ctx.platform.log('warn', `the members of ${channel} are not known: ${error.code}`);
		}
	}

	private async take(channel: Id, wire: WireRoster): Promise<RosterRecord> {
		if (wire.channel !== channel) fail('bad_reply', 'The server told the members of another channel.');
		const taken = await this.ctx.store.change(async (unit) => {
			if (!(await this.mayRead(unit, wire))) return 'refused';
			await this.requireNewer(unit, wire);
			return wire.members.length > PORTION
				? 'large'
				: this.put(unit, wire, await this.verify(unit, channel, wire.members));
		});
		if (taken === 'refused') throw new Failure(READERS_REFUSED);
		return taken === 'large' ? this.takeLarge(channel, wire) : taken;
	}

	/** In portions, so that nobody waits for the state lock while thousands of certificates are verified. */
	private async takeLarge(channel: Id, wire: WireRoster): Promise<RosterRecord> {
		const { store } = this.ctx;
		const members: RosterMember[] = [];
		for (let at = 0; at < wire.members.length; at += PORTION) {
			const portion = wire.members.slice(at, at + PORTION);
			members.push(...(await store.change((unit) => this.verify(unit, channel, portion))));
		}
		return store.change(async (unit) => {
			await unit.preload(
				'people',
				members.map(({ user }) => user)
			);
			// Of somebody verified another identity may have been shown elsewhere since their portion.
			for (const member of members) if ((await unit.get('people', member.user))?.changedKey) member.changed = true;
			return this.put(unit, wire, members);
		});
	}

	/** Whether a private conversation has its two readers only; others are noted, and learn nothing. */
	private async mayRead(unit: Unit, wire: WireRoster): Promise<boolean> {
		const { ctx } = this;
		const pinned = await pinOf(unit, wire.channel);
		const users = wire.members.map(({ user }) => user);
		if (!pinned || canHave(pinned, ctx.own.user, users)) return true;
		const stranger = wire.members.find(({ user }) => user !== ctx.own.user && user !== pinned.peer);
		if (stranger) {
			const { user: id, username, display_name: displayName } = stranger;
			await learnNames(unit, { id, username, displayName });
		}
		await addNote(ctx, unit, wire.channel, 'readers_refused', stranger?.user ?? null);
		return false;
	}

	private async requireNewer(unit: Unit, { channel, roster, epoch }: WireRoster): Promise<RosterRecord | undefined> {
		const before = await unit.get('rosters', channel);
		if (before && (roster < before.roster || epoch < before.epoch))
			fail('roster_old', 'The server told an older list of members than before.');
		return before;
	}

	private async verify(unit: Unit, channel: Id, told: WireRoster['members']): Promise<RosterMember[]> {
		const { ctx } = this;
		await unit.preload(
			'people',
			told.map(({ user }) => user)
		);
		await unit.preload(
			'devices',
			told.flatMap(({ devices }) => devices.map(({ id }) => id))
		);
		const members: RosterMember[] = [];
		for (const member of told) {
			const { user, username, display_name: displayName } = member;
			const was = await learnNames(unit, { id: user, username, displayName });
			if (was !== null) await addNote(ctx, unit, channel, 'renamed', user, was);
			const changed = !(await meet(ctx, unit, user, member.account_key));
			const devices: Id[] = [];
			const uncertified: Id[] = [];
			for (const device of member.devices)
				((await certify(ctx, unit, user, device)) ? devices : uncertified).push(device.id);
			members.push({ user, devices, uncertified, changed });
		}
		return members;
	}

	private async put(unit: Unit, wire: WireRoster, members: RosterMember[]): Promise<RosterRecord> {
		const { ctx } = this;
		const { channel } = wire;
		const before = await this.requireNewer(unit, wire);
		const record = { channel, roster: wire.roster, epoch: wire.epoch, members };
		const known = await unit.get('channels', channel);
		// Of a conversation that is not there it is not known who may read it: nothing may rest on such a list later.
		if (!known) return record;
		unit.put('rosters', record);
		unit.put('channels', { ...known, roster: wire.roster, epoch: wire.epoch });
		// Before anything is sealed for this list: whoever writes has been shown who will read it.
		if (wire.history) await showPolicy(ctx, unit, channel, wire.history);
		if (before) await this.noteChanges(unit, before, record);
		if (worry(before) !== worry(record)) unit.emit({ type: 'security', data: { channel } });
		return record;
	}

	/** Whoever the server lets in is let in before everybody's eyes. */
	private async noteChanges(unit: Unit, before: RosterRecord, now: RosterRecord): Promise<void> {
		const { ctx } = this;
		const known = new Map(before.members.map((member) => [member.user, member]));
		for (const member of now.members) {
			const { user, devices } = member;
			const old = known.get(user);
			if (!old) await addNote(ctx, unit, now.channel, 'reader_added', user);
			if (!old || user !== ctx.own.user) continue;
			const added = devices.some((device) => device !== ctx.own.device && !old.devices.includes(device));
			if (added) await addNote(ctx, unit, now.channel, 'own_device_added', user);
		}
		const left = new Set(now.members.map(({ user }) => user));
		for (const { user } of before.members)
			if (!left.has(user)) await addNote(ctx, unit, now.channel, 'reader_removed', user);
	}
}

/** What of a roster a person would be warned about, as something that can be compared. */
function worry(roster: RosterRecord | undefined): string {
	if (!roster) return '[]';
	return JSON.stringify(
		roster.members.filter((m) => m.changed || m.uncertified.length > 0).map((m) => [m.user, m.changed])
	);
}

/** Every device that may get keys, but this one. */
export function otherDevices(roster: RosterRecord, own: Id): Id[] {
	return roster.members.flatMap((member) => member.devices).filter((device) => device !== own);
}

/** Nothing is sealed for a roster with somebody who was verified and shows another identity now. */
export function requireUnchanged(roster: RosterRecord): void {
	if (roster.members.some((member) => member.changed))
		fail(
			'identity_changed',
			'The identity of somebody you verified has changed. Nothing is sent until you have looked at that.'
		);
}
