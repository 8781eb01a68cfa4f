// SPDX-License-Identifier: GPL-3.0-or-later
// Decoders for what comes from outside. Each takes an unknown value and returns a typed one or throws Malformed with the
// path of what was wrong. Fields that are not named are dropped; every string, list and number has a bound.
import { fromBase64url, type Bytes } from '../core/bytes';
import { isUuid } from '../core/uuid';

export type Decoder<T> = (value: unknown, path: string) => T;
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

export class Malformed extends Error {
	constructor(
		readonly path: string,
		readonly expected: string
	) {
		super(`${path || 'value'}: expected ${expected}`);
		this.name = 'Malformed';
	}
}

export function string(max: number, min = 0): Decoder<string> {
	return (value, path) => {
		if (typeof value !== 'string' || value.length > max || value.length < min)
			throw new Malformed(path, `a string of ${min} to ${max} characters`);
		return value;
	};
}

export function integer(min = 0, max = Number.MAX_SAFE_INTEGER): Decoder<number> {
	return (value, path) => {
		if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max)
			throw new Malformed(path, `an integer from ${min} to ${max}`);
		return value;
	};
}

export const boolean: Decoder<boolean> = (value, path) => {
	if (typeof value !== 'boolean') throw new Malformed(path, 'a boolean');
	return value;
};

export const uuid: Decoder<string> = (value, path) => {
	if (typeof value !== 'string' || !isUuid(value)) throw new Malformed(path, 'a UUID');
	return value;
};

export function bytes(max: number, min = 0): Decoder<Bytes> {
	return (value, path) => {
		const decoded = typeof value === 'string' && value.length <= Math.ceil((max * 4) / 3) ? fromBase64url(value) : null;
		if (!decoded || decoded.length < min || decoded.length > max)
			throw new Malformed(path, `${min} to ${max} bytes in base64url`);
		return decoded;
	};
}

/** Exactly this many bytes. */
export function exactly(length: number): Decoder<Bytes> {
	return bytes(length, length);
}

export function oneOf<const T extends string>(...allowed: T[]): Decoder<T> {
	return (value, path) => {
		const found = allowed.find((one) => one === value);
		if (found === undefined) throw new Malformed(path, `one of ${allowed.join(', ')}`);
		return found;
	};
}

export function nullable<T>(inner: Decoder<T>): Decoder<T | null> {
	return (value, path) => (value === null || value === undefined ? null : inner(value, path));
}

export function optional<T>(inner: Decoder<T>): Decoder<T | undefined> {
	return (value, path) => (value === null || value === undefined ? undefined : inner(value, path));
}

export function list<T>(inner: Decoder<T>, max: number): Decoder<T[]> {
	return (value, path) => {
		if (!Array.isArray(value) || value.length > max) throw new Malformed(path, `a list of at most ${max}`);
		return value.map((item, i) => inner(item, `${path}[${i}]`));
	};
}

export function object<T extends Record<string, Decoder<unknown>>>(
	fields: T
): Decoder<{ [K in keyof T]: Decoded<T[K]> }> {
	const entries = Object.entries(fields);
	return (value, path) => {
		if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed(path, 'an object');
		const out: Record<string, unknown> = {};
		for (const [name, decoder] of entries)
			out[name] = decoder(
				Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined,
				path ? `${path}.${name}` : name
			);
		return out as { [K in keyof T]: Decoded<T[K]> };
	};
}

export const nothing: Decoder<void> = () => undefined;
