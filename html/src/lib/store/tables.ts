// SPDX-License-Identifier: GPL-3.0-or-later
// What is kept on this device: one line of schema and one type a table. Every field that is not part of the key, of an
// index or named in `clear` is sealed at rest (seal.ts). A change of a type here needs a new SCHEMA_VERSION and, in
// database.ts, what brings old records along.
import type { Bytes } from '../core/bytes';
import type {
	Account,
	Community,
	HistoryPolicy,
	Id,
	KeyHealth,
	MessageState,
	Millis,
	Person,
	Problem,
	SecurityNote,
	UnknownDevice
} from '../core/types';
import type { Item, KeyRequest } from '../crypto/library';

export const SCHEMA_VERSION = 3;

interface Table {
	key: string | readonly string[];
	indexes: Record<string, string | readonly string[]>;
	/** Fields kept in clear although no key or index needs them. */
	clear: readonly string[];
	since: number;
}

const plain = { indexes: {}, clear: [], since: 1 } as const;

export const tables = {
	/** The sealing key, the only record that is not sealed. */
	vault: { ...plain, key: 'name' },
	/** Single records by name; see Meta. */
	meta: { ...plain, key: 'name' },
	channels: { ...plain, key: 'id' },
	people: { ...plain, key: 'id' },
	devices: { ...plain, key: 'id', indexes: { user: 'user' } },
	rosters: { ...plain, key: 'channel' },
	sessions: { ...plain, key: 'device' },
	ownKeys: { ...plain, key: 'channel' },
	senderKeys: { ...plain, key: ['channel', 'keyId', 'device'] },
	contentKeys: { ...plain, key: ['channel', 'message', 'device'] },
	prekeys: { ...plain, key: ['kind', 'id'] },
	messages: { ...plain, key: ['channel', 'seq'], indexes: { id: 'id', wants: 'wants' } },
	outbox: { ...plain, key: 'id', indexes: { channel: 'channel' } },
	deliveries: { ...plain, key: 'id', indexes: { channel: 'channel' } },
	backup: { ...plain, key: 'id' },
	drafts: { ...plain, key: 'channel' },
	pins: { ...plain, key: 'channel', since: 2 },
	notes: { ...plain, key: 'channel', since: 2 },
	requests: { ...plain, key: 'id', since: 3 },
	handed: { ...plain, key: 'id', since: 3 }
} as const satisfies Record<string, Table>;

export type TableName = keyof typeof tables;

/** Who this device is. Written once at sign-in. */
export interface DeviceRecord {
	account: Account;
	accountKey: Bytes;
	accountSecret: Bytes;
	backupKey: Bytes;
	backupSecret: Bytes;
	deviceKey: Bytes;
	deviceSecret: Bytes;
	session: Id;
}

export interface TokenRecord {
	access: string;
	/** When, by this device's clock, the access token should no longer be used. */
	until: Millis;
	refresh: string;
	/** Chosen before the exchange is asked for, so that a lost answer is asked for again with the same. */
	next: string | null;
}

/** The tree without what changes with each message; that is in the channels' own records. */
export interface TreeRecord {
	communities: { id: Id; name: string; role: Community['role']; groups: { id: Id; name: string; channels: Id[] }[] }[];
}

/** Single records by name. */
export interface Meta {
	device: DeviceRecord;
	tokens: TokenRecord;
	/** Why the server has ended the session. */
	over: Problem;
	tree: TreeRecord;
	/** How often a community or channel came, changed or went. */
	moves: { count: number };
	/** Device inbox: everything up to `done` was taken in. */
	inbox: { done: number };
	place: { channel: Id };
	/** Order in which messages were written. */
	counter: { outbox: number };
	prekeys: { nextOnce: number; nextSigned: number; rotatedAt: Millis; checkedAt: Millis };
	/** History keys on a new device: everything from seq `before` on was fetched, of `total`. */
	restore: {
		before: number | null;
		total: number;
		finished: boolean;
		/** Whom the account has met: `sought` in the backup, `known`, or `waived` by the person. Absent: known. */
		identities?: 'sought' | 'known' | 'waived';
	};
	/** Since all remembered identities were last put into the backup together: how many items went there. */
	snapshot: { items: number };
	/** The account's other devices; see engine/own-devices.ts. */
	ownDevices: { known: Id[]; unknown: UnknownDevice[] };
	/** People of whom something was decided here that the own other devices have not been told. */
	untold: { users: Id[] };
	/** Keys that were asked for, and when. */
	asked: { [wants: string]: { at: Millis; times: number } };
	/** Other members' devices that were asked for keys of the past, by channel, and how many were taken from them. */
	past: { [channel: Id]: { asked: { [device: Id]: Millis }; kept: number } };
	health: KeyHealth;
	/** Keys that have come, with messages that are still to be opened with them. */
	reopening: { rest: Reopening[] };
	/** Where messages may be of an epoch that was over there, which is known since an older one was opened. */
	late: { ranges: LateRange[] };
}

/** Of a lower epoch than this one, none is shown there. */
export interface LateRange {
	channel: Id;
	epoch: number;
	from: number;
	to: number;
}

/** What waits for a key, behind a message of it where some was opened already. */
export interface Reopening {
	channel: Id;
	wants: string;
	after?: { channel: Id; seq: number; wants: string };
}

export interface ChannelRecord {
	id: Id;
	kind: 'text' | 'dm';
	name: string;
	topic: string;
	/** Absent in records from before it was kept. */
	history?: HistoryPolicy;
	peer?: Person;
	head: number;
	roster: number;
	epoch: number;
	/** Of how many deleted accounts this device has heard that had written here, and has forgotten what. Absent: of none. */
	wiped?: number;
	/** The stored stretch of the log: every entry from `first` to `last` was taken in; none yet while first > last. */
	first: number;
	last: number;
	/** The server has nothing older than `first` for this reader. */
	complete: boolean;
	/** The highest epoch of an opened entry, in records written before there were `spans`. */
	lastEpoch?: number;
	/** Where in the log which epoch was seen, lowest first; see engine/epochs.ts. */
	spans?: { epoch: number; first: number; last: number }[];
	read: number;
	unread: number;
	latest?: { at: Millis; sender: Id; text: string; seq: number };
}

export interface PersonRecord extends Person {
	/** The identity that is remembered, and sealed for; null until it was met. */
	accountKey: Bytes | null;
	/** Another identity that the server has since shown of somebody verified. */
	changedKey: Bytes | null;
	/** `verified` by the person at one of their devices; `doubted`: was verified, and then another identity was shown.
	    Absent: met. */
	trust?: 'verified' | 'doubted';
	/** When it came to be so. */
	since?: Millis;
	/** The remembered identity took the place of another one, and nobody has looked at that yet. */
	unseen?: true;
	/** Met on a new device before the backup told whom its account knows: what that says counts more. */
	provisional?: true;
	/** Met by a device that went on without the backup: whether the account had met or verified them before, it cannot know. */
	unsure?: true;
	/** This identity was accepted by the person at this device. */
	decided?: true;
	/** Devices that former identities vouched for, the last ones. */
	former?: Id[];
	/** The username that the server gives now, where it is not the one first given, which `username` is. */
	otherName?: string;
}

/** Only devices whose certificate was verified under the remembered account key. */
export interface DeviceKeyRecord {
	id: Id;
	user: Id;
	deviceKey: Bytes;
	certificate: Bytes;
	createdAt: Millis;
	/** Id of the newest signed prekey that it was seen with: they grow. */
	signedPrekey?: number;
	/** Sender keys that it has given and that have opened nothing yet, by channel. */
	unproven?: { [channel: Id]: number };
}

export interface RosterRecord {
	channel: Id;
	roster: number;
	epoch: number;
	members: RosterMember[];
	/** To be fetched again, though its version is the present one. */
	stale?: boolean;
}

export interface RosterMember {
	user: Id;
	/** Certified ones. */
	devices: Id[];
	/** Devices the server names that have no valid certificate: they get no keys. */
	uncertified: Id[];
	/** The server shows another identity than the remembered one. */
	changed: boolean;
}

export interface SessionRecord {
	/** The peer's device. */
	device: Id;
	user: Id;
	record: Bytes;
}

export interface OwnKeyRecord {
	channel: Id;
	epoch: number;
	keyId: string;
	createdAt: Millis;
	chain: Bytes;
}

export interface SenderKeyRecord {
	channel: Id;
	/** base64url */
	keyId: string;
	user: Id;
	device: Id;
	epoch: number;
	record: Bytes;
	/**
	 * Own keys: devices whose inbox has it, or may have it, and from which counter on. Not in OwnKeyRecord, which is written
	 * with each message.
	 */
	givenAt?: { [device: Id]: number };
	/** Given by its sender, and has opened nothing yet. */
	unproven?: true;
	/** The turn of the channel's history policy in which it was first learnt; see engine/policy.ts. */
	turn?: number;
	/** Handed on by another member, and has opened nothing yet: its chain may be none. */
	handed?: true;
}

export interface ContentKeyRecord {
	channel: Id;
	message: Id;
	user: Id;
	device: Id;
	contentKey: Bytes;
}

export interface PrekeyRecord {
	kind: 'signed' | 'once';
	id: number;
	secret: Bytes;
	createdAt: Millis;
	/** What is uploaded of it, until the server has said that it has it. */
	unsent?: Bytes;
}

/** An entry as the server gave it, kept while it waits for its key or for a better copy of it. */
export interface RawEntry {
	kind: string;
	ref: Id | null;
	thread: Id | null;
	epoch: number;
	ciphertext: Bytes;
	commitment: Bytes;
}

export interface MessageRecord {
	channel: Id;
	seq: number;
	id: Id;
	sender: Id;
	device: Id;
	at: Millis;
	/** That it was opened under; none of what was not opened. */
	epoch?: number;
	state: Extract<MessageState, 'sent' | 'received' | 'waiting' | 'unreadable'>;
	text: string;
	problem?: Problem;
	raw?: RawEntry;
	/** The key that would open it; while unreadable, another copy of it might. */
	wants?: string;
}

export interface SealedSend {
	roster: number;
	epoch: number;
	ciphertext: Bytes;
	commitment: Bytes;
	/** DMs only. */
	envelopes?: { device: Id; id: Id; payload: Bytes }[];
}

export interface OutboxRecord {
	id: Id;
	channel: Id;
	order: number;
	writtenAt: Millis;
	text: string;
	/** `sent`: the server has it, its entry is still to come. */
	state: 'queued' | 'failed' | 'sent';
	seq?: number;
	problem?: Problem;
	/** Once sealed it is sent again byte for byte until it is accepted or refused. */
	sealed?: SealedSend;
}

/** A sender key in an envelope, on its way to a device's inbox. */
export interface DeliveryRecord {
	id: Id;
	channel: Id;
	device: Id;
	payload: Bytes;
	keyId: string;
	/** The key's counter in it. */
	counter: number;
}

/** A key that the backup has not got yet. */
export interface BackupRecord {
	/** What the key is of, so that the later copy takes the place of the earlier. */
	id: string;
	kind: Item['kind'];
	body: Bytes;
}

export interface DraftRecord {
	channel: Id;
	text: string;
}

/** What a conversation is, as first seen; it outlives the conversation, so that it cannot come back as something else. */
export interface PinRecord {
	channel: Id;
	kind: 'text' | 'dm';
	/** The other person of a DM. */
	peer: Id | null;
	/** What new members can read, as it was last shown; the epoch of that time; and how often it has changed. */
	history?: HistoryPolicy;
	since?: number;
	turn?: number;
}

/** What happened to who can read a conversation, oldest first. */
export interface NotesRecord {
	channel: Id;
	notes: { at: Millis; what: SecurityNote['what']; person: Id | null; was?: string }[];
}

/** What another device has asked for and has not been answered yet. */
export interface RequestRecord {
	/** What it is of, so that one that comes again takes the place of the first. */
	id: string;
	device: Id;
	request: KeyRequest;
	/** Attempts to answer that failed. */
	failed: number;
}

/** A sender key that was handed on, made by a device that is to be got to know first. */
export interface HandedRecord {
	id: string;
	body: Bytes;
	/** Where it was sent to. */
	channel: Id;
	source: 'own device' | 'member';
}

export interface Records {
	channels: ChannelRecord;
	people: PersonRecord;
	devices: DeviceKeyRecord;
	rosters: RosterRecord;
	sessions: SessionRecord;
	ownKeys: OwnKeyRecord;
	senderKeys: SenderKeyRecord;
	contentKeys: ContentKeyRecord;
	prekeys: PrekeyRecord;
	messages: MessageRecord;
	outbox: OutboxRecord;
	deliveries: DeliveryRecord;
	backup: BackupRecord;
	drafts: DraftRecord;
	pins: PinRecord;
	notes: NotesRecord;
	requests: RequestRecord;
	handed: HandedRecord;
}

export type RecordTable = keyof Records;

/** Fields of a table that stay in clear, key first. */
export function clearFields(name: TableName): string[] {
	const table: Table = tables[name];
	return [...new Set([table.key, ...Object.values(table.indexes), table.clear].flat())];
}

export function keyOf(name: TableName, record: object): IDBValidKey {
	const { key }: Table = tables[name];
	if (typeof key === 'string') return Reflect.get(record, key) as IDBValidKey;
	return key.map((part) => Reflect.get(record, part) as string | number);
}
