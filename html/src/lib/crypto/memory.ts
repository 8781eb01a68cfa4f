// SPDX-License-Identifier: GPL-3.0-or-later
// The boundary to the WebAssembly instance: copies arguments in and results out, wipes what it lent, and turns codes
// into exceptions. It knows no function of the library by name.

export type Bytes = Uint8Array<ArrayBuffer>;

const codes = {
	[-1]: 'format',
	[-2]: 'version',
	[-3]: 'auth',
	[-4]: 'replay',
	[-5]: 'too_far',
	[-6]: 'no_key',
	[-7]: 'parameters',
	[-8]: 'space',
	[-9]: 'memory',
	[-10]: 'exhausted'
} as const;

/** The codes of chatalot_crypto.h; `crash` is a trap inside the library, after which a new instance is made. */
export type CryptoCode = (typeof codes)[keyof typeof codes] | 'crash';

export class CryptoError extends Error {
	override readonly name = 'CryptoError';

	constructor(
		readonly code: CryptoCode,
		readonly operation: string
	) {
		super(`${operation}: ${code}`);
	}
}

type Argument = number | bigint;
type Exported = (...args: Argument[]) => number;

// getRandomValues() refuses more in one call.
const randomMax = 65536;

export class Memory {
	private memory!: WebAssembly.Memory;
	private functions!: WebAssembly.Exports;
	private dead = false;
	private running = 0;

	constructor(private readonly module: WebAssembly.Module) {
		this.instantiate();
	}

	/** The library keeps nothing between two calls: after a trap a new instance takes the place of the dead one. */
	private instantiate(): void {
		const random = (pointer: number, length: number): void => {
			// The view is made here, for the memory may have grown since the last call.
			const area = new Uint8Array(this.memory.buffer as ArrayBuffer, pointer >>> 0, length >>> 0);
			for (let at = 0; at < area.length; at += randomMax) {
				globalThis.crypto.getRandomValues(area.subarray(at, at + randomMax));
			}
		};
		const instance = new WebAssembly.Instance(this.module, { env: { random } });
		this.dead = false;
		this.functions = instance.exports;
		this.memory = instance.exports['memory'] as WebAssembly.Memory;
		this.invoke('_initialize');
		if (this.invoke('chatalot_init') !== 0) throw new CryptoError('memory', 'chatalot_init');
	}

	/** Runs `work` with a frame whose memory is wiped and given back at the end, whatever happens. */
	run<T>(work: (frame: Frame) => T): T {
		// Not below a frame of the dead instance, whose pointers would mean nothing in the new one.
		if (this.dead && this.running === 0) this.instantiate();
		const frame = new Frame(this);
		this.running++;
		try {
			return work(frame);
		} finally {
			this.running--;
			if (!this.dead) frame.release();
		}
	}

	/** Calls a function that returns one of the library's codes. */
	call(name: string, ...args: Argument[]): void {
		const result = this.invoke(name, ...args);
		if (result === 0) return;
		throw new CryptoError(codes[result as keyof typeof codes] ?? 'crash', name);
	}

	invoke(name: string, ...args: Argument[]): number {
		if (this.dead) throw new CryptoError('crash', name);
		try {
			return (this.functions[name] as Exported)(...args);
		} catch (error) {
			// A trap leaves the instance in an unknown state; an exception of the host's randomness is passed on.
			this.dead = true;
			if (error instanceof WebAssembly.RuntimeError) throw new CryptoError('crash', name);
			throw error;
		}
	}

	bytes(pointer: number, length: number): Uint8Array {
		return new Uint8Array(this.memory.buffer, pointer, length);
	}

	view(pointer: number, length: number): DataView {
		return new DataView(this.memory.buffer, pointer, length);
	}
}

/** An output of variable size: room for `capacity` bytes, and where its length is kept. */
export interface Room {
	pointer: number;
	length: number;
}

export class Frame {
	private readonly lent: { pointer: number; length: number }[] = [];

	constructor(private readonly memory: Memory) {}

	private borrow(length: number): number {
		const pointer = this.memory.invoke('chatalot_allocate', length) >>> 0;
		if (pointer === 0) throw new CryptoError('memory', 'chatalot_allocate');
		this.lent.push({ pointer, length });
		return pointer;
	}

	/** Copies an input of any size. */
	input(data: Uint8Array): number {
		const pointer = this.borrow(data.length);
		this.memory.bytes(pointer, data.length).set(data);
		return pointer;
	}

	/** Copies an input that the library takes as an array of fixed size: nothing else may be handed to it. */
	fixed(data: Uint8Array, length: number): number {
		if (data.length !== length) throw new CryptoError('format', `${data.length} bytes in place of ${length}`);
		return this.input(data);
	}

	optional(data: Uint8Array | null | undefined, length: number): number {
		return data ? this.fixed(data, length) : 0;
	}

	output(length: number): number {
		return this.borrow(length);
	}

	room(capacity: number): Room {
		const pointer = this.borrow(capacity);
		const length = this.borrow(4);
		this.memory.view(length, 4).setUint32(0, capacity, true);
		return { pointer, length };
	}

	take(pointer: number, length: number): Bytes {
		return this.memory.bytes(pointer, length).slice() as Bytes;
	}

	takeRoom(room: Room): Bytes {
		return this.take(room.pointer, this.u32(room.length));
	}

	u8(pointer: number): number {
		return this.memory.view(pointer, 1).getUint8(0);
	}

	u32(pointer: number): number {
		return this.memory.view(pointer, 4).getUint32(0, true);
	}

	setU32(pointer: number, value: number): void {
		this.memory.view(pointer, 4).setUint32(0, value, true);
	}

	/** A 64-bit integer that the caller will use as a number. */
	u64(pointer: number): number {
		const value = this.memory.view(pointer, 8).getBigUint64(0, true);
		if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new CryptoError('format', 'integer above 2^53');
		return Number(value);
	}

	release(): void {
		for (const { pointer, length } of this.lent) this.memory.invoke('chatalot_release', pointer, length);
		this.lent.length = 0;
	}
}

/** A number for a 64-bit parameter. */
export function u64(value: number): bigint {
	if (!Number.isSafeInteger(value) || value < 0) throw new CryptoError('parameters', `${value} is not a count`);
	return BigInt(value);
}

/** A number for a 32-bit parameter. */
export function u32(value: number): number {
	if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
		throw new CryptoError('parameters', `${value} is not a 32-bit count`);
	}
	return value;
}
