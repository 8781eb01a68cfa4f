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
	/** With `owner_stays`: the communities that need another owner first. */
	communities?: Id[];
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

/** `locked`: the password is right, but an admin has reset it since: the keys open with the recovery code (`unlock`) or
    from another device (`requestApproval`); or one starts anew, and older messages stay sealed for ever. */
export type SignInResult = { state: 'signed-in'; account: Account } | { state: 'locked'; person: Person };

export type HistoryPolicy = 'since_joining' | 'all';

export interface Channel {
	id: Id;
	kind: 'text' | 'dm';
	name: string;
	topic: string;
	/** The other person of a DM. */
	peer?: Person;
	/** What new members can read: what is written from then on, or all that its members can. */
	history: HistoryPolicy;
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

/** One that is still good, as the list of them shows it. */
export interface OpenInvite extends Invite {
	invitedBy: Person;
	uses: number;
	createdAt: Millis;
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
	/** Why it failed, or cannot be read: `account_deleted` when its author's account was, and the message with it. One
	    that is queued may have one too: what it waits for (`backup_unread`, `backup_withheld`). */
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
	    a known conversation out for another one; `prekeys_refused`: it gave prekeys for a device of the person that are not
	    its own, or were replaced since. All were refused. `reader_added`: the person can read what is written from
	    then on; `reader_removed`: no longer; `own_device_added`: a new device of one's own can; `renamed`: the person had
	    the display name `was`; `identity_accepted`, `verified`: by the person at one of their devices; `history_…`: what
	    new members can read from then on. */
	what:
		| 'readers_refused'
		| 'place_refused'
		| 'prekeys_refused'
		| 'reader_added'
		| 'reader_removed'
		| 'own_device_added'
		| 'renamed'
		| 'identity_changed'
		| 'identity_accepted'
		| 'verified'
		| 'history_all'
		| 'history_since_joining';
	person?: Person;
	was?: string;
}

export interface Security {
	/** Everything shown here was sealed, signed, and came from certified devices of the members; `verified`: and every
	    other member has been verified. */
	state: 'verified' | 'sealed' | 'attention';
	/** Members whose identity changed, until the person at this device has looked at it (`acceptIdentity`). Nothing is
	    sent to those who were verified before. */
	changed: { person: Person; wasVerified: boolean }[];
	/** Members whom the server gives another username than when they were first met, or one that somebody else has. */
	misnamed: Person[];
	members: { person: Person; devices: number; verified: boolean }[];
	/** Why nothing is sent here, where the list of readers itself was refused; `members` is then the last good one. */
	problem?: Problem;
	/** Oldest first. */
	notes: SecurityNote[];
}

/** What two people compare to know that they have each other's true keys. */
export interface Safety {
	person: Person;
	/** 60, the same on both sides. */
	digits: string;
	/** The text of the QR code that the other one scans. */
	qr: string;
	/** `changed`: another identity than the remembered one, not yet looked at; the digits are those of the new one. */
	state: 'verified' | 'met' | 'changed';
	/** When it came to be so. */
	since: Millis;
}

/** A message that was reported, as its reporter revealed it; the server has checked that it was sent like this. */
export interface Report {
	id: Id;
	/** Null for a private conversation's. */
	community: Id | null;
	channel: Id;
	kind: 'text' | 'dm';
	sender: Person;
	reporter: Person | null;
	/** Empty where it cannot be shown; `problem` says why: damaged, or not what this device knows was sent. */
	text: string;
	problem?: Problem;
	reason: string;
	sentAt: Millis;
	createdAt: Millis;
	resolvedAt: Millis | null;
}

/** What this device could not read: now, for good, and how often it has asked for keys. */
export interface KeyHealth {
	waiting: number;
	unreadable: number;
	requested: number;
}

/** A new device that asks to be admitted, as the signed-in one sees it. */
export interface ApprovalRequest {
	code: string;
	deviceName: string;
	address: string;
	/** Six, to be compared with those that the new device shows. */
	digits: string;
}

export interface Device {
	id: Id;
	name: string;
	createdAt: Millis;
	lastUsedAt: Millis;
	lastAddress: string;
	current: boolean;
}

/** Came to the account while this device was signed in, and its person has not said that they know it. */
export interface UnknownDevice {
	id: Id;
	name: string;
	address: string;
	/** By this device's clock: what the other one says of itself may be made up. */
	seenAt: Millis;
	/** Signed out or removed since. */
	gone: boolean;
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
	/** Of the account's devices, in the order in which they came. */
	unknownDevices: UnknownDevice[];
	connection: Connection;
	/** Where the person was last, on this device. */
	lastChannel?: Id;
	/** What is stored of it, so that it need not be asked for. */
	lastPage?: Page;
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
	signIn(r: { username: string; password: string }): Promise<SignInResult>;
	/** After `locked`: the keys open with the recovery code; the password of the sign-in opens them from then on. */
	unlock(recoveryCode: string): Promise<{ account: Account }>;
	/** After `locked`: a new identity; what was sealed for the old one stays unreadable, and others see the change. */
	startAnew(): Promise<{ account: Account; recoveryCode: string }>;
	/** The recovery code sets a new password and signs in here; all other devices are removed. Gives a new code. */
	recover(r: {
		username: string;
		recoveryCode: string;
		password: string;
	}): Promise<{ account: Account; recoveryCode: string }>;
	/** The one-time code that an admin gave sets a new password; then as `signIn`. */
	useResetCode(r: { username: string; code: string; password: string }): Promise<SignInResult>;
	/** For the instance's owner and admins: a one-time code with which the person sets a new password. It opens no keys. */
	resetAccount(user: Id): Promise<{ code: string; expiresAt: Millis }>;
	/**
	 * Ends the session, removes this device, wipes everything local. First it uploads the keys that are not backed up yet;
	 * where it cannot, it refuses with `backup_pending` and changes nothing, unless `withoutBackup` says to lose them.
	 */
	signOut(o?: { withoutBackup?: boolean }): Promise<void>;

	/** Asks one of the account's devices to admit this one; what comes of it arrives as `approval` events. `url` is what
	    stands in the QR code. */
	requestApproval(): Promise<{ code: string; url: string; expiresAt: Millis }>;
	/**
	 * The person at this device has seen the digits of `compare` on the other one, too. Whether they say so there before or
	 * after does not matter; nothing that the other device hands over is used before this.
	 */
	confirmApproval(): Promise<void>;
	/** Gives the request up, as where the digits differ: its keys are gone, and so is what was sealed for them. */
	cancelApproval(): Promise<void>;
	/**
	 * On the signed-in device: `text` is the short code, or the link behind the QR code. Waits until the new device shows
	 * its digits. Looking is answering: no other device can take the request up from then on.
	 */
	lookAtApproval(text: string): Promise<ApprovalRequest>;
	/** The digits are the same: hands over the account's keys. */
	approve(code: string): Promise<void>;
	refuse(code: string): Promise<void>;

	/** Also restores the way in by password after a reset. Ends no session. */
	changePassword(r: { current: string; next: string }): Promise<void>;
	/** One that opens nothing yet, made here, and kept nowhere: for the person to keep before it is set. */
	makeRecoveryCode(): Promise<{ recoveryCode: string }>;
	/**
	 * From then on this code works, and the old one no longer. `code_unconfirmed` where nobody knows whether it was set:
	 * either may be the one that works, until this is called again with the same code.
	 */
	setRecoveryCode(r: { password: string; recoveryCode: string }): Promise<void>;
	/** A new identity, after theft: all other devices are removed, others see the change. History stays on this device. */
	replaceIdentity(password: string): Promise<{ recoveryCode: string }>;
	/** Refused with `owner_stays` while a community (`problem.communities`) or the instance needs another owner. */
	deleteAccount(password: string): Promise<void>;
	/**
	 * Where a new device cannot read its account's backup, it sends nothing, because it does not know whom it has met and
	 * verified (`restore` event with `problem`). This goes on without: everybody counts as met for the first time.
	 */
	continueWithoutBackup(): Promise<void>;

	createCommunity(name: string): Promise<Community>;
	members(community: Id): Promise<Member[]>;
	createInvite(community: Id, o: { maxUses?: number; expiresInHours?: number }): Promise<Invite>;
	/** Those that are still good, newest first: all for the community's owner and admins, their own for others. */
	invites(community: Id): Promise<OpenInvite[]>;
	withdrawInvite(code: string): Promise<void>;
	lookAtInvite(code: string): Promise<InviteInfo>;
	acceptInvite(code: string): Promise<Community>;
	leaveCommunity(community: Id): Promise<void>;
	removeMember(community: Id, user: Id): Promise<void>;
	openDm(user: Id): Promise<Channel>;
	devices(): Promise<Device[]>;
	renameDevice(id: Id, name: string): Promise<void>;
	/** One of one's own other devices: its session ends, and it gets no more keys. */
	removeDevice(id: Id): Promise<void>;
	/** Of `unknownDevices`: the person at this device knows it, or has removed it. */
	knowDevice(id: Id): Promise<void>;
	setHistory(channel: Id, history: HistoryPolicy): Promise<Channel>;

	/** The newest messages that are stored here, at once; what the network adds arrives as events. Remembers the channel. */
	open(channel: Id): Promise<Page>;
	/** Older messages than seq `before`: from here, else from the server. */
	older(channel: Id, before: number): Promise<Page>;
	security(channel: Id): Promise<Security>;
	/** The person at this device has looked at the changed identity of a member: the warning ends, and sending to somebody
	    formerly verified goes on. */
	acceptIdentity(channel: Id, user: Id): Promise<Security>;
	safety(user: Id): Promise<Safety>;
	/** The person at this device has compared the numbers. */
	verify(user: Id): Promise<Safety>;
	/** `text` is what the other one's QR code says; verified if both codes mean the same two keys. */
	verifyScanned(user: Id, text: string): Promise<{ matches: boolean; safety: Safety }>;
	unverify(user: Id): Promise<Safety>;
	/** Reveals one message that can be read here to who moderates its place. */
	report(message: { channel: Id; id: Id }, reason: string): Promise<void>;
	/** Newest first. Of a community, for its owner and admins; without one all, for the instance's. `before`: a report's id. */
	reports(o: { community?: Id; before?: Id }): Promise<{ reports: Report[]; more: boolean }>;
	resolveReport(id: Id): Promise<void>;
	keyHealth(): Promise<KeyHealth>;
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
	/** History being restored on a new device: keys opened so far of all. With `problem` (`backup_withheld`) it does not
	    go on, and nothing is sent: see `continueWithoutBackup`. */
	restore: { done: number; total: number; problem?: Problem };
	/**
	 * Of the request made by `requestApproval`: `waiting` for a device to take it up; `compare` the digits with those on
	 * it; `confirmed` here by `confirmApproval`, but not there yet; then `done` (an `account` event precedes it). Or
	 * `refused`, `expired` or `failed`, at any time, after which it is over.
	 */
	approval: {
		state: 'waiting' | 'compare' | 'confirmed' | 'refused' | 'expired' | 'failed' | 'done';
		digits?: string;
		person?: Person;
		problem?: Problem;
	};
	/** One's own devices changed: ask again. */
	devices: Record<string, never>;
	/** Those of `Start`, whenever they may have changed. */
	unknownDevices: UnknownDevice[];
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
