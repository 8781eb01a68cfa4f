// SPDX-License-Identifier: GPL-3.0-or-later
// The text being written to one channel. Kept by the core, so that it survives a reload; saved shortly after the last
// keystroke, and at once when the page is hidden or left.
import type { Id } from '$lib/core/types';
import { core } from '../core';

const pause = 250;

export class Draft {
	readonly channel: Id;
	#text = $state('');
	#touched = false;
	#saved = '';
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(channel: Id) {
		this.channel = channel;
		void this.#load();
	}

	get text() {
		return this.#text;
	}

	set text(text: string) {
		this.#touched = true;
		this.#text = text;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.flush(), pause);
	}

	/** A draft that cannot be stored is still on the screen; the next change tries again. */
	flush() {
		clearTimeout(this.#timer);
		if (!this.#touched || this.#text === this.#saved) return;
		const text = this.#text;
		this.#saved = text;
		core.saveDraft(this.channel, text).catch(() => (this.#saved = ''));
	}

	/** What is typed before the stored draft has come wins. */
	async #load() {
		const stored = await core.draft(this.channel).catch(() => '');
		if (this.#touched) return;
		this.#text = this.#saved = stored;
	}
}
