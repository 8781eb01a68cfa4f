// SPDX-License-Identifier: GPL-3.0-or-later
// The communities, channels and direct messages of the person, and looking them up. The core sends the whole tree.
import type { Channel, Community, Id, Start } from '$lib/core/types';
import { hear } from '../core';

export interface Place {
	channel: Channel;
	/** Absent for a direct message. */
	community?: Community;
}

class Places {
	#communities = $state.raw<Community[]>([]);
	#dms = $state.raw<Channel[]>([]);
	#known = $state(false);
	/** Communities, by id, that went away while this page was open and were not left from here. */
	#lost = $state.raw<Record<Id, string>>({});
	#leaving = new Set<Id>();
	#byChannel = $derived.by(() => {
		const map = new Map<Id, Place>();
		for (const community of this.#communities)
			for (const group of community.groups)
				for (const channel of group.channels) map.set(channel.id, { channel, community });
		for (const channel of this.#dms) map.set(channel.id, { channel });
		return map;
	});

	/** False on a new device until the server has told what there is: "nothing" would be a guess. */
	get known() {
		return this.#known;
	}
	get communities() {
		return this.#communities;
	}
	/** Newest conversation first. */
	get dms() {
		return this.#dms;
	}
	get dmUnread() {
		return this.#dms.reduce((sum, dm) => sum + dm.unread, 0);
	}
	/** Every conversation in the order in which the shell shows them. */
	get all(): Place[] {
		return [...this.#byChannel.values()];
	}

	constructor() {
		hear({
			communities: (communities) => {
				this.#noteLost(communities);
				this.#communities = communities;
				this.#known = true;
			},
			dms: (dms) => (this.#dms = byLatest(dms)),
			account: ({ phase }) => {
				if (phase !== 'signed-out') return;
				this.fill({ communities: [], dms: [] });
				this.#lost = {};
			}
		});
	}

	fill(start: Pick<Start, 'communities' | 'dms'>) {
		this.#communities = start.communities;
		this.#known = start.communities.length > 0 || start.dms.length > 0;
		this.#dms = byLatest(start.dms);
	}

	/** The name of a community one was removed from, if that is why it is not there. */
	lost(id: Id | undefined): string | undefined {
		return id === undefined ? undefined : this.#lost[id];
	}

	/** What one leaves by oneself is not lost. */
	leaving(community: Id) {
		this.#leaving.add(community);
	}

	#noteLost(now: Community[]) {
		const here = new Set(now.map(({ id }) => id));
		const gone = this.#communities.filter(({ id }) => !here.has(id) && !this.#leaving.delete(id));
		const kept = Object.entries(this.#lost).filter(([id]) => !here.has(id));
		this.#lost = Object.fromEntries([...kept, ...gone.map(({ id, name }) => [id, name])]);
	}

	/** An action's own result, shown before the event that follows it. */
	add(community: Community) {
		const others = this.#communities.filter((c) => c.id !== community.id);
		this.#communities = [...others, community];
	}
	addDm(dm: Channel) {
		if (!this.#dms.some((d) => d.id === dm.id)) this.#dms = byLatest([...this.#dms, dm]);
	}

	community(id: Id | undefined): Community | undefined {
		return this.#communities.find((c) => c.id === id);
	}
	place(channel: Id | undefined): Place | undefined {
		return channel ? this.#byChannel.get(channel) : undefined;
	}
}

const byLatest = (dms: Channel[]) => [...dms].sort((a, b) => (b.latest?.at ?? 0) - (a.latest?.at ?? 0));

export const channelsOf = (community: Community): Channel[] => community.groups.flatMap((g) => g.channels);
export const unreadOf = (community: Community): number =>
	channelsOf(community).reduce((sum, channel) => sum + channel.unread, 0);

/** What a conversation is called: a channel's name, or the other person's. */
export const titleOf = (channel: Channel): string => channel.peer?.displayName ?? channel.name;

export const pathOf = ({ channel, community }: Place): string =>
	community ? `/c/${community.id}/${channel.id}` : `/dm/${channel.id}`;

export const places = new Places();
