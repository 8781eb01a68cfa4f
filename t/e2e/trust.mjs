#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keys, devices and trust as people meet them, in real browsers: a second device is let in by one that is there, a person
// is verified, a message reported, a device removed, an account recovered, a sign-in refused on the device that was there,
// an account reset by an admin, an identity renewed, a backup withheld by the server, an account deleted.
//
//   CHATALOT_URL, CHATALOT_SETUP_LINK, CHATALOT_SCREENSHOTS, CHROMIUM as for story.mjs; CHATALOT_DATABASE: what whoever
//   runs the server can write to
import { execFileSync } from 'node:child_process';
import { chromiumPath, closeAll, haveChromium, person } from './lib/browser.mjs';
import {
	composer,
	fillAccount,
	isSent,
	join,
	message,
	openChannel,
	saveCode,
	sees,
	signIn,
	write
} from './lib/doing.mjs';
import { look, onlyDesktop } from './lib/screen.mjs';
import { bail, comes, done, is, note, ok, section } from './lib/tap.mjs';

const base = process.env.CHATALOT_URL;
const setupLink = process.env.CHATALOT_SETUP_LINK;
const database = process.env.CHATALOT_DATABASE;
if (!base || !setupLink || !database) {
	console.log('1..0 # SKIP CHATALOT_URL, CHATALOT_SETUP_LINK and CHATALOT_DATABASE name no server');
	process.exit(0);
}
if (!haveChromium()) {
	console.log(`1..0 # SKIP no ${chromiumPath}`);
	process.exit(0);
}

const mira = { username: 'mira', name: 'Mira Okonjo', password: 'a long winter walk' };
const ada = { username: 'ada', name: 'Ada Fairweather', password: 'nine buns and a boat' };
const [adaSecond, adaThird] = ['seven kites in a hedge', 'four ropes and a ladder'];
const miraSecond = 'another long walk';
let owner, guest, second, back, late, adaCode;

const at = ({ page }, path) => page.goto(new URL(path, base).href);
const button = ({ page }, name) => page.getByRole('button', { name });
const dialog = ({ page }) => page.getByRole('dialog');
const general = (who) => who.page.getByRole('heading', { level: 1, name: 'general' });
const newDevice = ({ page }) => page.getByRole('status').filter({ hasText: 'A new device signed in to your account' });
const lock = (who) => button(who, /^Security of this conversation/);

async function toChannel(who) {
	await who.page.getByRole('link', { name: 'The Round Table' }).click();
	await openChannel(who, 'general');
	await general(who).waitFor();
}

/** From the member list; the panel is there on a desktop. */
async function memberMenu(who, name, item) {
	await button(who, new RegExp(`^${name}`)).click();
	await who.page.getByRole('menuitem', { name: item }).click();
}

async function newPassword({ page }, password) {
	await page.getByLabel('New password', { exact: true }).fill(password);
	await page.getByLabel('New password once more').fill(password);
}

async function setsUp() {
	owner = await person('owner');
	await owner.page.goto(setupLink);
	await fillAccount(owner, mira);
	await button(owner, 'Make account').click();
	await saveCode(owner);
	const name = owner.page.getByLabel('Name of the community');
	await name.waitFor();
	ok(await name.evaluate((input) => input === document.activeElement), 'the one field of the next step has focus');
	await name.fill('The Round Table');
	await button(owner, 'Create community').click();
	await button(owner, 'Make invite link').click();
	const invite = (await owner.page.getByLabel('Invite link').innerText()).trim();
	await button(owner, 'Go to The Round Table').click();
	await general(owner).waitFor();
	await write(owner, 'Before anyone came.');
	await isSent(owner, 'Before anyone came.');

	guest = await person('guest');
	adaCode = await join(guest, invite, ada);
	await write(guest, 'Hello from Ada.');
	await sees(owner, 'Hello from Ada.');
	await comes(guest.page.getByText('You joined here').waitFor(), 'who joined later is told that this is no beginning');
}

async function letsDeviceIn() {
	second = await person('second');
	const { page } = second;
	await at(second, '/');
	await page.getByRole('link', { name: 'Use another device' }).click();
	const code = page.getByLabel('Code to type');
	const shownCode = async () => (await code.innerText()).trim();
	await comes(code.waitFor(), 'a new device shows a code');
	await page.getByRole('img', { name: 'Code for your other device to scan' }).waitFor();
	await look(second, 'use another device');

	await owner.page.getByRole('link', { name: 'Settings' }).click();
	await owner.page.getByRole('link', { name: 'Let a new device in' }).click();
	await owner.page.getByLabel('Code on the new device').fill('0000 0000');
	await button(owner, 'Next').click();
	await comes(owner.page.getByText('There is no device waiting with this code.').waitFor(), 'a wrong code says so');
	owner.expect(/404/);
	await look(owner, 'let a device in');
	await owner.page.getByLabel('Code on the new device').fill((await shownCode()).toLowerCase());
	await button(owner, 'Next').click();
	const asksOwner = owner.page.getByRole('heading', { name: 'Do both show these digits?' });
	const asksSecond = page.getByRole('heading', { name: 'Do both show the same?' });
	await comes(asksOwner.waitFor(), 'the signed-in device shows digits');
	await comes(asksSecond.waitFor(), 'and so does the new one');
	await comes(
		page.getByText('A device of Mira Okonjo (@mira) answered.').waitFor(),
		'which says whose device answered'
	);
	const digits = (who) => who.page.locator('p', { hasText: /^\d{3}\s\d{3}/ }).innerText();
	const [here, there] = [await digits(owner), await digits(second)];
	is(here, there, 'the same on both');
	await look(owner, 'compare digits');
	await look(second, 'compare digits on the new device');
	const isTakenBack = page.waitForResponse((answer) => answer.url().endsWith('/api/approvals/cancel'));
	await button(second, 'They differ').click();
	await comes(
		page.getByRole('heading', { name: 'This device was not let in' }).waitFor(),
		'who says on the new one that they differ is told what that means'
	);
	await look(second, 'digits that differ');
	ok((await isTakenBack).ok(), 'and the request is taken back');
	await button(owner, 'They match').click();
	await comes(owner.page.getByText('The new device gave up').waitFor(), 'and nobody lets it in any more');
	owner.expect(/404/);
	await button(second, 'New code').click();
	await code.waitFor();
	await at(owner, '/approve');
	await owner.page.getByLabel('Code on the new device').fill(await shownCode());
	await button(owner, 'Next').click();
	await asksOwner.waitFor();
	await asksSecond.waitFor();
	is(await digits(owner), await digits(second), 'another code, and digits that are the same');
	await button(second, 'They match').click();
	const waits = page.getByRole('heading', { name: 'Now your other device' });
	await comes(waits.waitFor(), 'who says on the new one that they match is told to say so on the other');
	await look(second, 'digits that match here');
	await button(second, 'Begin again with a new code').click();
	await code.waitFor();
	await at(owner, '/approve');
	await owner.page.getByLabel('Code on the new device').fill(await shownCode());
	await button(owner, 'Next').click();
	await asksOwner.waitFor();
	await asksSecond.waitFor();
	await button(owner, 'They match').click();
	await comes(
		owner.page.getByRole('heading', { name: 'Now say so on the new device' }).waitFor(),
		'said on the signed-in one first, it is asked for on the new one'
	);
	await look(owner, 'digits that match there');
	ok(await asksSecond.isVisible(), 'and the new device waits for its own person');
	await button(second, 'They match').click();
	await comes(general(second).waitFor(), 'then it is in, without a password');
	await comes(owner.page.getByRole('heading', { name: /is in$/ }).waitFor(), 'and the other one says so');
	await comes(sees(second, 'Before anyone came.'), 'with its history');
	await comes(sees(second, 'Hello from Ada.'), 'of both sides');
	await write(second, 'From the device that was let in.');
	await comes(sees(guest, 'From the device that was let in.'), 'and can write');
	await owner.page.getByRole('link', { name: 'To your devices' }).click();
	is(
		await owner.page
			.getByRole('listitem')
			.filter({ hasText: 'last used' })
			.count()
			.then(async (n) => (n === 2 ? n : (await owner.page.getByText('last used').nth(1).waitFor(), 2))),
		2,
		'it is listed'
	);
	await toChannel(owner);
	await comes(newDevice(owner).waitFor(), 'and shown above everything');
	ok((await newDevice(second).count()) === 0, 'but not on the new one');
	await look(owner, 'a new device');
	await button(owner, 'Yes, that was me').click();
	await comes(newDevice(owner).waitFor({ state: 'detached' }), 'until its person says that they know it');
	ok(await owner.page.evaluate(() => document.activeElement?.id === 'main'), 'and focus is on the page');
}

async function verifies() {
	const number = (who) => who.page.getByRole('region', { name: 'Safety number' }).getByRole('listitem').allInnerTexts();
	await memberMenu(owner, ada.name, 'Verify who it is');
	await comes(
		owner.page.getByRole('heading', { name: 'Safety number' }).waitFor(),
		'a member has a card with the safety number'
	);
	await memberMenu(guest, mira.name, 'Verify who it is');
	await guest.page.getByRole('heading', { name: 'Safety number' }).waitFor();
	const [hers, his] = [await number(owner), await number(guest)];
	is(hers, his, 'both see the same one');
	ok(hers.length === 12 && hers.every((group) => /^\d{5}$/.test(group)), 'twelve groups of five', hers.join(' '));
	await look(owner, 'safety number');
	await guest.page.keyboard.press('Escape');
	await button(owner, 'They are the same').click();
	await comes(owner.page.getByText(/^You verified Ada Fairweather on/).waitFor(), 'one says that they are the same');
	await owner.page.keyboard.press('Escape');
	await dialog(owner).waitFor({ state: 'detached' });
	await comes(button(owner, /^Ada Fairweather.*Verified/).waitFor(), 'and she has a mark beside her name');
	await comes(
		button(owner, 'Security of this conversation: everyone here is verified').waitFor(),
		'the lock says that everyone is verified'
	);
	await comes(
		button(second, 'Security of this conversation: everyone here is verified').waitFor(),
		'on the other device as well'
	);
	await look(owner, 'verified', onlyDesktop);
}

async function setsHistory() {
	await button(owner, 'Channel settings').click();
	await dialog(owner).getByLabel('Everything').check();
	await look(owner, 'channel settings');
	await button(owner, 'Save').click();
	await dialog(owner).waitFor({ state: 'detached' });
	await lock(guest).click();
	await comes(
		dialog(guest).getByText('New members can read what was written before they came, too.', { exact: true }).waitFor(),
		'what new members can read is shown to everybody'
	);
	await look(guest, 'who can read');
	await guest.page.keyboard.press('Escape');
	is(await button(guest, 'Channel settings').count(), 0, 'only owner and admins decide it');
}

async function reports() {
	const article = message(owner, 'Hello from Ada.');
	await article.hover();
	await article.getByRole('button', { name: /^More about the message/ }).click();
	await owner.page.getByRole('menuitem', { name: 'Report message' }).click();
	await comes(
		dialog(owner).getByText('Nothing else of the conversation is revealed.').waitFor(),
		'reporting says first what is revealed to whom'
	);
	await look(owner, 'report');
	await owner.page.getByLabel('What is wrong with it?').fill('It is only a test.');
	await dialog(owner).getByRole('button', { name: 'Report' }).click();
	await comes(owner.page.getByText('The message has been reported.').waitFor(), 'it is reported');

	await button(owner, 'The Round Table: menu').click();
	await owner.page.getByRole('menuitem', { name: 'Reported messages' }).click();
	const report = owner.page.getByRole('article').filter({ hasText: 'Hello from Ada.' });
	await comes(report.getByText('“It is only a test.”').waitFor(), 'an owner sees the message and the reason');
	await comes(report.getByText(/^Reported by Mira Okonjo/).waitFor(), 'and who reported it');
	await look(owner, 'reports');
	await report.getByRole('button', { name: 'Dealt with' }).click();
	await comes(owner.page.getByText('Nothing to look at').waitFor(), 'and deals with it');
	await toChannel(owner);
}

async function removesDevice() {
	await owner.page.getByRole('link', { name: 'Settings' }).click();
	const other = owner.page.getByRole('listitem').filter({ hasText: 'last used' }).filter({ hasNotText: 'this device' });
	await other.getByRole('button', { name: /: menu$/ }).click();
	await owner.page.getByRole('menuitem', { name: 'Rename' }).click();
	await owner.page.getByLabel('Name of the device').fill('Kitchen tablet');
	await button(owner, 'Rename').click();
	await comes(owner.page.getByText('Kitchen tablet').waitFor(), 'a device is renamed');
	await look(owner, 'settings with devices');
	await button(owner, 'Kitchen tablet: menu').click();
	await owner.page.getByRole('menuitem', { name: 'Remove' }).click();
	const safe = dialog(owner).getByRole('button', { name: 'Cancel' });
	await safe.waitFor();
	ok(await safe.evaluate((one) => one === document.activeElement), 'removing asks, with the safe answer in focus');
	await dialog(owner).getByRole('button', { name: 'Remove' }).click();
	await comes(owner.page.getByText('Kitchen tablet', { exact: true }).waitFor({ state: 'detached' }), 'and removed');
	await comes(
		second.page.getByText('Your session on this device has ended').waitFor(),
		'the removed one is out at once, and told so'
	);
	second.expect(/401|WebSocket/);
	await owner.page.waitForFunction(() => document.activeElement?.id === 'main');
	ok(true, 'what was in focus is gone with the row, and focus is on the page');
	await at(second, '/device');
	await comes(second.page.getByLabel('Code to type').waitFor(), 'a page loaded anew leads the removed one to a code');
	await at(second, '/reset');
	await comes(second.page.getByLabel('Reset code').waitFor(), 'and to an admin’s');
	await at(second, '/');
	await comes(
		second.page.getByText('Your session on this device has ended').waitFor(),
		'and to the sign-in, where it is told again'
	);
	await toChannel(owner);
	await write(owner, 'After the tablet was gone.');
	await comes(sees(guest, 'After the tablet was gone.'), 'the others go on');
}

async function changesPassword() {
	await owner.page.getByRole('link', { name: 'Settings' }).click();
	await button(owner, 'Change password').click();
	await owner.page.getByLabel('Present password').fill('not my password');
	await newPassword(owner, miraSecond);
	await dialog(owner).getByRole('button', { name: 'Change' }).click();
	await comes(dialog(owner).getByText('This is not your password.').waitFor(), 'a wrong password is told at its field');
	owner.expect(/401|403/);
	await look(owner, 'change password');
	await owner.page.getByLabel('Present password').fill(mira.password);
	await dialog(owner).getByRole('button', { name: 'Change' }).click();
	await comes(owner.page.getByText('Your password has been changed.').waitFor(), 'the right one changes it');
	await toChannel(owner);
}

async function recovers() {
	back = await person('back');
	const { page } = back;
	await at(back, '/');
	await page.getByRole('link', { name: 'Forgot your password?' }).click();
	// The sign-in has a username, too.
	await page.getByLabel('Recovery code').waitFor();
	await page.getByLabel('Username').fill(ada.username);
	await page.getByLabel('Recovery code').fill(adaCode.replace(/^..../, adaCode.startsWith('0000') ? '1111' : '0000'));
	await newPassword(back, adaSecond);
	await button(back, 'Set the new password').click();
	await comes(page.getByRole('alert').waitFor(), 'a wrong recovery code is refused');
	back.expect(/4\d\d/);
	await look(back, 'recover');
	await page.getByLabel('Recovery code').fill(adaCode.toLowerCase().replaceAll('-', ' '));
	await button(back, 'Set the new password').click();
	await comes(
		page.getByRole('heading', { name: 'Your new recovery code' }).waitFor(),
		'the right one, however it is written, gives a new one'
	);
	const renewed = await saveCode(back);
	ok(renewed !== adaCode, 'it is another one');
	adaCode = renewed;
	await comes(general(back).waitFor(), 'and she is in');
	await comes(sees(back, 'Hello from Ada.'), 'with her history');
	await comes(sees(back, 'After the tablet was gone.'), 'and what others wrote');
	await comes(
		guest.page.getByText('Your session on this device has ended').waitFor(),
		'her other devices are signed out'
	);
	guest.expect(/401|WebSocket/);
	await write(back, 'I am back.');
	await comes(sees(owner, 'I am back.'), 'she can write');
	await comes(
		button(owner, 'Security of this conversation: everyone here is verified').waitFor(),
		'and is still verified: her identity is the same'
	);
}

async function refusesDevice() {
	await signIn(guest, ada.username, adaSecond);
	await general(guest).waitFor();
	await comes(newDevice(back).waitFor(), 'who signs in elsewhere is shown on the device that was there');
	await button(back, 'No, remove it').click();
	await comes(
		dialog(back)
			.getByText(/Change your password, then get a new identity/)
			.waitFor(),
		'to who does not know it is said what to do'
	);
	await look(back, 'a device that nobody knows');
	await dialog(back).getByRole('button', { name: 'Remove' }).click();
	await comes(guest.page.getByText('Your session on this device has ended').waitFor(), 'the other one is out at once');
	guest.expect(/401|WebSocket/);
	await comes(button(back, 'Change password').waitFor(), 'and the next step is on the screen');
	await comes(newDevice(back).waitFor({ state: 'detached' }), 'in place of the question');
	await toChannel(back);
}

async function isReset() {
	await memberMenu(owner, ada.name, 'Reset password');
	await look(owner, 'reset by an admin', onlyDesktop);
	await button(owner, 'Make the code').click();
	const code = (await owner.page.getByLabel('Reset code').innerText()).trim();
	ok(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/.test(code), 'an admin gets a code to hand over', code);
	await button(owner, 'Done').click();

	const { page } = guest;
	await page.getByRole('link', { name: 'Forgot your password?' }).click();
	await page.getByRole('link', { name: 'Use a code from an admin' }).click();
	await page.getByLabel('Reset code').waitFor();
	await page.getByLabel('Username').fill(ada.username);
	await page.getByLabel('Reset code').fill(code);
	await newPassword(guest, adaThird);
	await button(guest, 'Set the new password').click();
	await comes(
		page.getByRole('heading', { name: `Welcome back, ${ada.name}` }).waitFor(),
		'it opens the account, but not the keys, and that is explained'
	);
	await look(guest, 'locked');
	await page.getByLabel('Recovery code').fill('0000-0000-0000-0000-0000-0000');
	await button(guest, 'Open my messages').click();
	await comes(
		page.getByText('This is not the recovery code of this account.').waitFor(),
		'a wrong code is called that'
	);
	await page.getByLabel('Recovery code').fill(adaCode);
	await button(guest, 'Open my messages').click();
	await comes(general(guest).waitFor(), 'the recovery code opens them');
	await comes(sees(guest, 'I am back.'), 'with the history');
	is(await guest.page.locator('article[data-state="unreadable"]').count(), 0, 'nothing of it is unreadable');
}

async function renewsCode() {
	const { page } = guest;
	await page.getByRole('link', { name: 'Settings' }).click();
	await button(guest, 'Make a new code').click();
	await comes(
		page.getByRole('heading', { name: 'Your next recovery code' }).waitFor(),
		'a new recovery code is shown before it works'
	);
	const code = (await page.getByLabel('Recovery code', { exact: true }).innerText()).trim();
	ok(code !== adaCode, 'it is another one');
	await look(guest, 'next recovery code');
	await button(guest, 'I saved it: make it work').click();
	await page.getByLabel('Your password').fill(adaThird);
	await button({ page: dialog(guest) }, 'Make it work').click();
	await comes(page.getByText('Your new recovery code works.').waitFor(), 'with the password it works');
	adaCode = code;
}

async function renewsIdentity() {
	const { page } = guest;
	await button(guest, 'New identity').click();
	await look(guest, 'new identity', onlyDesktop);
	await page.getByLabel('Your password').fill(adaThird);
	await button(guest, 'Get a new identity').click();
	await page.getByRole('heading', { name: 'Your new recovery code' }).waitFor();
	await page.getByRole('link', { name: 'The Round Table' }).click();
	await comes(page.getByText('Save the code first').waitFor(), 'nothing leads away from an unsaved recovery code');
	await saveCode(guest);
	await comes(back.page.getByText('Your session on this device has ended').waitFor(), 'all other devices are out');
	back.expect(/401|WebSocket/);
	await toChannel(guest);
	await comes(sees(guest, 'I am back.'), 'the history stays on this one');
	await write(guest, 'With a new identity.');

	const warning = owner.page.getByRole('region', { name: 'Warning about an identity' });
	await comes(warning.waitFor(), 'who had verified her is warned');
	await look(owner, 'identity changed');
	await write(owner, 'Is it you?');
	await comes(message(owner, 'Is it you?').first().waitFor(), 'what one writes then');
	is(await message(guest, 'Is it you?').count(), 0, 'waits');
	await warning.getByRole('button', { name: 'Compare' }).click();
	await comes(
		dialog(owner)
			.getByText(/^The identity of Ada Fairweather changed on/)
			.waitFor(),
		'one compares again'
	);
	await look(owner, 'changed safety number', onlyDesktop);
	await button(owner, 'They differ').click();
	await comes(
		dialog(owner)
			.getByRole('alert')
			.getByText(/write nothing private here/)
			.waitFor(),
		'numbers that differ are taken seriously'
	);
	await look(owner, 'numbers that differ');
	await button(owner, 'They are the same').click();
	await owner.page.getByText(/^You verified Ada Fairweather on/).waitFor();
	await owner.page.keyboard.press('Escape');
	await comes(warning.waitFor({ state: 'detached' }), 'and the warning ends');
	await comes(sees(guest, 'Is it you?'), 'what waited goes out by itself');
}

async function withholdsBackup() {
	const mine = `user_id = (select id from data.users where username = '${mira.username}')`;
	execFileSync('psql', [
		'-XAtq',
		'-v',
		'ON_ERROR_STOP=1',
		'-d',
		database,
		'-c',
		`delete from data.backup_items where ${mine}`
	]);
	late = await person('late');
	await at(late, '/');
	await signIn(late, mira.username, miraSecond);
	await general(late).waitFor();
	await comes(late.page.getByText('Your history cannot be restored').waitFor(), 'a device that gets no backup says so');
	await write(late, 'Does anybody hear me?');
	await comes(message(late, 'Does anybody hear me?').first().waitFor(), 'what is written there');
	await comes(
		message(late, 'Does anybody hear me?')
			.getByText('Not sent yet. The server does not hand out your backup.')
			.waitFor(),
		'waits, and says what for'
	);
	is(await message(owner, 'Does anybody hear me?').count(), 0, 'nobody gets it');
	await look(late, 'backup withheld');
	await button(late, 'Go on without').click();
	await dialog(late).getByText('nobody counts as verified').waitFor();
	await look(late, 'go on without the backup', onlyDesktop);
	await dialog(late).getByRole('button', { name: 'Go on without' }).click();
	await comes(sees(guest, 'Does anybody hear me?'), 'and goes out when its person goes on without');
	await comes(
		late.page.getByText('Your history cannot be restored').waitFor({ state: 'detached' }),
		'then nothing is said of it any more'
	);
}

async function deletesAccount() {
	const { page } = guest;
	await page.getByRole('link', { name: 'Settings' }).click();
	await button(guest, 'Delete account').click();
	await look(guest, 'delete account', onlyDesktop);
	await page.getByLabel('Your password').fill(adaThird);
	await button(guest, 'Delete for good').click();
	await comes(page.getByRole('heading', { name: 'Sign in' }).waitFor(), 'a deleted account is out');
	// What was under way when the device was signed out.
	guest.expect(/signed_out/);
	await comes(
		owner.page.getByText('The account that wrote this was deleted').first().waitFor(),
		'and its messages are gone for others, who are told why'
	);
	await comes(owner.page.getByText('1 member').waitFor(), 'as is its membership');
	ok((await composer(owner).count()) === 1, 'the others go on');
}

try {
	await section('setup', setsUp);
	await section('a device is let in', letsDeviceIn);
	await section('a person is verified', verifies);
	await section('what new members can read', setsHistory);
	await section('a message is reported', reports);
	await section('a device is removed', removesDevice);
	await section('the password is changed', changesPassword);
	await section('an account is recovered', recovers);
	await section('a sign-in elsewhere is refused', refusesDevice);
	await section('an admin resets an account', isReset);
	await section('a recovery code is renewed', renewsCode);
	await section('an identity is renewed', renewsIdentity);
	await section('a backup is withheld', withholdsBackup);
	await section('an account is deleted', deletesAccount);
	for (const who of [owner, guest, second, back, late])
		is(who.complaints, [], `${who.name}: nothing in the console, no policy violated`);
	done();
} catch (error) {
	bail(error);
	for (const who of [owner, guest, second, back, late])
		if (who?.complaints.length) note(`${who.name}: ${who.complaints.join('\n')}`);
} finally {
	await closeAll();
}
