// SPDX-License-Identifier: GPL-3.0-or-later
// The part of the in-memory Core that is about ways in, devices, trust and reports. Passwords are right unless they are
// "wrong"; a name "locked" signs in to an account whose password was reset; an approval answers itself after a moment.
import type {
	Account,
	Channel,
	Core,
	CoreEvents,
	Device,
	Id,
	Millis,
	Person,
	Problem,
	Report,
	Safety,
	Security,
	SecurityNote,
	UnknownDevice
} from '../../src/lib/core/types';

const day = 24 * 60 * 60_000;
const hour = 60 * 60_000;
const code = 'M4TB-0QZX-7JWD-R2KH-59VN-CE6A';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const problem = (code: string, message = 'no'): Problem => ({ code, message });

export interface World {
	me: Account;
	people: Person[];
	id: () => Id;
	scenario: () => string;
	emit: <K extends keyof CoreEvents>(type: K, data: CoreEvents[K]) => void;
	enter: () => void;
	leave: () => void;
	channels: () => Channel[];
	/** Puts a channel's new version into the tree. */
	change: (channel: Channel) => void;
	reported: () => { channel: Channel; sender: Person; text: string; at: Millis; community: Id | null }[];
}

type Mine =
	| 'unlock'
	| 'startAnew'
	| 'recover'
	| 'useResetCode'
	| 'resetAccount'
	| 'requestApproval'
	| 'confirmApproval'
	| 'cancelApproval'
	| 'lookAtApproval'
	| 'approve'
	| 'refuse'
	| 'changePassword'
	| 'makeRecoveryCode'
	| 'setRecoveryCode'
	| 'replaceIdentity'
	| 'deleteAccount'
	| 'continueWithoutBackup'
	| 'devices'
	| 'renameDevice'
	| 'removeDevice'
	| 'knowDevice'
	| 'setHistory'
	| 'security'
	| 'acceptIdentity'
	| 'safety'
	| 'verify'
	| 'verifyScanned'
	| 'unverify'
	| 'report'
	| 'reports'
	| 'resolveReport'
	| 'keyHealth';

export function trustCore(world: World): Pick<Core, Mine> {
	const { me, people, emit } = world;
	const check = async (password: string) => {
		await pause(700);
		if (password === 'wrong') throw problem('bad_credentials');
	};
	let devices: Device[] = [
		['Firefox on Linux', 40, 0, '192.0.2.7'],
		['Safari on iPhone', 9, 5, '2001:db8::17'],
		['Chrome on Windows', 71, 24 * 33, '198.51.100.24']
	].map(([name, added, used, address], i) => ({
		id: i === 0 ? me.device : world.id(),
		name: name as string,
		createdAt: Date.now() - (added as number) * day,
		lastUsedAt: Date.now() - (used as number) * hour,
		lastAddress: address as string,
		current: i === 0
	}));
	let unknown: UnknownDevice[] = [];
	let timers: ReturnType<typeof setTimeout>[] = [];
	const later = (ms: number, act: () => void) => timers.push(setTimeout(act, ms));
	const stop = () => {
		timers.forEach(clearTimeout);
		timers = [];
	};

	const states = new Map<Id, { state: Safety['state']; since: Millis }>();
	const wasVerified = new Set<Id>();
	const stateOf = (user: Id) => states.get(user) ?? { state: 'met' as const, since: Date.now() - 12 * day };
	people.slice(1).forEach((person, i) => {
		if (i === 0) states.set(person.id, { state: 'verified', since: Date.now() - 3 * day });
	});
	const ada = people[3]!;
	if (world.scenario() === 'attention') states.set(ada.id, { state: 'changed', since: Date.now() - hour });
	if (world.scenario() === 'consent') {
		states.set(ada.id, { state: 'changed', since: Date.now() - hour });
		wasVerified.add(ada.id);
	}
	const digitsFor = (user: Id) => {
		let seed = 7;
		for (const letter of user + (stateOf(user).state === 'changed' ? 'x' : ''))
			seed = (seed * 31 + letter.charCodeAt(0)) >>> 0;
		let digits = '';
		while (digits.length < 60) {
			seed = (seed * 1103515245 + 12345) >>> 0;
			digits += String(seed % 100000).padStart(5, '0');
		}
		return digits.slice(0, 60);
	};
	const safety = async (user: Id): Promise<Safety> => {
		await pause(120);
		const person = people.find((one) => one.id === user)!;
		return {
			person,
			digits: digitsFor(user),
			qr: `CHATALOT:1:${btoa(digitsFor(user)).slice(0, 76)}`,
			...stateOf(user)
		};
	};
	const tell = () => world.channels().forEach(({ id }) => emit('security', { channel: id }));
	const become = async (user: Id, state: Safety['state']) => {
		states.set(user, { state, since: Date.now() });
		if (state !== 'changed') wasVerified.delete(user);
		tell();
		return safety(user);
	};

	const notes: SecurityNote[] = [];
	const security = async (which: Id): Promise<Security> => {
		const channel = world.channels().find(({ id }) => id === which);
		const here = channel?.peer ? [me, channel.peer] : people;
		const others = here.filter((person) => person.id !== me.id);
		const changed = others
			.filter((person) => stateOf(person.id).state === 'changed')
			.map((person) => ({ person, wasVerified: wasVerified.has(person.id) }));
		const allVerified = others.every((person) => stateOf(person.id).state === 'verified');
		const past: SecurityNote[] = channel?.peer
			? []
			: [
					{ at: Date.now() - 6 * day, what: 'reader_added', person: people[4] },
					{ at: Date.now() - 5 * day, what: 'reader_removed', person: people[2] },
					{ at: Date.now() - 3 * day, what: 'verified', person: people[1] }
				];
		return {
			state: changed.length ? 'attention' : allVerified ? 'verified' : 'sealed',
			changed,
			misnamed: [],
			notes: [
				...past,
				...changed.map(({ person }) => ({ at: Date.now() - hour, what: 'identity_changed' as const, person })),
				...notes
			],
			members: here.map((person, i) => ({
				person,
				devices: 1 + (i % 3),
				verified: stateOf(person.id).state === 'verified'
			}))
		};
	};

	let reports: Report[] | undefined;
	const listed = () =>
		(reports ??= world.reported().map(({ channel, sender, text, at, community }, i) => ({
			id: world.id(),
			community,
			channel: channel.id,
			kind: channel.kind,
			sender,
			reporter: people[(i + 2) % people.length]!,
			text,
			reason: i === 0 ? 'This is the third time he posts the address of my house.' : '',
			sentAt: at,
			createdAt: at + hour / 2,
			resolvedAt: i === 2 ? at + 2 * hour : null
		})));

	return {
		async unlock(given) {
			await pause(900);
			if (given.startsWith('0000')) throw problem('bad_recovery_code');
			world.enter();
			return { account: me };
		},
		async startAnew() {
			await pause(900);
			world.enter();
			return { account: me, recoveryCode: code };
		},
		async recover({ recoveryCode }) {
			await pause(1200);
			if (recoveryCode.startsWith('0000')) throw problem('bad_credentials');
			world.enter();
			return { account: me, recoveryCode: code };
		},
		async useResetCode({ code: given }) {
			await pause(900);
			if (given.startsWith('0000')) throw problem('bad_credentials');
			return { state: 'locked', person: me };
		},
		async resetAccount() {
			await pause(300);
			return { code: '7QK3-V9XD-MT7R-W2NB', expiresAt: Date.now() + day };
		},
		async requestApproval() {
			await pause(200);
			stop();
			emit('approval', { state: 'waiting' });
			later(6000, () => emit('approval', { state: 'compare', digits: '408215', person: me }));
			return {
				code: 'K7QW9M2F',
				url: `${location.origin}/approve#K7QW9M2F`,
				expiresAt: Date.now() + 10 * 60_000
			};
		},
		async confirmApproval() {
			emit('approval', { state: 'confirmed', digits: '408215', person: me });
			if (world.scenario() === 'admitted') {
				later(3000, () => {
					world.enter();
					emit('approval', { state: 'done' });
				});
			}
		},
		async cancelApproval() {
			stop();
		},
		async lookAtApproval(text) {
			await pause(900);
			if (text.includes('0000')) throw problem('approval_not_found');
			return { code: 'K7QW9M2F', deviceName: 'Chrome on Android', address: '203.0.113.80', digits: '408215' };
		},
		async approve() {
			await pause(500);
			const admitted = {
				id: world.id(),
				name: 'Chrome on Android',
				createdAt: Date.now(),
				lastUsedAt: Date.now(),
				lastAddress: '203.0.113.80',
				current: false
			};
			devices = [...devices, admitted];
			emit('devices', {});
			const { id, name, lastAddress: address } = admitted;
			unknown = [...unknown, { id, name, address, seenAt: Date.now(), gone: false }];
			emit('unknownDevices', unknown);
		},
		refuse: async () => pause(200).then(() => undefined),
		changePassword: ({ current }) => check(current),
		makeRecoveryCode: async () => ({ recoveryCode: code }),
		async setRecoveryCode({ password }) {
			await check(password);
			if (password === 'lost') throw problem('code_unconfirmed');
		},
		async replaceIdentity(password) {
			await check(password);
			devices = devices.filter((device) => device.current);
			emit('devices', {});
			return { recoveryCode: code };
		},
		async deleteAccount(password) {
			await check(password);
			if (me.role === 'owner') throw problem('owner_stays');
			world.leave();
		},
		continueWithoutBackup: async () => emit('restore', { done: 1, total: 1 }),
		devices: async () => (await pause(150), devices),
		async renameDevice(which, name) {
			devices = devices.map((device) => (device.id === which ? { ...device, name } : device));
			emit('devices', {});
		},
		async removeDevice(which) {
			await pause(300);
			devices = devices.filter((device) => device.id !== which);
			emit('devices', {});
		},
		async knowDevice(which) {
			unknown = unknown.filter(({ id }) => id !== which);
			emit('unknownDevices', unknown);
		},
		async setHistory(which, history) {
			await pause(300);
			const channel = { ...world.channels().find(({ id }) => id === which)!, history };
			world.change(channel);
			notes.push({ at: Date.now(), what: history === 'all' ? 'history_all' : 'history_since_joining', person: me });
			tell();
			return channel;
		},
		security,
		async acceptIdentity(which, user) {
			await become(user, 'met');
			return security(which);
		},
		safety,
		verify: (user) => become(user, 'verified'),
		async verifyScanned(user) {
			return { matches: true, safety: await become(user, 'verified') };
		},
		unverify: (user) => become(user, 'met'),
		report: async () => pause(300).then(() => undefined),
		async reports({ community, before }) {
			await pause(200);
			const all = listed().filter((report) => !community || report.community === community);
			const from = before ? all.findIndex(({ id }) => id === before) + 1 : 0;
			return { reports: all.slice(from, from + 4), more: all.length > from + 4 };
		},
		async resolveReport(which) {
			await pause(200);
			reports = listed().map((report) => (report.id === which ? { ...report, resolvedAt: Date.now() } : report));
		},
		keyHealth: async () => ({ waiting: 1, unreadable: 2, requested: 3 })
	};
}
