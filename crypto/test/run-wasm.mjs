// SPDX-License-Identifier: GPL-3.0-or-later
// Runs one test program on WebAssembly: run-wasm.mjs PROGRAM.wasm. The few calls of WASI that a program which only prints
// and exits makes are given here, for Node's own WASI needs a flag in some versions and none in others.

import { readFileSync, writeSync } from 'node:fs';
import { webcrypto } from 'node:crypto';

const [, , program] = process.argv;
let memory;

class Exit extends Error {
	constructor(code) {
		super();
		this.code = code;
	}
}

const view = () => new DataView(memory.buffer);

function fd_write(fd, vectors, count, written) {
	let total = 0;
	for (let i = 0; i < count; i++) {
		const at = view().getUint32(vectors + i * 8, true);
		const bytes = new Uint8Array(memory.buffer, at, view().getUint32(vectors + i * 8 + 4, true));
		for (let sent = 0; sent < bytes.length;) sent += writeSync(fd, bytes, sent);
		total += bytes.length;
	}
	view().setUint32(written, total, true);
	return 0;
}

// a character device: standard output is then written line by line
function fd_fdstat_get(_fd, stat) {
	new Uint8Array(memory.buffer, stat, 24).fill(0);
	view().setUint8(stat, 2);
	return 0;
}

const wasi = {
	fd_write,
	fd_fdstat_get,
	fd_close: () => 0,
	fd_seek: () => 70,
	proc_exit: (code) => {
		throw new Exit(code);
	},
	environ_sizes_get: (count, size) => {
		view().setUint32(count, 0, true);
		view().setUint32(size, 0, true);
		return 0;
	},
	environ_get: () => 0,
	args_sizes_get: (count, size) => {
		view().setUint32(count, 0, true);
		view().setUint32(size, 0, true);
		return 0;
	},
	args_get: () => 0
};

function random(pointer, length) {
	const area = new Uint8Array(memory.buffer, pointer >>> 0, length >>> 0);
	for (let at = 0; at < area.length; at += 65536) webcrypto.getRandomValues(area.subarray(at, at + 65536));
}

const module = new WebAssembly.Module(readFileSync(program));
const instance = new WebAssembly.Instance(module, { env: { random }, wasi_snapshot_preview1: wasi });
memory = instance.exports.memory;

try {
	instance.exports._start();
} catch (error) {
	if (!(error instanceof Exit)) throw error;
	process.exitCode = error.code;
}
