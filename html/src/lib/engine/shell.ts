// SPDX-License-Identifier: GPL-3.0-or-later
// The tree of communities, groups and channels and the list of DMs: kept in the store, read again from the server when it
// changed, shown to the page whole.
import type { WireChannel, WireCommunity } from '../api/shapes';
import { fail } from '../core/problem';
import type { Channel, Community, Id } from '../core/types';
import type { Reader } from '../store/reader';
import type { ChannelRecord, TreeRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import { tally } from './health';
import { addNote } from './notes';
import { pin } from './pins';
import { showPolicy } from './policy';
import { learnNames } from './trust';
import { showChannel } from './view';

/** Many changes in a row are shown once. */
const SHOW_AFTER = 60;
/** How often the list is read before it is left for later, where it changes here during each reading. */
const READINGS = 5;

export class Shell {
	private timer: (() => void) | undefined;

	constructor(private readonly ctx: Context) {}

	/** Reads everything from the server. */
	async refresh(): Promise<void> {
		for (let reading = 0; reading < READINGS; reading++) if (await this.read()) return;
		fail('busy', 'The list of channels changed while it was read.');
	}

	/**
	 * Takes the server's list for all there is; not one that was asked for before something here, in this tab or another
	 * one, came or went: it may not have that yet, or have it still. False then.
	 */
	private async read(): Promise<boolean> {
		const { api, store } = this.ctx;
		const before = await movesIn(store.read);
		const [{ communities }, { channels: dms }] = await Promise.all([api.communities(), api.dms()]);
		return store.change(async (unit) => {
			if ((await movesIn(unit)) !== before) return false;
			const first = (await unit.meta('tree')) === undefined;
			unit.setMeta('tree', { communities: communities.map(treeOf) });
			const there = [...communities.flatMap((c) => c.groups.flatMap((g) => g.channels)), ...dms];
			for (const channel of there) await this.put(unit, channel, first);
			const ids = new Set(there.map((channel) => channel.id));
			for (const record of await unit.all('channels')) if (!ids.has(record.id)) await this.drop(unit, record.id);
			this.changed(unit);
			return true;
		});
	}

	async addCommunity(wire: WireCommunity): Promise<Community> {
		await this.ctx.store.change(async (unit) => {
			const tree = (await unit.meta('tree')) ?? { communities: [] };
			unit.setMeta('tree', { communities: [...tree.communities.filter((c) => c.id !== wire.id), treeOf(wire)] });
			await moved(unit);
			for (const channel of wire.groups.flatMap((group) => group.channels)) await this.put(unit, channel);
			this.changed(unit);
		});
		const found = (await this.show()).communities.find((community) => community.id === wire.id);
		if (!found) throw new Error('the community that was just stored is not there');
		return found;
	}

	/** Null when the server gives something for it that it is known not to be. */
	async addChannel(wire: WireChannel): Promise<Channel | null> {
		return this.ctx.store.change(async (unit) => {
			const record = await this.put(unit, wire);
			this.changed(unit);
			return record && showChannel(this.ctx, unit, record);
		});
	}

	/** Of one that is there, something has changed. */
	async updateChannel(wire: WireChannel): Promise<Channel | null> {
		return (await this.ctx.store.read.get('channels', wire.id)) ? this.addChannel(wire) : null;
	}

	async removeChannel(channel: Id): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			await this.drop(unit, channel);
			this.changed(unit);
		});
	}

	async show(): Promise<{ communities: Community[]; dms: Channel[] }> {
		const { read } = this.ctx.store;
		const [tree, records] = await Promise.all([read.meta('tree'), read.all('channels')]);
		return compose(this.ctx, read, tree ?? { communities: [] }, records);
	}

	/** To be called within a change that touched what the tree shows. */
	changed(unit: Unit): void {
		unit.afterwards.push(() => {
			this.timer ??= this.ctx.platform.after(SHOW_AFTER, () => {
				this.timer = undefined;
				this.tell().catch((error: unknown) => this.ctx.platform.log('error', 'cannot show the channels', error));
			});
		});
	}

	stop(): void {
		this.timer?.();
		this.timer = undefined;
	}

	private async tell(): Promise<void> {
		const { communities, dms } = await this.show();
		this.ctx.store.tell({ type: 'communities', data: communities });
		this.ctx.store.tell({ type: 'dms', data: dms });
	}

	/**
	 * A channel that is new begins at its beginning: what was written in it before this device heard of it is unread. On a
	 * new device, where all are new, each begins at its head, and history comes when it is opened.
	 */
	private async put(unit: Unit, wire: WireChannel, newDevice = false): Promise<ChannelRecord | null> {
		const known = await unit.get('channels', wire.id);
		if (!(await pin(this.ctx, unit, wire))) return known ?? null;
		const peer = wire.peer && { id: wire.peer.id, username: wire.peer.username, displayName: wire.peer.display_name };
		const was = peer ? await learnNames(unit, peer) : null;
		if (peer && was !== null) await addNote(this.ctx, unit, wire.id, 'renamed', peer.id, was);
		const start = newDevice ? wire.head : 0;
		const base = known ?? {
			first: start + 1,
			last: start,
			complete: start === 0,
			read: start,
			unread: 0,
			// Nothing is here of who was deleted before.
			wiped: wire.wiped
		};
		const record: ChannelRecord = {
			...base,
			id: wire.id,
			kind: wire.kind,
			name: wire.name,
			topic: wire.topic,
			// Of two people nobody can join.
			history: wire.kind === 'dm' ? 'since_joining' : wire.history,
			head: Math.max(wire.head, known?.head ?? 0),
			roster: Math.max(wire.roster, known?.roster ?? 0),
			epoch: Math.max(wire.epoch, known?.epoch ?? 0)
		};
		if (peer) record.peer = peer;
		unit.put('channels', record);
		if (!known || shownOf(known) !== shownOf(record)) await moved(unit);
		await showPolicy(this.ctx, unit, wire.id, wire.history);
		return record;
	}

	/** What may not be read any more is not kept; keys stay, for the person may come back. */
	private async drop(unit: Unit, channel: Id): Promise<void> {
		if (await unit.get('channels', channel)) await moved(unit);
		unit.delete('channels', channel);
		unit.delete('rosters', channel);
		unit.delete('ownKeys', channel);
		unit.delete('drafts', channel);
		for (const record of await unit.by('outbox', 'channel', channel)) unit.delete('outbox', record.id);
		for (const record of await unit.by('deliveries', 'channel', channel)) unit.delete('deliveries', record.id);
		for (const message of await unit.range('messages', [channel, 0], [channel, Infinity])) {
			await tally(unit, message, undefined);
			unit.delete('messages', [channel, message.seq]);
		}
	}
}

const movesIn = async (from: Unit | Reader): Promise<number> => (await from.meta('moves'))?.count ?? 0;

async function moved(unit: Unit): Promise<void> {
	unit.setMeta('moves', { count: (await movesIn(unit)) + 1 });
}

/** What the server's list says of a channel and nothing else puts right. */
const shownOf = ({ name, topic, history }: ChannelRecord): string => JSON.stringify([name, topic, history]);

function treeOf(wire: WireCommunity): TreeRecord['communities'][number] {
	const groups = [...wire.groups].sort((a, b) => a.position - b.position);
	return {
		id: wire.id,
		name: wire.name,
		role: wire.role,
		groups: groups.map(({ id, name, channels }) => ({ id, name, channels: channels.map((channel) => channel.id) }))
	};
}

async function compose(ctx: Context, reader: Reader, tree: TreeRecord, records: ChannelRecord[]) {
	const shown = new Map<Id, Channel>();
	for (const record of records) shown.set(record.id, await showChannel(ctx, reader, record));
	const communities = tree.communities.map(({ id, name, role, groups }) => ({
		id,
		name,
		role,
		groups: groups.map((group) => ({
			id: group.id,
			name: group.name,
			channels: group.channels.flatMap((channel) => shown.get(channel) ?? [])
		}))
	}));
	const dms = records
		.filter((record) => record.kind === 'dm')
		.sort((a, b) => (b.latest?.at ?? 0) - (a.latest?.at ?? 0));
	return { communities, dms: dms.flatMap((record) => shown.get(record.id) ?? []) };
}
