// SPDX-License-Identifier: GPL-3.0-or-later
// The connection's states and what leads from one to another: a table and nothing else.

export enum State {
	Stopped = 'stopped',
	/** The browser says that there is no network. */
	Offline = 'offline',
	/** Until the next attempt. */
	Waiting = 'waiting',
	/** Getting a token that the server will accept. */
	Preparing = 'preparing',
	Opening = 'opening',
	Authenticating = 'authenticating',
	Online = 'online',
	/** The session is over; only a new sign-in helps. */
	Ended = 'ended'
}

export enum Input {
	Start = 'start',
	Stop = 'stop',
	NetworkUp = 'network-up',
	NetworkDown = 'network-down',
	Woke = 'woke',
	/** The state's own timer ran out. */
	Due = 'due',
	TokenReady = 'token-ready',
	/** No token now (no network, server busy), but later perhaps. */
	TokenDelayed = 'token-delayed',
	SessionOver = 'session-over',
	Opened = 'opened',
	Ready = 'ready',
	Closed = 'closed',
	/** Closed with 4001: the token was not accepted. */
	Refused = 'refused'
}

const down = { [Input.Stop]: State.Stopped, [Input.NetworkDown]: State.Offline };
const live = { ...down, [Input.Closed]: State.Waiting, [Input.Due]: State.Waiting, [Input.SessionOver]: State.Ended };

const table: Record<State, Partial<Record<Input, State>>> = {
	[State.Stopped]: { [Input.Start]: State.Preparing },
	[State.Offline]: {
		[Input.Stop]: State.Stopped,
		[Input.NetworkUp]: State.Preparing,
		[Input.SessionOver]: State.Ended
	},
	[State.Waiting]: {
		...down,
		[Input.Due]: State.Preparing,
		[Input.Woke]: State.Preparing,
		[Input.NetworkUp]: State.Preparing,
		[Input.SessionOver]: State.Ended
	},
	[State.Preparing]: {
		...down,
		[Input.TokenReady]: State.Opening,
		[Input.TokenDelayed]: State.Waiting,
		[Input.SessionOver]: State.Ended
	},
	[State.Opening]: { ...live, [Input.Opened]: State.Authenticating },
	[State.Authenticating]: { ...live, [Input.Ready]: State.Online, [Input.Refused]: State.Preparing },
	[State.Online]: { ...live, [Input.Refused]: State.Preparing },
	[State.Ended]: { [Input.Stop]: State.Stopped, [Input.Start]: State.Preparing }
};

/** Pairs that happen in the ordinary course and change nothing. */
const harmless = new Set<string>([
	...Object.values(State).map((state) => `${state}/${Input.Woke}`),
	...Object.values(State).map((state) => `${state}/${Input.NetworkUp}`),
	`${State.Stopped}/${Input.NetworkDown}`,
	`${State.Stopped}/${Input.Stop}`,
	`${State.Stopped}/${Input.SessionOver}`,
	`${State.Offline}/${Input.NetworkDown}`,
	`${State.Ended}/${Input.NetworkDown}`,
	`${State.Ended}/${Input.SessionOver}`
]);

/** The next state; null when the input means nothing in this one. */
export function transition(state: State, input: Input): State | null {
	return table[state][input] ?? null;
}

export function isHarmless(state: State, input: Input): boolean {
	return harmless.has(`${state}/${input}`);
}
