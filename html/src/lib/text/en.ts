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
		displayNameHint: 'Shown beside what you write.',
		password: 'Password',
		passwordHint: 'At least 10 characters. It never leaves this device.',
		passwordAgain: 'Password once more',
		newPassword: 'New password',
		newPasswordAgain: 'New password once more',
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
		nameLong: 'At most 100 characters.',
		codeCharacters: 'There is a letter or sign in it that no code has. Look at it again.',
		codeLength: (wanted: number, got: number) => `It has ${wanted} letters and digits; these are ${got}.`
	},

	signIn: {
		title: 'Sign in',
		lead: (instance: string) => `Welcome back to ${instance}.`,
		submit: 'Sign in',
		busy: 'Opening your keys',
		busyHint: 'Your password is being turned into keys on this device. This takes a moment, on purpose.',
		forgot: 'Forgot your password?',
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

	recover: {
		title: 'Forgot your password?',
		lead: 'Your recovery code opens your account and your history again. You choose a new password and get a new code; all other devices are signed out.',
		codeHint: '24 letters and digits, from the file or the paper on which you kept it.',
		wrong:
			'This username and this code do not belong together. Look at both again; a code that was renewed no longer works.',
		submit: 'Set the new password'
	},

	reset: {
		title: 'A code from an admin',
		lead: 'Whoever runs this server can give you a code for a new password. It opens your account. Your older messages stay sealed until your recovery code or another device opens them.',
		label: 'Reset code',
		hint: '16 letters and digits. It works once, for a day.',
		wrong: 'This username and this code do not belong together, or the code has expired. Ask for a new one.',
		submit: 'Set the new password'
	},

	ways: {
		title: 'Other ways in',
		recover: 'Use your recovery code',
		reset: 'Use a code from an admin',
		device: 'Use another device',
		signIn: 'Sign in with your password'
	},

	locked: {
		title: (name: string) => `Welcome back, ${name}`,
		lead: 'Your password was reset by someone who runs this server. That opens your account, but not your messages: their keys are sealed, and nobody but you can open them.',
		code: 'You have your recovery code',
		codeText: 'It opens everything, as it was.',
		codeSubmit: 'Open my messages',
		wrong: 'This is not the recovery code of this account. Look at it again; one that was renewed no longer works.',
		device: 'You are still signed in somewhere',
		deviceText: 'That device can let this one in, and hand over the keys.',
		anew: 'You have neither',
		anewText: 'Then you can start anew: the account stays, what was written before cannot be read any more.',
		anewSubmit: 'Start anew',
		sureTitle: 'Start anew?',
		sure: [
			'Messages from before stay sealed for ever, on all your devices.',
			'All your other devices are signed out.',
			'The people you write with see that your identity has changed. Tell them that it was you.',
			'You get a new recovery code.'
		],
		sureSubmit: 'Start anew',
		other: 'Sign in with another account'
	},

	approval: {
		title: 'Use another device',
		lead: 'A device on which you are signed in can let this one in.',
		steps: ['Scan this code with its camera, or', 'open “Let a new device in” in its settings, and type the code.'],
		qr: 'Code for your other device to scan',
		code: 'Code to type',
		waiting: (until: string) => `Waiting for your other device, until ${until}`,
		titles: {
			waiting: 'Use another device',
			compare: 'Do both show the same?',
			confirmed: 'Now your other device',
			differed: 'This device was not let in',
			refused: 'The other device said no',
			expired: 'This took too long',
			failed: 'This did not work',
			done: 'You are in'
		},
		compareLead: (name: string, username: string) =>
			`A device of ${name} (@${username}) answered. Look at that device: it must show these digits.`,
		compareWarning:
			'Say that they match only if you see exactly these digits on your own other device. Otherwise somebody else may be letting this one into an account of theirs, to read what you write here.',
		match: 'They match',
		differ: 'They differ',
		confirmedLead:
			'You said here that the digits match. Say so on your other device, too, if you have not: it shows the same ones.',
		confirmedWait: 'Waiting for your other device',
		giveUp: 'Begin again with a new code',
		overText: {
			differed: [
				'The digits were different, so this device took nothing over and stored nothing. Say on your other device, too, that they do not match.',
				'If you typed or scanned this device’s own code there, somebody stands between the two: tell whoever runs this server before you go on. If another code was used there, begin again.'
			],
			refused: ['Nothing was handed over. If you did not mean that, begin again with a new code.'],
			expired: ['A code works for ten minutes. Begin again with a new one.']
		},
		again: 'New code',
		done: 'You are in',
		doneHint: 'Your other device has handed over the keys. Your history comes next.'
	},

	admit: {
		title: 'Let a new device in',
		lead: 'On the new device, choose “Use another device” on the sign-in page. It shows a code.',
		code: 'Code on the new device',
		codeHint: '8 letters and digits.',
		next: 'Next',
		scan: 'Scan its code',
		notFound: 'There is no device waiting with this code. It may have expired; make a new one there.',
		looking: 'Looking for the new device',
		lookingHint: 'Keep the page open on both.',
		compareTitle: 'Do both show these digits?',
		compareLead: (name: string, address: string) => `A device asks to be let in: ${name}, from ${address}.`,
		warning:
			'Let it in only if you hold it in your hands and it shows exactly these digits. It will be able to read all your messages and write in your name.',
		yes: 'They match',
		no: 'They differ',
		approved: 'Now say so on the new device',
		approvedText: (name: string) =>
			`${name} comes in when you say there, too, that the digits match. If it shows a new code, begin again with that one.`,
		takeBack: 'Take it back',
		anotherCode: 'Type another code',
		gone: 'The new device gave up, or the code has had its time. Nothing was handed over. Begin again with a new code.',
		answered:
			'Another device answered this code first, or this one before its page was loaded again. Make a new code on the new device. If it was not you who answered, choose “They differ” there.',
		in: (name: string) => `${name} is in`,
		inText: 'It has the keys now and fetches your history. You find it among your devices.',
		refused: 'It was not let in',
		refusedText:
			'Nothing was handed over. If you did not start this yourself, somebody may have tried to get in: change your password.',
		toSettings: 'To your devices',
		another: 'Let another one in'
	},

	scan: {
		hold: 'Hold the code in front of the camera.',
		stop: 'Stop the camera',
		refused: 'The camera cannot be used. Allow it in the browser, or go the other way.'
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
		lead: 'You are the first one here. Make your own account; the server will be yours to run.',
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
		lead: 'If you ever forget your password, this code is the way back to your account and your history. Nobody, not even whoever runs this server, can make another one for you.',
		label: 'Recovery code',
		once: 'It is shown only now. Keep it where only you can find it.',
		copy: 'Copy code',
		download: 'Save as file',
		fileName: 'chatalot-recovery-code.txt',
		file: (o: { instance: string; username: string; code: string; date: string }) =>
			`Recovery code for ${o.username} on ${o.instance}\n\n    ${o.code}\n\nMade on ${o.date}. Keep it where only you can find it.\nWhoever has it can take over the account.\n`,
		confirm: 'I saved it',
		stay: 'Save the code first: it is not shown again.',
		newTitle: 'Your new recovery code',
		newLead:
			'It takes the place of the old one, which no longer works. If you forget your password, this code is the way back to your account and your history.',
		nextTitle: 'Your next recovery code',
		nextLead:
			'It does not work yet. Save it first, then make it work with your password. Until you do, your old code stays the way back to your account and your history.'
	},

	community: {
		create: 'Create a community',
		createTitle: 'Name your community',
		createLead: 'A home for your people. Choose a name they will know it by.',
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
		hours: { '1': 'one hour', '24': 'one day', '168': 'one week', '720': '30 days', '8760': 'one year' },
		uses: 'Can be used',
		usesChoice: { '1': 'once', '10': '10 times', '100': '100 times', never: 'without limit' },
		submit: 'Make invite link',
		link: 'Invite link',
		copy: 'Copy link',
		again: 'Make another',
		until: (when: string) => `Works until ${when}.`,
		forever: 'Works until it is withdrawn.',
		times: (n: number) => (n === 1 ? 'It can be used once.' : `It can be used ${n.toLocaleString('en')} times.`),
		anyTimes: 'It can be used any number of times.',
		list: 'Links that still work',
		listFailed: 'The links could not be listed.',
		by: (name: string) => `Made by ${name}`,
		byYou: 'Made by you',
		used: (uses: number, most: number | null) =>
			most === null
				? uses === 0
					? 'not used yet'
					: `used ${plural(uses, 'time', 'times')}`
				: `used ${uses.toLocaleString('en')} of ${plural(most, 'time', 'times')}`,
		withdraw: 'Withdraw',
		withdrawLabel: (code: string) => `Withdraw the link that begins with ${code}`,
		withdrawTitle: (code: string) => `Withdraw the link ${code}…?`,
		withdrawText: 'Nobody can join with it any more. Who has joined already stays.',
		withdrawn: 'The link does not work any more.'
	},

	shell: {
		partMissing: 'A part of Chatalot could not be loaded. Nothing is lost; load the page again.',
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
		joinedTitle: 'You joined here',
		joinedHint:
			'There are earlier messages. They were written before you came, and are sealed for those who were here.',
		quietTitle: (name: string) => `Nothing here yet in ${name}`,
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
		heldText: (cause: string) => `Not sent yet. ${cause} Below the list of conversations you can go on without.`,
		discard: 'Discard',
		waiting:
			'This message waits for its key. It opens when a device that may hand the key on does so; if none can, it stays sealed.',
		unreadable: (cause: string) => `This message cannot be read. ${cause}`,
		unreadableCause: 'The key for it never reached this device.',
		announce: (name: string, text: string) => `${name}: ${text}`,
		announceUnread: (name: string) => `${name} sent a message that cannot be read yet.`,
		saidAt: (name: string, time: string) => `${name}, ${time}`,
		menu: (name: string, time: string) => `More about the message of ${name}, ${time}`,
		showMembers: 'Show members',
		hideMembers: 'Hide members',
		unknown: 'Conversation not found',
		unknownHint: 'It may have been removed, or you are not a member any more.',
		removedFrom: (community: string) => `You are no longer a member of ${community}`,
		removedHint:
			'Someone who looks after it has removed you. What you wrote there stays; to come back, you need a new invite.',
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
		buttonVerified: 'Security of this conversation: everyone here is verified',
		buttonAttention: 'Security of this conversation: something needs your attention',
		titles: {
			none: 'Only the people here can read this',
			verified: 'Only the people here can read this',
			consent: 'Somebody you had verified has changed',
			changed: 'Someone’s identity has changed',
			misnamed: 'A name here is in doubt',
			refused: 'The server tried something that was refused'
		},
		sealed:
			'Every message is sealed on the writer’s device for exactly the devices of these people, and signed by the writer. The server carries it without being able to read or change it.',
		sealedDm:
			'Every message is sealed on the writer’s device for the devices of the two of you, and signed. The server carries it without being able to read or change it.',
		verified:
			'Every message is sealed for exactly the devices of these people. You have compared safety numbers with all of them: they are who they say.',
		verifiedDm:
			'Every message is sealed for the devices of the two of you. You have compared safety numbers: it is really them.',
		changedMet: (name: string) =>
			`${name} has a new identity since this device first met them. That happens when somebody starts anew, and also when someone tries to listen in.`,
		changedVerified: (name: string) =>
			`You had verified ${name}, and now their identity is another one. Nothing is sent to them until you have looked at it.`,
		lookAt: (name: string) => `Look at ${name}`,
		misnamed: (names: string) =>
			`The server gives ${names} another username than when this device first met them, or one that somebody else has. Make sure you know whom you are writing to.`,
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
			identity_accepted: (name: string | undefined) => `You looked at the new identity of ${name} and went on.`,
			verified: (name: string | undefined) => `You verified ${name}.`,
			history_all: () => 'From then on, new members can read what was written before they came.',
			history_since_joining: () => 'From then on, new members read only what is written after they came.'
		},
		who: 'Who can read it',
		devices: (n: number) => plural(n, 'device', 'devices'),
		changed: 'identity changed',
		failed: 'Security could not be checked just now.'
	},

	history: {
		title: 'What new members can read',
		everybody: 'Everybody in the channel can see what is chosen here.',
		says: {
			since_joining: 'New members read what is written after they came.',
			all: 'New members can read what was written before they came, too.'
		},
		choice: { since_joining: 'From when they come', all: 'Everything' },
		choiceText: {
			since_joining: 'What was said before stays between those who were here.',
			all: 'From now on, members’ devices hand what is written to those who come later. What was said until now stays as it is.'
		},
		saved: 'Saved. Everybody in the channel can see it.'
	},

	channelSettings: {
		open: 'Channel settings',
		title: (name: string) => `Settings of ${name}`,
		save: 'Save'
	},

	trust: {
		open: 'Verify who it is',
		verified: 'Verified',
		title: (name: string) => `Is it really ${name}?`,
		met: (name: string) =>
			`You have not compared safety numbers with ${name} yet. Until then you rely on the server’s word about who they are.`,
		isVerified: (name: string, since: string) =>
			`You verified ${name} on ${since}. It counts for all their devices, everywhere here.`,
		changed: (name: string, since: string) => `The identity of ${name} changed on ${since}.`,
		changedText: (name: string) =>
			`That happens when somebody starts anew or had a device stolen, and also when someone tries to listen in. Ask ${name} in person or by phone, and compare the number below.`,
		number: 'Safety number',
		how: (name: string) =>
			`Compare it with the one ${name} sees under your name: side by side, or read out in a call where you know the voice. Both must be the same.`,
		qr: (name: string) => `Safety number for ${name} to scan`,
		qrHint: (name: string) => `${name} can scan this from your screen.`,
		scan: (name: string) => `Scan the code of ${name}`,
		mismatch: (name: string) =>
			`The codes do not belong together. Make sure that it is ${name}’s screen and that it shows your card. If it is, someone may be listening in: write nothing private here.`,
		differ: 'They differ',
		differText: (name: string) =>
			`Make sure that each of you looks at the other’s card, and that you speak with ${name}. If the numbers still differ, someone may be listening in: write nothing private here.`,
		nowVerified: (name: string) => `${name} is verified.`,
		verify: 'They are the same',
		unverify: 'Take the verification back',
		accept: 'Go on without comparing',
		failed: 'The safety number could not be made.',
		warning: 'Warning about an identity',
		bannerTitle: (name: string) => `The identity of ${name} has changed`,
		bannerMet:
			'They may have started anew. If you are about to write something private, make sure first that it is them.',
		bannerVerified: (name: string) =>
			`You had verified ${name}. Your messages wait here until you have compared again, or decide to go on.`,
		bannerMore: (n: number) => plural(n, 'other person here has changed, too.', 'other people here have changed, too.'),
		bannerLook: 'Compare',
		bannerSend: 'Go on without',
		bannerDismiss: 'Dismiss',
		consentTitle: (name: string) => `Write to ${name} without comparing?`,
		consentText: (name: string) =>
			`Messages will be sealed for the new identity. If it is not really ${name} who has it, somebody else can read them. ${name} no longer counts as verified.`,
		consentConfirm: 'Go on without',
		dismissTitle: (name: string) => `Accept the new identity of ${name}?`,
		dismissText: (name: string) => `The warning goes away. You can compare safety numbers with ${name} at any time.`,
		dismissConfirm: 'Accept'
	},

	reports: {
		open: 'Report message',
		title: 'Reported messages',
		titleOf: (community: string) => `Reported messages in ${community}`,
		lead: 'What was reported, as it was sent: the text cannot have been altered by whoever reported it.',
		none: 'Nothing to look at',
		noneHint: 'When somebody reports a message, it shows here. Reports about oneself are for others to look at.',
		settled: 'Dealt with',
		older: 'Show older ones',
		failed: 'The reports could not be loaded.',
		by: (name: string | undefined, when: string) =>
			name ? `Reported by ${name}, ${when}` : `Reported by somebody whose account is deleted, ${when}`,
		notShown: 'What was reported cannot be shown.',
		inDm: 'In a direct conversation',
		inChannel: (channel: string, community: string) => (community ? `In ${channel}, ${community}` : `In ${channel}`),
		elsewhere: 'In a channel you are not in',
		resolve: 'Dealt with',
		resolvedAt: (when: string) => `Dealt with, ${when}`,
		reportTitle: 'Report this message?',
		reveals: (community: string) =>
			`The owner and admins of ${community} and those who run this server will see this message, who wrote it and when, and that you reported it. Nothing else of the conversation is revealed.`,
		revealsDm: (name: string) =>
			`Those who run this server will see this message, that ${name} wrote it to you and when, and that you reported it. Nothing else of the conversation is revealed.`,
		revealsNot: (name: string) => `${name} is not told.`,
		reason: 'What is wrong with it? (not required)',
		submit: 'Report',
		sent: 'The message has been reported.'
	},

	adminReset: {
		open: 'Reset password',
		title: (name: string) => `Reset the password of ${name}?`,
		lead: (name: string) => `You get a code that you hand to ${name}. With it they choose a new password.`,
		points: (name: string) => [
			'It opens their account, nothing else: neither you nor the code can open a message.',
			`To read their history, ${name} still needs their recovery code or a device that is signed in.`,
			'Their devices stay signed in. The code works once, for a day.'
		],
		make: 'Make the code',
		handOver: (name: string, until: string) =>
			`Give this code to ${name}, in person or by phone: whoever has it can get into the account. They choose “Forgot your password?” on the sign-in page, then “Use a code from an admin”. It works until ${until} and is not shown again.`,
		done: 'Done'
	},

	devices: {
		menu: (name: string) => `${name}: menu`,
		rename: 'Rename',
		renameTitle: 'Rename this device',
		renameText: 'Other people do not see these names. This server does.',
		renameSubmit: 'Rename',
		name: 'Name of the device',
		remove: 'Remove',
		removeTitle: (name: string) => `Remove ${name}?`,
		removeText: 'It is signed out at once and gets no more messages. What it has already received may stay on it.',
		removeConfirm: 'Remove',
		removed: (name: string) => `${name} has been removed.`,
		admit: 'Let a new device in',
		unknown: 'A new device signed in to your account:',
		unknownGone: 'It has signed out since.',
		unknownMine: 'Yes, that was me',
		unknownNotMine: 'No, remove it',
		unknownNotMineGone: 'No',
		unknownMore:
			'Whoever signed in there knew your password, or was let in by one of your devices, and could read your history and copy your keys. Change your password, then get a new identity, both in the settings: that gives you a new recovery code, too. If your password no longer works, use your recovery code at once.',
		unknownGoneTitle: 'Somebody was in your account',
		unknownGoneText: 'The device is not signed in any more.',
		unknownGoneConfirm: 'To the settings'
	},

	account: {
		yourPassword: 'Your password',
		wrongPassword: 'This is not your password.',
		password: 'Password',
		passwordHint: 'Signs you in, and opens your keys on a new device.',
		passwordChange: 'Change password',
		passwordTitle: 'Change password',
		passwordText: 'Your devices stay signed in; your history stays as it is.',
		currentPassword: 'Present password',
		passwordSubmit: 'Change',
		passwordChanged: 'Your password has been changed.',
		busy: 'Sealing your keys anew',
		code: 'Recovery code',
		codeHint: 'The way back if you forget your password. Lost it, or somebody saw it? Make a new one.',
		codeChange: 'Make a new code',
		codeActivate: 'I saved it: make it work',
		codeKeepOld: 'Keep the old code',
		codeLater: 'Back to settings',
		codeTitle: 'Make the new code work?',
		codeText: 'From then on it is the way back to your account, and the old code no longer works.',
		codeSubmit: 'Make it work',
		codeUnconfirmed:
			'The server did not say whether the new code works. Keep both, the old one and this one, and try again: after that, only this one works.',
		codeWorks: 'Your new recovery code works. The old one no longer does.',
		codeDone: 'Keep your new recovery code safe.',
		stolen: 'A device was lost or stolen',
		stolenHint: 'Removing it is often enough. If somebody could open it, get a new identity as well.',
		stolenOpen: 'New identity',
		stolenTitle: 'Get a new identity?',
		stolenText: 'Do this if somebody may have got at your keys, for example on a device that was taken unlocked.',
		stolenPoints: [
			'All your other devices are signed out, and their keys are worth nothing for what is written from then on.',
			'Your history stays on this device. Other devices will only see what comes after.',
			'The people you write with see that your identity has changed, and those who verified you have to do it again. Tell them.',
			'You get a new recovery code.'
		],
		stolenSubmit: 'Get a new identity',
		delete: 'Delete your account',
		deleteHint: 'Your account and what you wrote go for good.',
		deleteOpen: 'Delete account',
		deleteTitle: 'Delete your account?',
		deleteText: 'Nobody can take this back.',
		deletePoints: [
			'What you wrote is wiped from the server; others see that a deleted account had written there.',
			'Your keys, your backup, your devices and your invites go. Communities in which you are alone go with you.',
			'What others have already received may stay with them, as with a letter.',
			'Your username becomes free for somebody else.'
		],
		deleteSubmit: 'Delete for good',
		ownerStays: (names: string[]) =>
			names.length > 0
				? `You own ${names.join(', ')}, where others are members. As long as that is so, the account cannot be deleted. Nothing was changed.`
				: 'This account owns the server, or a community with other members. As long as that is so, it cannot be deleted. Nothing was changed.'
	},

	health: {
		title: 'Messages that could not be read',
		fine: 'None: this device can read everything that was sent to it.',
		some: 'Some messages could not be read on this device. It asks the writers’ devices for the keys by itself.',
		waiting: 'Waiting for a key',
		unreadable: 'Could not be read',
		requested: 'Keys asked for',
		unknown: 'This cannot be told just now.'
	},

	settings: {
		title: 'Settings',
		account: 'Account',
		appearance: 'Appearance',
		theme: 'Theme',
		themes: { system: 'Like the system', light: 'Light', dark: 'Dark' },
		devices: 'Your devices',
		devicesLead: 'Each device has its own keys. All of them can read your conversations.',
		access: 'Ways in',
		accessLead: 'How you get into your account, and back into it.',
		trouble: 'If something went wrong',
		server: 'This server',
		serverLead: 'What members reported, in all communities and direct conversations.',
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
		pendingTitle: 'Some keys would be lost',
		pendingText:
			'Keys of recent messages are not in your backup yet, because the server cannot be reached. If you sign out now and no other device of yours has them, those messages cannot be read again.',
		pendingConfirm: 'Sign out all the same',
		role: { owner: 'Owner of this server', admin: 'Admin of this server', member: '' }
	},

	connection: {
		offline: 'No network. You can read and write; messages go out when it is back.',
		reconnecting: 'Reconnecting. Nothing is lost; messages go out when the connection is back.',
		retryIn: (seconds: number) => `Next try in ${seconds} s.`,
		degraded: 'Live delivery is slow at the moment. Messages arrive within a few seconds.',
		ended: 'Your session on this device has ended',
		endedHint: 'Sign in again to go on. Your history comes back, unless your account was given a new identity.'
	},

	restore: {
		title: 'Restoring your history',
		progress: (done: number, total: number) =>
			`${done.toLocaleString('en')} of ${total.toLocaleString('en')} keys opened`,
		stuck: 'Your history cannot be restored',
		stuckText: 'Until then nothing is sent from here, because this device does not know whom you have verified.',
		goOn: 'Go on without',
		goOnTitle: 'Go on without your history?',
		goOnText:
			'This device then treats everybody as if you met for the first time: nobody counts as verified, and a changed identity would not be noticed. Older messages may stay unreadable here.'
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
		identity_changed:
			'Someone’s identity in this conversation has changed. It goes out when you have compared, or decided to go on.',
		account_deleted: 'The account that wrote this was deleted, and the message with it.',
		backup_unread: 'It is sent when your history has been restored here.',
		backup_withheld: 'The server does not hand out your backup.',
		backup_pending: 'Some keys are not in your backup yet.',
		approval_not_found: 'There is no device waiting with this code.',
		not_found: 'This is not there any more.',
		forbidden: 'You may not do this.',
		report_forged: 'The server could not check this message, so it was not reported.',
		too_many_devices: 'There are 16 devices already. Remove one first.',
		conflict: 'Somebody was faster. Look again.',
		code_unconfirmed: 'The server did not say whether the new code works. Try again.',
		session_ended: 'You were signed out on this device.',
		insecure_context: 'A secure connection (HTTPS) is needed.'
	} as Record<string, string>,
	requestId: (id: string) => `Request ${id}`,
	retryAfter: (seconds: number) => `Try again in ${plural(seconds, 'second', 'seconds')}.`
};

export type Text = typeof en;
