// SPDX-License-Identifier: GPL-3.0-or-later
// The device inbox: key material for this device, taken in once and in order, acknowledged only when it is on the disk.
// An item that cannot be opened is passed over; the message it was for then asks for its key.
import type { WireInboxItem } from '../api/shapes';
import { sameBytes, toBase64url, type Bytes } from '../core/bytes';
import { isPassing } from '../core/problem';
import type { Id } from '../core/types';
import { uuidBytes, uuidOf } from '../core/uuid';
import { CryptoError, type Item, type KeyRequest, type Letter } from '../crypto/library';
import type { DeviceKeyRecord, HandedRecord } from '../store/tables';
import type { Unit } from '../store/unit';
import type { Context } from './context';
import type { Entries } from './entries';
import { mergeIdentity } from './identities';
import { learnContentKey, learnSenderKey, wantsContentKey, type Learnt } from './keys';
import { keepPast, roomForPast } from './past';
import type { Rosters } from './rosters';
import type { Sessions } from './sessions';
import { meetStranger } from './strangers';

const ACK_AFTER = 400;
/** Pages in one go; a server that always has more is not followed for ever. */
const PAGES = 500;
/** Items of history in one letter, at most, that are looked at. */
const ITEMS = 1000;

/** Keys whose makers are got to know, and makers, at a time. */
const UNKNOWN = 1000;
const MAKERS = 50;

/** Requests that are kept until they are answered. */
const REQUESTS = 200;

export class Inbox {
	private acked = 0;
	/** The item at which the library crashed last. */
	private crashed: number | undefined;
	private cancelAck: (() => void) | undefined;

	constructor(
		private readonly ctx: Context,
		private readonly sessions: Sessions,
		private readonly rosters: Rosters,
		private readonly entries: Entries,
		/** What was taken in leaves something to do: keys of makers that are not known, or requests. */
		private readonly onLeft: () => void,
		private readonly onBackup: () => void,
		private readonly onUnknownChannel: () => Promise<void>
	) {}

	/** An item that came by itself: taken if it is the next, else everything that waits is fetched. */
	async arrived(item: WireInboxItem): Promise<void> {
		const done = await this.done();
		if (item.seq <= done) return;
		if (item.seq === done + 1) await this.take([item]);
		else await this.catchUp();
	}

	async catchUp(): Promise<void> {
		for (let page = 0; page < PAGES; page++) {
			const after = await this.done();
			const { items, more } = await this.ctx.connection.request({ type: 'inbox', after });
			if (items.length > 0) await this.take(items);
			if (!more || (await this.done()) <= after) return;
		}
	}

	stop(): void {
		this.cancelAck?.();
	}

	private async done(): Promise<number> {
		return (await this.ctx.store.read.meta('inbox'))?.done ?? 0;
	}

	private async take(items: WireInboxItem[]): Promise<void> {
		await this.meetSenders(items);
		await this.knowChannels(items);
		await this.ctx.store.change(async (unit) => {
			const learnt: Learnt[] = [];
			let done = (await unit.meta('inbox'))?.done ?? 0;
			for (const item of [...items].sort((a, b) => a.seq - b.seq)) {
				if (item.seq <= done) continue;
				done = item.seq;
				await this.takeOne(unit, item, learnt);
			}
			unit.setMeta('inbox', { done });
			await this.entries.reopen(unit, learnt);
		});
		this.acknowledgeSoon();
		this.onBackup();
		await this.entries.reopenRest();
	}

	private async takeOne(unit: Unit, item: WireInboxItem, learnt: Learnt[]): Promise<void> {
		try {
			const peer = await unit.get('devices', item.device);
			if (!peer || peer.user !== item.sender) throw new CryptoError('auth', 'a sender nobody vouches for');
			const letter = await this.sessions.open(unit, peer, item);
			if (letter.kind === 'request') await this.keepRequest(unit, peer.id, letter.request);
			else for (const key of await this.keysOf(unit, peer, item, letter)) learnt.push(key);
		} catch (error) {
			if (!(error instanceof CryptoError)) throw error;
			// Once may be for want of memory; an item that does it again is what does it, and would be fetched for ever.
			if (error.code === 'crash' && this.crashed !== item.seq) {
				this.crashed = item.seq;
				throw error;
			}
			this.ctx.platform.log('warn', `inbox item ${item.seq} from device ${item.device}: ${error.message}`);
		}
	}

	private async keysOf(
		unit: Unit,
		peer: DeviceKeyRecord,
		item: WireInboxItem,
		letter: Exclude<Letter, { kind: 'request' }>
	): Promise<Learnt[]> {
		const { ctx } = this;
		if (letter.kind === 'items') return this.itemsOf(unit, peer, item, letter.items.slice(0, ITEMS));
		await this.requirePlace(unit, item, letter);
		const learnt =
			letter.kind === 'sender_key'
				? await learnSenderKey(ctx, unit, letter.senderKey, 'sender')
				: await learnContentKey(ctx, unit, letter.contentKey, true);
		return learnt ? [learnt] : [];
	}

	/**
	 * Only keys that something here can need are kept, so that nobody fills the disk with others: of the channel that the
	 * item was sent to, and the key of a private message only with that message, or if the message waits for it.
	 */
	private async requirePlace(
		unit: Unit,
		item: WireInboxItem,
		letter: Extract<Letter, { kind: 'sender_key' | 'content_key' }>
	): Promise<void> {
		const { library } = this.ctx;
		const known = await unit.get('channels', item.channel);
		if (letter.kind === 'sender_key') {
			const { channel } = library.inspectSenderKey(letter.senderKey);
			if (known?.kind === 'text' && uuidOf(channel) === item.channel) return;
		} else {
			const { channel, message } = library.inspectContentKey(letter.contentKey);
			const id = uuidOf(message);
			const isNeeded = item.ref === id || (await unit.waiting(1, undefined, wantsContentKey(id))).length > 0;
			if (known?.kind === 'dm' && uuidOf(channel) === item.channel && isNeeded) return;
		}
		throw new CryptoError('auth', 'a key for another place than it was sent to');
	}

	/**
	 * Keys that are handed on are taken from the person's own devices, and of the past of a channel, where newcomers read it,
	 * from members that were asked. The device that made a sender key must be known here; else it is got to know first.
	 */
	private async itemsOf(unit: Unit, peer: DeviceKeyRecord, item: WireInboxItem, items: Item[]): Promise<Learnt[]> {
		const isOwn = peer.user === this.ctx.own.user;
		const room = isOwn ? Infinity : await roomForPast(this.ctx, unit, item.channel, peer);
		const learnt: (Learnt | null)[] = [];
		for (const { kind, body } of items) {
			if (learnt.length >= room) break;
			if (kind === 'content_key' && isOwn) learnt.push(await learnContentKey(this.ctx, unit, body, true));
			if (kind === 'identity' && isOwn) await mergeIdentity(this.ctx, unit, body, 'own device');
			if (kind !== 'sender_key') continue;
			if (!isOwn && uuidOf(this.ctx.library.inspectSenderKey(body).channel) !== item.channel)
				throw new CryptoError('auth', 'a key for another place than it was sent to');
			const key = this.handedOn(body, item, isOwn ? 'own device' : 'member');
			if (await this.isCertified(unit, body)) learnt.push(await this.learnHandedOn(unit, key));
			else await this.keepHanded(unit, key);
		}
		const found = learnt.filter((one) => one !== null);
		if (!isOwn) await keepPast(unit, item.channel, found.length);
		return found;
	}

	private async learnHandedOn(
		unit: Unit,
		{ body, source }: Pick<HandedRecord, 'body' | 'source'>
	): Promise<Learnt | null> {
		try {
			return await learnSenderKey(this.ctx, unit, body, source);
		} catch (error) {
			// One that is refused spoils none of the others.
			if (!(error instanceof CryptoError) || error.code === 'crash') throw error;
			this.ctx.platform.log('warn', `a key that was handed on is not taken: ${error.message}`);
			return null;
		}
	}

	/** Who asks for more than that, and unanswered, asks again. */
	private async keepRequest(unit: Unit, device: Id, request: KeyRequest): Promise<void> {
		const id = [device, request.what, uuidOf(request.channel), toBase64url(request.id)].join('/');
		if ((await this.ctx.store.read.count('requests')) < REQUESTS)
			unit.put('requests', { id, device, request, failed: 0 });
		this.leaves(unit);
	}

	private async keepHanded(unit: Unit, key: HandedRecord): Promise<void> {
		if ((await this.ctx.store.read.count('handed')) < UNKNOWN) unit.put('handed', key);
		this.leaves(unit);
	}

	private leaves(unit: Unit): void {
		if (!unit.afterwards.includes(this.onLeft)) unit.afterwards.push(this.onLeft);
	}

	private handedOn(body: Bytes, { device: from, channel }: WireInboxItem, source: HandedRecord['source']) {
		const { keyId, sender } = this.ctx.library.inspectSenderKey(body);
		const id = [channel, toBase64url(keyId), uuidOf(sender.device), from].join('/');
		return { id, body, channel, source };
	}

	/** Keys whose makers were not known when they came: now that these are, or nothing can be learnt of them. */
	async takeHanded(): Promise<void> {
		for (;;) {
			const keys = await this.ctx.store.read.all('handed', UNKNOWN);
			if (keys.length === 0) return;
			const makers = new Map(keys.map(({ body, channel }) => [this.makerOf(body), channel]));
			// What fails for now finds the others done when it is tried again.
			const met = new Map([...makers].slice(0, MAKERS));
			for (const [user, channel] of met) await meetStranger(this.ctx, user, channel);
			await this.learnOf(keys.filter(({ body }) => met.has(this.makerOf(body))));
			this.onBackup();
			await this.entries.reopenRest();
		}
	}

	private async learnOf(keys: HandedRecord[]): Promise<void> {
		await this.ctx.store.change(async (unit) => {
			const learnt: Learnt[] = [];
			for (const { id } of keys) {
				// Another tab may have taken it meanwhile.
				const key = await unit.get('handed', id);
				if (!key) continue;
				unit.delete('handed', id);
				const one = (await this.isCertified(unit, key.body)) ? await this.learnHandedOn(unit, key) : null;
				if (one) learnt.push(one);
				if (key.source === 'member') await keepPast(unit, key.channel, 1);
			}
			await this.entries.reopen(unit, learnt);
		});
	}

	private makerOf(senderKey: Bytes): Id {
		return uuidOf(this.ctx.library.inspectSenderKey(senderKey).sender.user);
	}

	private async isCertified(unit: Unit, senderKey: Item['body']): Promise<boolean> {
		const { sender } = this.ctx.library.inspectSenderKey(senderKey);
		const known = await unit.get('devices', uuidOf(sender.device));
		return (
			known !== undefined &&
			sameBytes(uuidBytes(known.user), sender.user) &&
			sameBytes(known.deviceKey, sender.deviceKey)
		);
	}

	/** Fetches and verifies the certificates of devices that have not been heard of. */
	private async meetSenders(items: WireInboxItem[]): Promise<void> {
		const { read } = this.ctx.store;
		const strangers = new Map<Id, Id>();
		for (const { device, sender, channel } of items)
			if (!strangers.has(sender) && !(await read.get('devices', device))) strangers.set(sender, channel);
		for (const [user, channel] of strangers) await this.meetSender(user, channel);
	}

	/** A key may come before the news of the channel that it is for. */
	private async knowChannels(items: WireInboxItem[]): Promise<void> {
		const channels = [...new Set(items.map(({ channel }) => channel))];
		const known = await Promise.all(channels.map((channel) => this.ctx.store.read.get('channels', channel)));
		if (known.includes(undefined)) await this.onUnknownChannel();
	}

	private async meetSender(user: Id, channel: Id): Promise<void> {
		await meetStranger(this.ctx, user, channel);
		if (!(await this.ctx.store.read.get('people', user))?.username) await this.rosters.learn(channel);
	}

	private acknowledgeSoon(): void {
		this.cancelAck ??= this.ctx.platform.after(ACK_AFTER, () => {
			this.cancelAck = undefined;
			this.acknowledge().catch((error: unknown) => {
				if (!isPassing(error)) this.ctx.platform.log('warn', 'inbox: acknowledgement', String(error));
			});
		});
	}

	private async acknowledge(): Promise<void> {
		const seq = await this.done();
		if (seq <= this.acked || !this.ctx.connection.online) return;
		await this.ctx.connection.request({ type: 'ack', seq });
		this.acked = seq;
	}
}
