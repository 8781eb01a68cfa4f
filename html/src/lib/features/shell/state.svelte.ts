// SPDX-License-Identifier: GPL-3.0-or-later
// What the shell shows besides the address: which list, which dialog, whether the member panel is pinned.
import type { Id } from '$lib/core/types';
import { places } from '../places/state.svelte';
import { session } from '../session/state.svelte';

const pinnedKey = 'chatalot.members';

function readPinned(): boolean {
	try {
		return localStorage.getItem(pinnedKey) !== 'hidden';
	} catch {
		return true;
	}
}

class Shell {
	/** The list that was opened last. */
	chosen = $state<Id | 'dm' | undefined>();
	/** The community whose channels are listed, or the direct messages: the one opened last, if it is still there. */
	section = $derived.by((): Id | 'dm' => {
		if (this.chosen === 'dm' || places.community(this.chosen)) return this.chosen!;
		return places.place(session.lastChannel)?.community?.id ?? places.communities[0]?.id ?? 'dm';
	});
	#switcher = $state(false);
	#before: HTMLElement | undefined;
	shortcuts = $state(false);
	creating = $state(false);
	inviting = $state<Id | undefined>();
	#membersPinned = $state(readPinned());

	get switcher() {
		return this.#switcher;
	}

	/** Whoever has the focus gives it up at once: what is typed until the switcher is there must not become a message. */
	openSwitcher() {
		if (this.#switcher) return;
		this.#before = document.activeElement instanceof HTMLElement ? document.activeElement : undefined;
		this.#before?.blur();
		this.#switcher = true;
	}

	closeSwitcher() {
		this.#switcher = false;
		const before = this.#before;
		// Behind what the dialog itself does with the focus, and the page that was gone to.
		setTimeout(() => {
			if (document.activeElement === document.body && before?.isConnected) before.focus();
		});
	}

	get membersPinned() {
		return this.#membersPinned;
	}

	set membersPinned(pinned: boolean) {
		this.#membersPinned = pinned;
		try {
			localStorage.setItem(pinnedKey, pinned ? 'shown' : 'hidden');
		} catch {
			// Storage is switched off: the choice lasts as long as the page.
		}
	}
}

export const shell = new Shell();
