// SPDX-License-Identifier: GPL-3.0-or-later
// What people do in the client, by what they see: labels, headings, texts. No selectors of ours.
export async function fillAccount({ page }, { username, name, password }) {
	await page.getByLabel('Username').fill(username);
	await page.getByLabel('Name others see').fill(name);
	await page.getByLabel('Password', { exact: true }).fill(password);
	await page.getByLabel('Password once more').fill(password);
}

/** Reads the recovery code and says that it is saved. */
export async function saveCode({ page }) {
	const code = (await page.getByLabel('Recovery code', { exact: true }).innerText()).trim();
	await page.getByRole('button', { name: 'I saved it' }).click();
	return code;
}

/** From a setup link, or where one may register: an account and a community. Returns the recovery code and an invite link. */
export async function found(who, account, community) {
	const { page } = who;
	await fillAccount(who, account);
	await page.getByRole('button', { name: 'Make account' }).click();
	const code = await saveCode(who);
	await page.getByLabel('Name of the community').fill(community);
	await page.getByRole('button', { name: 'Create community' }).click();
	await page.getByRole('button', { name: 'Make invite link' }).click();
	const invite = (await page.getByLabel('Invite link').innerText()).trim();
	await page.getByRole('button', { name: `Go to ${community}` }).click();
	await composer(who).waitFor();
	return { code, invite };
}

/** Makes an account with an invite link, up to the community's first channel. Returns the recovery code. */
export async function join(who, invite, account) {
	const { page } = who;
	await page.goto(invite);
	await page.getByRole('button', { name: 'New here: make an account' }).click();
	await fillAccount(who, account);
	await page.getByRole('button', { name: 'Make account' }).click();
	const code = await saveCode(who);
	await composer(who).waitFor();
	return code;
}

export async function signIn({ page }, username, password) {
	await page.getByLabel('Username').fill(username);
	await page.getByLabel('Password', { exact: true }).fill(password);
	await page.getByRole('button', { name: 'Sign in' }).click();
}

export const composer = ({ page }) => page.getByRole('textbox', { name: /^Write to / });

export async function write(who, text) {
	await composer(who).fill(text);
	await composer(who).press('Enter');
}

/** Messages in the conversation that is open. */
export const messages = ({ page }) => page.getByRole('region', { name: /^Messages in / }).getByRole('article');
export const message = (who, text) => messages(who).filter({ hasText: text });
export const sees = (who, text) => message(who, text).first().waitFor();

export async function isSent(who, text) {
	await who.page.locator('article[data-state="sent"]').filter({ hasText: text }).first().waitFor();
}

export const texts = async (who) =>
	(await messages(who).locator('.whitespace-pre-wrap').allInnerTexts()).map((text) => text.trim());

/** To a community's first channel: done when it is on the screen, for until then one would write where one came from. */
export async function openCommunity({ page }, name, channel) {
	await page.getByRole('link', { name }).click();
	await page.getByRole('heading', { level: 1, name: channel }).waitFor();
}

export const openChannel = ({ page }, name) => page.getByRole('link', { name: new RegExp(`^${name}\\b`) }).click();
