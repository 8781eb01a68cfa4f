// SPDX-License-Identifier: GPL-3.0-or-later
// A whole day at a real server, with everything that people can do: at its end every secret that any of their devices
// ever made or was given, and everything they wrote, is in a file, so that the caller can look for it where it must not
// be. Run by t/whole_day.t; skipped without a server.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { toBase64url } from '../src/lib/core/bytes';
import type { SocketLike } from '../src/lib/core/platform';
import type { Id, SignInResult } from '../src/lib/core/types';
import { Library } from '../src/lib/crypto/library';
import { setupToken, url } from './support/live';
import { Person } from './support/person';
import { Machine, type Network } from './support/platform';
import { engineOf } from './support/scene';

const LONG = 60_000;
const file = process.env.CHATALOT_SECRETS;

// --- what is collected ------------------------------------------------------------------------------------------------

/** `handed`: the server is given it, to check it; it may have it in memory, and nowhere else. */
interface Secret {
	name: string;
	base64url?: string;
	text?: string;
	handed?: boolean;
}
const secrets: Secret[] = [];
const known = new Set<string>();
const texts: string[] = [];
const revealed: string[] = [];
const open: string[] = [];

function keep(name: string, value: Uint8Array | string, handed = false): void {
	const secret: Secret = typeof value === 'string' ? { name, text: value } : { name, base64url: toBase64url(value) };
	const mark = secret.text ?? secret.base64url!;
	if (mark === '' || known.has(mark)) return;
	known.add(mark);
	secrets.push(handed ? { ...secret, handed } : secret);
}

type Made = Record<string, Uint8Array<ArrayBuffer>>;
type Method = (this: Library, ...args: never[]) => unknown;

/** Looks at what a method of the library was given and gives back. */
function watch<K extends keyof Library>(method: K, look: (result: never, args: never) => void): void {
	const prototype = Library.prototype as unknown as Record<K, Method>;
	const inner = prototype[method];
	prototype[method] = function (this: Library, ...args: never[]) {
		const result = inner.apply(this, args);
		look(result as never, args as never);
		return result;
	};
}

watch('createAccount', (made: Made) => {
	keep('account secret', made.accountSecret!);
	keep('backup secret', made.backupSecret!);
	open.push(toBase64url(made.accountKey!));
});
for (const maker of [
	'createDevice',
	'createSignedPrekey',
	'createOneTimePrekey',
	'approvalBegin',
	'approvalAnswer'
] as const)
	watch(maker, (made: Made) => keep(`${maker}: secret`, made.secret!));
watch('passwordKeys', (made: Made) => {
	keep('wrap key of a password', made.wrapKey!);
	keep('login key', made.loginKey!, true);
});
watch('createRecoveryCode', (made: { code: Uint8Array; text: string }) => {
	keep('recovery code, its bits', made.code);
	keep('recovery code', made.text);
	keep('recovery code without dashes', made.text.replaceAll('-', ''));
});
watch('recoveryKeys', (made: Made) => {
	keep('wrap key of a recovery code', made.wrapKey!);
	keep('recovery key', made.recoveryKey!, true);
});
watch('createSenderChain', (chain: Uint8Array) => {
	keep('chain key', chain.slice(206, 238));
	keep('signing key of a chain', chain.slice(238, 270));
});
watch('sealChannelMessage', ({ chain }: { chain: Uint8Array }) => keep('later chain key', chain.slice(206, 238)));
watch('sealDmMessage', ({ contentKey }: { contentKey: Uint8Array }) => keep('content key', contentKey.slice(66, 98)));
watch('frankingCommit', (_commitment, [key]: [Uint8Array]) => keep('franking key', key));

/** What passes between devices and server: tokens and codes by their names. */
const named =
	/"(login_key|recovery_key|refresh_token|next_token|setup_token|access_token|enrol_token|recover_token|reset_code|claim)"\s*:\s*"([^"]+)"/g;
function overheard(text: string): void {
	for (const [, name, value] of text.matchAll(named)) keep(`on the wire: ${name}`, value!, true);
}

const network: Network = {
	origin: url ?? '',
	fetch: async (to, init) => {
		if (init.body) overheard(init.body as string);
		const reply = await fetch(to, init);
		overheard(await reply.clone().text());
		return reply;
	},
	socket: (to) => {
		const socket = new WebSocket(to);
		const send = socket.send.bind(socket);
		socket.send = (data) => {
			overheard(data as string);
			send(data);
		};
		return socket as unknown as SocketLike;
	}
};

// --- the people -------------------------------------------------------------------------------------------------------

const everyone: Person[] = [];
after(async () => {
	for (const person of everyone) await person.core.close();
});

async function arrive(name: string): Promise<Person> {
	const person = new Person(new Machine(network, name));
	everyone.push(person);
	await person.core.start();
	return person;
}

function secretPassword(of: string): string {
	const password = `Passwort-${of}-${crypto.randomUUID()}`;
	keep(`password of ${of}`, password);
	return password;
}

async function say(person: Person, place: Id, about: string, to: Person[]): Promise<string> {
	const text = `Heimlich-${about}-${crypto.randomUUID()} über die Brücke`;
	texts.push(text);
	await person.core.send(place, text);
	for (const reader of [person, ...to])
		await reader.until(
			text,
			() => reader.messages(place).some((one) => one.text === text && ['sent', 'received'].includes(one.state)),
			LONG
		);
	return text;
}

function signedIn(result: SignInResult): void {
	assert.equal(result.state, 'signed-in');
}

test('everything that people do in a day', { skip: !url || !file, timeout: 400_000 }, async (t) => {
	const passwords = { ada: secretPassword('ada'), ben: secretPassword('ben'), cem: secretPassword('cem') };
	const codes: Record<string, string> = {};
	let ada!: Person, ben!: Person, cem!: Person;
	let community!: Id, channel!: Id, dm!: Id, invite!: string;

	async function register(name: string, password: string, by: { setupToken?: string; invite?: string }) {
		const person = await arrive(name);
		const { recoveryCode } = await person.core.register({ username: name, displayName: name, password, ...by });
		codes[name] = recoveryCode;
		await person.online();
		return person;
	}

	await t.test('people arrive and talk', async () => {
		keep('setup token', setupToken!, true);
		ada = await register('ada', passwords.ada, { setupToken: setupToken! });
		const made = await ada.core.createCommunity('Garden');
		community = made.id;
		channel = made.groups[0]!.channels[0]!.id;
		invite = (await ada.core.createInvite(community, { maxUses: 20 })).code;
		ben = await register('ben', passwords.ben, { invite });
		cem = await register('cem', passwords.cem, { invite });
		await say(ada, channel, 'all', [ben, cem]);
		await say(ben, channel, 'answer', [ada, cem]);
		({ id: dm } = await ada.core.openDm(ben.user));
		await say(ada, dm, 'dm', [ben]);
		await say(ben, dm, 'dm-answer', [ada]);
		const draft = `Heimlich-Entwurf-${crypto.randomUUID()}`;
		texts.push(draft);
		await ada.core.saveDraft(channel, draft);
	});

	await t.test('they verify each other', async () => {
		const { digits, qr } = await ada.core.safety(ben.user);
		assert.equal((await ben.core.safety(ada.user)).digits, digits);
		assert.ok((await ben.core.verifyScanned(ada.user, qr)).matches);
		await ada.core.verify(ben.user);
	});

	await t.test('passwords and codes are changed', async () => {
		const next = secretPassword('ada, the second');
		await ada.core.changePassword({ current: passwords.ada, next });
		passwords.ada = next;
		codes.ada = (await ada.core.makeRecoveryCode()).recoveryCode;
		await ada.core.setRecoveryCode({ password: next, recoveryCode: codes.ada });
	});

	await t.test('a device is admitted by another one, named and removed', async () => {
		await ada.backedUp();
		const later = await arrive('ada at the library');
		const { code, url: link } = await later.core.requestApproval();
		keep('the commitment behind the QR code', link.slice(link.indexOf('#') + 1), true);
		await ada.core.lookAtApproval(link);
		await later.until('the digits', () => later.last('approval')?.state === 'compare', LONG);
		await ada.core.approve(code);
		await later.core.confirmApproval();
		await later.until('being admitted', () => later.last('approval')?.state === 'done', LONG);
		await later.online();
		await later.until('the channel', () => later.last('communities')?.length, LONG);
		await say(later, channel, 'library', [ada, ben, cem]);
		const { device } = (await later.core.start()).account!;
		await ada.core.renameDevice(device, 'Library');
		await ada.core.removeDevice(device);
		await later.until('the end', () => later.last('connection')?.state === 'ended', LONG);
		await say(ben, channel, 'without-library', [ada, cem]);
	});

	await t.test('somebody recovers', async () => {
		await ben.backedUp();
		const next = secretPassword('ben, the second');
		const again = await arrive('ben again');
		codes.ben = (await again.core.recover({ username: 'ben', recoveryCode: codes.ben!, password: next })).recoveryCode;
		await again.online();
		ben = again;
		await ben.until('the channel', () => ben.last('communities')?.length, LONG);
		await say(ben, channel, 'recovered', [ada, cem]);
	});

	await t.test('an admin resets an account, whose owner unlocks it', async () => {
		await cem.backedUp();
		const { code } = await ada.core.resetAccount(cem.user);
		keep('reset code', code, true);
		keep('reset code without dashes', code.replaceAll('-', ''), true);
		const again = await arrive('cem again');
		const next = secretPassword('cem, the second');
		const result = await again.core.useResetCode({ username: 'cem', code, password: next });
		assert.equal(result.state, 'locked');
		await again.core.unlock(codes.cem!);
		await again.online();
		await again.until('the channel', () => again.last('communities')?.length, LONG);
		await say(again, channel, 'unlocked', [ada, ben]);
		passwords.cem = next;
	});

	await t.test('somebody takes a new identity', async () => {
		codes.cem = (await cem.core.replaceIdentity(passwords.cem)).recoveryCode;
		await cem.online();
		await ada.until(
			'the change',
			async () => (await ada.core.security(channel)).changed.some(({ person }) => person.username === 'cem'),
			LONG
		);
		await say(cem, channel, 'new-identity', []);
	});

	await t.test('newcomers are given the past, where that is the policy', async () => {
		await ada.core.setHistory(channel, 'all');
		await say(ada, channel, 'for-newcomers', [ben]);
		const dora = await register('dora', secretPassword('dora'), { invite });
		await dora.until(
			'the past',
			async () => (await dora.open(channel)).some(({ text }) => text.includes('for-newcomers')),
			LONG
		);
		await dora.core.leaveCommunity(community);
	});

	await t.test('one message is reported, on purpose', async () => {
		const text = `Gemeldet-${crypto.randomUUID()}`;
		revealed.push(text);
		await ben.core.send(channel, text);
		const shown = await ada.message(channel, text, 'received');
		const [key] = secrets.filter(({ name }) => name === 'franking key').slice(-1);
		secrets.splice(secrets.indexOf(key!), 1);
		await ada.core.report({ channel, id: shown.id }, 'unpleasant');
		const { reports } = await ada.core.reports({ community });
		assert.deepEqual(
			reports.map((report) => report.text),
			[text]
		);
		await ada.core.resolveReport(reports[0]!.id);
	});

	await t.test('somebody deletes the account', async () => {
		const password = secretPassword('eve');
		const eve = await register('eve', password, { invite });
		await eve.until('the channel', () => eve.last('communities')?.length, LONG);
		await say(eve, channel, 'to-be-deleted', [ada]);
		await eve.core.deleteAccount(password);
	});

	await t.test('somebody signs in by password, and out', async () => {
		await ada.backedUp();
		const third = await arrive('ada at work');
		signedIn(await third.core.signIn({ username: 'ada', password: passwords.ada }));
		await third.online();
		await third.until(
			'the history',
			async () => (await third.open(channel)).some(({ text }) => text.includes('for-newcomers')),
			LONG
		);
		await third.backedUp();
		await third.core.signOut();
	});

	await t.test('what they know is written down', async () => {
		for (const person of [ada, ben, cem]) {
			const { read } = engineOf(person).ctx.store;
			for (const { record, keyId } of await read.all('senderKeys'))
				keep(`chain key of ${keyId}`, record.slice(206, 238));
			for (const { secret, kind, id } of await read.all('prekeys')) keep(`prekey ${kind} ${id}`, secret);
			const tokens = await read.meta('tokens');
			keep('access token', tokens!.access, true);
			keep('refresh token', tokens!.refresh, true);
		}
		const least: [RegExp, number][] = [
			[/^account secret/, 5],
			[/^createDevice/, 8],
			[/^createOneTimePrekey/, 800],
			[/^approval/, 2],
			[/^recovery code$/, 7],
			[/^wrap key/, 10],
			[/^password of/, 7],
			[/reset.code/, 2],
			[/claim/, 1],
			[/recover_token/, 1],
			[/^franking key/, 10],
			[/chain key/, 10],
			[/^content key/, 2],
			[/token/, 10]
		];
		for (const [pattern, wanted] of least) {
			const count = secrets.filter(({ name }) => pattern.test(name)).length;
			assert.ok(count >= wanted, `${count} ${String(pattern)}`);
		}
		writeFileSync(file!, JSON.stringify({ texts, secrets, revealed, public: open }));
	});
});
