// SPDX-License-Identifier: GPL-3.0-or-later
// Looks at a screen as it is: axe (WCAG 2.2 A and AA) in light and dark, on a desktop and on a phone, and a picture of
// each if CHATALOT_SCREENSHOTS names a folder.
import { desktop, fromClient, keep, phone } from './browser.mjs';
import { ok } from './tap.mjs';

const { source } = fromClient('axe-core');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

async function violations(page) {
	await page.evaluate(source);
	return page.evaluate(async (wanted) => {
		const result = await window.axe.run(document, { runOnly: wanted, resultTypes: ['violations'] });
		return result.violations.map(
			({ id, impact, nodes }) =>
				`${id} (${impact}): ${nodes
					.slice(0, 3)
					.map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`)
					.join('; ')}`
		);
	}, tags);
}

/** Nothing is wider than the window: a page that scrolls sideways is broken on a phone. */
const tooWide = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

export async function look({ page }, name, sizes = { desktop, phone }) {
	const found = [];
	const before = page.viewportSize();
	for (const [size, viewport] of Object.entries(sizes)) {
		await page.setViewportSize(viewport);
		for (const colorScheme of ['light', 'dark']) {
			await page.emulateMedia({ colorScheme });
			// Two frames: the layout of the new size, and what follows from it.
			await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
			for (const violation of await violations(page)) found.push(`${size} ${colorScheme}: ${violation}`);
			if (await tooWide(page)) found.push(`${size} ${colorScheme}: wider than the window`);
			await keep(page, `${name.replaceAll(' ', '-')}-${size}-${colorScheme}`);
		}
	}
	await page.emulateMedia({ colorScheme: 'light' });
	if (before) await page.setViewportSize(before);
	ok(found.length === 0, `${name}: accessible in light and dark, desktop and phone`, found.join('\n'));
}

export const onlyDesktop = { desktop };
export const onlyPhone = { phone };
