// SPDX-License-Identifier: GPL-3.0-or-later
// What can be done with communities and direct messages. Each throws a Problem for its caller to show.
import { goto } from '$app/navigation';
import type { Community, Id, Invite } from '$lib/core/types';
import { core } from '../core';
import { channelsOf, pathOf, places } from './state.svelte';

export async function createCommunity(name: string): Promise<Community> {
	const community = await core.createCommunity(name);
	places.add(community);
	return community;
}

export async function acceptInvite(code: string): Promise<Community> {
	const community = await core.acceptInvite(code);
	places.add(community);
	return community;
}

export function createInvite(community: Id, o: { maxUses?: number; expiresInHours?: number }): Promise<Invite> {
	return core.createInvite(community, o);
}

export async function leaveCommunity(community: Id): Promise<void> {
	places.leaving(community);
	await core.leaveCommunity(community);
	await goto('/', { replaceState: true });
}

/** Opens the conversation with a person; the same two people always get the same one. */
export async function openDm(user: Id): Promise<void> {
	const channel = await core.openDm(user);
	places.addDm(channel);
	await goto(pathOf({ channel }));
}

/** To a community's first channel. */
export async function enter(community: Community): Promise<void> {
	const channel = channelsOf(community)[0];
	await goto(channel ? pathOf({ channel, community }) : `/c/${community.id}`, { replaceState: true });
}
