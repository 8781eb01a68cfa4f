// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a text area as high as its text; its own max-height bounds it. (field-sizing is not everywhere yet.)
import type { Attachment } from 'svelte/attachments';

/** Takes the text only so that it runs again when the text changes. */
export function grow(_text: string): Attachment<HTMLTextAreaElement> {
	return (area) => {
		area.style.height = 'auto';
		area.style.height = `${area.scrollHeight}px`;
		area.style.overflowY = area.scrollHeight > area.clientHeight + 1 ? 'auto' : 'hidden';
	};
}
