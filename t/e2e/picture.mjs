#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The picture in the README: two people talk, as real browsers on a real server show it. Run by scripts/screenshot.
//
//   CHATALOT_URL, CHATALOT_SETUP_LINK as for story.mjs; CHATALOT_PICTURE is the file to write
import { closeAll, person } from './lib/browser.mjs';
import { found, isSent, join, sees, write } from './lib/doing.mjs';

const { CHATALOT_SETUP_LINK: setupLink, CHATALOT_PICTURE: file } = process.env;
const mira = { username: 'mira', name: 'Mira Okonjo', password: 'a long winter walk' };
const ada = { username: 'ada', name: 'Ada Fairweather', password: 'nine buns and a boat' };
const said = [
	['owner', 'The ovens are in! First bread on Saturday, if the dough agrees.'],
	['owner', 'Who has time to carry flour on Friday evening?'],
	['guest', 'I do, after six. I can bring the trailer as well.'],
	['guest', 'Do we need more baskets?\nThere are four in my cellar, and a fifth with a hole.'],
	['owner', 'Four are plenty. Keep the one with the hole for the cat. 🐈'],
	['guest', 'She has already moved in.'],
	['owner', 'Then it is settled. Six o’clock, back door, and mind the step.'],
	['guest', 'Bringing coffee too. ☕']
];

try {
	const owner = await person('owner');
	await owner.page.goto(setupLink);
	const { invite } = await found(owner, mira, 'The Little Bakery');
	const guest = await person('guest');
	await join(guest, invite, ada);
	for (const [who, text] of said) {
		const [speaker, other] = who === 'owner' ? [owner, guest] : [guest, owner];
		await write(speaker, text);
		await isSent(speaker, text.split('\n')[0]);
		await sees(other, text.split('\n')[0]);
	}
	await owner.page.mouse.move(0, 0);
	await owner.page.evaluate(() => document.activeElement?.blur());
	await owner.page.screenshot({ path: file });
} finally {
	await closeAll();
}
