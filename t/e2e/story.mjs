#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The first day of a server, in real browsers: the owner sets it up, a second person comes by invite, they talk, both
// reload, the owner signs in on a second device, goes offline and back, and in the end removes the guest.
//
//   CHATALOT_URL=http://localhost:8080 CHATALOT_SETUP_LINK='http://localhost:8080/setup#…' node t/e2e/story.mjs
//   CHATALOT_SCREENSHOTS=folder keeps pictures; CHROMIUM=path uses another browser.
import { readFileSync } from 'node:fs';
import { chromiumPath, closeAll, desktop, haveChromium, person, phone } from './lib/browser.mjs';
import {
	composer,
	fillAccount,
	isSent,
	message,
	openChannel,
	openCommunity,
	saveCode,
	sees,
	signIn,
	texts,
	write
} from './lib/doing.mjs';
import { look, onlyDesktop, onlyPhone } from './lib/screen.mjs';
import { bail, comes, done, is, note, ok, section } from './lib/tap.mjs';

const base = process.env.CHATALOT_URL;
const setupLink = process.env.CHATALOT_SETUP_LINK;
if (!base || !setupLink) {
	console.log('1..0 # SKIP CHATALOT_URL and CHATALOT_SETUP_LINK name no server');
	process.exit(0);
}
if (!haveChromium()) {
	console.log(`1..0 # SKIP no ${chromiumPath}`);
	process.exit(0);
}

const mira = { username: 'mira', name: 'Mira Okonjo', password: 'a long winter walk' };
const ada = { username: 'ada', name: 'Ada Fairweather', password: 'nine buns and a boat' };
const hostile = '<img src=x onerror=alert(1)> & "quotes" \\ \u202e https://example.org/?a=1&b=<2>';
const recoveryCode = /^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/;
let owner, guest, second, inviteLink;

async function setsUp() {
	owner = await person('owner');
	const { page } = owner;
	const fetched = [];
	page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
	await page.goto(base);
	await comes(page.getByText('This server has no owner yet').waitFor(), 'a server without owner says so');
	const files = fetched.filter((path) => !path.startsWith('/api/'));
	is(files.filter((path, i) => files.indexOf(path) < i).join(' '), '', 'a first visit fetches no file twice');
	await look(owner, 'sign in');

	await page.goto(setupLink);
	await comes(page.getByRole('heading', { name: 'Set up your server' }).waitFor(), 'the setup link opens the setup');
	is(new URL(page.url()).hash, '', 'the setup token is gone from the address at once');
	await page.getByRole('button', { name: 'Make account' }).click();
	await comes(page.getByText('This is needed.').first().waitFor(), 'an empty form says what is needed');
	await look(owner, 'setup');

	await fillAccount(owner, mira);
	await page.getByRole('button', { name: 'Make account' }).click();
	await comes(page.getByRole('heading', { name: 'Your recovery code' }).waitFor(), 'the owner gets a recovery code');
	await look(owner, 'recovery code');
	const [file] = await Promise.all([
		page.waitForEvent('download'),
		page.getByRole('button', { name: 'Save as file' }).click()
	]);
	const saved = readFileSync(await file.path(), 'utf8');
	await page.getByRole('button', { name: 'Copy code' }).click();
	await page.getByText('Copied').first().waitFor();
	const copied = await page.evaluate(() => navigator.clipboard.readText());
	const code = await saveCode(owner);
	ok(recoveryCode.test(code), 'six groups of Crockford base32', code);
	ok(saved.includes(code), 'the file holds the code');
	is(copied, code, 'so does the clipboard');
}

async function invites() {
	const { page } = owner;
	await page.getByLabel('Name of the community').fill('The Round Table');
	await look(owner, 'name the community');
	await page.getByRole('button', { name: 'Create community' }).click();
	await page.getByRole('button', { name: 'Make invite link' }).click();
	inviteLink = (await page.getByLabel('Invite link').innerText()).trim();
	ok(inviteLink.startsWith(`${new URL(base).origin}/invite/`), 'the invite link leads here', inviteLink);
	await look(owner, 'invite link');
	await page.getByRole('button', { name: 'Go to The Round Table' }).click();
	await comes(page.getByText('This is the beginning of general').waitFor(), 'an empty channel says what to do');
	await look(owner, 'empty channel', onlyDesktop);
	await write(owner, 'Before anyone came.');
	await comes(isSent(owner, 'Before anyone came.'), 'a first message is sent');
}

async function comesByInvite() {
	guest = await person('guest');
	const { page } = guest;
	await page.goto(`${new URL(base).origin}/invite/nonsense`);
	await comes(page.getByRole('heading', { name: 'This invite does not work' }).waitFor(), 'a wrong invite says so');
	guest.expect(/404/);
	await page.goto(inviteLink);
	await comes(
		page.getByText('Mira Okonjo (@mira) invites you to The Round Table.').waitFor(),
		'the invite says who invites to what, before any account'
	);
	await look(guest, 'invite');
	await page.getByRole('button', { name: 'New here: make an account' }).click();
	await fillAccount(guest, { ...ada, username: 'mira' });
	await page.getByRole('button', { name: 'Make account' }).click();
	await comes(
		page.locator('#app [aria-invalid="true"][name="username"]').waitFor(),
		'a taken name is told at its field'
	);
	guest.expect(/409/);
	await page.getByLabel('Username').fill(ada.username);
	await page.getByRole('button', { name: 'Make account' }).click();
	ok(recoveryCode.test(await saveCode(guest)), 'the guest gets a recovery code too');
	await comes(page.getByRole('heading', { level: 1, name: 'general' }).waitFor(), 'and lands in the channel');
}

async function talk() {
	await write(guest, 'Hello from the guest.');
	await comes(sees(owner, 'Hello from the guest.'), 'the owner sees the guest, without reload');
	await write(owner, 'Welcome! Two\nlines, and 🥐.');
	await comes(sees(guest, 'Welcome! Two'), 'the guest sees the owner, without reload');
	await write(owner, hostile);
	await comes(sees(guest, hostile), 'a hostile text is shown as it was typed');
	is(await guest.page.locator('article img').count(), 0, 'and nothing of it is taken for markup');
	is(
		await guest.page.locator('article a').evaluateAll((links) => links.map((a) => `${a.href} ${a.rel}`)),
		['https://example.org/?a=1&b= noopener noreferrer nofollow'],
		'but its address is a link that tells nothing about us'
	);
	for (let i = 1; i <= 20; i++) await write(i % 2 ? owner : guest, `Number ${i}.`);
	for (const who of [owner, guest]) {
		await sees(who, 'Number 20.');
		await sees(who, 'Number 19.');
	}
	const numbers = async (who) => (await texts(who)).filter((text) => text.startsWith('Number'));
	const [ownerNumbers, guestNumbers] = [await numbers(owner), await numbers(guest)];
	is(ownerNumbers.length, 20, 'twenty messages, none lost or doubled');
	is(guestNumbers, ownerNumbers, 'in the same order for both');
	is(await message(guest, 'Before anyone came.').count(), 0, 'what was written before joining stays unseen');
	await look(owner, 'conversation');
}

async function talkAlone() {
	await owner.page.getByRole('button', { name: /^Ada Fairweather/ }).click();
	await owner.page.getByRole('menuitem', { name: 'Write a direct message' }).click();
	await comes(owner.page.getByText('You and Ada Fairweather').waitFor(), 'a member list opens a direct conversation');
	await write(owner, 'Only for you.');
	await comes(
		guest.page.getByRole('link', { name: /^Direct messages, 1 unread/ }).waitFor(),
		'the other hears of it in another channel'
	);
	await guest.page.getByRole('link', { name: /^Direct messages/ }).click();
	await comes(sees(guest, 'Only for you.'), 'and reads it');
	await write(guest, 'Thank you.');
	await comes(sees(owner, 'Thank you.'), 'an answer comes back');
	await look(guest, 'direct messages');
}

async function reload() {
	for (const who of [owner, guest]) {
		await composer(who).fill('half a thought');
		await who.page.getByRole('link', { name: 'Settings' }).click();
		await composer(who).waitFor({ state: 'detached' });
		await who.page.goBack();
		await comes(
			who.page.waitForFunction(() => document.querySelector('textarea')?.value === 'half a thought'),
			`${who.name}: a draft is there after a look elsewhere`
		);
		await who.page.reload();
		await comes(sees(who, 'Only for you.'), `${who.name}: a reload keeps the history`);
		is(await composer(who).inputValue(), 'half a thought', `${who.name}: and the draft`);
		await composer(who).fill('');
	}
	for (const who of [owner, guest]) {
		await openCommunity(who, 'The Round Table', 'general');
		await comes(sees(who, 'Number 20.'), `${who.name}: the channel is there too`);
		await comes(sees(who, hostile), `${who.name}: with everything that was said`);
	}
	await write(guest, 'Still here after the reload.');
	await comes(sees(owner, 'Still here after the reload.'), 'live delivery goes on after the reload');
}

async function secondDevice() {
	second = await person('second');
	const { page } = second;
	await page.goto(base);
	await signIn(second, mira.username, 'not my password');
	await comes(page.getByText('Username or password is wrong.').waitFor(), 'a wrong password is refused');
	second.expect(/401/);
	await signIn(second, mira.username, mira.password);
	await comes(
		page.getByRole('heading', { level: 1, name: 'general' }).waitFor(),
		'the owner signs in on a second device'
	);
	await comes(sees(second, 'Number 20.'), 'and sees what the guest wrote before');
	await comes(sees(second, 'Welcome! Two'), 'and what the first device wrote');
	await page.getByRole('link', { name: /^Direct messages/ }).click();
	await comes(sees(second, 'Only for you.'), 'and the direct messages');
	await comes(sees(second, 'Thank you.'), 'of both sides');
	is(await page.locator('article[data-state="waiting"], article[data-state="unreadable"]').count(), 0, 'all readable');
	await openCommunity(second, 'The Round Table', 'general');
	await write(second, 'From my second device.');
	await comes(sees(guest, 'From my second device.'), 'the guest sees what the second device writes');
	await comes(isSent(owner, 'From my second device.'), 'the first device shows it as its own');
	await write(guest, 'Good for you.');
	for (const who of [owner, second]) await comes(sees(who, 'Good for you.'), `${who.name} sees the answer`);
}

async function security() {
	const { page } = owner;
	await page.getByRole('button', { name: 'Security of this conversation' }).click();
	const dialog = page.getByRole('dialog', { name: 'Only the people here can read this' });
	await comes(dialog.getByText('Ada Fairweather', { exact: true }).waitFor(), 'the lock tells who can read along');
	await comes(dialog.getByText('2 devices', { exact: true }).waitFor(), 'and from how many devices');
	await comes(dialog.getByText('Ada Fairweather can now read what is written here.').waitFor(), 'and that somebody came');
	await look(owner, 'security', onlyDesktop);
	await page.keyboard.press('Escape');
	await comes(dialog.waitFor({ state: 'detached' }), 'Escape closes it');
}

async function offline() {
	await guest.context.setOffline(true);
	await comes(guest.page.getByText('No network.').waitFor(), 'without network the guest is told');
	await write(guest, 'Written in the tunnel.');
	await comes(sees(guest, 'Written in the tunnel.'), 'and can write all the same');
	await look(guest, 'offline', onlyDesktop);
	await guest.context.setOffline(false);
	await comes(isSent(guest, 'Written in the tunnel.'), 'it goes out when the network is back');
	await comes(sees(owner, 'Written in the tunnel.'), 'and arrives');
	is(await message(owner, 'Written in the tunnel.').count(), 1, 'once');
	guest.expect(/ERR_INTERNET_DISCONNECTED|WebSocket/);
}

async function keyboard() {
	const { page } = owner;
	let arrive;
	const arrival = new Promise((resolve) => (arrive = resolve));
	await page.route('**/_app/immutable/**', async (route) => {
		await arrival;
		await route.continue();
	});
	await composer(owner).focus();
	await page.keyboard.press('Control+k');
	await page.keyboard.type('whom I seek');
	await page.keyboard.press('Enter');
	is(await composer(owner).inputValue(), '', 'what is typed before the switcher is there is no message');
	is(await message(owner, 'whom I seek').count(), 0, 'and none is sent');
	arrive();
	await comes(page.getByRole('combobox', { name: 'Go to a channel or person' }).waitFor(), 'Ctrl+K opens the switcher');
	await page.unroute('**/_app/immutable/**');
	await page.keyboard.type('ada');
	await look(owner, 'switcher', onlyDesktop);
	await page.keyboard.press('Enter');
	await comes(page.getByRole('heading', { level: 1, name: ada.name }).waitFor(), 'Enter goes there');
	await comes(
		page.waitForFunction(() => document.activeElement?.tagName === 'TEXTAREA'),
		'ready to write'
	);
	await openCommunity(owner, 'The Round Table', 'general');
	await page.evaluate(() => document.activeElement?.blur());
	await page.keyboard.press('?');
	await comes(
		page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor(),
		'a question mark lists the shortcuts'
	);
	await page.keyboard.press('Escape');
}

async function onThePhone() {
	const { page } = second;
	await page.setViewportSize(phone);
	await page.getByRole('link', { name: 'Back' }).click();
	await comes(page.getByRole('link', { name: 'general' }).waitFor(), 'a phone goes back to the list');
	ok((await composer(second).count()) === 0, 'which has the screen for itself');
	await look(second, 'channel list', onlyPhone);
	await openChannel(second, 'general');
	await comes(sees(second, 'Good for you.'), 'and into the conversation');
	await page.getByRole('button', { name: 'Show members' }).click();
	await comes(page.getByRole('dialog', { name: 'Members' }).getByText(ada.name).waitFor(), 'members rise as a sheet');
	await look(second, 'members', onlyPhone);
	await page.goBack();
	await comes(page.getByRole('dialog').waitFor({ state: 'detached' }), 'which "back" closes');
	await page.setViewportSize(desktop);
}

async function settings() {
	const { page } = second;
	await page.getByRole('link', { name: 'Settings' }).click();
	await comes(page.getByText('this device', { exact: true }).waitFor(), 'settings list the devices');
	is(await page.getByRole('listitem').filter({ hasText: 'last used' }).count(), 2, 'both of them');
	await look(second, 'settings');
	await page.getByText('Dark', { exact: true }).click();
	await page.reload();
	await page.getByText('this device', { exact: true }).waitFor();
	is(
		await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme),
		'dark',
		'the theme is remembered'
	);
	await page.getByRole('button', { name: 'Sign out' }).click();
	await look(second, 'sign out', onlyDesktop);
	await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click();
	await comes(page.getByRole('heading', { name: 'Sign in' }).waitFor(), 'signing out asks, and leads to the sign-in');
	await page.goto(base);
	await comes(page.getByRole('heading', { name: 'Sign in' }).waitFor(), 'and it lasts');
	await page.goto(`${base}/no/such/place`);
	await comes(page.getByRole('heading', { name: 'There is nothing here' }).waitFor(), 'a wrong address says so');
	await look(second, 'not found');
}

async function insecure() {
	const { port } = new URL(base);
	const far = await person('far', { flags: ['--host-resolver-rules=MAP chat.example 127.0.0.1'] });
	await far.page.goto(`http://chat.example:${port || 80}/`);
	await comes(far.page.getByText('A secure connection is needed').waitFor(), 'without HTTPS the page explains why not');
	await look(far, 'insecure');
	await far.close();
}

async function removal() {
	await owner.page.getByRole('button', { name: /^Ada Fairweather/ }).click();
	await owner.page.getByRole('menuitem', { name: 'Remove from community' }).click();
	await look(owner, 'remove member', onlyDesktop);
	await owner.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
	await comes(
		guest.page.getByRole('link', { name: 'The Round Table' }).waitFor({ state: 'detached' }),
		'a removed member loses the community at once'
	);
	await write(owner, 'Now she is gone.');
	await comes(isSent(owner, 'Now she is gone.'), 'the owner goes on writing');
	await guest.page.getByRole('link', { name: /^Direct messages/ }).click();
	await comes(sees(guest, 'Thank you.'), 'the direct messages stay');
	await look(guest, 'after removal', onlyDesktop);
}

async function comesBack() {
	await owner.page.getByRole('button', { name: 'The Round Table: menu' }).click();
	await owner.page.getByRole('menuitem', { name: 'Invite people' }).click();
	await owner.page.getByLabel('Can be used').selectOption({ label: 'once' });
	await owner.page.getByRole('button', { name: 'Make invite link' }).click();
	await comes(owner.page.getByText('It can be used once.').waitFor(), 'an invite for one');
	const link = (await owner.page.getByLabel('Invite link').innerText()).trim();
	await look(owner, 'invite dialog');
	await owner.page.keyboard.press('Escape');

	await guest.page.goto(link);
	await comes(guest.page.getByText('You are signed in as Ada Fairweather.').waitFor(), 'who has an account just joins');
	await look(guest, 'join', onlyDesktop);
	await guest.page.getByRole('button', { name: 'Join The Round Table' }).click();
	await guest.page.getByRole('heading', { level: 1, name: 'general' }).waitFor();
	await write(owner, 'Welcome back.');
	await comes(sees(guest, 'Welcome back.'), 'and is there again');
	is(await message(guest, 'Now she is gone.').count(), 0, 'without what was said in between');

	await guest.page.getByRole('button', { name: 'The Round Table: menu' }).click();
	await guest.page.getByRole('menuitem', { name: 'Leave community' }).click();
	await guest.page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
	await comes(
		guest.page.getByRole('link', { name: 'The Round Table' }).waitFor({ state: 'detached' }),
		'and leaves by herself'
	);
	await comes(owner.page.getByText('1 member').waitFor(), 'which the owner sees without reload');
}

try {
	await section('setup', setsUp);
	await section('first community and invite', invites);
	await section('the guest', comesByInvite);
	await section('talking', talk);
	await section('direct messages', talkAlone);
	await section('reload', reload);
	await section('second device', secondDevice);
	await section('security', security);
	await section('offline', offline);
	await section('keyboard', keyboard);
	await section('phone', onThePhone);
	await section('settings and sign-out', settings);
	await section('insecure', insecure);
	await section('removal', removal);
	await section('coming back and leaving', comesBack);
	for (const who of [owner, guest, second])
		is(who.complaints, [], `${who.name}: nothing in the console, no policy violated`);
	done();
} catch (error) {
	bail(error);
	for (const who of [owner, guest, second])
		if (who?.complaints.length) note(`${who.name}: ${who.complaints.join('\n')}`);
} finally {
	await closeAll();
}
