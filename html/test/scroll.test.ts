// SPDX-License-Identifier: GPL-3.0-or-later
// The reader's place in a long list: at the bottom stays at the bottom, anywhere else stays where it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListModel } from '../src/lib/features/scroll/model';
import { Scroller, type Viewport } from '../src/lib/features/scroll/scroller';

/** A list in a document: clamps as scrollTop does, and says so to the scroller as a scroll event would. */
class Page implements Viewport {
	#top = 0;
	height = 500;
	readonly scroller = new Scroller(this);

	get top() {
		return this.#top;
	}
	set top(top: number) {
		this.#top = Math.max(0, Math.min(top, this.scroller.model.total - this.height));
	}
	rows(rows: { key: string }[], height = 40) {
		this.scroller.model.setRows(rows, () => height);
		this.scroller.settle();
	}
	scrollTo(top: number) {
		this.top = top;
		this.scroller.scrolled();
	}
	/** Where a row is seen, from the top of the window. */
	seenAt(key: string) {
		return this.scroller.model.topOf(key)! - this.top;
	}
}

const row = (key: string) => ({ key });
const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => row(`m${from + i}`));

test('the model adds up measured and guessed heights', () => {
	const model = new ListModel();
	model.setRows(['a', 'b', 'c'].map(row), () => 10);
	assert.equal(model.total, 30);
	assert.equal(model.measure('b', 25), true);
	assert.equal(model.measure('b', 25.2), false, 'less than half a pixel is no change');
	assert.equal(model.total, 45);
	assert.equal(model.topOf('c'), 35);
	assert.equal(model.indexAt(0), 0);
	assert.equal(model.indexAt(34), 1);
	assert.equal(model.indexAt(35), 2);
	assert.equal(model.indexAt(1e9), 2);
});

test('rows that come, go and move are where they should be', () => {
	const model = new ListModel();
	model.setRows(keys(0, 5), () => 10);
	model.measure('m1', 30);
	model.setRows([...keys(0, 3), row('new'), ...keys(3, 5)], () => 10);
	assert.deepEqual([model.topOf('m2'), model.topOf('new'), model.topOf('m4'), model.total], [40, 50, 70, 80]);
	model.setRows(keys(1, 3), () => 10);
	assert.deepEqual([model.topOf('m1'), model.topOf('m2'), model.topOf('m0'), model.total], [0, 30, undefined, 40]);
	model.measure('m0', 99);
	assert.equal(model.total, 40, 'a row that is not there takes no room');
});

test('the model renders what is near, and stands in for the rest', () => {
	const model = new ListModel();
	model.setRows(keys(0, 1000), () => 10);
	const { start, end, before, after } = model.range(5000, 500, 100);
	assert.deepEqual([start, before], [490, 4900]);
	assert.equal(before + (end - start) * 10 + after, 10_000);
	assert.ok(end >= 560);
	assert.deepEqual(new ListModel().range(0, 500, 100), { start: 0, end: 0, before: 0, after: 0 });
});

test('a conversation opens at its end and follows what arrives', () => {
	const page = new Page();
	page.rows(keys(0, 100));
	assert.equal(page.top, 100 * 40 - 500);
	page.rows(keys(0, 101));
	assert.equal(page.top, 101 * 40 - 500);
	assert.equal(page.scroller.atBottom, true);
});

test('a reader further up is not moved by what arrives', () => {
	const page = new Page();
	page.rows(keys(0, 100));
	page.scrollTo(1000);
	page.rows(keys(0, 110));
	assert.equal(page.top, 1000);
	assert.equal(page.scroller.atBottom, false);
});

test('older messages above do not move what is read', () => {
	const page = new Page();
	page.rows([row('~older'), ...keys(100, 200)]);
	page.scrollTo(130);
	const seen = page.seenAt('m103');
	page.rows([row('~older'), ...keys(0, 200)]);
	assert.equal(page.seenAt('m103'), seen);
});

test('older messages do not move the reader even at the very top', () => {
	const page = new Page();
	page.rows([row('~older'), ...keys(100, 200)]);
	page.scrollTo(0);
	const seen = page.seenAt('m100');
	page.rows([row('~older'), ...keys(50, 200)]);
	assert.equal(page.seenAt('m100'), seen);
});

test('heights that turn out otherwise above do not move what is read', () => {
	const page = new Page();
	page.rows(keys(0, 100));
	page.scrollTo(2000);
	const seen = page.seenAt('m50');
	page.scroller.model.measure('m10', 400);
	page.scroller.model.measure('m20', 5);
	page.scroller.settle();
	assert.equal(page.seenAt('m50'), seen);
});

test('at the bottom, a row that grows or a window that shrinks keeps the end in view', () => {
	const page = new Page();
	page.rows(keys(0, 100));
	page.scroller.model.measure('m99', 300);
	page.scroller.settle();
	assert.equal(page.top, page.scroller.model.total - page.height);
	page.height = 250;
	page.scroller.settle();
	assert.equal(page.top, page.scroller.model.total - 250);
	assert.equal(page.scroller.atBottom, true);
});

test('scrolling back to the end follows again; the button does too', () => {
	const page = new Page();
	page.rows(keys(0, 100));
	page.scrollTo(1000);
	page.scrollTo(100 * 40 - 500 - 10);
	assert.equal(page.scroller.atBottom, true, 'within the slack');
	page.scrollTo(1000);
	page.scroller.toBottom();
	page.scroller.settle();
	assert.equal(page.top, 100 * 40 - 500);
});

test('a scroll event caused by settling is not the reader', () => {
	const page = new Page();
	page.rows(keys(0, 100));
	page.scrollTo(1000);
	const position = page.scroller.position;
	page.scroller.settle();
	page.scroller.scrolled();
	assert.deepEqual(page.scroller.position, position);
});

test('an anchor below which there is too little means the bottom', () => {
	const page = new Page();
	page.scroller.model.setRows([...keys(0, 97), row('~unread'), ...keys(97, 100)], () => 40);
	page.scroller.toRow('~unread', 96);
	page.scroller.settle();
	assert.equal(page.scroller.atBottom, true);
});

test('a discarded anchor leaves the reader at the same pixels', () => {
	const page = new Page();
	page.rows(keys(0, 100));
	page.scrollTo(1010);
	page.rows(keys(0, 100).filter(({ key }) => key !== 'm25'));
	assert.equal(page.top, 1010);
});

test('a remembered position is found again', () => {
	const page = new Page();
	page.rows(keys(0, 100));
	page.scrollTo(1015);
	const again = new Page();
	const scroller = new Scroller(again, page.scroller.position);
	scroller.model.setRows(keys(0, 120), () => 40);
	assert.equal(scroller.top, 1015);
});

test('ten thousand rows are laid out in a few milliseconds', () => {
	const model = new ListModel();
	const many = keys(0, 10_000);
	const started = performance.now();
	for (let i = 0; i < 10; i++) {
		model.setRows(many, () => 40);
		model.range(i * 1000, 800, 700);
	}
	assert.ok((performance.now() - started) / 10 < 50, 'one layout under 50 ms even on a busy machine');
});
