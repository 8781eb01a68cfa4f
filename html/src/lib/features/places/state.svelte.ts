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
				this.#communities = communities;
				this.#known = true;
			},
			dms: (dms) => (this.#dms = byLatest(dms)),
			account: ({ phase }) => {
				if (phase === 'signed-out') this.fill({ communities: [], dms: [] });
			}
		});
	}

	fill(start: Pick<Start, 'communities' | 'dms'>) {
		this.#communities = start.communities;
		this.#known = start.communities.length > 0 || start.dms.length > 0;
		this.#dms = byLatest(start.dms);
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
