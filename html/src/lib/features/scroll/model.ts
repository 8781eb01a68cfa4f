// SPDX-License-Identifier: GPL-3.0-or-later
// Where each row of a long list is, from measured heights and, until measured, guesses. Pure arithmetic, no DOM.
export interface Range {
	/** Rows start to end - 1 are rendered; `before` and `after` are the pixels the others would take. */
	start: number;
	end: number;
	before: number;
	after: number;
}

export interface Keyed {
	key: string;
}

export class ListModel {
	#rows: readonly Keyed[] = [];
	#guess: (index: number) => number = () => 40;
	#heights = new Map<string, number>();
	#index = new Map<string, number>();
	/** tops[i] is the top of row i; tops[n] the height of all. */
	#tops = new Float64Array(64);
	/** tops is right up to and including this index. */
	#rightTo = 0;

	/** Costs little where only the end differs from before. */
	setRows(rows: readonly Keyed[], guess: (index: number) => number) {
		const before = this.#rows;
		const most = Math.min(rows.length, before.length);
		let same = 0;
		while (same < most && rows[same]!.key === before[same]!.key) same++;
		for (let i = same; i < before.length; i++) this.#index.delete(before[i]!.key);
		for (let i = same; i < rows.length; i++) this.#index.set(rows[i]!.key, i);
		this.#rows = rows;
		this.#guess = guess;
		this.#rightTo = Math.min(this.#rightTo, same);
	}

	/** True if that changes anything. */
	measure(key: string, height: number): boolean {
		const known = this.#heights.get(key);
		if (known !== undefined && Math.abs(known - height) < 0.5) return false;
		this.#heights.set(key, height);
		const index = this.#index.get(key);
		if (index !== undefined) this.#rightTo = Math.min(this.#rightTo, index);
		return true;
	}

	/** After a change of width no height is true any more. */
	forgetHeights() {
		this.#heights.clear();
		this.#rightTo = 0;
	}

	get count() {
		return this.#rows.length;
	}

	get total(): number {
		return this.#fresh()[this.#rows.length]!;
	}

	key(index: number): string | undefined {
		return this.#rows[index]?.key;
	}

	topOf(key: string): number | undefined {
		const index = this.#index.get(key);
		return index === undefined ? undefined : this.#fresh()[index]!;
	}

	/** The row at that height: the last one whose top is not below it. */
	indexAt(y: number): number {
		const tops = this.#fresh();
		let low = 0;
		let high = Math.max(0, this.#rows.length - 1);
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if (tops[middle]! <= y) low = middle;
			else high = middle - 1;
		}
		return low;
	}

	range(top: number, height: number, overscan: number): Range {
		const tops = this.#fresh();
		const count = this.#rows.length;
		if (count === 0) return { start: 0, end: 0, before: 0, after: 0 };
		const start = this.indexAt(Math.max(0, top - overscan));
		const end = Math.min(count, this.indexAt(top + height + overscan) + 1);
		return { start, end, before: tops[start]!, after: tops[count]! - tops[end]! };
	}

	#fresh(): Float64Array {
		const count = this.#rows.length;
		if (this.#tops.length < count + 1) {
			const larger = new Float64Array((count + 1) * 2);
			larger.set(this.#tops);
			this.#tops = larger;
		}
		const tops = this.#tops;
		for (let i = this.#rightTo; i < count; i++)
			tops[i + 1] = tops[i]! + (this.#heights.get(this.#rows[i]!.key) ?? this.#guess(i));
		this.#rightTo = count;
		return tops;
	}
}
