#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a person waits for in the real client, in a real browser with a profile on disk: driven by Bench::Load::Browser
// like the load generator, a line of standard input a command, a line of JSON its answer. It ends with its input.
// CHATALOT_SCREENSHOTS and CHROMIUM as for t/e2e.
//
//   bench/browser.mjs PLAN        a file of JSON: {url, invite, log (nginx's access log)}
//
//   people            a reader and two writers make accounts and go to the channel; the reader's client is closed
//   write N           both writers together, through their own clients: sealed, stored, accepted
//   catch-up N        the reader opens the client, which takes in N messages that were written meanwhile
//   read-back         the reader's client reads all of the channel from what is stored here, page by page
//   alone             the writers' browsers are closed: what follows has the machine for itself
//   first             somebody who has no account here opens the page: nothing is cached
//   first-in          the reader, nothing cached
//   reopen            the reader, everything cached
//   scroll SPEED      from the newest message to the first, and back again, at so many pixels a second
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { closeAll, keep, person } from '../t/e2e/lib/browser.mjs';
import { composer, join } from '../t/e2e/lib/doing.mjs';

const { url, invite, log } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
/** Messages on their way at once; the client queues a thousand at most. */
const WINDOW = 100;
/** Requests are over when nginx has logged none for so long, ms: longer than it keeps a line to itself (conf/nginx.conf,
    `flush`), or lines of one opening would be counted with the next. */
const QUIET = 1500;
/** A frame later than this is one that is seen, ms. */
const LONG = 50;
const PATIENCE = 120_000;

const people = {};
let channel;
let written = 0;
const last = () => `Number ${written}:`;

// --- what is done in the page --------------------------------------------------------------------------------------

/** From the page's beginning: keeps its core's worker, so that more can be asked than a person could type. */
function keepCore() {
	const waiting = new Map();
	let calls = 0;
	window.Worker = class extends Worker {
		constructor(...args) {
			super(...args);
			this.addEventListener('message', ({ data }) => {
				if ('event' in data) return window.benchHear?.(data.event);
				if (!waiting.has(data.answer)) return;
				const { resolve, reject } = waiting.get(data.answer);
				waiting.delete(data.answer);
				if ('problem' in data) reject(new Error(`${data.problem.code}: ${data.problem.message}`));
				else resolve(data.value);
			});
			window.benchCall = (method, ...args) =>
				new Promise((resolve, reject) => {
					const call = `bench ${++calls}`;
					waiting.set(call, { resolve, reject });
					this.postMessage({ call, method, args });
				});
		}
	};
}

/** From the page's beginning: when the first frame was drawn in which there is what is awaited, ms. */
function awaitSight({ selector, text }) {
	const isSeen = (element) => {
		const { top, bottom, height } = element.getBoundingClientRect();
		return element.textContent.includes(text) && height > 0 && top < innerHeight && bottom > 0;
	};
	window.benchSight = new Promise((resolve) => {
		const look = () => {
			if (![...document.querySelectorAll(selector)].some(isSeen)) return requestAnimationFrame(look);
			// The frame's own work comes after this; the next task is after it.
			const { port1, port2 } = new MessageChannel();
			port1.onmessage = () => resolve(performance.now());
			port2.postMessage(0);
		};
		requestAnimationFrame(look);
	});
}

/** Counts what the core tells while it takes messages in, how long the page's own thread was busy at a time, and how
    long a draft, which needs the same lock, had to wait. */
function countTaken({ wanted, channel }) {
	const tasks = [];
	const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
	const readable = new Set();
	let online, begun;
	let wait = 0;
	const drafts = async () => {
		while (readable.size < wanted) {
			const from = performance.now();
			await window.benchCall('saveDraft', channel, `at ${from}`);
			wait = Math.max(wait, performance.now() - from);
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		await window.benchCall('saveDraft', channel, '');
	};
	window.benchTaken = new Promise((resolve, reject) => {
		window.benchHear = ({ type, data }) => {
			if (type === 'connection' && data.state === 'online' && online === undefined) {
				online = performance.now();
				observer.observe({ type: 'longtask' });
				drafts().catch(reject);
			}
			if (type !== 'messages' || readable.size >= wanted) return;
			for (const { id, state } of data.messages) if (state === 'received') readable.add(id);
			// From here on: what the page did before was to draw itself.
			begun ??= performance.now();
			if (readable.size < wanted) return;
			const ms = performance.now() - online;
			// What the page does with them is part of it; tasks are told a while after they were.
			const since = ({ startTime }) => startTime >= begun;
			const longest = () => Math.max(0, ...tasks.filter(since).map(({ duration }) => duration));
			setTimeout(() => resolve({ ms, wait, task: longest() }), 300);
		};
	});
}

/** All that is stored of a channel, as scrolling would ask for it. */
async function readBack(channel) {
	const from = performance.now();
	let page = await window.benchCall('open', channel);
	let count = page.messages.length;
	while (page.more && page.messages.length > 0) {
		page = await window.benchCall('older', channel, page.messages[0].seq);
		count += page.messages.length;
	}
	return { count, ms: performance.now() - from };
}

/** Looks at each frame of the list of messages until told to stop. */
function watchList() {
	const view = document.querySelector('[role="region"][aria-label^="Messages in "]');
	const list = view.querySelector('[data-row]').parentElement;
	const [before, after] = [list.previousElementSibling, list.nextElementSibling];
	const frames = [];
	const made = new Map();
	const rows = new MutationObserver((changes) => {
		for (const { addedNodes } of changes)
			for (const { dataset } of addedNodes)
				if (dataset?.row) made.set(dataset.row, (made.get(dataset.row) ?? 0) + 1);
	});
	rows.observe(list, { childList: true });
	const out = { blank: 0, late: 0, waiting: 0, nodes: 0, jump: 0 };
	const covered = (element) => {
		const [of, place] = [element.getBoundingClientRect(), view.getBoundingClientRect()];
		return Math.max(0, Math.min(of.bottom, place.bottom) - Math.max(of.top, place.top));
	};
	// Before the list itself hears that it was scrolled: what was on the screen at that moment.
	const early = () => {
		if (covered(before) + covered(after) > 1) out.late++;
	};
	document.addEventListener('scroll', early, { capture: true });
	let previous = performance.now();
	let anchor;
	let going = true;
	const frame = () => {
		if (!going) return;
		const now = performance.now();
		frames.push(now - previous);
		previous = now;
		if (covered(before) + covered(after) > 1) out.blank++;
		const skeleton = list.querySelector('[data-row="~older"]');
		if (skeleton && covered(skeleton) > 0) out.waiting++;
		out.nodes = Math.max(out.nodes, document.getElementsByTagName('*').length);
		// A row that moves against the hand has jumped.
		if (anchor?.row.isConnected) {
			const moved = (anchor.row.getBoundingClientRect().top - anchor.top) * window.benchDirection;
			out.jump = Math.max(out.jump, -moved);
		}
		const middle = view.getBoundingClientRect().top + view.clientHeight / 2;
		const row = [...list.children].find((one) => one.getBoundingClientRect().bottom > middle);
		anchor = row && { row, top: row.getBoundingClientRect().top };
		requestAnimationFrame(frame);
	};
	requestAnimationFrame(frame);
	window.benchStop = () => {
		going = false;
		rows.disconnect();
		document.removeEventListener('scroll', early, { capture: true });
		return { ...out, frames, again: [...made.values()].reduce((sum, times) => sum + times - 1, 0) };
	};
}

// --- what goes over the wire ---------------------------------------------------------------------------------------

/** Where the log ends, when nginx has no more to say of what was asked until now. */
async function mark() {
	const size = () => statSync(log).size;
	for (let before = size(), still = 0; ; ) {
		await new Promise((resolve) => setTimeout(resolve, 100));
		const now = size();
		still = now === before ? still + 100 : 0;
		if (still >= QUIET) return now;
		before = now;
	}
}

/** What nginx has answered since the mark, when it has no more to answer: {requests, bytes} with its headers, and which
    files it was asked for again. */
async function since(from) {
	const text = Buffer.alloc((await mark()) - from);
	const file = openSync(log, 'r');
	readSync(file, text, 0, text.length, from);
	closeSync(file);
	const lines = text.toString().trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
	const files = lines.map(({ path }) => path).filter((path) => !path.startsWith('/api/'));
	// The browser asks for the icon by itself, and again where the address has changed before it came.
	const twice = files.filter((path, i) => files.indexOf(path) < i && path !== '/favicon.svg');
	return { requests: lines.length, bytes: lines.reduce((sum, line) => sum + line.bytes, 0), twice };
}

// --- commands ------------------------------------------------------------------------------------------------------

async function makePeople() {
	for (const name of ['reader', 'ada', 'cora']) {
		const who = (people[name] = await person(name));
		if (name !== 'reader') await who.context.addInitScript(keepCore);
		await join(who, invite, { username: name, name: `${name} of the bench`, password: 'nine buns and a boat' });
		channel = new URL(who.page.url()).pathname.split('/').at(-1);
		if (name === 'reader') await leave(who);
		// Away from the messages: showing them is not what a writer is here for.
		else await who.page.getByRole('link', { name: 'Settings' }).click();
	}
	return {};
}

/** The client's tab is closed, the browser and what it keeps stay; so does its window, for an empty tab is left in it. A
    window made anew takes as much of a processor as the client does. */
async function leave(who) {
	if (who.context.pages().length === 1) await who.context.newPage();
	await who.page.close();
	who.page = undefined;
}

async function enter(who, sight) {
	who.page = await who.context.newPage();
	if (sight) await who.page.addInitScript(awaitSight, sight);
	return who.page;
}

/** Lengths as people have them: mostly a line or two, now and then a paragraph. */
function textOf(n) {
	const words = 'the bread is in the oven and somebody should look after the cat before it rains again today'.split(' ');
	const length = n % 17 === 0 ? 90 : n % 5 === 0 ? 30 : 4 + ((n * 7) % 11);
	return `Number ${n}: ${Array.from({ length }, (_, i) => words[(n * 5 + i) % words.length]).join(' ')}`;
}

async function writeAll(count) {
	const from = performance.now();
	const texts = Array.from({ length: count }, (_, i) => textOf(written + 1 + i));
	// The last one alone, so that everybody knows which it is.
	const parts = [texts.slice(0, -1).filter((_, i) => i % 2 === 0), texts.slice(0, -1).filter((_, i) => i % 2 === 1)];
	await Promise.all([writeBy(people.ada, parts[0]), writeBy(people.cora, parts[1])]);
	await writeBy(people.cora, texts.slice(-1));
	written += count;
	return { rate: (1000 * count) / (performance.now() - from) };
}

const writeBy = (who, texts) =>
	who.page.evaluate(
		async ({ channel, texts, window: most }) => {
			const open = new Map();
			let wake = () => undefined;
			const pause = () => new Promise((resolve) => (wake = resolve));
			window.benchHear = ({ type, data }) => {
				if (type !== 'messages') return;
				for (const { id, state, problem } of data.messages) {
					if (state === 'failed') open.set(id, problem?.code ?? 'failed');
					else if (state === 'sent') open.set(id, true);
				}
				wake();
			};
			const waiting = new Set();
			const settle = () => {
				for (const id of waiting) {
					const fate = open.get(id);
					if (fate !== undefined && fate !== true) throw new Error(`not sent: ${fate}`);
					if (fate && waiting.delete(id)) open.delete(id);
				}
			};
			for (const text of texts) {
				waiting.add((await window.benchCall('send', channel, text)).id);
				for (settle(); waiting.size >= most; settle()) await pause();
			}
			for (settle(); waiting.size > 0; settle()) await pause();
		},
		{ channel, texts, window: WINDOW }
	);

async function catchUp(count) {
	const { reader } = people;
	const page = await enter(reader, { selector: 'article', text: last() });
	await page.addInitScript(keepCore);
	await page.addInitScript(countTaken, { wanted: count, channel });
	await page.goto(url);
	const taken = await page.evaluate(() => window.benchTaken);
	const seen = await page.evaluate(() => window.benchSight);
	await leave(reader);
	return { rate: (1000 * count) / taken.ms, task: taken.task, wait: taken.wait, seen };
}

async function readAll() {
	const { reader } = people;
	const page = await enter(reader, { selector: 'article', text: last() });
	await page.addInitScript(keepCore);
	await page.goto(url);
	await page.evaluate(() => window.benchSight);
	const { count, ms } = await page.evaluate(readBack, channel);
	await leave(reader);
	if (count !== written) throw new Error(`${written} messages were written, ${count} are stored`);
	return { rate: (1000 * count) / ms };
}

async function beAlone() {
	for (const name of ['ada', 'cora']) await people[name].close();
	return {};
}

/** A page from its beginning to what is awaited, and what came over the wire for it. */
async function load(who, sight) {
	const page = await enter(who, sight);
	let socket = 0;
	page.on('websocket', (one) => one.on('framereceived', ({ payload }) => (socket += Buffer.byteLength(payload))));
	const from = await mark();
	await page.goto(url);
	const ms = await page.evaluate(() => window.benchSight);
	const { requests, bytes, twice } = await since(from);
	who.complaints.push(...twice.map((path) => `${path} was fetched more than once`));
	return { ms, requests, bytes: bytes + socket };
}

/** Nothing of ours is cached any more; who is signed in stays so. */
async function clearCache(who) {
	const [empty] = who.context.pages();
	const devtools = await who.context.newCDPSession(empty);
	await devtools.send('Network.clearBrowserCache');
	await devtools.detach();
}

async function first() {
	// One browser for all such openings: that it has just been started itself is not what is asked.
	const nobody = (people.nobody ??= await stranger());
	await clearCache(nobody);
	const answer = await load(nobody, { selector: 'form button[type="submit"]:enabled', text: 'Sign in' });
	await leave(nobody);
	return answer;
}

async function stranger() {
	const nobody = await person('nobody');
	await nobody.page.goto(url);
	await nobody.page.getByRole('button', { name: 'Sign in' }).waitFor();
	await leave(nobody);
	return nobody;
}

async function firstIn() {
	await clearCache(people.reader);
	return reopen();
}

async function reopen() {
	const { reader } = people;
	const answer = await load(reader, { selector: 'article', text: last() });
	await leave(reader);
	return answer;
}

async function scroll(speed) {
	const { reader } = people;
	const page = await enter(reader, { selector: 'article', text: last() });
	await page.goto(url);
	await page.evaluate(() => window.benchSight);
	await composer(reader).waitFor();
	const devtools = await page.context().newCDPSession(page);
	const heap = async () => {
		await devtools.send('HeapProfiler.collectGarbage');
		return (await devtools.send('Runtime.getHeapUsage')).usedSize;
	};
	const before = await heap();
	const up = await pass(page, devtools, speed, 1);
	await keep(page, 'bench-first-message');
	const held = (await heap()) - before;
	const down = await pass(page, devtools, speed, -1);
	await leave(reader);
	return { up, down, heap: held };
}

/** Turns the wheel until the list's end is on the screen; up is 1. */
async function pass(page, devtools, speed, direction) {
	await page.evaluate((way) => (window.benchDirection = way), direction);
	await page.evaluate(watchList);
	const end = Date.now() + PATIENCE;
	const isThere = (way) => {
		const view = document.querySelector('[role="region"][aria-label^="Messages in "]');
		if (way < 0) return view.scrollTop + view.clientHeight >= view.scrollHeight - 1;
		return view.scrollTop <= 0 && view.querySelector('[data-row="~start"]') !== null;
	};
	while (!(await page.evaluate(isThere, direction))) {
		if (Date.now() > end) throw new Error('the end of the list does not come');
		const gesture = { x: 640, y: 400, yDistance: direction * speed, speed, gestureSourceType: 'mouse' };
		await devtools.send('Input.synthesizeScrollGesture', gesture);
	}
	const { frames, ...seen } = await page.evaluate(() => window.benchStop());
	const sorted = frames.toSorted((a, b) => a - b);
	const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
	return {
		...seen,
		frames: frames.length,
		p95: at(0.95),
		p99: at(0.99),
		longest: sorted.at(-1),
		long: frames.filter((ms) => ms > LONG).length
	};
}

const commands = {
	people: makePeople,
	write: (count) => writeAll(Number(count)),
	'catch-up': (count) => catchUp(Number(count)),
	'read-back': readAll,
	alone: beAlone,
	first,
	'first-in': firstIn,
	reopen,
	scroll: (speed) => scroll(Number(speed))
};

try {
	for await (const line of createInterface({ input: process.stdin })) {
		const [name, ...args] = line.trim().split(' ');
		const answer = await commands[name](...args);
		const complaints = Object.values(people).flatMap((one) => one.complaints.splice(0));
		process.stdout.write(`${JSON.stringify({ ...answer, complaints })}\n`);
	}
} finally {
	await closeAll();
}
