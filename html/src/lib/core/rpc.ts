// SPDX-License-Identifier: GPL-3.0-or-later
// The messages between the page and the core worker: calls of Core's methods, their answers, and events.
import type { Core, CoreEvent, Problem } from './types';

export type Method = keyof Core;

/** Exactly the methods that the page may call. */
export const methods: { readonly [M in Method]: true } = {
	start: true,
	authConfig: true,
	register: true,
	signIn: true,
	unlock: true,
	startAnew: true,
	recover: true,
	useResetCode: true,
	resetAccount: true,
	signOut: true,
	requestApproval: true,
	confirmApproval: true,
	cancelApproval: true,
	lookAtApproval: true,
	approve: true,
	refuse: true,
	changePassword: true,
	makeRecoveryCode: true,
	setRecoveryCode: true,
	replaceIdentity: true,
	deleteAccount: true,
	continueWithoutBackup: true,
	createCommunity: true,
	members: true,
	createInvite: true,
	invites: true,
	withdrawInvite: true,
	lookAtInvite: true,
	acceptInvite: true,
	leaveCommunity: true,
	removeMember: true,
	openDm: true,
	devices: true,
	renameDevice: true,
	removeDevice: true,
	knowDevice: true,
	setHistory: true,
	open: true,
	older: true,
	security: true,
	acceptIdentity: true,
	safety: true,
	verify: true,
	verifyScanned: true,
	unverify: true,
	report: true,
	reports: true,
	resolveReport: true,
	keyHealth: true,
	send: true,
	retry: true,
	discard: true,
	markRead: true,
	draft: true,
	saveDraft: true
};

export interface CallMessage {
	call: number;
	method: Method;
	args: unknown[];
}

/** The page came to the front again. */
export type PageMessage = CallMessage | { wake: true } | { network: true };

export type WorkerMessage =
	{ answer: number; value: unknown } | { answer: number; problem: Problem } | { event: CoreEvent };
