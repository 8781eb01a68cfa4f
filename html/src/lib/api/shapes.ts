// SPDX-License-Identifier: GPL-3.0-or-later
// The shapes of docs/api.md and docs/realtime.md as decoders; the types follow from them. Names stay the server's.
import {
	boolean,
	bytes,
	exactly,
	integer,
	list,
	nullable,
	object,
	oneOf,
	optional,
	string,
	uuid,
	type Decoded
} from './decode';

const key = exactly(32);
const name = string(400);

export const person = object({ id: uuid, username: string(32, 1), display_name: name });

export const problem = object({
	error: object({
		code: string(64, 1),
		message: string(2000),
		field: optional(string(200)),
		request_id: optional(string(200))
	})
});
export const staleDetails = object({ roster: integer(), epoch: integer() });

export const authConfig = object({
	instance: object({ name: string(400) }),
	setup_required: boolean,
	registration_mode: oneOf('invite_only', 'open', 'closed'),
	community_creation: oneOf('admin_only', 'open'),
	kdf: object({ ops: integer(0), mem: integer(0) })
});

export const prelogin = object({ salt: bytes(64, 8), ops: integer(0), mem: integer(0) });

export const tokens = object({
	access_token: string(8192, 1),
	expires_in: integer(1, 86_400 * 30),
	refresh_token: string(1024, 1),
	session: uuid,
	device: uuid,
	user: object({ id: uuid, username: string(32, 1), display_name: name, role: oneOf('owner', 'admin', 'member') })
});

export const login = object({
	enrol_token: string(8192, 1),
	expires_in: integer(1),
	user: person,
	account_key: key,
	backup_key: key,
	/** Null after an admin's reset: then the other one comes. */
	keyring_password: nullable(bytes(1024, 1)),
	keyring_recovery: optional(bytes(1024, 1))
});

export const recovery = object({
	recover_token: string(8192, 1),
	expires_in: integer(1),
	user: person,
	account_key: key,
	backup_key: key,
	keyring_recovery: bytes(1024, 1)
});

export const resetCode = object({ reset_code: string(100, 1), expires_at: integer() });
export const ownerStays = object({ communities: list(uuid, 1000) });

export const approvalMade = object({ code: string(32, 1), expires_at: integer() });
export const approvalSeen = object({
	id: uuid,
	commitment: key,
	name: string(400),
	address: nullable(string(200)),
	key: optional(key),
	nonce: optional(exactly(16))
});
export const approvalPolled = object({
	state: oneOf('waiting', 'answered', 'approved', 'refused'),
	answer_key: optional(key),
	user: optional(person),
	account_key: optional(key),
	backup_key: optional(key),
	sealed: optional(bytes(1024, 1)),
	enrol_token: optional(string(8192, 1))
});

export const refreshed = object({ access_token: string(8192, 1), expires_in: integer(1, 86_400 * 30) });

export const me = object({
	id: uuid,
	username: string(32, 1),
	display_name: name,
	role: oneOf('owner', 'admin', 'member'),
	account_key: key,
	device: uuid,
	session: uuid
});

export const devices = object({
	devices: list(
		object({
			id: uuid,
			name: string(400),
			created_at: integer(),
			last_used_at: nullable(integer()),
			last_address: nullable(string(200)),
			current: boolean
		}),
		1000
	)
});

export const certifiedDevice = object({ id: uuid, device_key: key, certificate: exactly(66), created_at: integer() });

/** Of an account that was deleted there is no identity any more. */
export const userDevices = object({
	user: uuid,
	username: optional(string(32, 1)),
	display_name: optional(name),
	account_key: nullable(key),
	devices: list(certifiedDevice, 1000)
});

export const prekeyStatus = object({
	one_time: integer(),
	signed: nullable(object({ key_id: integer(), created_at: integer() }))
});
export const prekeyCount = object({ one_time: integer() });

export const bundles = object({
	bundles: list(
		object({
			device: uuid,
			user: uuid,
			device_key: key,
			certificate: exactly(66),
			created_at: integer(),
			signed_prekey: exactly(110),
			one_time_prekey: nullable(object({ id: integer(0, 0xffff_ffff), key }))
		}),
		100
	)
});

export const channel = object({
	id: uuid,
	kind: oneOf('text', 'dm'),
	name: string(400),
	topic: string(4096),
	head: integer(),
	display: integer(),
	roster: integer(),
	epoch: integer(),
	/** How many accounts were deleted that had written in it. */
	wiped: integer(),
	history: oneOf('since_joining', 'all'),
	peer: optional(person)
});

export const community = object({
	id: uuid,
	name: string(400),
	role: oneOf('owner', 'admin', 'moderator', 'member'),
	groups: list(object({ id: uuid, name: string(400), position: integer(), channels: list(channel, 100) }), 200)
});
export const communities = object({ communities: list(community, 1000) });
export const dms = object({ channels: list(channel, 10_000) });

export const members = object({
	members: list(
		object({
			id: uuid,
			username: string(32, 1),
			display_name: name,
			role: oneOf('owner', 'admin', 'moderator', 'member'),
			joined_at: integer()
		}),
		5000
	)
});

export const invite = object({ code: string(100, 1), expires_at: nullable(integer()), max_uses: nullable(integer()) });
export const invites = object({
	invites: list(
		object({
			code: string(100, 1),
			invited_by: person,
			uses: integer(),
			max_uses: nullable(integer()),
			created_at: integer(),
			expires_at: integer()
		}),
		500
	)
});
export const inviteInfo = object({
	community: object({ name: string(400) }),
	invited_by: object({ display_name: name, username: string(32, 1) }),
	members: integer(),
	registration_open: boolean
});

export const roster = object({
	channel: uuid,
	roster: integer(),
	epoch: integer(),
	history: optional(oneOf('since_joining', 'all')),
	members: list(
		object({
			user: uuid,
			username: string(32, 1),
			display_name: name,
			account_key: key,
			devices: list(certifiedDevice, 64)
		}),
		5000
	)
});

export const entry = object({
	channel: uuid,
	seq: integer(1),
	id: uuid,
	kind: string(32, 1),
	ref: nullable(uuid),
	thread: nullable(uuid),
	sender: uuid,
	device: uuid,
	epoch: integer(),
	/** Null, like the commitment, once its author's account was deleted. */
	ciphertext: nullable(bytes(49_152, 1)),
	commitment: nullable(exactly(32)),
	created_at: integer()
});
export const entries = object({ entries: list(entry, 500), more: boolean, wiped: integer() });

export const reports = object({
	reports: list(
		object({
			id: uuid,
			community: nullable(uuid),
			channel: uuid,
			kind: oneOf('text', 'dm'),
			entry: uuid,
			seq: integer(1),
			sender: person,
			reporter: nullable(person),
			payload: bytes(131_072, 1),
			reason: string(4000),
			sent_at: integer(),
			created_at: integer(),
			resolved_at: nullable(integer()),
			resolved_by: nullable(uuid)
		}),
		500
	),
	more: boolean
});

export const inboxItem = object({
	seq: integer(1),
	id: uuid,
	channel: uuid,
	ref: nullable(uuid),
	sender: uuid,
	device: uuid,
	payload: bytes(4096, 1),
	created_at: integer()
});
export const inbox = object({ items: list(inboxItem, 500), more: boolean });

export const backupItems = object({
	items: list(object({ seq: integer(1), data: bytes(65_536, 1) }), 500),
	more: boolean
});
export const stored = object({ stored: integer() });

export type WirePerson = Decoded<typeof person>;
export type WireChannel = Decoded<typeof channel>;
export type WireCommunity = Decoded<typeof community>;
export type WireRoster = Decoded<typeof roster>;
export type WireDevice = Decoded<typeof certifiedDevice>;
export type WireBundle = Decoded<typeof bundles>['bundles'][number];
export type WireEntry = Decoded<typeof entry>;
export type WirePage = Decoded<typeof entries>;
export type WireReport = Decoded<typeof reports>['reports'][number];
export type WireInboxItem = Decoded<typeof inboxItem>;
export type WireLogin = Decoded<typeof login>;
export type WireRecovery = Decoded<typeof recovery>;
export type WireApproval = Decoded<typeof approvalPolled>;
export type WireTokens = Decoded<typeof tokens>;
