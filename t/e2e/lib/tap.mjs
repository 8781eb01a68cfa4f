// SPDX-License-Identifier: GPL-3.0-or-later
// The Test Anything Protocol, as much of it as is needed: facts, sections, and an end that tells the truth.
let count = 0;
let failed = 0;

const line = (text) => process.stdout.write(`${text}\n`);
export const note = (text) =>
	String(text)
		.split('\n')
		.forEach((part) => line(`# ${part}`));

export function ok(fact, name, why = '') {
	count++;
	if (!fact) failed++;
	line(`${fact ? 'ok' : 'not ok'} ${count} - ${name.replaceAll('#', '\\#')}`);
	if (!fact && why) note(why);
	return Boolean(fact);
}

export function is(got, expected, name) {
	const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
	return ok(a === b, name, `got ${a}\nexpected ${b}`);
}

/** A step that waits for something: true when it comes, a failure with the reason when it does not. */
export async function comes(promise, name) {
	try {
		await promise;
		return ok(true, name);
	} catch (error) {
		return ok(false, name, error.message);
	}
}

export async function section(title, body) {
	note(title);
	await body();
}

export function done() {
	line(`1..${count}`);
	process.exitCode = failed > 0 ? 1 : 0;
}

export function bail(error) {
	note(error?.stack ?? error);
	ok(false, 'the test ran to its end');
	done();
}
