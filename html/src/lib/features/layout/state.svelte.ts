// SPDX-License-Identifier: GPL-3.0-or-later
// How much room there is. The two widths are the breakpoints of app.css.
import { MediaQuery } from 'svelte/reactivity';

const wide = new MediaQuery('(min-width: 48rem)', true);
const full = new MediaQuery('(min-width: 68rem)', true);
const coarse = new MediaQuery('(pointer: coarse)', false);

export const layout = {
	/** One column: lists and conversation are separate screens, panels are sheets. */
	get phone() {
		return !wide.current;
	},
	/** Room for a panel beside the conversation. */
	get full() {
		return full.current;
	},
	get touch() {
		return coarse.current;
	}
};
