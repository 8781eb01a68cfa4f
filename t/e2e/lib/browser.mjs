// SPDX-License-Identifier: GPL-3.0-or-later
// One person: a Chromium of their own with an empty profile, and everything it complained about.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const fromClient = createRequire(new URL('../../../html/package.json', import.meta.url));
const { chromium } = fromClient('playwright-core');

const flags = [
	'--headless',
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	'--disable-dev-shm-usage'
];
const patience = 45_000;
const people = new Set();

export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const haveChromium = () => existsSync(chromiumPath);
export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

export async function person(name, o = {}) {
	const profile = mkdtempSync(join(tmpdir(), `chatalot-${name}-`));
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: chromiumPath,
		args: [...flags, ...(o.flags ?? [])],
		viewport: desktop,
		colorScheme: 'light',
		reducedMotion: 'reduce',
		locale: 'en-GB',
		permissions: o.flags ? [] : ['clipboard-read', 'clipboard-write'],
		acceptDownloads: true
	});
	context.setDefaultTimeout(patience);
	const page = context.pages()[0] ?? (await context.newPage());
	const complaints = [];
	page.on('pageerror', (error) => complaints.push(error.message));
	page.on('console', (message) => {
		if (message.type() === 'error') complaints.push(message.text());
	});
	const self = {
		name,
		page,
		context,
		complaints,
		/** What the console says when a request is refused as it should be. */
		expect(pattern) {
			for (let i = complaints.length - 1; i >= 0; i--) if (pattern.test(complaints[i])) complaints.splice(i, 1);
		},
		async close() {
			people.delete(self);
			await context.close();
			rmSync(profile, { recursive: true, force: true });
		}
	};
	people.add(self);
	return self;
}

/** Whoever is still there at the end, however it came. With CHATALOT_SCREENSHOTS their last sight is kept. */
export async function closeAll() {
	for (const one of [...people]) {
		await keep(one.page, `last-${one.name}`).catch(() => undefined);
		await one.close().catch(() => undefined);
	}
}

export async function keep(page, name) {
	const folder = process.env.CHATALOT_SCREENSHOTS;
	if (!folder) return;
	mkdirSync(folder, { recursive: true });
	await page.screenshot({ path: join(folder, `${name}.png`) });
}
