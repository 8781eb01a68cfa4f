// SPDX-License-Identifier: GPL-3.0-or-later
// The members of communities that are looked at; read again when who can read one of their channels changes.
import type { Account, Community, Id, Member, Problem } from '$lib/core/types';
import { core, hear, toProblem } from '../core';
import { places } from '../places/state.svelte';

export class MemberDirectory {
	#lists = $state.raw<Record<Id, Member[]>>({});
	#problems = $state.raw<Record<Id, Problem>>({});
	#watched = new Map<Id, number>();
	#due = new Set<Id>();

	constructor() {
		hear({
			security: ({ channel }) => {
				const community = places.place(channel)?.community?.id;
				if (community && this.#watched.has(community)) this.#loadSoon(community);
			},
			account: ({ phase }) => {
				if (phase === 'signed-in') return;
				this.#lists = {};
				this.#problems = {};
			}
		});
	}

	of(community: Id): Member[] | undefined {
		return this.#lists[community];
	}

	problem(community: Id): Problem | undefined {
		return this.#problems[community];
	}

	/** Keeps the list fresh as long as it is shown. */
	watch(community: Id): () => void {
		const watchers = this.#watched.get(community) ?? 0;
		this.#watched.set(community, watchers + 1);
		if (watchers === 0 || !this.#lists[community]) void this.load(community);
		return () => {
			const left = (this.#watched.get(community) ?? 1) - 1;
			if (left > 0) this.#watched.set(community, left);
			else this.#watched.delete(community);
		};
	}

	/** Someone who comes or goes changes every channel of the community at once. */
	#loadSoon(community: Id) {
		if (this.#due.has(community)) return;
		this.#due.add(community);
		setTimeout(() => {
			this.#due.delete(community);
			if (this.#watched.has(community)) void this.load(community);
		}, 200);
	}

	async load(community: Id): Promise<void> {
		try {
			this.#lists = { ...this.#lists, [community]: (await core.members(community)).sort(byRankAndName) };
			const { [community]: _, ...others } = this.#problems;
			this.#problems = others;
		} catch (thrown) {
			this.#problems = { ...this.#problems, [community]: toProblem(thrown) };
		}
	}

	async remove(community: Id, user: Id): Promise<void> {
		await core.removeMember(community, user);
		const rest = this.#lists[community]?.filter((member) => member.id !== user);
		if (rest) this.#lists = { ...this.#lists, [community]: rest };
	}
}

const ranks = { owner: 3, admin: 2, moderator: 1, member: 0 } as const;

const byRankAndName = (a: Member, b: Member) =>
	ranks[b.role] - ranks[a.role] || a.displayName.localeCompare(b.displayName);

/** Whether to offer it; the server decides. One acts only on strictly lower roles, from moderator up. */
export function mayRemove(account: Account | undefined, community: Community, member: Member): boolean {
	if (!account || member.id === account.id) return false;
	const own = account.role === 'owner' ? 5 : account.role === 'admin' ? 4 : ranks[community.role];
	return own >= 1 && own > ranks[member.role];
}

/** Whether to offer it; the server decides, which knows the other's role on the instance. */
export function mayReset(account: Account | undefined, member: Member): boolean {
	return account !== undefined && account.role !== 'member' && member.id !== account.id;
}

export const members = new MemberDirectory();
