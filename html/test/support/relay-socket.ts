// SPDX-License-Identifier: GPL-3.0-or-later
// The WebSocket half of the in-memory server: one connection, its requests and what is pushed to it.
import type { SocketLike } from '../../src/lib/core/platform';
import { Refusal, type Json, type Relay, type RelayDevice } from './relay';

export class RelaySocket implements SocketLike {
	onopen: (() => void) | null = null;
	onmessage: ((event: { data: unknown }) => void) | null = null;
	onclose: ((event: { code: number; reason: string }) => void) | null = null;
	onerror: (() => void) | null = null;
	device: RelayDevice | undefined;
	private closed = false;

	constructor(private readonly relay: Relay) {
		setImmediate(() => {
			if (this.closed) return;
			if (!relay.reachable) return this.drop(1006);
			relay.sockets.add(this);
			this.onopen?.();
		});
	}

	send(text: string): void {
		if (this.closed) throw new Error('closed');
		this.relay.sent.push(text);
		setImmediate(() => this.receive(JSON.parse(text)));
	}

	close(): void {
		this.closed = true;
		this.relay.sockets.delete(this);
	}

	drop(code: number, reason = ''): void {
		if (this.closed) return;
		this.close();
		setImmediate(() => this.onclose?.({ code, reason }));
	}

	push(frame: Json): void {
		if (this.closed) return;
		const sent: Json = this.relay.tamperFrame(structuredClone(frame), this.device);
		if (sent !== null) setImmediate(() => !this.closed && this.onmessage?.({ data: JSON.stringify(sent) }));
	}

	private receive(frame: Json): void {
		if (this.closed) return;
		this.relay.calls.push(`ws ${frame.type}`);
		if (frame.type === 'authenticate') return this.authenticate(frame.token);
		try {
			this.relay.before(`ws ${frame.type}`, frame);
			const result = this.work(frame);
			if (this.relay.loseAnswer(`ws ${frame.type}`)) return this.drop(1006);
			this.push({ type: 'ok', ref: frame.ref, result });
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			const { code, details } = error;
			this.push({ type: 'error', ref: frame.ref, error: { code, message: code, details } });
		}
	}

	private authenticate(token: string): void {
		try {
			this.device = this.relay.deviceOf(token);
		} catch {
			return this.drop(4001);
		}
		const { user, id, inboxSeq } = this.device;
		const mine = [...this.relay.channels.values()].filter(({ members }) => members.has(user));
		const channels = mine.map(({ id, log, roster, epoch }) => ({ id, head: log.length, roster, epoch }));
		this.push({
			type: 'ready',
			user: { id: user },
			session: id,
			device: id,
			channels,
			inbox_head: inboxSeq,
			degraded: false
		});
	}

	private work(frame: Json): Json {
		const device = this.device!;
		switch (frame.type) {
			case 'ping':
				return {};
			case 'ack':
				device.inbox = device.inbox.filter(({ seq }) => seq > frame.seq);
				return {};
			case 'inbox': {
				const items = device.inbox.filter(({ seq }) => seq > frame.after);
				return { items: items.slice(0, 50), more: items.length > 50 };
			}
			case 'deliver':
				if (frame.items.length > 100) throw new Refusal(422, 'invalid_field');
				for (const { device: to, id, payload } of frame.items) {
					const target = this.relay.device(to);
					const { user: sender, id: from } = device;
					if (target?.live)
						this.relay.put(target, { id, channel: frame.channel, ref: null, sender, device: from, payload });
				}
				return { delivered: frame.items.length };
			case 'sync':
				return {
					channels: Object.entries(frame.channels).flatMap(([id, last]) =>
						this.sync(id, last as number, frame.wiped[id] ?? 0)
					)
				};
			case 'send':
				return this.sendEntry(device, frame);
			default:
				throw new Refusal(422, 'unknown_type');
		}
	}

	private sync(id: string, last: number, heard: number): Json[] {
		const channel = this.relay.channels.get(id);
		const joined = channel?.members.get(this.device!.user);
		if (!channel || joined === undefined) return [{ id, removed: true }];
		const { log, roster, epoch, wiped = [] } = channel;
		if (log.length === last && wiped.length <= heard) return [];
		const after = Math.max(last, this.relay.joined(channel, this.device!.user));
		const entries = log.slice(after, after + this.relay.syncLimit);
		const senders = wiped.slice(heard, heard + this.relay.syncLimit);
		const to = heard + senders.length;
		const more = log.length > after + entries.length || wiped.length > to;
		const told = senders.length > 0 ? { wiped: { to, senders } } : {};
		return [{ id, head: log.length, roster, epoch, after, entries, ...told, more }];
	}

	private sendEntry(device: RelayDevice, frame: Json): Json {
		const channel = this.relay.channelFor(device, frame.channel);
		const { roster, epoch } = channel;
		const before = channel.log.find((entry) => entry.id === frame.id);
		if (before && (before.ciphertext !== frame.ciphertext || before.device !== device.id))
			throw new Refusal(409, 'id_taken');
		if (before) return { seq: before.seq, created_at: before.created_at };
		if (frame.epoch !== epoch) throw new Refusal(409, 'epoch_stale', { roster, epoch });
		if (frame.roster !== roster) throw new Refusal(409, 'roster_stale', { roster, epoch });
		if (channel.kind === 'dm') this.checkEnvelopes(channel.id, device, frame.envelopes ?? []);
		const entry = {
			channel: channel.id,
			seq: channel.log.length + 1,
			id: frame.id,
			kind: frame.kind,
			ref: frame.ref_id ?? null,
			thread: frame.thread ?? null,
			sender: device.user,
			device: device.id,
			epoch,
			ciphertext: frame.ciphertext,
			commitment: frame.commitment,
			created_at: Date.now()
		};
		channel.log.push(entry);
		this.relay.sendTo(({ user }) => channel.members.has(user), { type: 'entry', ...entry });
		for (const { device: to, id, payload } of frame.envelopes ?? []) {
			const item = { id, channel: channel.id, ref: entry.id, sender: device.user, device: device.id, payload };
			this.relay.put(this.relay.device(to)!, item);
		}
		return { seq: entry.seq, created_at: entry.created_at };
	}

	private checkEnvelopes(id: string, own: RelayDevice, envelopes: Json[]): void {
		const channel = this.relay.channels.get(id)!;
		const wanted = this.relay.rosterOf(channel).filter((device) => device !== own);
		const given = new Set(envelopes.map(({ device }) => device));
		if (given.size !== wanted.length || wanted.some((device) => !given.has(device.id)))
			throw new Refusal(422, 'envelopes');
	}
}

export function attach(relay: Relay): SocketLike {
	return new RelaySocket(relay);
}
