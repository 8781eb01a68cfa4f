// SPDX-License-Identifier: GPL-3.0-or-later
// Short notices about things done or failed outside the place one is looking at. At most four at a time.
import type { Problem } from '$lib/core/types';
import { explain } from '$lib/text';

export interface Toast {
	id: number;
	tone: 'plain' | 'danger';
	text: string;
}

const most = 4;
const shownFor = { plain: 5_000, danger: 12_000 };

class Toasts {
	#toasts = $state.raw<Toast[]>([]);
	#next = 1;

	get all() {
		return this.#toasts;
	}

	say(text: string, tone: Toast['tone'] = 'plain') {
		const toast = { id: this.#next++, tone, text };
		this.#toasts = [...this.#toasts.slice(1 - most), toast];
		setTimeout(() => this.dismiss(toast.id), shownFor[tone]);
	}

	problem(problem: Problem) {
		this.say(explain(problem), 'danger');
	}

	dismiss(id: number) {
		this.#toasts = this.#toasts.filter((toast) => toast.id !== id);
	}
}

export const toasts = new Toasts();
