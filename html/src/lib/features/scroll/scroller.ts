// SPDX-License-Identifier: GPL-3.0-or-later
// Where the reader is in a long list, and keeping them there. The position is logical: "at the bottom", or "this row,
// so many pixels from the top". Whatever changes (rows arrive above or below, heights turn out otherwise, the window
// changes), the pixels follow from the position; only the reader's own scrolling changes the position. The browser's
// scroll anchoring is off, because it does not exist everywhere and would correct a second time.
import { ListModel, type Range } from './model';

/** The part of an element that is needed; `top` is clamped as scrollTop is. */
export interface Viewport {
	top: number;
	readonly height: number;
}

export type Position = 'bottom' | { key: string; offset: number };

/** This near to the end counts as at the end: fractions of pixels, and the last row's padding. */
const slack = 16;
const overscan = 700;

export class Scroller {
	readonly model = new ListModel();
	#view: Viewport;
	#position: Position;
	#placed: number | undefined;
	#overscan = 0;

	constructor(view: Viewport, position: Position = 'bottom') {
		this.#view = view;
		this.#position = position;
	}

	get position(): Position {
		return this.#position;
	}

	get atBottom(): boolean {
		return this.#position === 'bottom';
	}

	/** How far the reader is from the list's top, in pixels. */
	get top(): number {
		return this.#target();
	}

	/** Which rows to render for the position: at first those that are seen, and no more. */
	range(): Range {
		return this.model.range(this.#target(), this.#view.height, this.#overscan);
	}

	/** What is seen has been drawn: from now on also what is near. */
	widen() {
		this.#overscan = overscan;
	}

	/** Puts the pixels where the position says. Call after the rows of range() are in the document. */
	settle() {
		const target = this.#target();
		if (Math.abs(this.#view.top - target) >= 0.5) this.#view.top = target;
		this.#placed = this.#view.top;
		if (this.#isBeyondEnd()) this.#position = 'bottom';
	}

	/** The reader (or settle) has scrolled. */
	scrolled() {
		const top = this.#view.top;
		if (this.#placed !== undefined && Math.abs(top - this.#placed) < 1) return;
		this.#placed = undefined;
		this.#position = top + this.#view.height >= this.model.total - slack ? 'bottom' : this.#anchorAt(top);
	}

	toBottom() {
		this.#position = 'bottom';
	}

	/** Shows that row, if it exists, `offset` pixels under the top. */
	toRow(key: string, offset: number) {
		if (this.model.topOf(key) !== undefined) this.#position = { key, offset };
	}

	/** The first row in view that will still exist when others are loaded: lines are made anew, messages are not. */
	#anchorAt(top: number): Position {
		for (let index = this.model.indexAt(top); index < this.model.count; index++) {
			const key = this.model.key(index)!;
			if (!key.startsWith('~')) return { key, offset: this.model.topOf(key)! - top };
		}
		return 'bottom';
	}

	/** The anchor asks for more than there is below it: then the reader is at the bottom, and follows what comes. */
	#isBeyondEnd(): boolean {
		if (this.#position === 'bottom') return false;
		const top = this.model.topOf(this.#position.key);
		return top !== undefined && top - this.#position.offset >= this.model.total - this.#view.height - 1;
	}

	#target(): number {
		const end = Math.max(0, this.model.total - this.#view.height);
		if (this.#position === 'bottom') return end;
		const top = this.model.topOf(this.#position.key);
		if (top === undefined) {
			// The anchor is gone (a discarded message): stay at these pixels.
			return Math.min(end, this.#view.top);
		}
		return Math.max(0, Math.min(end, top - this.#position.offset));
	}
}
