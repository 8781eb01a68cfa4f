#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two people in two real browsers whose sockets are held by two different workers of nginx: each message reaches both
// exactly once, also when nginx is reloaded in between. At the end everything secret that the browsers know is written
// to a file, so that the caller can look for it where it must not be.
//
//   CHATALOT_URL, CHATALOT_SETUP_LINK  as for story.mjs
//   CHATALOT_MASTER   pid of nginx's master, which keeps no HTTP connection alive
//   CHATALOT_SECRETS  the file to write: {texts: […], secrets: [{name, base64url|text}], public: [base64url]}
import { writeFileSync } from 'node:fs';
import { chromiumPath, closeAll, haveChromium, person } from './lib/browser.mjs';
import { composer, found, isSent, join, message, sees, signIn, texts, write } from './lib/doing.mjs';
import { workersOf } from './lib/sockets.mjs';
import { bail, comes, done, is, note, ok, section } from './lib/tap.mjs';

const { CHATALOT_URL: base, CHATALOT_SETUP_LINK: setupLink, CHATALOT_MASTER: master, CHATALOT_SECRETS: file } = process.env;
if (!base || !setupLink || !master || !file) {
	console.log('1..0 # SKIP the environment names no server');
	process.exit(0);
}
if (!haveChromium()) {
	console.log(`1..0 # SKIP no ${chromiumPath}`);
	process.exit(0);
}

const mira = { username: 'mira', name: 'Mira', password: 'Zugvogel-Passwort-4711-mira' };
const ada = { username: 'ada', name: 'Ada', password: 'Zugvogel-Passwort-4712-ada' };
const wire = []; // what the pages sent and got: bodies of requests and answers of sign-ins
const codes = [];
const said = [];
let owner, guest, second, inviteLink;

/** A person, of whose requests and answers everything is kept. */
async function watched(name) {
	const who = await person(name);
	who.context.on('request', (request) => {
		if (!request.url().includes('/api/')) return;
		wire.push(request.postData() ?? '', request.headers()['authorization'] ?? '');
	});
	who.context.on('response', async (response) => {
		if (response.url().includes('/api/')) wire.push(await response.text().catch(() => ''));
	});
	return who;
}

async function setUp() {
	owner = await watched('owner');
	await owner.page.goto(setupLink);
	const { code, invite } = await found(owner, mira, 'Two Rooms');
	inviteLink = invite;
	ok(true, 'the owner is in the first channel');

	guest = await watched('guest');
	codes.push(code, await join(guest, invite, ada));
	ok(true, 'the guest is there too');
}

async function say(who, text) {
	said.push(text);
	await write(who, text);
	await isSent(who, text);
}

/** The one worker that holds the person's socket. */
async function workerOf({ name }) {
	const end = Date.now() + 20_000;
	let last = [];
	while (Date.now() < end) {
		const now = workersOf(name, { port: Number(new URL(base).port), master });
		// twice the same: no request was on its way
		if (now.length === 1 && now[0] === last[0]) return now[0];
		last = now;
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
	return undefined;
}

/** Reloads the guest's page until its socket is on another worker than the owner's. */
async function apart() {
	const first = await workerOf(owner);
	let other = await workerOf(guest);
	for (let i = 0; i < 30 && first && first === other; i++) {
		await guest.page.reload();
		await composer(guest).waitFor();
		other = await workerOf(guest);
	}
	note(`the owner's socket is on worker ${first}, the guest's on worker ${other}`);
	ok(first && other && first !== other, 'the two sockets are on different workers');
}

async function talk(round) {
	const words = [];
	for (let i = 1; i <= 10; i++) {
		const text = `Heimlich-${round}-${i}-${Math.random().toString(36).slice(2)} über die Brücke`;
		words.push(text);
		await say(i % 2 ? owner : guest, text);
	}
	for (const who of [owner, guest]) {
		for (const text of words) await sees(who, text);
		const shown = (await texts(who)).filter((text) => text.startsWith(`Heimlich-${round}-`));
		is(shown.toSorted(), words.toSorted(), `${who.name}: ${round}: each message exactly once`);
	}
	const order = async (who) => (await texts(who)).filter((text) => text.startsWith(`Heimlich-${round}-`));
	is(await order(guest), await order(owner), `${round}: in the same order`);
}

async function reload() {
	process.kill(Number(master), 'SIGHUP');
	await talk('reload');
}

async function alone() {
	await owner.page.getByRole('button', { name: /^Ada/ }).click();
	await owner.page.getByRole('menuitem', { name: 'Write a direct message' }).click();
	await owner.page.getByText(`You and ${ada.name}`).waitFor();
	await say(owner, 'Heimlich-dm-nur-für-dich');
	await guest.page.getByRole('link', { name: /^Direct messages/ }).click();
	await comes(sees(guest, 'Heimlich-dm-nur-für-dich'), 'a direct message arrives');
	await say(guest, 'Heimlich-dm-danke');
	await comes(sees(owner, 'Heimlich-dm-danke'), 'and its answer');
}

async function third() {
	second = await watched('second');
	await second.page.goto(base);
	await signIn(second, mira.username, mira.password);
	for (const text of said.filter((one) => one.startsWith('Heimlich-first')))
		await sees(second, text);
	ok(true, 'the owner\'s second device shows the old messages');
	is(await message(second, 'Heimlich-first-1-').count(), 1, 'each once');
	const draft = 'Heimlich-Entwurf-halb-fertig';
	await composer(second).fill(draft);
	said.push(draft);
	// Stored when it is there again after a look elsewhere: with everything else of this device, for what follows.
	await second.page.getByRole('link', { name: 'Settings' }).click();
	await composer(second).waitFor({ state: 'detached' });
	await second.page.goBack();
	await comes(
		second.page.waitForFunction((text) => document.querySelector('textarea')?.value === text, draft),
		'a draft is there after a look elsewhere'
	);
}

/** Every record of the page's own store, opened with the page's own key: what this device knows. */
const storeOf = ({ page }) =>
	page.evaluate(async () => {
		const wait = (request) =>
			new Promise((resolve, reject) => {
				request.onsuccess = () => resolve(request.result);
				request.onerror = () => reject(request.error);
			});
		const db = await wait(indexedDB.open('chatalot'));
		const all = (table) => wait(db.transaction(table).objectStore(table).getAll());
		const vault = await all('vault');
		const key = vault.map((one) => Object.values(one).find((value) => value?.key ?? value instanceof CryptoKey)).map((v) => v.key ?? v)[0];
		const out = {};
		for (const table of db.objectStoreNames) {
			if (table === 'vault') continue;
			out[table] = [];
			for (const { iv, sealed, ...clear } of await all(table)) {
				const additionalData = new TextEncoder().encode(`chatalot store 1/${table}/${JSON.stringify(clear)}`);
				const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, key, sealed);
				out[table].push({ ...clear, ...JSON.parse(new TextDecoder().decode(plain)) });
			}
		}
		db.close();
		return out;
	});

async function collect() {
	const secrets = [];
	const known = new Set();
	const add = (name, value) => {
		const bytes = value?.['\u0000b'];
		const entry = bytes === undefined ? { name, text: value } : { name, base64url: bytes };
		if ((entry.text ?? entry.base64url) && !known.has(entry.text ?? entry.base64url)) secrets.push(entry);
		known.add(entry.text ?? entry.base64url);
	};
	const open = new Set();
	for (const who of [owner, guest, second]) {
		const store = await storeOf(who);
		for (const record of store.meta) {
			const value = (field) => record[field] ?? record.value?.[field];
			for (const field of ['accountSecret', 'backupSecret', 'deviceSecret'])
				if (value(field)) add(`${who.name} ${field}`, value(field));
			for (const field of ['accountKey', 'backupKey', 'deviceKey'])
				if (value(field)) open.add(value(field)['\u0000b']);
			for (const field of ['access', 'refresh', 'next'])
				if (typeof value(field) === 'string') add(`${who.name} token ${field}`, value(field));
		}
		for (const record of store.prekeys) add(`${who.name} prekey ${record.kind} ${record.id}`, record.secret);
		for (const record of store.contentKeys) add(`${who.name} content key`, record.contentKey);
		for (const record of store.ownKeys) add(`${who.name} own sender key`, record.chain);
		for (const record of store.senderKeys) add(`${who.name} sender key`, record.record);
	}
	for (const text of wire) {
		for (const [, name, value] of text.matchAll(
			/"(login_key|recovery_key|refresh_token|next_token|setup_token|access_token|enrol_token)"\s*:\s*"([^"]+)"/g
		))
			add(`on the wire: ${name}`, value);
		if (text.startsWith('Bearer ')) add('on the wire: token', text.slice(7));
	}
	for (const { password } of [mira, ada]) add('password', password);
	for (const code of codes) {
		add('recovery code', code);
		add('recovery code without dashes', code.replaceAll('-', ''));
	}
	add('invite link', inviteLink);
	add('setup token', setupLink.split('#')[1]);
	const count = (pattern) => secrets.filter(({ name }) => pattern.test(name)).length;
	ok(count(/Secret/) >= 7, 'secret keys of three devices are collected', JSON.stringify(secrets.map(({ name }) => name)));
	ok(count(/prekey/) >= 300, 'prekeys too');
	ok(count(/sender key/) >= 2 && count(/content key/) >= 1, 'keys of messages');
	ok(count(/token/) >= 6 && count(/login_key/) >= 2, 'tokens and what stands for the password');
	writeFileSync(file, JSON.stringify({ texts: said, secrets, public: [...open] }));
}

try {
	await section('setup', setUp);
	await section('apart', apart);
	await section('talk', () => talk('first'));
	await section('reload', reload);
	await section('direct messages', alone);
	await section('a third browser', third);
	await section('secrets', collect);
	for (const who of [owner, guest, second]) {
		who.expect(/WebSocket/);
		is(who.complaints, [], `${who.name}: nothing in the console, no policy violated`);
	}
	done();
} catch (error) {
	bail(error);
	for (const who of [owner, guest, second]) if (who?.complaints.length) note(`${who.name}: ${who.complaints.join('\n')}`);
} finally {
	await closeAll();
}
