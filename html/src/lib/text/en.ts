// SPDX-License-Identifier: GPL-3.0-or-later
// Every word the client says, in English. A translation is another file of type `Text`.
// Rules: plain sentences; say what happened, whether anything was lost, what to do next. No jargon, no exclamation.

const plural = (n: number, one: string, many: string) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

export const en = {
	product: 'Chatalot',
	promise:
		'Private by construction. What you write is sealed on your device and opened only by the people you write to.',

	common: {
		cancel: 'Cancel',
		close: 'Close',
		back: 'Back',
		copy: 'Copy',
		copied: 'Copied',
		copyFailed: 'Copying was refused by the browser. Select the text and copy it yourself.',
		retry: 'Try again',
		loading: 'Loading',
		skip: 'Skip to the conversation',
		you: 'you',
		notifications: 'Notices',
		dismiss: 'Dismiss'
	},

	roles: {
		owner: 'Owner',
		admin: 'Admin',
		moderator: 'Moderator',
		member: 'Member'
	},

	fields: {
		username: 'Username',
		usernameHint: '3 to 32 characters: a–z, 0–9, dot, dash, underscore. People find you by it.',
		displayName: 'Name others see',
		displayNameHint: 'May be changed later.',
		password: 'Password',
		passwordHint: 'At least 10 characters. It never leaves this device.',
		passwordAgain: 'Password once more',
		showPassword: 'Show password',
		hidePassword: 'Hide password',
		communityName: 'Name of the community'
	},

	invalid: {
		required: 'This is needed.',
		usernameShort: 'At least 3 characters.',
		usernameLong: 'At most 32 characters.',
		usernameCharacters: 'Only a–z, 0–9, dot, dash and underscore.',
		displayNameLong: 'At most 64 characters.',
		passwordShort: 'At least 10 characters.',
		passwordLong: 'At most 1,024 characters.',
		passwordDiffers: 'The two passwords differ.',
		nameLong: 'At most 100 characters.'
	},

	signIn: {
		title: 'Sign in',
		lead: (instance: string) => `Welcome back to ${instance}.`,
		submit: 'Sign in',
		busy: 'Opening your keys',
		busyHint: 'Your password is being turned into keys on this device. This takes a moment, on purpose.',
		newHere: 'New here?',
		register: 'Make an account',
		inviteOnly: 'New here? Ask someone who is a member for an invite link.',
		setup: 'This server has no owner yet. Open the setup link that was printed when it started.'
	},

	register: {
		title: 'Make your account',
		lead: (instance: string) => `On ${instance}. No e-mail address needed.`,
		submit: 'Make account',
		busy: 'Making your keys',
		busyHint:
			'Your keys are made on this device, and your password is turned into one. This takes a moment, on purpose.',
		closed: 'This server takes no new accounts.',
		closedHint: 'Ask whoever runs it, or sign in if you have an account.',
		needInvite: 'You need an invite',
		needInviteHint: 'This server is by invitation. Ask someone who is a member for an invite link, and open it here.',
		haveAccount: 'Have an account?',
		signIn: 'Sign in'
	},

	invite: {
		title: (community: string) => `Join ${community}`,
		from: (name: string, username: string, community: string) => `${name} (@${username}) invites you to ${community}.`,
		members: (n: number) => plural(n, 'member', 'members'),
		join: (community: string) => `Join ${community}`,
		joinAs: (name: string) => `You are signed in as ${name}.`,
		registerHere: 'New here: make an account',
		signInFirst: 'I have an account: sign in',
		closed: 'This server takes no new accounts at the moment. If you have one already, sign in to join.',
		invalid: 'This invite does not work',
		invalidHint: 'It may have expired, been used up, or been copied incompletely. Ask for a new link.',
		toStart: 'To the start page',
		looking: 'Looking at the invite'
	},

	setup: {
		title: 'Set up your server',
		lead: 'You are the first one here. This account will own the server.',
		submit: 'Create the owner',
		missing: 'This setup link is incomplete',
		missingHint: 'Open the whole link that was printed when the server started. It can be used once.',
		done: 'This server is set up already',
		doneHint: 'Its owner exists. Sign in, or open an invite link.',
		step: (n: number, of: number) => `Step ${n} of ${of}`,
		enter: (community: string) => `Go to ${community}`,
		steps: ['Account', 'Recovery code', 'Community', 'Invite']
	},

	recovery: {
		title: 'Your recovery code',
		lead: 'If you ever forget your password, this code is the only way back to your account and your history. Nobody, not even whoever runs this server, can make another one for you.',
		label: 'Recovery code',
		once: 'It is shown only now.',
		copy: 'Copy code',
		download: 'Save as file',
		fileName: 'chatalot-recovery-code.txt',
		file: (o: { instance: string; username: string; code: string; date: string }) =>
			`Recovery code for ${o.username} on ${o.instance}\n\n    ${o.code}\n\nMade on ${o.date}. Keep it where only you can find it.\nWhoever has it can take over the account.\n`,
		saved: 'I have saved it in a safe place',
		confirm: 'I saved it'
	},

	community: {
		create: 'Create a community',
		createTitle: 'Name your community',
		createLead: 'A home for your people, with channels of its own. You can change the name later.',
		createSubmit: 'Create community',
		placeholder: 'e.g. The Round Table',
		leave: 'Leave community',
		leaveTitle: (name: string) => `Leave ${name}?`,
		leaveText: 'You will not see its conversations any more. To come back, you need a new invite.',
		leaveConfirm: 'Leave',
		left: (name: string) => `You have left ${name}.`,
		menu: (name: string) => `${name}: menu`
	},

	inviteDialog: {
		open: 'Invite people',
		title: (name: string) => `Invite people to ${name}`,
		lead: 'Whoever opens this link sees your name and the community, and can make an account with it. Give it only to people you want here.',
		expires: 'Works for',
		hours: { '1': 'one hour', '24': 'one day', '168': 'one week', '720': '30 days', never: 'ever' },
		uses: 'Can be used',
		usesChoice: { '1': 'once', '10': '10 times', '100': '100 times', never: 'without limit' },
		submit: 'Make invite link',
		link: 'Invite link',
		copy: 'Copy link',
		again: 'Make another',
		until: (when: string) => `Works until ${when}.`,
		forever: 'Works until it is withdrawn.',
		times: (n: number) => (n === 1 ? 'It can be used once.' : `It can be used ${n.toLocaleString('en')} times.`),
		anyTimes: 'It can be used any number of times.'
	},

	shell: {
		communities: 'Communities',
		dms: 'Direct messages',
		channels: (community: string) => `Channels of ${community}`,
		channel: (name: string) => `Channel ${name}`,
		settings: 'Settings',
		unread: (n: number) => `${n.toLocaleString('en')} unread`,
		newDmHint: 'Open a member list and choose a person to write to.',
		noDms: 'No direct messages yet',
		noChannels: 'No channels here',
		noChannelsHint: 'The people who run this community have not made one that you can see.',
		switcher: 'Go to',
		switcherPlaceholder: 'Go to a channel or person',
		switcherEmpty: 'Nothing by that name.',
		switcherHint: 'Arrow keys to choose, Enter to go',
		shortcuts: 'Keyboard shortcuts'
	},

	shortcuts: [
		['Ctrl K', 'Go to a channel or person'],
		['Alt ↑ / Alt ↓', 'Channel above or below'],
		['Enter', 'Send'],
		['Shift Enter', 'New line'],
		['Esc', 'Close what is open'],
		['?', 'This list']
	] as [string, string][],

	empty: {
		noCommunity: 'You are in no community yet',
		noCommunityAsk: 'Ask someone for an invite link and open it in this browser.',
		noCommunityCreate: 'Create the first one, then invite your people.',
		pickChannel: 'Choose a conversation',
		pickChannelHint: 'Pick a channel on the left, or press Ctrl K.',
		channelTitle: (name: string) => `This is the beginning of ${name}`,
		channelHint: 'Say hello. Everything here is sealed for the members of this channel only.',
		channelAlone: 'You are the only one here so far.',
		dmTitle: (name: string) => `You and ${name}`,
		dmHint: 'This is the beginning of your conversation. Only the two of you can read it.'
	},

	conversation: {
		messages: (name: string) => `Messages in ${name}`,
		older: 'Loading older messages',
		olderFailed: 'Older messages could not be loaded.',
		newest: 'To the newest',
		newMessages: (n: number) => plural(n, 'new message', 'new messages'),
		unreadLine: 'New',
		today: 'Today',
		yesterday: 'Yesterday',
		sending: 'Sending',
		queued: 'Will be sent when the connection is back',
		sent: 'Sent',
		failed: 'Not sent',
		failedText: (cause: string) => `Not sent. ${cause}`,
		discard: 'Discard',
		waiting: 'Waiting for the key to this message. It is sent by the writer’s device as soon as it is online.',
		unreadable: (cause: string) => `This message cannot be read. ${cause}`,
		unreadableCause: 'The key for it never reached this device.',
		announce: (name: string, text: string) => `${name}: ${text}`,
		announceUnread: (name: string) => `${name} sent a message that cannot be read yet.`,
		showMembers: 'Show members',
		hideMembers: 'Hide members',
		unknown: 'Conversation not found',
		unknownHint: 'It may have been removed, or you are not a member any more.',
		openFailed: 'This conversation could not be opened.'
	},

	composer: {
		label: (name: string) => `Write to ${name}`,
		send: 'Send',
		tooLong: (over: number) => `Too long by ${plural(over, 'character', 'characters')}.`,
		left: (n: number) => `${plural(n, 'character', 'characters')} left`,
		failed: 'Your message could not be put in the outbox. It is still here; try again.'
	},

	members: {
		title: 'Members',
		count: (n: number) => plural(n, 'member', 'members'),
		dm: 'Write a direct message',
		remove: 'Remove from community',
		removeTitle: (name: string) => `Remove ${name}?`,
		removeText: (name: string, community: string) =>
			`${name} loses access to ${community} at once and cannot read what is written from then on.`,
		removeConfirm: 'Remove',
		removed: (name: string) => `${name} has been removed.`,
		failed: 'The members could not be loaded.'
	},

	security: {
		button: 'Security of this conversation',
		buttonAttention: 'Security of this conversation: something needs your attention',
		title: 'Only the people here can read this',
		sealed:
			'Every message is sealed on the writer’s device for exactly the devices of these people, and signed by the writer. The server carries it without being able to read or change it.',
		sealedDm:
			'Every message is sealed on the writer’s device for the devices of the two of you, and signed. The server carries it without being able to read or change it.',
		attention: 'Someone’s identity has changed',
		attentionText: (names: string) =>
			`${names} has a new identity key since this device first met them. That happens when an account starts over, and also when someone tries to listen in. Ask them in person or by phone before you write anything private.`,
		refused: 'The server tried something that was refused',
		doubtful: 'A name here is in doubt',
		misnamed: (names: string) =>
			`The server gives ${names} another username than when this device first met them, or one that somebody else has. Make sure you know whom you are writing to.`,
		accept: (name: string) => `I have asked ${name}: it is really them`,
		acceptText: (name: string) =>
			`Nothing is sent here until you say so. Then messages are sealed for the new identity of ${name}.`,
		notes: 'What happened here',
		note: {
			readers_refused: (name: string | undefined) =>
				name
					? `The server named ${name} as a reader of this conversation, who does not belong here. Nothing was sent to them.`
					: 'The server named readers who do not belong in this conversation. Nothing was sent to them.',
			place_refused: () => 'The server passed another conversation off as this one. Nothing was sent there.',
			prekeys_refused: (name: string | undefined) =>
				`The server gave keys for a device of ${name} that are not its own, or old ones. Nothing was sealed with them.`,
			reader_added: (name: string | undefined) => `${name} can now read what is written here.`,
			reader_removed: (name: string | undefined) => `${name} can no longer read what is written here.`,
			own_device_added: () => 'A new device of yours can now read what is written here.',
			renamed: (name: string | undefined, was: string | undefined) => `${was} is now called ${name}.`,
			identity_changed: (name: string | undefined) => `The identity of ${name} changed.`,
			identity_accepted: (name: string | undefined) => `You accepted the new identity of ${name}.`,
			verified: (name: string | undefined) => `You verified ${name}.`,
			history_all: () => 'From here on, new members can read what was written before they came.',
			history_since_joining: () => 'From here on, new members can read only what is written after they came.'
		},
		who: 'Who can read it',
		devices: (n: number) => plural(n, 'device', 'devices'),
		changed: 'identity changed',
		failed: 'Security could not be checked just now.'
	},

	settings: {
		title: 'Settings',
		account: 'Account',
		appearance: 'Appearance',
		theme: 'Theme',
		themes: { system: 'Like the system', light: 'Light', dark: 'Dark' },
		devices: 'Your devices',
		devicesLead: 'Each device has its own keys. All of them can read your conversations.',
		thisDevice: 'this device',
		added: (when: string) => `Added ${when}`,
		lastUsed: (when: string) => `last used ${when}`,
		from: (address: string) => `from ${address}`,
		devicesFailed: 'Your devices could not be loaded.',
		signOut: 'Sign out',
		signOutTitle: 'Sign out on this device?',
		signOutText:
			'Keys and messages are wiped from this device. On another device, or when you sign in again, your history comes back.',
		signOutUnsent: 'Messages that have not been sent yet are lost.',
		signOutConfirm: 'Sign out',
		role: { owner: 'Owner of this server', admin: 'Admin of this server', member: '' }
	},

	connection: {
		offline: 'No network. You can read and write; messages go out when it is back.',
		reconnecting: 'Reconnecting. Nothing is lost; messages go out when the connection is back.',
		retryIn: (seconds: number) => `Next try in ${seconds} s.`,
		degraded: 'Live delivery is slow at the moment. Messages arrive within a few seconds.',
		ended: 'Your session on this device has ended',
		endedHint: 'Sign in again to go on. What was sent is kept; your history comes back.'
	},

	restore: {
		title: 'Restoring your history',
		progress: (done: number, total: number) =>
			`${done.toLocaleString('en')} of ${total.toLocaleString('en')} keys opened`
	},

	insecure: {
		title: 'A secure connection is needed',
		text: 'Chatalot makes and keeps its keys in your browser, and browsers allow that only over HTTPS (or on the very machine the server runs on, as localhost).',
		whatNow: 'What to do',
		steps: [
			'If you run this server: put a certificate on it and use its https:// address.',
			'If you are a member: ask whoever runs it for the https:// address.'
		]
	},

	start: {
		failed: 'Chatalot could not start',
		retry: 'Reload',
		unsupported: 'This browser is too old',
		unsupportedHint: 'It lacks something Chatalot needs to keep your keys safe. Update it, or use another one.'
	},

	notFound: {
		title: 'There is nothing here',
		text: 'The address may be mistyped, or what it named is gone.',
		home: 'To your conversations'
	},

	/** By the server's or core's code; a code that is not listed shows the sender's own sentence. */
	problems: {
		bad_credentials: 'Username or password is wrong.',
		locked: 'Too many failed tries. The account is locked for 15 minutes.',
		username_taken: 'This username is taken.',
		rate_limited: 'Too many tries. Wait a moment, then try again.',
		unavailable: 'The server cannot be used at the moment. Nothing is lost; try again shortly.',
		offline: 'There is no connection to the server. Nothing is lost; try again when it is back.',
		network: 'The server could not be reached. Nothing is lost; try again.',
		timeout: 'The server did not answer in time. Try again.',
		internal: 'Something went wrong on the server. Nothing was changed.',
		identity_changed: 'Someone’s identity in this conversation has changed. Look at the lock above before you go on.',
		insecure_context: 'A secure connection (HTTPS) is needed.'
	} as Record<string, string>,
	requestId: (id: string) => `Request ${id}`,
	retryAfter: (seconds: number) => `Try again in ${plural(seconds, 'second', 'seconds')}.`
};

export type Text = typeof en;
