// SPDX-License-Identifier: GPL-3.0-or-later
// Light, dark or like the system; remembered on this device. static/theme-boot.js applies it before the first paint.
export type Theme = 'system' | 'light' | 'dark';

const key = 'chatalot.theme';

class ThemeChoice {
	#theme = $state<Theme>('system');

	constructor() {
		try {
			const saved = localStorage.getItem(key);
			if (saved === 'light' || saved === 'dark') this.#theme = saved;
		} catch {
			// Storage is switched off: the choice lasts as long as the page.
		}
	}

	get theme() {
		return this.#theme;
	}

	set theme(theme: Theme) {
		this.#theme = theme;
		if (theme === 'system') delete document.documentElement.dataset.theme;
		else document.documentElement.dataset.theme = theme;
		try {
			if (theme === 'system') localStorage.removeItem(key);
			else localStorage.setItem(key, theme);
		} catch {
			// As above.
		}
	}
}

export const themeChoice = new ThemeChoice();
