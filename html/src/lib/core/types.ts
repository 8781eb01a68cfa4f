// SPDX-License-Identifier: GPL-3.0-or-later
// The contract between the page and the core worker: what the page may ask (Core) and what it is told (CoreEvents).
// The worker owns network, keys and local state; the page owns nothing but what it shows.

export type Id = string; // a UUID
export type Millis = number; // milliseconds since 1970

/** A refusal or failure that the page can explain: `code` is the server's or the core's stable machine code. */
export interface Problem {
	code: string;
	message: string;
	field?: string;
	requestId?: string;
	/** Seconds after which trying again makes sense. */
	retryAfter?: number;
}

export interface AuthConfig {
	instance: { name: string };
	setupRequired: boolean;
	registrationMode: 'invite_only' | 'open' | 'closed';
	communityCreation: 'admin_only' | 'open';
}

export interface Person {
	id: Id;
	username: string;
	displayName: string;
}

export interface Account extends Person {
	role: 'owner' | 'admin' | 'member';
	device: Id;
}

export interface Channel {
	id: Id;
	kind: 'text' | 'dm';
	name: string;
	topic: string;
	/** The other person of a DM. */
	peer?: Person;
	/** Displayable entries after the read cursor, as far as this device knows. */
	unread: number;
	/** Time and one line of the newest message this device could read. */
	latest?: { at: Millis; sender: Person; text: string };
}

export interface Group {
	id: Id;
	name: string;
	channels: Channel[];
}

export interface Community {
	id: Id;
	name: string;
	role: 'owner' | 'admin' | 'moderator' | 'member';
	groups: Group[];
}

export interface Member extends Person {
	role: Community['role'];
	joinedAt: Millis;
}

export interface InviteInfo {
	community: { name: string };
	invitedBy: { displayName: string; username: string };
	members: number;
	registrationOpen: boolean;
}

export interface Invite {
	code: string;
	/** The link to hand out, made from this page's origin. */
	url: string;
	expiresAt: Millis | null;
	maxUses: number | null;
}

/** Own messages: queued/sending until the server has them, then sent; failed keeps the reason and can be retried.
    Others' messages: received, waiting (its key has not come yet) or unreadable, with the reason. */
export type MessageState = 'queued' | 'sending' | 'sent' | 'failed' | 'received' | 'waiting' | 'unreadable';

export interface Message {
	id: Id;
	channel: Id;
	/** Null until the server has given it its place. */
	seq: number | null;
	sender: Person;
	own: boolean;
	/** The server's time; for a message on its way, when it was written. */
	at: Millis;
	state: MessageState;
	/** Empty while the message cannot be read. */
	text: string;
	problem?: Problem;
}

export interface Page {
	messages: Message[]; // oldest first
	/** Whether older ones exist, here or on the server. */
	more: boolean;
}

/** Something that happened to who can read a conversation, as this device saw it. */
export interface SecurityNote {
	at: Millis;
	/** `readers_refused`: the server named readers who do not belong into a private conversation; `place_refused`: it gave
	    a known conversation out for another one. Both were refused. `reader_added`: the person can read what is written from
	    then on; `own_device_added`: a new device of one's own can; `renamed`: the person had the display name `was`;
	    `identity_accepted`: by the person at this device. */
	what:
		| 'readers_refused'
		| 'place_refused'
		| 'reader_added'
		| 'own_device_added'
		| 'renamed'
		| 'identity_changed'
		| 'identity_accepted';
	person?: Person;
	was?: string;
}

export interface Security {
	/** Everything shown here was sealed, signed, and came from certified devices of the members. */
	state: 'sealed' | 'attention';
	/** Members whose identity changed since this device first met them. */
	changed: Person[];
	/** Members whom the server gives another username than when they were first met, or one that somebody else has. */
	misnamed: Person[];
	members: { person: Person; devices: number }[];
	/** Why nothing is sent here, where the list of readers itself was refused; `members` is then the last good one. */
	problem?: Problem;
	/** Oldest first. */
	notes: SecurityNote[];
}

export interface Device {
	id: Id;
	name: string;
	createdAt: Millis;
	lastUsedAt: Millis;
	lastAddress: string;
	current: boolean;
}

export type Connection =
	| { state: 'offline' } // the browser has no network
	| { state: 'connecting'; attempt: number; retryAt?: Millis }
	| { state: 'online'; degraded: boolean }
	| { state: 'ended'; problem: Problem }; // the session is over: sign in again

export type Phase = 'signed-out' | 'signed-in';

export interface Start {
	phase: Phase;
	account?: Account;
	/** From local state, before the network answers. */
	communities: Community[];
	dms: Channel[];
	connection: Connection;
	/** Where the person was last, on this device. */
	lastChannel?: Id;
}

export interface Core {
	start(): Promise<Start>;
	authConfig(): Promise<AuthConfig>;

	/** Makes keys, account and device; signs in. The recovery code is returned once and kept nowhere. */
	register(r: {
		username: string;
		displayName: string;
		password: string;
		setupToken?: string;
		invite?: string;
	}): Promise<{ account: Account; recoveryCode: string }>;
	signIn(r: { username: string; password: string }): Promise<{ account: Account }>;
	/** Ends the session, removes this device, wipes everything local. */
	signOut(): Promise<void>;

	createCommunity(name: string): Promise<Community>;
	members(community: Id): Promise<Member[]>;
	createInvite(community: Id, o: { maxUses?: number; expiresInHours?: number }): Promise<Invite>;
	lookAtInvite(code: string): Promise<InviteInfo>;
	acceptInvite(code: string): Promise<Community>;
	leaveCommunity(community: Id): Promise<void>;
	removeMember(community: Id, user: Id): Promise<void>;
	openDm(user: Id): Promise<Channel>;
	devices(): Promise<Device[]>;

	/** The newest messages that are stored here, at once; what the network adds arrives as events. Remembers the channel. */
	open(channel: Id): Promise<Page>;
	/** Older messages than seq `before`: from here, else from the server. */
	older(channel: Id, before: number): Promise<Page>;
	security(channel: Id): Promise<Security>;
	/** The person at this device has made sure that the changed identity of a member is theirs: it is remembered from now on. */
	acceptIdentity(channel: Id, user: Id): Promise<Security>;
	/** Queues durably and returns the message as it is shown; its fate arrives as `messages` events. */
	send(channel: Id, text: string): Promise<Message>;
	retry(message: Id): Promise<void>;
	/** Takes a failed message out of the outbox. */
	discard(message: Id): Promise<void>;
	markRead(channel: Id, seq: number): Promise<void>;
	draft(channel: Id): Promise<string>;
	saveDraft(channel: Id, text: string): Promise<void>;
}

export interface CoreEvents {
	connection: Connection;
	account: { phase: Phase; account?: Account };
	/** The whole tree again; small, and the page keeps no copy of its own to merge. */
	communities: Community[];
	dms: Channel[];
	/** Messages that are new or changed, in any order; `gone` lists ids that were discarded. */
	messages: { channel: Id; messages: Message[]; gone: Id[] };
	/** History being restored on a new device: keys opened so far of all. */
	restore: { done: number; total: number };
	/** Security of a channel changed: ask again. */
	security: { channel: Id };
}

export type CoreEvent = { [K in keyof CoreEvents]: { type: K; data: CoreEvents[K] } }[keyof CoreEvents];

/** What the page gets from `client.ts`: `connectCore()` makes the worker, once; every event goes to every listener. */
export interface CoreClient {
	core: Core;
	/** Subscribe before `core.start()`; returns what ends the subscription. */
	on(listener: (event: CoreEvent) => void): () => void;
}
