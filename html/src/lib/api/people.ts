// SPDX-License-Identifier: GPL-3.0-or-later
// What the page shows as the server has it, only with the page's names: nothing of it is kept on the device.
import type { AuthConfig, Device, Id, InviteInfo, Member, OpenInvite } from '../core/types';
import type { Api, PublicApi } from './api';

export async function readConfig(api: PublicApi): Promise<AuthConfig> {
	const config = await api.authConfig();
	return {
		instance: { name: config.instance.name },
		setupRequired: config.setup_required,
		registrationMode: config.registration_mode,
		communityCreation: config.community_creation
	};
}

export async function readInvite(api: PublicApi, code: string): Promise<InviteInfo> {
	const info = await api.lookAtInvite(code);
	return {
		community: { name: info.community.name },
		invitedBy: { displayName: info.invited_by.display_name, username: info.invited_by.username },
		members: info.members,
		registrationOpen: info.registration_open
	};
}

export async function readInvites(api: Api, community: Id, urlOf: (code: string) => string): Promise<OpenInvite[]> {
	const { invites } = await api.invites(community);
	return invites.map(({ code, invited_by: { id, username, display_name: displayName }, ...invite }) => ({
		code,
		url: urlOf(code),
		invitedBy: { id, username, displayName },
		uses: invite.uses,
		maxUses: invite.max_uses,
		createdAt: invite.created_at,
		expiresAt: invite.expires_at
	}));
}

export async function readMembers(api: Api, community: Id): Promise<Member[]> {
	const { members } = await api.members(community);
	return members.map(({ id, username, display_name: displayName, role, joined_at: joinedAt }) => {
		return { id, username, displayName, role, joinedAt };
	});
}

export async function readDevices(api: Api): Promise<Device[]> {
	const { devices } = await api.devices();
	return devices.map((device) => ({
		id: device.id,
		name: device.name,
		createdAt: device.created_at,
		lastUsedAt: device.last_used_at ?? device.created_at,
		lastAddress: device.last_address ?? '',
		current: device.current
	}));
}
