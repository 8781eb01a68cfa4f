// SPDX-License-Identifier: GPL-3.0-or-later
// A server in memory that follows docs/api.md and docs/realtime.md as far as the client uses them, at the edge of the
// platform: it relays and believes, as the real one does, and can be told to lie, to lose and to refuse.
import { createHmac } from 'node:crypto';
import type { SocketLike } from '../../src/lib/core/platform';
import { attach, type RelaySocket } from './relay-socket';
import type { Network } from './platform';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON that the client under test decodes strictly */
export type Json = any;

export interface RelayDevice {
	id: string;
	user: string;
	upload: Json;
	once: { id: number; key: string }[];
	/** The highest id of a one-time prekey ever uploaded: none up to it is taken again. */
	onceHigh: number;
	refresh: Map<string, string | null>;
	access: Set<string>;
	inbox: Json[];
	inboxSeq: number;
	live: boolean;
}

export interface RelayUser {
	body: Json;
	role: string;
	devices: RelayDevice[];
	backup: { seq: number; data: string }[];
	resetCode?: string | undefined;
}

export interface RelayChannel {
	id: string;
	kind: 'text' | 'dm';
	name: string;
	members: Map<string, number>;
	log: Json[];
	roster: number;
	epoch: number;
	history?: 'since_joining' | 'all';
	/** Who was deleted that had written in it, in order. */
	wiped?: string[];
}

export interface RelayCommunity {
	id: string;
	name: string;
	group: string;
	members: Map<string, string>;
	channel: RelayChannel;
}

export class Refusal extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		readonly details?: Json
	) {
		super(code);
	}
}

let counter = 0;
export const newUuid = () => `0199aaaa-0000-7000-8000-${(++counter).toString(16).padStart(12, '0')}`;

export class Relay implements Network {
	readonly origin = 'http://relay.test';
	readonly users = new Map<string, RelayUser>();
	readonly communities = new Map<string, RelayCommunity>();
	readonly channels = new Map<string, RelayChannel>();
	readonly invites = new Map<string, string>();
	/** Who made which. */
	readonly inviters = new Map<string, string>();
	readonly sockets = new Set<RelaySocket>();
	readonly enrolTokens = new Map<string, string>();
	readonly recoverTokens = new Map<string, string>();
	/** Requests of new devices, by code. */
	readonly approvals = new Map<string, Json>();
	readonly calls: string[] = [];
	/** Every body and frame as it came, for the search for what should not have left a device. */
	readonly sent: string[] = [];
	/** Reports, that were among them. */
	readonly revealed: string[] = [];
	readonly reports: Json[] = [];
	kdf = { ops: 3, mem: 64 * 1024 * 1024 };
	/** Looks at, and may change or replace, every reply and frame on its way to the client. */
	tamperReply: (path: string, reply: Json) => Json = (_path, reply) => reply;
	tamperFrame: (frame: Json, device: RelayDevice | undefined) => Json | null = (frame) => frame;
	/** Called with each request before it is worked on; may throw a Refusal. */
	before: (call: string, body: Json) => void = () => undefined;
	/** Called when a request has been worked on; true loses the answer. */
	loseAnswer: (call: string) => boolean = () => false;
	/** What answers wait for on their way. */
	hold: (path: string) => Promise<void> = () => Promise.resolve();
	reachable = true;
	pageLimit = 100;
	/** Entries of a channel in one answer to `sync`. */
	syncLimit = 100;

	fetch = async (url: string, init: RequestInit): Promise<Response> => {
		const { pathname, searchParams } = new URL(url);
		const path = pathname.replace(/^\/api/, '');
		const call = `${init.method} ${path}`;
		this.calls.push(call);
		if (init.body) this.sent.push(init.body as string);
		await new Promise((resolve) => setImmediate(resolve));
		if (!this.reachable) throw new TypeError('network');
		try {
			const token = new Headers(init.headers).get('authorization')?.slice(7);
			const body = init.body ? JSON.parse(init.body as string) : {};
			this.before(call, body);
			const reply = this.tamperReply(path, structuredClone(this.route(init.method!, path, searchParams, body, token)));
			await this.hold(path);
			if (this.loseAnswer(call)) throw new TypeError('network');
			return Response.json(reply);
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			const { status, code, details } = error;
			return Response.json({ error: { code, message: code, details, request_id: 'r' } }, { status });
		}
	};

	socket = (): SocketLike => attach(this);

	deviceOf(token: string | undefined): RelayDevice {
		for (const user of this.users.values())
			for (const device of user.devices) if (device.live && token && device.access.has(token)) return device;
		throw new Refusal(401, 'session_ended');
	}

	device(id: string): RelayDevice | undefined {
		for (const user of this.users.values()) for (const device of user.devices) if (device.id === id) return device;
		return undefined;
	}

	sendTo(match: (device: RelayDevice) => boolean, frame: Json): void {
		for (const socket of this.sockets) if (socket.device && match(socket.device)) socket.push(frame);
	}

	/** Closes every connection, as a worker that is killed does. */
	cut(code = 1006): void {
		for (const socket of [...this.sockets]) socket.drop(code);
	}

	rosterOf(channel: RelayChannel): RelayDevice[] {
		return [...channel.members.keys()].flatMap((user) => this.users.get(user)!.devices.filter((device) => device.live));
	}

	rosterMoved(user: string): void {
		for (const channel of this.channels.values()) {
			if (!channel.members.has(user)) continue;
			channel.roster++;
			this.announce(channel);
		}
	}

	announce(channel: RelayChannel): void {
		const { roster, epoch } = channel;
		this.sendTo(({ user }) => channel.members.has(user), { type: 'roster', channel: channel.id, roster, epoch });
	}

	put(device: RelayDevice, item: Json): void {
		const same = device.inbox.some((one) => one.id === item.id && one.device === item.device);
		if (same) return;
		const full = { ...item, seq: ++device.inboxSeq, created_at: Date.now() };
		device.inbox.push(full);
		this.sendTo(({ id }) => id === device.id, { type: 'inbox', item: full });
	}

	join(community: RelayCommunity, user: string, role: string): void {
		const { channel } = community;
		community.members.set(user, role);
		channel.members.set(user, channel.log.length);
		channel.roster++;
		this.announce(channel);
		this.sendTo((device) => device.user === user, { type: 'communities' });
	}

	/** Behind which seq of a channel its entries are a member's to read. */
	joined(channel: RelayChannel, user: string): number {
		return channel.history === 'all' ? 0 : channel.members.get(user)!;
	}

	/** As PATCH /channels/{channel} does it: a new epoch begins, and everybody hears why. */
	setHistory(channel: RelayChannel, history: 'since_joining' | 'all'): void {
		channel.history = history;
		channel.roster++;
		channel.epoch++;
		this.announce(channel);
		this.tellHistory(channel);
	}

	tellHistory(channel: RelayChannel): void {
		const told = this.channelJson(channel, [...channel.members.keys()][0]!);
		this.sendTo(({ user }) => channel.members.has(user), { type: 'channel', channel: told });
	}

	/** The account is gone: out of everything, and what it wrote is wiped. */
	deleteUser(user: string): void {
		for (const device of this.users.get(user)!.devices) device.live = false;
		for (const socket of [...this.sockets]) if (socket.device?.user === user) socket.drop(4001);
		for (const community of this.communities.values()) if (community.members.has(user)) this.leave(community, user);
		this.users.get(user)!.body.display_name = 'Deleted account';
		for (const channel of this.channels.values()) {
			const theirs = channel.log.filter(({ sender }) => sender === user);
			for (const entry of theirs) entry.ciphertext = entry.commitment = null;
			if (theirs.length === 0) continue;
			channel.wiped = [...(channel.wiped ?? []), user];
			const told = { type: 'sender_wiped', channel: channel.id, sender: user };
			this.sendTo((device) => channel.members.has(device.user), told);
		}
	}

	leave(community: RelayCommunity, user: string): void {
		const { channel } = community;
		community.members.delete(user);
		channel.members.delete(user);
		channel.roster++;
		channel.epoch++;
		this.announce(channel);
		this.sendTo((device) => device.user === user, { type: 'channel_removed', channel: channel.id });
		this.sendTo((device) => device.user === user, { type: 'communities' });
	}

	channelFor(device: RelayDevice, id: string): RelayChannel {
		const channel = this.channels.get(id);
		if (!channel?.members.has(device.user)) throw new Refusal(404, 'channel_not_found');
		return channel;
	}

	private route(method: string, path: string, query: URLSearchParams, body: Json, token: string | undefined): Json {
		const parts = path.split('/').slice(1);
		const call = `${method} ${parts.map((part) => (/^[0-9a-f]{8}-/.test(part) ? '*' : part)).join('/')}`;
		const me = () => this.deviceOf(token);
		switch (call) {
			case 'GET auth/config':
				return {
					instance: { name: 'Relay' },
					setup_required: this.users.size === 0,
					registration_mode: 'open',
					community_creation: 'open',
					kdf: this.kdf
				};
			case 'POST auth/prelogin': {
				const user = this.named(body.username);
				return { salt: user?.body.salt ?? 'AAAAAAAAAAAAAAAAAAAAAA', ...this.kdf };
			}
			case 'POST auth/register':
				return this.register(body);
			case 'POST auth/login':
				return this.login(body);
			case 'POST auth/recovery': {
				const user = this.proven(body.username, 'recovery_key', body.recovery_key);
				const recover_token = `recover-${++counter}`;
				this.recoverTokens.set(recover_token, user.body.user);
				const { account_key, backup_key, keyring_recovery } = user.body;
				return {
					recover_token,
					expires_in: 600,
					user: this.person(user.body.user),
					account_key,
					backup_key,
					keyring_recovery
				};
			}
			case 'POST auth/recovery/complete': {
				const user = this.users.get(this.recoverTokens.get(token ?? '') ?? '');
				if (!user) throw new Refusal(401, 'session_ended');
				if (body.account_key !== user.body.account_key) throw new Refusal(422, 'account_key');
				this.recoverTokens.delete(token!);
				const { salt, ops, mem, login_key, recovery_key, keyring_password, keyring_recovery } = body;
				Object.assign(user.body, { salt, ops, mem, login_key, recovery_key, keyring_password, keyring_recovery });
				for (const device of user.devices) if (device.live) this.removeDevice(device);
				return this.tokens(this.addDevice(user.body.user, body.device));
			}
			case 'POST auth/password': {
				const { body: kept } = this.proven(this.nameOf(me()), 'login_key', body.login_key);
				Object.assign(kept, body.new);
				return {};
			}
			case 'POST auth/recovery-code': {
				const { body: kept } = this.proven(this.nameOf(me()), 'login_key', body.login_key);
				const { recovery_key, keyring_recovery } = body;
				Object.assign(kept, { recovery_key, keyring_recovery });
				return {};
			}
			case 'POST auth/reset': {
				const user = this.named(body.username);
				if (!user || !user.resetCode || user.resetCode !== body.reset_code) throw new Refusal(401, 'bad_credentials');
				const { salt, ops, mem, login_key } = body;
				Object.assign(user.body, { salt, ops, mem, login_key, keyring_password: null });
				user.resetCode = undefined;
				return {};
			}
			case 'POST users/*/reset':
				return { reset_code: this.reset(parts[1]!), expires_at: Date.now() + 86_400_000 };
			case 'POST auth/identity': {
				const enrolling = this.enrolTokens.get(token ?? '');
				const id = enrolling ?? me().user;
				const { username } = this.users.get(id)!.body;
				const user = this.proven(username, 'login_key', body.login_key);
				for (const device of user.devices) if (device.live) this.removeDevice(device);
				const { account_key, backup_key, keyring_password, recovery_key, keyring_recovery } = body;
				Object.assign(user.body, { account_key, backup_key, keyring_password, recovery_key, keyring_recovery });
				user.backup = [];
				return this.tokens(this.addDevice(id, body.device));
			}
			case 'POST account/delete': {
				const user = this.proven(this.nameOf(me()), 'login_key', body.login_key);
				const owned = [...this.communities.values()].filter(
					({ members }) => members.get(user.body.user) === 'owner' && members.size > 1
				);
				if (owned.length > 0) throw new Refusal(409, 'owner_stays', { communities: owned.map(({ id }) => id) });
				for (const device of user.devices) if (device.live) this.removeDevice(device);
				for (const community of this.communities.values())
					if (community.members.has(user.body.user)) this.leave(community, user.body.user);
				user.body.username = `deleted${++counter}`;
				return {};
			}
			case 'PATCH devices/*': {
				this.ownDevice(me(), parts[1]!).upload.name = body.name;
				return {};
			}
			case 'DELETE devices/*':
				this.removeDevice(this.ownDevice(me(), parts[1]!));
				return {};
			case 'POST approvals': {
				const code = `ABCD${(++counter % 10_000).toString().padStart(4, '0')}`;
				this.approvals.set(code, { ...body, created_at: Date.now() });
				return { code: code.toLowerCase(), expires_at: Date.now() + 600_000 };
			}
			case 'POST approvals/poll':
				return this.pollApproval(this.claimed(body));
			case 'POST approvals/cancel':
				Object.assign(this.claimed(body), { refused: true, sealed: undefined });
				return {};
			case 'POST approvals/reveal': {
				const approval = this.claimed(body);
				if (!approval.answer) throw new Refusal(409, 'conflict');
				approval.key ??= body.key;
				approval.nonce ??= body.nonce;
				return {};
			}
			case 'POST auth/refresh':
				return this.refresh(body);
			case 'POST auth/logout':
				this.removeDevice(me());
				return {};
			case 'GET me': {
				const { user, id } = me();
				return { ...this.person(user), role: this.users.get(user)!.role, device: id, session: id };
			}
			case 'GET devices': {
				const own = me();
				const live = this.users.get(own.user)!.devices.filter((device) => device.live);
				const show = ({ id, upload }: RelayDevice) => ({ id, name: upload.name, created_at: upload.created_at });
				const more = { last_used_at: Date.now(), last_address: '::1' };
				return { devices: live.map((one) => ({ ...show(one), ...more, current: one.id === own.id })) };
			}
			case 'POST devices': {
				const user = this.enrolTokens.get(token ?? '');
				if (!user) throw new Refusal(401, 'token_invalid');
				const known = this.users.get(user)!.devices.find(({ id }) => id === body.device.id);
				return this.tokens(known ?? this.addDevice(user, body.device));
			}
			case 'GET users/*/devices': {
				const { username, display_name, account_key } = this.person(parts[1]!);
				return { user: parts[1], username, display_name, account_key, devices: this.certified(parts[1]!, true) };
			}
			case 'PATCH channels/*': {
				const { user } = me();
				const channel = this.channels.get(parts[1]!)!;
				if (channel.history !== body.history) this.setHistory(channel, body.history);
				return this.channelJson(channel, user);
			}
			case 'POST reports':
				return this.report(me().user, body);
			case 'GET reports': {
				const all = [...this.reports].reverse();
				const from = all.findIndex(({ id }) => id === query.get('before')) + 1;
				return { reports: all.slice(from, from + 20), more: all.length > from + 20 };
			}
			case 'POST reports/*/resolve': {
				const report = this.reports.find(({ id }) => id === parts[1]);
				if (!report) throw new Refusal(404, 'report_not_found');
				Object.assign(report, { resolved_at: Date.now(), resolved_by: me().user });
				return {};
			}
			case 'GET prekeys':
				return { one_time: me().once.length, signed: { key_id: 1, created_at: 1 } };
			case 'POST prekeys': {
				const device = me();
				const fresh = (body.one_time_prekeys ?? []).filter(({ id }: Json) => id > device.onceHigh);
				device.once.push(...fresh);
				device.onceHigh = fresh.reduce((high: number, { id }: Json) => Math.max(high, id), device.onceHigh);
				device.upload.signed_prekey = body.signed_prekey ?? device.upload.signed_prekey;
				return { one_time: device.once.length };
			}
			case 'POST prekeys/claim':
				if (body.devices.length > 100) throw new Refusal(422, 'invalid_field');
				return { bundles: body.devices.flatMap((id: string) => this.claim(id)) };
			case 'GET communities':
				return { communities: this.communitiesOf(me().user) };
			case 'POST communities':
				return this.createCommunity(me().user, body);
			case 'GET communities/*/members': {
				const { members } = this.communities.get(parts[1]!)!;
				return { members: [...members].map(([id, role]) => ({ ...this.person(id), role, joined_at: 1 })) };
			}
			case 'DELETE communities/*/members/*':
				this.leave(this.communities.get(parts[1]!)!, parts[3]!);
				return {};
			case 'POST communities/*/invites': {
				const code = `code${++counter}`;
				this.invites.set(code, parts[1]!);
				this.inviters.set(code, me().user);
				return { code, expires_at: null, max_uses: null };
			}
			case 'GET communities/*/invites':
				return this.invitesOf(parts[1]!, me().user);
			case 'POST dms':
				return this.openDm(me().user, body);
			case 'GET dms': {
				const { user } = me();
				const dms = [...this.channels.values()].filter(({ kind, members }) => kind === 'dm' && members.has(user));
				return { channels: dms.map((channel) => this.channelJson(channel, user)) };
			}
			case 'GET channels/*/roster':
				return this.roster(this.channelFor(me(), parts[1]!));
			case 'GET channels/*/entries': {
				const device = me();
				const channel = this.channelFor(device, parts[1]!);
				const before = Number(query.get('before') ?? Infinity);
				const after = this.joined(channel, device.user);
				const all = channel.log.filter(({ seq }) => seq < before && seq > after).reverse();
				const limit = Math.min(Number(query.get('limit') ?? 50), this.pageLimit);
				return { entries: all.slice(0, limit), more: all.length > limit, wiped: channel.wiped?.length ?? 0 };
			}
			case 'POST backup': {
				const { backup } = this.users.get(me().user)!;
				for (const { data } of body.items) backup.push({ seq: backup.length + 1, data });
				return { stored: body.items.length };
			}
			case 'GET backup': {
				const { backup } = this.users.get(me().user)!;
				const before = Number(query.get('before') ?? Infinity);
				const all = backup.filter(({ seq }) => seq < before).reverse();
				const limit = Number(query.get('limit') ?? 100);
				return { items: all.slice(0, limit), more: all.length > limit };
			}
		}
		if (parts[0] === 'approvals' && parts[1]) return this.approval(me(), method, parts[1], parts[2], body);
		if (method === 'DELETE' && parts[0] === 'invites') {
			const isMine = this.inviters.get(parts[1]!) === me().user;
			if (!isMine || !this.invites.delete(parts[1]!)) throw new Refusal(404, 'invite_not_found');
			return {};
		}
		if (method === 'POST' && parts[0] === 'invites') {
			const community = this.communities.get(this.invites.get(parts[1]!) ?? '');
			if (!community) throw new Refusal(404, 'invite_not_found');
			const { user } = me();
			if (!community.members.has(user)) this.join(community, user, 'member');
			return this.communityJson(community, user);
		}
		throw new Refusal(404, 'not_found');
	}

	/** The real server's check of what is revealed against what was sent. */
	private report(reporter: string, body: Json): Json {
		// What a report reveals is meant to be: it is no find of the search for what is not.
		this.revealed.push(
			...this.sent.splice(
				this.sent.findLastIndex((text) => text.includes(body.id)),
				1
			)
		);
		const channel = this.channels.get(body.channel)!;
		const entry = channel.log.find(({ id }) => id === body.entry);
		const [key, payload] = [body.franking_key, body.payload].map((text) => Buffer.from(text, 'base64url'));
		const commitment = createHmac('sha256', key!).update(payload!).digest('base64url');
		if (commitment !== entry?.commitment) throw new Refusal(422, 'report_forged');
		const community = [...this.communities.values()].find((one) => one.channel === channel)?.id ?? null;
		this.reports.push({
			...{ id: body.id, community, channel: channel.id, kind: channel.kind, entry: entry.id, seq: entry.seq },
			...{ sender: this.person(entry.sender), reporter: this.person(reporter), payload: body.payload },
			...{ reason: body.reason ?? '', sent_at: entry.created_at, created_at: Date.now() },
			...{ resolved_at: null, resolved_by: null }
		});
		return {};
	}

	/** The same errors as for a name that is unknown. */
	private proven(username: string, field: 'login_key' | 'recovery_key', value: string): RelayUser {
		const user = this.named(username);
		if (!user || user.body[field] !== value) throw new Refusal(401, 'bad_credentials');
		return user;
	}

	private nameOf({ user }: RelayDevice): string {
		return this.users.get(user)!.body.username;
	}

	private ownDevice({ user }: RelayDevice, id: string): RelayDevice {
		const device = this.users.get(user)!.devices.find((one) => one.id === id && one.live);
		if (!device) throw new Refusal(404, 'device_not_found');
		return device;
	}

	/** An admin resets the account's password. */
	reset(id: string): string {
		const user = this.users.get(id)!;
		user.resetCode = `RESET-${++counter}`;
		return user.resetCode;
	}

	private claimed({ id, claim }: Json): Json {
		for (const approval of this.approvals.values()) if (approval.id === id && approval.claim === claim) return approval;
		throw new Refusal(404, 'approval_not_found');
	}

	private pollApproval(approval: Json): Json {
		const { answer, approver, sealed, refused } = approval;
		if (refused) return { state: 'refused' };
		if (!answer) return { state: 'waiting' };
		const known = { answer_key: answer, user: this.person(approver.user) };
		if (!sealed) return { state: 'answered', ...known };
		const enrol_token = `enrol-${++counter}`;
		this.enrolTokens.set(enrol_token, approver.user);
		const { account_key, backup_key } = this.users.get(approver.user)!.body;
		return { state: 'approved', ...known, account_key, backup_key, sealed, enrol_token, expires_in: 600 };
	}

	/** What the signed-in side does with a code. */
	private approval(own: RelayDevice, method: string, code: string, verb: string | undefined, body: Json): Json {
		const approval = this.approvals.get(code.toUpperCase());
		if (!approval || approval.refused) throw new Refusal(404, 'approval_not_found');
		const { id, commitment, name, created_at, key, nonce } = approval;
		if (method === 'GET') return { id, commitment, name, address: '::1', created_at, key, nonce };
		if (verb === 'answer') {
			const isFirst = !approval.approver || (approval.approver === own && approval.answer === body.key);
			if (!isFirst) throw new Refusal(409, 'conflict');
			Object.assign(approval, { approver: own, answer: body.key });
			return {};
		}
		if (approval.approver !== own) throw new Refusal(404, 'approval_not_found');
		if (verb === 'approve') approval.sealed = body.sealed;
		else approval.refused = true;
		return {};
	}

	private invitesOf(community: string, user: string): Json {
		const isOwner = this.communities.get(community)!.members.get(user) === 'owner';
		const theirs = [...this.invites.keys()].filter(
			(code) => this.invites.get(code) === community && (isOwner || this.inviters.get(code) === user)
		);
		const more = { uses: 0, max_uses: null, created_at: 1, expires_at: 4_000_000_000_000 };
		return { invites: theirs.map((code) => ({ code, invited_by: this.person(this.inviters.get(code)!), ...more })) };
	}

	private named(name: string): RelayUser | undefined {
		return [...this.users.values()].find((user) => user.body.username === name);
	}

	private person(id: string) {
		const { username, display_name, account_key } = this.users.get(id)!.body;
		return { id, username, display_name, account_key };
	}

	private register(body: Json): Json {
		if (this.named(body.username)) throw new Refusal(409, 'username_taken');
		const role = this.users.size === 0 ? 'owner' : 'member';
		this.users.set(body.user, { body, role, devices: [], backup: [] });
		return this.tokens(this.addDevice(body.user, body.device));
	}

	private login({ username, login_key }: Json): Json {
		const user = this.named(username);
		if (!user || user.body.login_key !== login_key) throw new Refusal(401, 'bad_credentials');
		const token = `enrol-${++counter}`;
		this.enrolTokens.set(token, user.body.user);
		const { account_key, backup_key, keyring_password, keyring_recovery } = user.body;
		return {
			enrol_token: token,
			expires_in: 300,
			user: this.person(user.body.user),
			account_key,
			backup_key,
			keyring_password,
			...(keyring_password === null && { keyring_recovery })
		};
	}

	private addDevice(user: string, upload: Json): RelayDevice {
		const device: RelayDevice = {
			id: upload.id,
			user,
			upload,
			once: [...upload.one_time_prekeys],
			onceHigh: upload.one_time_prekeys.reduce((high: number, { id }: Json) => Math.max(high, id), -1),
			refresh: new Map(),
			access: new Set(),
			inbox: [],
			inboxSeq: 0,
			live: true
		};
		this.users.get(user)!.devices.push(device);
		this.rosterMoved(user);
		this.devicesMoved(user);
		return device;
	}

	removeDevice(device: RelayDevice): void {
		device.live = false;
		for (const socket of [...this.sockets]) if (socket.device === device) socket.drop(4001);
		for (const channel of this.channels.values()) if (channel.members.has(device.user)) channel.epoch++;
		this.rosterMoved(device.user);
		this.devicesMoved(device.user);
	}

	private devicesMoved(user: string): void {
		this.sendTo((device) => device.user === user, { type: 'devices' });
	}

	private tokens(device: RelayDevice): Json {
		const refresh = `refresh-${++counter}`;
		device.refresh.set(refresh, null);
		const { username, display_name } = this.person(device.user);
		const user = { id: device.user, username, display_name, role: this.users.get(device.user)!.role };
		return { ...this.accessToken(device), refresh_token: refresh, session: device.id, device: device.id, user };
	}

	private accessToken(device: RelayDevice) {
		const token = `access-${++counter}`;
		device.access.add(token);
		return { access_token: token, expires_in: 900 };
	}

	private refresh({ refresh_token: old, next_token: next }: Json): Json {
		for (const { devices } of this.users.values())
			for (const device of devices) {
				const successor = device.refresh.get(old);
				if (!device.live || successor === undefined) continue;
				if (successor !== null && successor !== next) device.live = false;
				if (!device.live) throw new Refusal(401, 'token_reused');
				device.refresh.set(old, next);
				if (!device.refresh.has(next)) device.refresh.set(next, null);
				return this.accessToken(device);
			}
		throw new Refusal(401, 'token_invalid');
	}

	certified(user: string, removed = false): Json[] {
		const live = this.users.get(user)!.devices.filter((device) => device.live || removed);
		return live.map(({ upload }) => {
			const { id, device_key, certificate, created_at } = upload;
			return { id, device_key, certificate, created_at };
		});
	}

	private claim(id: string): Json[] {
		const device = this.device(id);
		if (!device?.live) return [];
		const { device_key, certificate, created_at, signed_prekey } = device.upload;
		const one_time_prekey = device.once.shift() ?? null;
		return [{ device: id, user: device.user, device_key, certificate, created_at, signed_prekey, one_time_prekey }];
	}

	private createCommunity(user: string, { id, name }: Json): Json {
		const channel: RelayChannel = {
			id: newUuid(),
			kind: 'text',
			name: 'general',
			members: new Map(),
			log: [],
			roster: 1,
			epoch: 1
		};
		const community: RelayCommunity = { id, name, group: newUuid(), members: new Map(), channel };
		this.communities.set(id, community);
		this.channels.set(channel.id, channel);
		this.join(community, user, 'owner');
		return this.communityJson(community, user);
	}

	private communitiesOf(user: string): Json[] {
		const mine = [...this.communities.values()].filter(({ members }) => members.has(user));
		return mine.map((community) => this.communityJson(community, user));
	}

	private communityJson(community: RelayCommunity, user: string): Json {
		const { id, name, members, group, channel } = community;
		const channels = [this.channelJson(channel, user)];
		return { id, name, role: members.get(user), groups: [{ id: group, name: 'General', position: 0, channels }] };
	}

	channelJson(channel: RelayChannel, user: string): Json {
		const { id, kind, name, log, roster, epoch, members } = channel;
		const peer = kind === 'dm' ? this.person([...members.keys()].find((member) => member !== user)!) : undefined;
		const head = log.length;
		const history = channel.history ?? 'since_joining';
		const wiped = channel.wiped?.length ?? 0;
		return { id, kind, name, topic: '', head, display: head, roster, epoch, history, wiped, peer };
	}

	private openDm(user: string, { id, user: peer }: Json): Json {
		const both = (channel: RelayChannel) => channel.members.has(user) && channel.members.has(peer);
		let channel = [...this.channels.values()].find((one) => one.kind === 'dm' && both(one));
		if (!channel) {
			const members = new Map([user, peer].map((one) => [one, 0]));
			channel = { id, kind: 'dm', name: '', members, log: [], roster: 1, epoch: 1 };
			this.channels.set(id, channel);
			this.sendTo((device) => device.user === peer, {
				type: 'channel_added',
				channel: this.channelJson(channel, peer)
			});
		}
		return this.channelJson(channel, user);
	}

	private roster({ id: channel, roster, epoch, members, history = 'since_joining' }: RelayChannel): Json {
		const list = [...members.keys()].map((user) => {
			const { username, display_name, account_key } = this.person(user);
			return { user, username, display_name, account_key, devices: this.certified(user) };
		});
		return { channel, roster, epoch, history, members: list };
	}
}
