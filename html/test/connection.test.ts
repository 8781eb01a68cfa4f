// SPDX-License-Identifier: GPL-3.0-or-later
// The connection: its state table, and its behaviour with a scripted socket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../src/lib/core/problem';
import type { Connection as Shown } from '../src/lib/core/types';
import { backoffDelay } from '../src/lib/socket/backoff';
import { Connection } from '../src/lib/socket/connection';
import type { Ready } from '../src/lib/socket/frames';
import { Input, State, transition } from '../src/lib/socket/states';
import { Machine, type Tab } from './support/platform';

class FakeSocket {
	onopen: (() => void) | null = null;
	onmessage: ((event: { data: unknown }) => void) | null = null;
	onclose: ((event: { code: number; reason: string }) => void) | null = null;
	onerror: (() => void) | null = null;
	readonly sent: Record<string, unknown>[] = [];
	closed = false;
	send(text: string) {
		this.sent.push(JSON.parse(text) as Record<string, unknown>);
	}
	close() {
		this.closed = true;
	}
	say(frame: object) {
		this.onmessage?.({ data: JSON.stringify(frame) });
	}
	drop(code: number, reason = '') {
		this.onclose?.({ code, reason });
	}
}

const uuid = '0199aaaa-0000-7000-8000-000000000001';
const ready = { type: 'ready', session: uuid, device: uuid, channels: [], inbox_head: 0, degraded: false };
const soon = () => new Promise((resolve) => setImmediate(resolve));

function setup(tokens: { access?: () => Promise<string>; renew?: (refused: string) => Promise<string> } = {}) {
	const sockets: FakeSocket[] = [];
	const shown: Shown[] = [];
	const readies: Ready[] = [];
	const timers: { ms: number; run: () => void; live: boolean }[] = [];
	const network = {
		origin: 'https://chat.test',
		fetch: () => Promise.reject(new Error('unused')),
		socket: () => {
			const socket = new FakeSocket();
			sockets.push(socket);
			return socket;
		}
	};
	const tab: Tab = new Machine(network).tab();
	tab.after = (ms, run) => {
		const timer = { ms, run, live: true };
		timers.push(timer);
		return () => (timer.live = false);
	};
	const source = { access: async () => 'token-1', renew: async () => 'token-2', ...tokens };
	const connection = new Connection(tab, source, {
		shown: (state) => shown.push(state),
		ready: (frame) => readies.push(frame),
		pushed: () => undefined
	});
	const due = (ms?: number) => {
		const timer = timers.findLast((one) => one.live && (ms === undefined || one.ms === ms));
		if (timer) timer.live = false;
		timer?.run();
		return timer?.ms ?? 0;
	};
	const goOnline = async () => {
		await soon();
		sockets.at(-1)!.onopen?.();
		sockets.at(-1)!.say(ready);
		await soon();
	};
	return { connection, sockets, shown, readies, tab, timers, due, goOnline };
}

test('every state knows how to stop, and only a start leaves the stopped one', () => {
	for (const state of Object.values(State))
		if (state !== State.Stopped) assert.equal(transition(state, Input.Stop), State.Stopped, state);
	const leaving = Object.values(Input).filter((input) => transition(State.Stopped, input) !== null);
	assert.deepEqual(leaving, [Input.Start]);
});

test('authenticates in its first frame and is online when the server is ready', async () => {
	const { connection, sockets, readies, goOnline } = setup();
	connection.start();
	await goOnline();
	assert.deepEqual(sockets[0]!.sent[0], { type: 'authenticate', token: 'token-1' });
	assert.equal(readies.length, 1);
	assert.deepEqual(connection.shown, { state: 'online', degraded: false });
});

test('answers find their request by ref; a refusal carries code and details', async () => {
	const { connection, sockets, goOnline } = setup();
	connection.start();
	await goOnline();
	const socket = sockets[0]!;
	const first = connection.request({ type: 'ack', seq: 1 });
	const second = connection.request({ type: 'inbox', after: 0 });
	await soon();
	const [, one, two] = socket.sent;
	socket.say({ type: 'ok', ref: two!.ref, result: { items: [], more: false } });
	socket.say({ type: 'error', ref: one!.ref, error: { code: 'nope', message: 'no', details: { roster: 2 } } });
	assert.deepEqual(await second, { items: [], more: false });
	await assert.rejects(
		first,
		(error: Failure) => error.code === 'nope' && Reflect.get(Object(error.details), 'roster') === 2
	);
});

test('an answer of the wrong shape is a bad reply; a lost connection rejects what waits', async () => {
	const { connection, sockets, goOnline } = setup();
	connection.start();
	await goOnline();
	const bad = connection.request({ type: 'inbox', after: 0 });
	const lost = connection.request({ type: 'ack', seq: 1 });
	await soon();
	sockets[0]!.say({ type: 'ok', ref: sockets[0]!.sent[1]!.ref, result: { items: 'none' } });
	sockets[0]!.drop(1006);
	await assert.rejects(bad, (error: Failure) => error.code === 'bad_reply');
	await assert.rejects(lost, (error: Failure) => error.code === 'network');
	assert.equal(connection.shown.state, 'connecting');
});

test('1012 waits as long as the server asked', async () => {
	const { connection, sockets, due, goOnline } = setup();
	connection.start();
	await goOnline();
	sockets[0]!.drop(1012, 'reconnect=1234');
	assert.equal(due(), 1234);
	await goOnline();
	assert.equal(sockets.length, 2);
	assert.equal(connection.shown.state, 'online');
});

test('4001 renews the token once; refused again, the session has ended', async () => {
	const renewed: string[] = [];
	const { connection, sockets, goOnline } = setup({
		renew: async (refused) => {
			renewed.push(refused);
			return 'token-2';
		}
	});
	connection.start();
	await goOnline();
	sockets[0]!.drop(4001);
	await soon();
	sockets[1]!.onopen?.();
	assert.deepEqual(renewed, ['token-1']);
	assert.deepEqual(sockets[1]!.sent[0], { type: 'authenticate', token: 'token-2' });
	sockets[1]!.drop(4001);
	await soon();
	assert.equal(connection.shown.state, 'ended');
	assert.equal(sockets.length, 2);
});

test('a token that cannot be had now is tried again; one that is dead ends the session', async () => {
	let answer = new Failure({ code: 'network', message: '' });
	const { connection, due } = setup({ access: () => Promise.reject(answer) });
	connection.start();
	await soon();
	assert.equal(connection.shown.state, 'connecting');
	answer = new Failure({ code: 'session_ended', message: 'over' }, { status: 401 });
	due();
	await soon();
	assert.deepEqual(connection.shown, { state: 'ended', problem: { code: 'session_ended', message: 'over' } });
});

test('without a network it is offline, and connects when the network is back', async () => {
	const { connection, sockets, tab, goOnline } = setup();
	connection.start();
	await goOnline();
	tab.setOnline(false);
	connection.network();
	assert.equal(connection.shown.state, 'offline');
	assert.ok(sockets[0]!.closed);
	tab.setOnline(true);
	connection.network();
	await goOnline();
	assert.equal(connection.shown.state, 'online');
});

test('a ping that is not answered closes the connection', async () => {
	const { connection, sockets, due, goOnline } = setup();
	connection.start();
	await goOnline();
	due(30_000);
	await soon();
	assert.equal(sockets[0]!.sent.at(-1)!.type, 'ping');
	assert.equal(connection.shown.state, 'online');
	due(10_000);
	await soon();
	assert.equal(connection.shown.state, 'connecting');
	assert.ok(sockets[0]!.closed);
});

test('a frame that makes no sense is passed over, whatever it is', async () => {
	const { connection, sockets, tab, goOnline } = setup();
	connection.start();
	await goOnline();
	for (const data of [
		'',
		'[]',
		'null',
		'{"type":5}',
		'{"type":"entry","seq":"1"}',
		'{"type":"hasOwnProperty"}',
		new ArrayBuffer(2)
	])
		sockets[0]!.onmessage?.({ data });
	assert.equal(connection.shown.state, 'online');
	assert.equal(tab.logged.length, 7);
});

test('back-off grows, never beyond its bound, and is never nothing', () => {
	const backoff = { base: 500, max: 60_000 };
	assert.equal(backoffDelay(backoff, 0, 0), 250);
	assert.equal(backoffDelay(backoff, 3, 0.5), 2_000);
	assert.ok(backoffDelay(backoff, 1_000, 0.999) <= 60_000);
});
