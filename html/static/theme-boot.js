// SPDX-License-Identifier: GPL-3.0-or-later
// Runs before the first paint, so that a chosen theme does not flash in late. A file of its own because the content
// security policy admits no inline script.
(function () {
	try {
		var theme = localStorage.getItem('chatalot.theme');
		if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
	} catch (e) {
		// Storage is switched off: the system's theme stands.
	}
})();
