// SPDX-License-Identifier: GPL-3.0-or-later
// Getting in and out: what the forms call. Each throws a Problem for the form to show.
import { goto } from '$app/navigation';
import type { Account, SignInResult } from '$lib/core/types';
import { core } from '../core';
import { session } from './state.svelte';

export interface NewAccount {
	username: string;
	displayName: string;
	password: string;
	setupToken?: string;
	invite?: string;
}

/** Makes the account and keeps the page on its recovery code until finishOnboarding(). */
export function register(account: NewAccount): Promise<{ account: Account; recoveryCode: string }> {
	return staying(() => core.register(account));
}

async function staying<T>(act: () => Promise<T>): Promise<T> {
	session.onboarding = true;
	try {
		return await act();
	} catch (thrown) {
		session.onboarding = false;
		throw thrown;
	}
}

export function finishOnboarding() {
	session.onboarding = false;
	session.locked = undefined;
}

/** An invite that waits until its person has signed in. In memory only: the code is a secret. */
let waitingInvite: string | undefined;

export async function signInToJoin(code: string) {
	waitingInvite = code;
	await goto('/signin');
}

/** Signs in; an account whose keys do not open with the password is `session.locked` from then on. */
export async function signIn(username: string, password: string): Promise<void> {
	note(await core.signIn({ username, password }));
}

function note(result: SignInResult): SignInResult['state'] {
	session.locked = result.state === 'locked' ? result.person : undefined;
	return result.state;
}

export function forgetLocked() {
	session.locked = undefined;
}

/** The keys of a locked account, by its recovery code. */
export async function unlock(recoveryCode: string): Promise<void> {
	await core.unlock(recoveryCode);
}

/** A new identity for a locked account; the page stays on the new recovery code. */
export function startAnew(): Promise<{ account: Account; recoveryCode: string }> {
	return staying(() => core.startAnew());
}

/** A new password by the recovery code; the page stays on the new code. */
export function recover(r: { username: string; recoveryCode: string; password: string }) {
	return staying(() => core.recover(r));
}

/** A new password by an admin's code. */
export async function useResetCode(r: { username: string; code: string; password: string }) {
	return note(await core.useResetCode(r));
}

/** Where to go once signed in. */
export function afterSignIn(): string {
	const invite = waitingInvite;
	waitingInvite = undefined;
	return invite ? `/invite/${encodeURIComponent(invite)}` : '/';
}

export async function signOut(o?: { withoutBackup?: boolean }): Promise<void> {
	await core.signOut(o);
}
