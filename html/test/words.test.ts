// SPDX-License-Identifier: GPL-3.0-or-later
// Small pure parts: links, monograms, the switcher's ranking, what forms refuse, days.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitLinks } from '../src/lib/features/messages/links';
import { checkPassword, checkSame, checkUsername } from '../src/lib/features/session/validate';
import { fit } from '../src/lib/features/switcher/match';
import { dayLabel, dayOf } from '../src/lib/text/time';
import { explain } from '../src/lib/text';
import { hueOf, monogram } from '../src/lib/ui/monogram';

const links = (text: string) => splitLinks(text).flatMap((part) => (part.href ? [part.href] : []));

test('web addresses become links, without the punctuation after them', () => {
	assert.deepEqual(links('see https://a.example/x?y=1#z, or (http://b.example).'), [
		'https://a.example/x?y=1#z',
		'http://b.example'
	]);
	assert.deepEqual(links('https://c.example/w_(disambiguation)'), ['https://c.example/w_(disambiguation)']);
});

test('nothing else becomes a link', () => {
	assert.deepEqual(links('javascript:alert(1) data:text/html,x ftp://x.example http:// https://'), []);
	assert.deepEqual(links('https://user:password@evil.example/'), [], 'credentials hide where an address leads');
});

test('no text is lost between links', () => {
	const text = 'a https://b.example c\nhttps://d.example. https://e:f@g.example';
	assert.equal(
		splitLinks(text)
			.map((part) => part.text)
			.join(''),
		text
	);
});

test('a long hostile text is split quickly', () => {
	const started = performance.now();
	splitLinks('https://' + '('.repeat(30_000) + ')'.repeat(30_000));
	splitLinks('https://x/'.repeat(5_000));
	assert.ok(performance.now() - started < 1000);
});

test('monograms', () => {
	assert.equal(monogram('Ada Fairweather'), 'AF');
	assert.equal(monogram('tomek'), 'T');
	assert.equal(monogram('sam.r'), 'SR');
	assert.equal(monogram('  '), '·');
	assert.equal(monogram('(guest) émile'), 'GÉ');
	assert.equal(monogram('👩‍🚀 Crew'), '👩‍🚀C');
	assert.equal(hueOf('x'), hueOf('x'));
});

test('the switcher ranks beginnings over the rest', () => {
	assert.ok(fit('gen', 'general') > fit('gen', 'agenda'));
	assert.ok(fit('club', 'book-club') > fit('lub', 'book-club'));
	assert.ok(fit('uber', 'Übersetzer') > 0, 'accents do not matter');
	assert.equal(fit('xyz', 'general'), 0);
	assert.ok(fit('', 'anything') > 0);
});

test('forms say what is wrong', () => {
	assert.equal(checkUsername('ada.l-1_'), undefined);
	for (const bad of ['', 'ab', 'Ada', 'a b', 'ä'.repeat(4), 'x'.repeat(33)]) assert.ok(checkUsername(bad), bad);
	assert.ok(checkPassword('123456789'));
	assert.equal(checkPassword('1234567890'), undefined);
	assert.ok(checkSame('a', 'b'));
});

test('days are local days', () => {
	const late = new Date(2026, 5, 1, 23, 59).getTime();
	const early = new Date(2026, 5, 2, 0, 1).getTime();
	assert.equal(dayOf(early) - dayOf(late), 1);
	assert.equal(dayLabel(late, early), 'Yesterday');
	assert.equal(dayLabel(early, early), 'Today');
});

test('problems are explained by code, else in their own words', () => {
	assert.match(explain({ code: 'bad_credentials', message: 'no' }), /wrong/);
	assert.equal(explain({ code: 'something_new', message: 'Its own words.' }), 'Its own words.');
	assert.match(explain({ code: 'locked', message: '', retryAfter: 61.2 }), /62 seconds/);
	assert.equal(explain({ code: 'constructor', message: 'Own words.' }), 'Own words.', 'no property of Object');
});
