// SPDX-License-Identifier: GPL-3.0-or-later
// Getting in and out: what the forms call. Each throws a Problem for the form to show.
import { goto } from '$app/navigation';
import type { Account } from '$lib/core/types';
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
export async function register(account: NewAccount): Promise<{ account: Account; recoveryCode: string }> {
	session.onboarding = true;
	try {
		return await core.register(account);
	} catch (thrown) {
		session.onboarding = false;
		throw thrown;
	}
}

export function finishOnboarding() {
	session.onboarding = false;
}

/** An invite that waits until its person has signed in. In memory only: the code is a secret. */
let waitingInvite: string | undefined;

export async function signInToJoin(code: string) {
	waitingInvite = code;
	await goto('/signin');
}

export async function signIn(username: string, password: string): Promise<void> {
	await core.signIn({ username, password });
}

/** Where to go once signed in. */
export function afterSignIn(): string {
	const invite = waitingInvite;
	waitingInvite = undefined;
	return invite ? `/invite/${encodeURIComponent(invite)}` : '/';
}

export async function signOut(): Promise<void> {
	await core.signOut();
}
