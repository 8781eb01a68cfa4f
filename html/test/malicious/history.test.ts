// SPDX-License-Identifier: GPL-3.0-or-later
// The past of a conversation, against a server that lies about it: what was written before does not reach those who came
// later, and what was sealed before a removal is not shown after it, however the log is cut into pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inject, scene, secondDevice } from '../support/scene';

test('what is late is not shown, whichever page of the log comes first', async () => {
	const { relay, ada, ben, channel } = await scene();
	const place = relay.channels.get(channel)!;
	relay.tamperFrame = (frame) => (frame.type === 'entry' && frame.seq === 3 ? null : frame);
	await ben.core.send(channel, 'held back');
	await ben.message(channel, 'held back', 'sent');
	const held = place.log.pop();
	relay.tamperFrame = (frame) => frame;
	place.epoch++;
	place.roster++;
	relay.announce(place);
	await ada.core.send(channel, 'among ourselves');
	await ada.until('its entry', () => ada.messages(channel).find(({ seq }) => seq === 3));
	inject(relay, place, held);
	await ada.until('the late one', () => ada.messages(channel).find(({ seq }) => seq === 4));
	await ada.backedUp();

	relay.pageLimit = 1;
	const later = await secondDevice(relay, 'ada');
	await later.until('the late one, alone', async () => (await later.open(channel)).some(({ seq }) => seq === 4));
	await later.message(channel, 'held back', 'received');
	await later.core.older(channel, 4);
	const refused = await later.until('it to go', () =>
		later.messages(channel).find(({ seq, state }) => seq === 4 && state === 'unreadable')
	);
	assert.deepEqual([refused.text, refused.problem!.code], ['', 'out_of_order']);
	const shown = (await later.core.open(channel)).messages.map(({ text }) => text);
	assert.deepEqual(shown, ['from ada', 'from ben', 'among ourselves', '']);
});
