// SPDX-License-Identifier: GPL-3.0-or-later
// Somebody is removed while everybody else is away, keeps her device with all its keys, and has a copy of everything that
// the server ever holds afterwards: she reads nothing that is written from then on. That the attempt is a good one is
// shown by what it reads of before. Run by t/removed_member.t at a real server; skipped without one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, toUtf8, type Bytes } from '../src/lib/core/bytes';
import type { Failure } from '../src/lib/core/problem';
import type { Id } from '../src/lib/core/types';
import { uuidBytes } from '../src/lib/core/uuid';
import { CryptoError } from '../src/lib/crypto/library';
import { bindingOf } from '../src/lib/engine/opening';
import type { DeviceRecord, PrekeyRecord, SenderKeyRecord, SessionRecord } from '../src/lib/store/tables';
import { dump, query, register, setupToken, signIn, url } from './support/live';
import { engineOf } from './support/scene';
import type { Person } from './support/person';

const LONG = 60_000;

interface Entry {
	channel: Id;
	seq: number;
	id: Id;
	kind: string;
	ref: Id | null;
	thread: Id | null;
	sender: Id;
	device: Id;
	epoch: number;
	ciphertext: string;
}
interface Item {
	target: Id;
	sender: Id;
	device: Id;
	key: string;
	payload: string;
}
interface Copy {
	entries: Entry[];
	items: Item[];
	backups: { user: Id; sealed: string }[];
}

/** All that the server holds at a moment, as a thief of the database has it. */
const copied = (): Copy => ({
	entries: query(
		`select channel_id as channel, seq, id, kind, ref, thread, sender, device, epoch, ciphertext from data.entries`
	),
	items: query(`select i.device_id as target, i.sender, i.sender_device as device, d.device_key as key, i.payload
		from data.inbox_items i join data.devices d on d.id = i.sender_device`),
	backups: query(`select user_id as user, sealed from data.backup_items`)
});

const bytes = (hex: string): Bytes => new Uint8Array(Buffer.from(hex.slice(2), 'hex'));

/** Everything that her device ever knew. */
interface Loot {
	device: DeviceRecord;
	senderKeys: SenderKeyRecord[];
	sessions: SessionRecord[];
	prekeys: PrekeyRecord[];
}

async function lootOf(person: Person): Promise<Loot> {
	const { read } = engineOf(person).ctx.store;
	const [device, senderKeys, sessions, prekeys] = await Promise.all([
		read.meta('device'),
		read.all('senderKeys'),
		read.all('sessions'),
		read.all('prekeys')
	]);
	return { device: device!, senderKeys, sessions, prekeys };
}

test('somebody who was removed, with all that the server has', { skip: !url, timeout: 280_000 }, async (t) => {
	let ada!: Person, ben!: Person, cem!: Person, mallory!: Person;
	let channel!: Id, community!: Id, dm!: Id;
	let loot!: Loot;
	const copies: Copy[] = [];
	const before: string[] = [];
	const later: string[] = [];

	async function say(person: Person, place: Id, text: string, into: string[]): Promise<void> {
		into.push(text);
		await person.core.send(place, text);
		await person.until(
			text,
			() => person.messages(place).some((one) => one.text === text && one.state === 'sent'),
			LONG
		);
	}

	/** What she can make of a copy: every entry with every key, every item with every session and prekey, every backup. */
	function attack({ entries, items, backups }: Copy): { texts: Set<string>; letters: number } {
		const { library } = engineOf(ada).ctx;
		const { device, senderKeys, sessions, prekeys } = loot;
		const party = {
			user: uuidBytes(device.account.id),
			device: uuidBytes(device.account.device),
			deviceKey: device.deviceKey
		};
		const keys = senderKeys.map(({ record }) => record);
		let letters = 0;
		const quietly = (work: () => void) => {
			try {
				work();
			} catch (error) {
				if (!(error instanceof CryptoError)) throw error;
			}
		};
		for (const item of items) {
			const peer = { user: uuidBytes(item.sender), device: uuidBytes(item.device), deviceKey: bytes(item.key) };
			const records = [null, ...sessions.filter((one) => one.device === item.device).map(({ record }) => record)];
			const signed = prekeys.filter(({ kind }) => kind === 'signed');
			const once = [undefined, ...prekeys.filter(({ kind }) => kind === 'once').slice(0, 3)];
			for (const record of records)
				for (const { secret } of signed)
					for (const one of once)
						quietly(() => {
							const secrets = { signedPrekey: secret, oneTimePrekey: one?.secret };
							const opened = library.openEnvelope(
								record,
								party,
								device.deviceSecret,
								peer,
								secrets,
								bytes(item.payload)
							);
							letters++;
							const letter = library.openLetter(opened.letter, peer, party.user);
							if (letter.kind === 'sender_key') keys.push(library.acceptSenderKey(letter.senderKey));
						});
		}
		for (const { user, sealed } of backups)
			for (const whose of [uuidBytes(user), party.user])
				quietly(() => {
					for (const { kind, body } of library.openBackup(device.backupSecret, whose, bytes(sealed)))
						if (kind === 'sender_key') keys.push(library.acceptSenderKey(body));
				});
		const texts = new Set<string>();
		for (const entry of entries)
			for (const key of keys)
				quietly(() => {
					const { payload } = library.openChannelMessage(key, bindingOf(entry), bytes(entry.ciphertext), true);
					texts.add((JSON.parse(fromUtf8(payload)!) as { text: string }).text);
				});
		return { texts, letters };
	}

	await t.test('four people talk, and every one has the keys of every one', async () => {
		const owner = await register('ada', { setupToken });
		ada = owner.person;
		const made = await ada.core.createCommunity('Garden');
		community = made.id;
		channel = made.groups[0]!.channels[0]!.id;
		const { code } = await ada.core.createInvite(community, { maxUses: 5 });
		ben = (await register('ben', { invite: code })).person;
		cem = (await register('cem', { invite: code })).person;
		mallory = (await register('mallory', { invite: code })).person;
		({ id: dm } = await ada.core.openDm((await ben.core.start()).account!.id));
		for (const [person, name] of [
			[ada, 'ada'],
			[ben, 'ben'],
			[cem, 'cem'],
			[mallory, 'mallory']
		] as const)
			for (let n = 0; n < 3; n++) await say(person, channel, `${name} before, number ${n}`, before);
		for (const text of before)
			await mallory.until(text, () => mallory.messages(channel).some((one) => one.text === text), LONG);
		await say(ada, dm, 'not for her even then', later);
		for (const person of [ada, ben, cem, mallory]) await person.backedUp();
		copies.push(copied());
		loot = await lootOf(mallory);
		assert.ok(loot.senderKeys.length >= 4 && loot.sessions.length >= 3 && loot.prekeys.length > 50);
	});

	await t.test('what she has is good: it opens all of before', () => {
		assert.deepEqual([...attack(copies[0]!).texts].sort(), [...before].sort());
	});

	await t.test('she is removed while the others are away', async () => {
		for (const person of [ben, cem]) person.tab.setOnline(false);
		await ada.core.removeMember(community, (await mallory.core.start()).account!.id);
		await mallory.until('the removal', () => mallory.last('communities')?.length === 0, LONG);
		for (let n = 0; n < 4; n++) await say(ada, channel, `ada afterwards, number ${n}`, later);
		copies.push(copied());
		ada.tab.setOnline(false);
	});

	await t.test('they come back one by one, and write', async () => {
		for (const [person, name] of [
			[ben, 'ben'],
			[cem, 'cem']
		] as const) {
			// Written while still away, under what was true then.
			later.push(`${name} afterwards, from offline`);
			await person.core.send(channel, `${name} afterwards, from offline`);
			person.tab.setOnline(true);
			await person.online();
			await person.message(channel, `${name} afterwards, from offline`, 'sent');
			for (let n = 0; n < 4; n++) await say(person, channel, `${name} afterwards, number ${n}`, later);
			copies.push(copied());
			person.tab.setOnline(false);
			await say(
				person === ben ? await again('ben') : await again('cem'),
				channel,
				`${name} afterwards, a new device`,
				later
			);
			copies.push(copied());
		}
		for (const person of [ada, ben, cem]) person.tab.setOnline(true);
		const inChannel = later.filter((text) => text !== 'not for her even then');
		for (const person of [ada, ben, cem])
			for (const text of inChannel)
				await person.until(
					text,
					() => person.messages(channel).some((one) => one.text === text && one.state !== 'waiting'),
					LONG
				);
		copies.push(copied());
	});

	async function again(name: string): Promise<Person> {
		const person = await signIn(`${name} 2`, name);
		await person.until(
			'the channel',
			() => person.last('communities')?.some(({ groups }) => groups.some(({ channels }) => channels.length > 0)),
			LONG
		);
		return person;
	}

	await t.test('nothing of it opens to her, in no copy', () => {
		for (const [n, copy] of copies.entries()) {
			const { texts } = attack(copy);
			assert.deepEqual(
				[...texts].filter((text) => later.includes(text)),
				[],
				`copy ${n}`
			);
			assert.deepEqual([...texts].sort(), [...before].sort(), `copy ${n}`);
		}
		assert.ok(copies.at(-1)!.entries.length >= before.length + later.length);
		assert.ok(
			copies.some(({ items }) => items.length > 0),
			'there were items in inboxes to try'
		);
	});

	await t.test('no key of hers is one that was used later, and no item later is for her', () => {
		const own = loot.device.account.device;
		for (const copy of copies.slice(1)) assert.ok(!copy.items.some(({ target }) => target === own));
		const epochs = new Set(loot.senderKeys.filter((key) => key.channel === channel).map(({ epoch }) => epoch));
		for (const { channel: place, seq, epoch } of copies.at(-1)!.entries)
			if (place === channel && seq > before.length) assert.ok(!epochs.has(epoch), `entry ${seq} of epoch ${epoch}`);
	});

	await t.test('nor does the server give her anything, and none of it stands in it in clear', async () => {
		const { api } = engineOf(mallory).ctx;
		const gone = (error: Failure) => error.code === 'channel_not_found';
		await assert.rejects(api.entries(channel, 1000, 50), gone);
		await assert.rejects(api.roster(channel), gone);
		const text = dump();
		for (const one of [...before, ...later]) {
			assert.ok(!text.includes(one), one);
			assert.ok(!text.includes(Buffer.from(toUtf8(one)).toString('hex')), one);
		}
		assert.ok(text.includes('mallory'));
	});
});
