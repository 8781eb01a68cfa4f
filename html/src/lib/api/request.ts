// SPDX-License-Identifier: GPL-3.0-or-later
// One HTTP request to the server: builds it, bounds it in time and size, turns every refusal into a Failure with a
// Problem, and decodes the reply. Knows no routes and no tokens.
import { Failure } from '../core/problem';
import type { Platform } from '../core/platform';
import { Malformed, type Decoder } from './decode';
import { problem as problemShape } from './shapes';

const TIMEOUT = 20_000;
/** The largest reply in use: a page of 500 entries of 48 KiB would be 33 MB, but the server stops a page at 1 MiB of bytes. */
const MAX_REPLY = 16 * 1024 * 1024;

export interface Call<T> {
	method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
	/** Below /api, beginning with a slash. */
	path: string;
	query?: Record<string, string | number | undefined>;
	body?: unknown;
	/** Bearer token. */
	token?: string;
	reply: Decoder<T>;
	/** Argon2 on the server may have to wait for its turn. */
	timeout?: number;
}

export async function request<T>(platform: Platform, call: Call<T>): Promise<T> {
	const controller = new AbortController();
	let timedOut = false;
	const cancelTimer = platform.after(call.timeout ?? TIMEOUT, () => {
		timedOut = true;
		controller.abort();
	});
	try {
		const response = await platform.fetch(address(platform, call), {
			method: call.method,
			headers: headers(call),
			body: call.body === undefined ? undefined : JSON.stringify(call.body),
			cache: 'no-store',
			credentials: 'omit',
			redirect: 'error',
			referrerPolicy: 'no-referrer',
			signal: controller.signal
		});
		const text = await readText(response);
		if (!response.ok) throw refusal(response, text);
		return decodeReply(call, text);
	} catch (error) {
		if (error instanceof Failure) throw error;
		if (timedOut) throw new Failure({ code: 'timeout', message: 'The server did not answer in time.' });
		throw new Failure({ code: 'network', message: 'The server could not be reached.' });
	} finally {
		cancelTimer();
	}
}

function address<T>(platform: Platform, call: Call<T>): string {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) query.set(name, String(value));
	const text = query.toString();
	return `${platform.origin}/api${call.path}${text ? `?${text}` : ''}`;
}

function headers<T>(call: Call<T>): Record<string, string> {
	const out: Record<string, string> = { Accept: 'application/json' };
	if (call.body !== undefined) out['Content-Type'] = 'application/json';
	if (call.token !== undefined) out.Authorization = `Bearer ${call.token}`;
	return out;
}

async function readText(response: Response): Promise<string> {
	if (!response.body) return '';
	const reader = response.body.getReader();
	const decoder = new TextDecoder();
	let length = 0;
	let text = '';
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return text + decoder.decode();
		length += value.length;
		if (length > MAX_REPLY) {
			await reader.cancel();
			throw new Failure({ code: 'bad_reply', message: 'The server sent more than was asked for.' });
		}
		text += decoder.decode(value, { stream: true });
	}
}

function decodeReply<T>(call: Call<T>, text: string): T {
	try {
		return call.reply(text === '' ? {} : JSON.parse(text), '');
	} catch (error) {
		const where = error instanceof Malformed ? error.message : 'not JSON';
		throw new Failure({
			code: 'bad_reply',
			message: `The server's answer to ${call.method} ${call.path} makes no sense (${where}).`
		});
	}
}

function refusal(response: Response, text: string): Failure {
	const retryAfter = seconds(response.headers.get('Retry-After'));
	try {
		const parsed: unknown = JSON.parse(text);
		const { error } = problemShape(parsed, '');
		const details: unknown = Reflect.get(Object(Reflect.get(Object(parsed), 'error')), 'details');
		return new Failure(
			{ code: error.code, message: error.message, field: error.field, requestId: error.request_id, retryAfter },
			{ status: response.status, details }
		);
	} catch {
		// nginx itself answered: an error page of a proxy, of limit_req, or of a server that is going away.
		const code = response.status === 429 ? 'rate_limited' : response.status >= 500 ? 'unavailable' : 'http_error';
		return new Failure(
			{ code, message: `The server answered with status ${response.status}.`, retryAfter },
			{ status: response.status }
		);
	}
}

function seconds(header: string | null): number | undefined {
	if (header === null || !/^\d{1,6}$/.test(header)) return undefined;
	return Number(header);
}
