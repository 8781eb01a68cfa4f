// SPDX-License-Identifier: GPL-3.0-or-later
// The WebSocket connection: keeps one open while it is wanted, authenticates it, matches answers to requests and hands
// everything else on. The states are in states.ts; transition() is the only place that changes them. Knows no chat.
import { Malformed } from '../api/decode';
import type { TokenSource } from '../api/api';
import type { Platform, SocketLike } from '../core/platform';
import { Failure, isPassing, toProblem } from '../core/problem';
import type { Connection as Shown, Problem } from '../core/types';
import { backoffDelay } from './backoff';
import { readFrame, results, type Pushed, type Ready, type Request, type Result } from './frames';
import { Pace } from './pace';
import { Pending } from './pending';
import { Input, isHarmless, State, transition } from './states';

const OPEN_TIMEOUT = 15_000;
const REQUEST_TIMEOUT = 20_000;
const PING_EVERY = 30_000;
const PONG_WITHIN = 10_000;
/** A connection that lived this long was a good one: the next failure starts counting anew. */
const STEADY = 20_000;
const BACKOFF = { base: 500, max: 60_000 };
const TOO_MANY_DELAY = 60_000;
const TOO_FAST_DELAY = 10_000;

export interface ConnectionEvents {
	shown(state: Shown): void;
	ready(ready: Ready): void;
	pushed(frame: Pushed): void;
}

export class Connection {
	private state = State.Stopped;
	private degraded = false;
	private attempt = 0;
	private onlineSince = 0;
	/** Wait at least so long before the next attempt, as the server asked. */
	private askedDelay: number | undefined;
	private retryAt: number | undefined;
	private token = '';
	/** A token the server refused; a second refusal in a row ends the session. */
	private refused: string | undefined;
	private ending: Problem = { code: 'session_ended', message: 'This session has ended. Sign in again.' };
	private socket: SocketLike | undefined;
	private cancelTimer: (() => void) | undefined;
	private readonly pending: Pending;
	private pace: Pace;

	constructor(
		private readonly platform: Platform,
		private readonly tokens: TokenSource,
		private readonly events: ConnectionEvents
	) {
		this.pending = new Pending(platform);
		this.pace = new Pace(platform);
	}

	start(): void {
		this.attempt = 0;
		this.refused = undefined;
		this.input(Input.Start);
	}

	stop(): void {
		this.input(Input.Stop);
	}

	/** The session is over, as someone else found out. */
	end(problem: Problem): void {
		this.ending = problem;
		this.input(Input.SessionOver);
	}

	network(): void {
		this.input(this.platform.online() ? Input.NetworkUp : Input.NetworkDown);
	}

	/** The tab woke: a socket may be dead without having been told so. */
	wake(): void {
		this.input(Input.Woke);
		if (this.state === State.Online) this.ping(PONG_WITHIN / 2);
	}

	get online(): boolean {
		return this.state === State.Online;
	}

	get shown(): Shown {
		switch (this.state) {
			case State.Ended:
				return { state: 'ended', problem: this.ending };
			case State.Stopped:
			case State.Offline:
				return { state: 'offline' };
			case State.Online:
				return { state: 'online', degraded: this.degraded };
			default:
				return { state: 'connecting', attempt: this.attempt, retryAt: this.retryAt };
		}
	}

	setDegraded(degraded: boolean): void {
		if (this.degraded === degraded) return;
		this.degraded = degraded;
		this.events.shown(this.shown);
	}

	/** Sends a request and waits for its answer; rejects with a Failure (`offline`, `network`, `timeout`, or the server's code). */
	async request<T extends Request>(frame: T): Promise<Result<T['type']>> {
		if (this.state !== State.Online || !this.socket)
			throw new Failure({ code: 'offline', message: 'There is no connection to the server.' });
		const socket = this.socket;
		if (frame.type === 'send' || frame.type === 'deliver') await this.pace.turn();
		if (this.socket !== socket) throw new Failure({ code: 'network', message: 'The connection was lost.' });
		const decoder = results[frame.type] as unknown as (value: unknown, path: string) => Result<T['type']>;
		const { ref, result } = this.pending.add(frame.type, decoder, REQUEST_TIMEOUT);
		this.transmit({ ...frame, ref });
		return result;
	}

	private input(input: Input): void {
		const next = transition(this.state, input);
		if (next === null) {
			if (!isHarmless(this.state, input))
				this.platform.log('warn', `connection: nothing to do for ${input} in ${this.state}`);
			return;
		}
		this.leave(next);
		this.state = next;
		this.enter(next);
		this.events.shown(this.shown);
	}

	private leave(next: State): void {
		this.cancelTimer?.();
		this.cancelTimer = undefined;
		this.retryAt = undefined;
		if (this.state === State.Online && this.platform.now() - this.onlineSince >= STEADY) this.attempt = 0;
		if (next !== State.Authenticating && next !== State.Online) this.dropSocket();
	}

	private enter(state: State): void {
		switch (state) {
			case State.Waiting:
				return this.enterWaiting();
			case State.Preparing:
				if (!this.platform.online()) return queueMicrotask(() => this.input(Input.NetworkDown));
				void this.prepare();
				return;
			case State.Opening:
				this.openSocket();
				return this.timer(OPEN_TIMEOUT);
			case State.Authenticating:
				this.transmit({ type: 'authenticate', token: this.token });
				return this.timer(OPEN_TIMEOUT);
			case State.Online:
				this.onlineSince = this.platform.now();
				this.refused = undefined;
				return this.schedulePing();
		}
	}

	private enterWaiting(): void {
		const random = this.platform.random(1)[0]! / 256;
		const delay = this.askedDelay ?? backoffDelay(BACKOFF, this.attempt, random);
		this.askedDelay = undefined;
		this.attempt++;
		this.retryAt = this.platform.now() + delay;
		this.timer(delay);
	}

	private timer(ms: number): void {
		this.cancelTimer = this.platform.after(ms, () => this.input(Input.Due));
	}

	private async prepare(): Promise<void> {
		let outcome = Input.TokenReady;
		try {
			this.token = this.refused === undefined ? await this.tokens.access() : await this.tokens.renew(this.refused);
		} catch (error) {
			outcome = isPassing(error) ? Input.TokenDelayed : Input.SessionOver;
			if (outcome === Input.SessionOver) this.ending = toProblem(error);
			else if (error instanceof Failure && error.problem.retryAfter)
				this.askedDelay = Math.min(error.problem.retryAfter, 300) * 1000;
		}
		if (this.state === State.Preparing) this.input(outcome);
	}

	private openSocket(): void {
		const socket = this.platform.socket(`${this.platform.origin.replace(/^http/, 'ws')}/ws`);
		this.socket = socket;
		const current = (run: () => void) => () => {
			if (this.socket === socket) run();
		};
		socket.onopen = current(() => this.input(Input.Opened));
		socket.onmessage = (event) => {
			if (this.socket === socket) this.receive(event.data);
		};
		socket.onclose = (event) => {
			if (this.socket === socket) this.closed(event.code, event.reason);
		};
		// An error is always followed by close, which says more.
		socket.onerror = null;
	}

	private dropSocket(): void {
		const socket = this.socket;
		this.socket = undefined;
		this.degraded = false;
		this.pending.dropAll();
		if (!socket) return;
		socket.onopen = socket.onmessage = socket.onclose = null;
		try {
			socket.close(1000);
		} catch {
			// Not open yet, or closed already.
		}
	}

	private closed(code: number, reason: string): void {
		if (code === 4001 && this.state !== State.Opening) {
			if (this.refused !== undefined) return this.input(Input.SessionOver);
			this.refused = this.token;
			return this.input(Input.Refused);
		}
		const asked = code === 1012 ? /(?:^|\s)reconnect=(\d{1,6})(?:\s|$)/.exec(reason) : null;
		if (asked) this.askedDelay = Number(asked[1]);
		if (code === 4002) this.askedDelay = TOO_MANY_DELAY;
		if (code === 1008) this.askedDelay = TOO_FAST_DELAY;
		this.input(Input.Closed);
	}

	private receive(data: unknown): void {
		let frame;
		try {
			if (typeof data !== 'string') throw new Malformed('', 'a text frame');
			frame = readFrame(data);
		} catch (error) {
			this.platform.log('warn', 'connection: a frame made no sense', String(error));
			return;
		}
		switch (frame.type) {
			case 'ready':
				if (this.state !== State.Authenticating) return;
				return this.receiveReady(frame.data);
			case 'ok':
				this.pending.settle(frame.ref, frame.result);
				return;
			case 'error': {
				const { code, message, field, details } = frame;
				// The end of the session shows at the next request when its event was lost.
				if (code === 'session_ended') return this.closed(4001, '');
				const failure = new Failure({ code, message, field }, { details });
				if (frame.ref === undefined || !this.pending.refuse(frame.ref, failure))
					this.platform.log('warn', `connection: the server complains: ${code}`, message);
				return;
			}
			case 'pushed':
				if (this.state === State.Online) this.events.pushed(frame.frame);
				return;
			case 'unknown':
				this.platform.log('warn', `connection: unknown frame ${frame.name}`);
		}
	}

	private receiveReady(ready: Ready): void {
		const { rate, burst } = ready.limits ?? {};
		this.pace = new Pace(this.platform, rate && burst ? { rate, burst } : undefined);
		this.degraded = ready.degraded;
		this.input(Input.Ready);
		this.events.ready(ready);
	}

	private transmit(frame: object): void {
		try {
			this.socket?.send(JSON.stringify(frame));
		} catch {
			// The socket is closing; onclose follows and rejects what waits.
		}
	}

	private schedulePing(): void {
		this.cancelTimer?.();
		this.cancelTimer = this.platform.after(PING_EVERY, () => this.ping(PONG_WITHIN));
	}

	private ping(within: number): void {
		const socket = this.socket;
		this.cancelTimer?.();
		this.cancelTimer = this.platform.after(within, () => this.input(Input.Due));
		this.request({ type: 'ping' }).then(
			() => this.socket === socket && this.state === State.Online && this.schedulePing(),
			() => undefined
		);
	}
}
