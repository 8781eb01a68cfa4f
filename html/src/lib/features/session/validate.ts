// SPDX-License-Identifier: GPL-3.0-or-later
// What can be said about a form before the server sees it. Pure; each returns a sentence or nothing. The server
// decides in the end.
import { t } from '$lib/text';

type Verdict = string | undefined;

export function checkUsername(value: string): Verdict {
	if (value === '') return t.invalid.required;
	if (value.length < 3) return t.invalid.usernameShort;
	if (value.length > 32) return t.invalid.usernameLong;
	if (!/^[a-z0-9_.-]+$/.test(value)) return t.invalid.usernameCharacters;
	return undefined;
}

export function checkDisplayName(value: string): Verdict {
	const length = [...value.trim()].length;
	if (length === 0) return t.invalid.required;
	return length > 64 ? t.invalid.displayNameLong : undefined;
}

export function checkPassword(value: string): Verdict {
	if (value === '') return t.invalid.required;
	if ([...value].length < 10) return t.invalid.passwordShort;
	return value.length > 1024 ? t.invalid.passwordLong : undefined;
}

export function checkSame(password: string, again: string): Verdict {
	if (again === '') return t.invalid.required;
	return password === again ? undefined : t.invalid.passwordDiffers;
}

export function checkName(value: string): Verdict {
	const length = [...value.trim()].length;
	if (length === 0) return t.invalid.required;
	return length > 100 ? t.invalid.nameLong : undefined;
}
