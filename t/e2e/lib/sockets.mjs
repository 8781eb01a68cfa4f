// SPDX-License-Identifier: GPL-3.0-or-later
// Which worker of nginx holds the sockets of a person's browser, read from /proc: the browser's end of a connection
// belongs to a process that was started with the person's profile, the other end to a worker.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const ESTABLISHED = '01';

function quietly(read) {
	try {
		return read();
	} catch {
		return undefined; // the process has ended meanwhile, or it is not ours to read
	}
}

const processes = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

function inodes(pid) {
	const names = quietly(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
	const links = names.map((name) => quietly(() => readlinkSync(`/proc/${pid}/fd/${name}`)) ?? '');
	return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}

function connections(port) {
	const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
	const all = rows.map((row) => {
		const [, here, there, state, , , , , , inode] = row.trim().split(/\s+/);
		const portOf = (address) => parseInt(address.split(':')[1], 16);
		return { here: portOf(here), there: portOf(there), state, inode };
	});
	return all.filter(({ state, here, there }) => state === ESTABLISHED && (here === port || there === port));
}

/** Pids of the workers that hold a connection of that person's browser; nginx must not keep HTTP connections alive. */
export function workersOf(name, { port, master }) {
	const browser = new Set(
		processes()
			.filter((pid) => quietly(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.includes(`/chatalot-${name}-`))
			.flatMap(inodes)
	);
	const open = connections(port);
	const from = new Set(open.filter(({ there, inode }) => there === port && browser.has(inode)).map(({ here }) => here));
	const ends = new Set(open.filter(({ here, there }) => here === port && from.has(there)).map(({ inode }) => inode));
	const children = processes().filter((pid) => {
		const stat = quietly(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? '';
		return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(master);
	});
	return children.filter((pid) => inodes(pid).some((inode) => ends.has(inode)));
}
