// SPDX-License-Identifier: GPL-3.0-or-later
// An in-memory Core for looking at screens and measuring the list. localStorage `memory.scenario` chooses what there
// is: signed-out, admitted, setup, empty, lively, attention, consent, big (10,000 messages), insecure. window.memory
// drives events by hand.
import type {
	Account,
	Channel,
	Community,
	Core,
	CoreClient,
	CoreEvent,
	CoreEvents,
	Member,
	Message,
	OpenInvite,
	Person,
	Problem
} from '../../src/lib/core/types';
import { trustCore } from './memory-trust';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
let counter = 0;
const id = () => `0192f000-0000-7000-8000-${(++counter).toString(16).padStart(12, '0')}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const problem = (code: string, message: string): Problem => ({ code, message });

const scenario = localStorage.getItem('memory.scenario') ?? 'lively';
const listeners = new Set<(event: CoreEvent) => void>();

function emit<K extends keyof CoreEvents>(type: K, data: CoreEvents[K]) {
	const event = { type, data } as CoreEvent;
	setTimeout(() => listeners.forEach((listener) => listener(event)), 0);
}

const people: Person[] = [
	['mira', 'Mira Okonjo'],
	['jonas', 'Jonas Lindqvist'],
	['tomek', 'Tomek'],
	['ada', 'Ada Fairweather'],
	['yuki', 'Yuki Tanaka'],
	['sam.r', 'Sam Rivera']
].map(([username, displayName]) => ({ id: id(), username: username!, displayName: displayName! }));
const [mira, jonas, tomek, ada, yuki, sam] = people as [Person, Person, Person, Person, Person, Person];
let invites: OpenInvite[] = (
	[
		['qk3v9xdmt7rwa', mira, 2, 10, 3],
		['z41n8b0c5v2kp', ada, 0, 1, 20],
		['7hq2wmx9d3sfe', jonas, 41, null, 300]
	] as const
).map(([code, invitedBy, uses, maxUses, days]) => ({
	code,
	url: `http://localhost/invite/${code}`,
	invitedBy,
	uses,
	maxUses,
	createdAt: Date.now() - 2 * day,
	expiresAt: Date.now() + days * day
}));
const me: Account = { ...mira, role: 'owner', device: id() };

const channel = (name: string, topic = '', unread = 0): Channel => ({
	id: id(),
	kind: 'text',
	name,
	topic,
	unread,
	history: 'since_joining'
});
const dm = (peer: Person, text: string, unread = 0, ago = hour): Channel => ({
	id: id(),
	kind: 'dm',
	name: '',
	topic: '',
	history: 'since_joining',
	peer,
	unread,
	latest: { at: Date.now() - ago, sender: peer, text }
});

const kitchen = channel('kitchen', 'Recipes, failures, and who brings what on Friday');
const garden = channel('garden', '', 3);
let communities: Community[] = [
	{
		id: id(),
		name: 'The Round Table',
		role: 'owner',
		groups: [
			{
				id: id(),
				name: 'General',
				channels: [channel('general', 'Everything that has no other place'), kitchen, garden]
			},
			{
				id: id(),
				name: 'Projects',
				channels: [channel('allotment-fence'), channel('book-club', '', 12), channel('boat')]
			}
		]
	},
	{
		id: id(),
		name: 'Harbour Choir',
		role: 'member',
		groups: [{ id: id(), name: 'General', channels: [channel('general', '', 2)] }]
	},
	{
		id: id(),
		name: 'Übersetzer',
		role: 'moderator',
		groups: [{ id: id(), name: 'General', channels: [channel('general')] }]
	}
];
let dms: Channel[] = [
	dm(ada, 'See you at seven, then. I will bring the ladder.', 1, 5 * minute),
	dm(jonas, 'Thank you, that was it.')
];

const logs = new Map<string, Message[]>();

function line(to: Channel, sender: Person, at: number, text: string, extra: Partial<Message> = {}): Message {
	const log = logs.get(to.id) ?? [];
	logs.set(to.id, log);
	const own = sender.id === me.id;
	const message: Message = {
		id: id(),
		channel: to.id,
		seq: log.length + 1,
		sender,
		own,
		at,
		state: own ? 'sent' : 'received',
		text,
		...extra
	};
	log.push(message);
	return message;
}

function fill() {
	const general = communities[0]!.groups[0]!.channels[0]!;
	const today = new Date();
	today.setHours(9, 2, 0, 0);
	const now = Math.min(today.getTime(), Date.now() - hour);
	line(
		general,
		jonas,
		now - day - 3 * hour,
		'The ferry timetable changes on the first of the month. The early one goes at 6:40 from then on.'
	);
	line(
		general,
		jonas,
		now - day - 3 * hour + minute,
		'https://example.org/ferry/timetable?season=winter has all of it.'
	);
	line(general, me, now - day - 2 * hour, 'Thanks. I had just got used to the old one.');
	line(
		general,
		yuki,
		now - day - hour,
		'Does anybody still have the key to the boathouse? Mine has gone with the coat, and the coat has gone with the cat.'
	);
	line(general, tomek, now - 2 * hour, 'I have one. I am there until noon.');
	line(general, yuki, now - 2 * hour + minute, 'You are a good person.');
	line(general, yuki, now - 2 * hour + 2 * minute, 'I will bring buns 🥐');
	line(general, ada, now - hour, '', { state: 'waiting' });
	line(general, sam, now - hour + 4 * minute, '', {
		state: 'unreadable',
		problem: problem('decrypt', 'It was sealed by a device that is not certified by its owner.')
	});
	line(
		general,
		ada,
		now - 30 * minute,
		'Plan for Saturday:\n\n1. Meet at the slipway, nine sharp\n2. Paint, if it is dry; otherwise sort ropes\n3. Soup at one, Tomek cooks\n\nBring old clothes. The blue does not come out again, ask anyone who was there last year.'
	);
	line(general, me, now - 12 * minute, 'I can bring the big ladder and two brushes.');
	line(general, me, now - 11 * minute, 'And soup bowls, if somebody reminds me on Friday.');
	line(general, tomek, now - 6 * minute, 'Consider yourself reminded.');
	line(general, me, now - 2 * minute, 'Perfect. See you all on Saturday then.');
	line(general, me, now - minute, 'One more thing: who has the keys to the paint store?', {
		seq: null,
		state: 'failed',
		problem: problem('unavailable', 'unavailable')
	});
	for (let i = 0; i < 14; i++)
		line(
			garden,
			i % 3 ? sam : jonas,
			now - (40 - i) * minute,
			i % 3 ? 'The beans are up.' : 'Frost tonight, cover the tomatoes.'
		);
	line(dms[0]!, ada, now - hour, 'Could I borrow the ladder before Saturday?');
	line(dms[0]!, me, now - 50 * minute, 'Of course. It is behind the shed.');
	line(dms[0]!, ada, now - 5 * minute, 'See you at seven, then. I will bring the ladder.');
	if (scenario === 'big') {
		logs.set(general.id, []);
		const words =
			'the harbour wind turned over old timber while we counted ropes and talked of nothing much until the tide came in'.split(
				' '
			);
		for (let i = 0; i < 10_000; i++) {
			const length = 2 + ((i * 7919) % 43);
			const text = Array.from({ length }, (_, w) => words[(i * 31 + w * 17) % words.length]).join(' ');
			line(general, people[(i >> 2) % people.length]!, now - (10_000 - i) * 2 * minute, `${i + 1}: ${text}`);
		}
	}
}
fill();

let phase: 'signed-in' | 'signed-out' = ['signed-out', 'admitted', 'setup'].includes(scenario)
	? 'signed-out'
	: 'signed-in';
const drafts = new Map<string, string>(JSON.parse(localStorage.getItem('memory.drafts') ?? '[]') as [string, string][]);
if (scenario === 'empty' || scenario === 'setup') [communities, dms] = [[], []];

const members = (): Member[] =>
	people.map((person, i) => ({
		...person,
		role: (['owner', 'admin', 'moderator'] as const)[i] ?? 'member',
		joinedAt: Date.now() - i * day
	}));

function newCommunity(name: string): Community {
	const community: Community = {
		id: id(),
		name,
		role: 'owner',
		groups: [{ id: id(), name: 'General', channels: [channel('general')] }]
	};
	communities = [...communities, community];
	emit('communities', communities);
	return community;
}

const allChannels = () => [...dms, ...communities.flatMap((c) => c.groups.flatMap((g) => g.channels))];

const trust = trustCore({
	me,
	people,
	id,
	emit,
	scenario: () => scenario,
	channels: allChannels,
	enter() {
		phase = 'signed-in';
		emit('account', { phase, account: me });
		emit('communities', communities);
		emit('dms', dms);
	},
	leave() {
		phase = 'signed-out';
		emit('account', { phase });
	},
	change(changed) {
		communities = communities.map((c) => ({
			...c,
			groups: c.groups.map((g) => ({
				...g,
				channels: g.channels.map((one) => (one.id === changed.id ? changed : one))
			}))
		}));
		emit('communities', communities);
	},
	reported() {
		const community = communities[0]!;
		const general = community.groups[0]!.channels[0]!;
		return (logs.get(general.id) ?? [])
			.filter((message) => !message.own && message.text)
			.slice(0, 6)
			.map(({ sender, text, at }) => ({ channel: general, sender, text, at, community: community.id }));
	}
});

const core: Core = {
	...trust,
	async start() {
		if (scenario === 'insecure' || !window.isSecureContext) throw problem('insecure_context', 'HTTPS is needed');
		if (phase === 'signed-in') {
			emit('connection', { state: 'online', degraded: false });
			emit('communities', communities);
		}
		return {
			phase,
			account: phase === 'signed-in' ? me : undefined,
			communities: phase === 'signed-in' ? communities : [],
			dms: phase === 'signed-in' ? dms : [],
			unknownDevices: [],
			connection: { state: 'connecting', attempt: 0 },
			lastChannel: communities[0]?.groups[0]?.channels[0]?.id
		};
	},
	async authConfig() {
		await pause(60);
		return {
			instance: { name: 'Skerry' },
			setupRequired: scenario === 'setup' && phase === 'signed-out',
			registrationMode: 'invite_only',
			communityCreation: 'admin_only'
		};
	},
	async register() {
		await pause(900);
		phase = 'signed-in';
		emit('account', { phase, account: me });
		emit('communities', communities);
		return { account: me, recoveryCode: 'K7QW-9M2F-XT4R-6HBD-ZP3N-V8CJ' };
	},
	async signIn({ username, password }) {
		await pause(900);
		if (password === 'wrong') throw problem('bad_credentials', 'no');
		if (username === 'locked') return { state: 'locked', person: me };
		phase = 'signed-in';
		emit('account', { phase, account: me });
		emit('communities', communities);
		emit('dms', dms);
		return { state: 'signed-in', account: me };
	},
	async signOut() {
		phase = 'signed-out';
		emit('account', { phase });
	},
	createCommunity: async (name) => newCommunity(name),
	members: async () => (await pause(150), members()),
	async createInvite(_community, { maxUses, expiresInHours }) {
		const code = 'QK3V-9XDM-T7RW';
		return {
			code,
			url: `${location.origin}/invite/${code}`,
			expiresAt: expiresInHours ? Date.now() + expiresInHours * hour : null,
			maxUses: maxUses ?? null
		};
	},
	invites: async () => (await pause(150), invites),
	async withdrawInvite(code) {
		await pause(300);
		invites = invites.filter((invite) => invite.code !== code);
	},
	async lookAtInvite(code) {
		await pause(200);
		if (code === 'bad') throw problem('not_found', 'no such invite');
		return {
			community: { name: 'The Round Table' },
			invitedBy: { displayName: 'Ada Fairweather', username: 'ada' },
			members: 14,
			registrationOpen: true
		};
	},
	acceptInvite: async () => communities[0] ?? newCommunity('The Round Table'),
	async leaveCommunity(which) {
		communities = communities.filter((c) => c.id !== which);
		emit('communities', communities);
	},
	removeMember: async () => undefined,
	async openDm(user) {
		const known = dms.find((d) => d.peer?.id === user);
		if (known) return known;
		const made = {
			...dm(
				people.find((p) => p.id === user)!,
				''
			),
			latest: undefined
		};
		dms = [...dms, made];
		emit('dms', dms);
		return made;
	},
	async open(which) {
		const log = logs.get(which) ?? [];
		return { messages: log.slice(-50), more: log.length > 50 };
	},
	async older(which, before) {
		await pause(120);
		const log = (logs.get(which) ?? []).filter((m) => m.seq !== null && m.seq < before);
		const page = scenario === 'big' ? 1000 : 50;
		return { messages: log.slice(-page), more: log.length > page };
	},
	async send(which, text) {
		const to = allChannels().find((c) => c.id === which)!;
		const message = line(to, me, Date.now(), text, { seq: null, state: 'sending' });
		emit('messages', { channel: which, messages: [{ ...message }], gone: [] });
		void pause(400).then(() => {
			Object.assign(message, { state: 'sent', seq: logs.get(which)!.length });
			emit('messages', { channel: which, messages: [{ ...message }], gone: [] });
		});
		return { ...message };
	},
	async retry(which) {
		for (const [where, log] of logs) {
			const message = log.find((m) => m.id === which);
			if (!message) continue;
			Object.assign(message, { state: 'sent', seq: log.length, problem: undefined });
			emit('messages', { channel: where, messages: [{ ...message }], gone: [] });
		}
	},
	async discard(which) {
		for (const [where, log] of logs) {
			const rest = log.filter((m) => m.id !== which);
			if (rest.length < log.length) emit('messages', { channel: where, messages: [], gone: [which] });
			logs.set(where, rest);
		}
	},
	async markRead(which) {
		const clear = (c: Channel) => (c.id === which ? { ...c, unread: 0 } : c);
		communities = communities.map((c) => ({
			...c,
			groups: c.groups.map((g) => ({ ...g, channels: g.channels.map(clear) }))
		}));
		dms = dms.map(clear);
		emit('communities', communities);
		emit('dms', dms);
	},
	draft: async (which) => drafts.get(which) ?? '',
	async saveDraft(which, text) {
		drafts.set(which, text);
		localStorage.setItem('memory.drafts', JSON.stringify([...drafts]));
	}
};

/** For tests and the console: `memory.say('text')`, `memory.emit('connection', …)`. */
const hands = {
	emit,
	say(text: string, from = 1, where = communities[0]!.groups[0]!.channels[0]!) {
		emit('messages', { channel: where.id, messages: [{ ...line(where, people[from]!, Date.now(), text) }], gone: [] });
	}
};
(window as unknown as { memory: typeof hands }).memory = hands;

export function connectCore(): CoreClient {
	return {
		core,
		on(listener) {
			listeners.add(listener);
			return () => listeners.delete(listener);
		}
	};
}
