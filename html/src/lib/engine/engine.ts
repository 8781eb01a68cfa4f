// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that runs while somebody is signed in, put together: one Engine for one device identity and one tab.
import { Api } from '../api/api';
import type { Platform } from '../core/platform';
import { isPassing } from '../core/problem';
import type { Connection as Shown } from '../core/types';
import type { Library } from '../crypto/library';
import { Connection } from '../socket/connection';
import type { Store } from '../store/store';
import type { DeviceRecord } from '../store/tables';
import { Approver } from './approval';
import { Backup } from './backup';
import { ownOf, type Context } from './context';
import { Distribution } from './distribution';
import { Entries } from './entries';
import { History } from './history';
import { Inbox } from './inbox';
import { Outbox } from './outbox';
import { OwnDevices } from './own-devices';
import { Prekeys } from './prekeys';
import { Requests } from './requests';
import { Rosters } from './rosters';
import { Safeties } from './safety';
import { Sealing } from './sealing';
import { Sessions } from './sessions';
import { Shell } from './shell';
import { Sync } from './sync';
import { Tokens } from './tokens';

/** Channels whose newest page a device fetches before anyone opens them. */
const PREFETCH = 30;
const TEND_AGAIN = 10_000;
const INBOX_LOCK = 'chatalot-inbox';

export class Engine {
	readonly ctx: Context;
	readonly shell: Shell;
	readonly outbox: Outbox;
	readonly history: History;
	readonly rosters: Rosters;
	private readonly entries: Entries;
	private readonly inbox: Inbox;
	readonly backup: Backup;
	readonly safeties: Safeties;
	readonly approver: Approver;
	readonly ownDevices: OwnDevices;
	private readonly prekeys: Prekeys;
	private readonly requests: Requests;
	private readonly sync: Sync;
	private readonly unwatch: () => void;
	private tending = false;
	private tendAgain = false;
	private cancelTend: (() => void) | undefined;

	constructor(
		platform: Platform,
		store: Store,
		library: Library,
		device: DeviceRecord,
		onShown: (state: Shown) => void
	) {
		const tokens = new Tokens(platform, store, (failure) => connection.end(failure.problem));
		const connection: Connection = new Connection(platform, tokens, {
			shown: onShown,
			ready: (ready) => {
				this.ownDevices.changed();
				this.sync.ready(ready);
			},
			pushed: (frame) => this.sync.pushed(frame)
		});
		const ctx: Context = { platform, store, library, connection, api: new Api(platform, tokens), own: ownOf(device) };
		this.ctx = ctx;
		this.shell = new Shell(ctx);
		this.rosters = new Rosters(ctx);
		this.approver = new Approver(ctx);
		this.ownDevices = new OwnDevices(ctx);
		const sessions = new Sessions(ctx);
		const entries = (this.entries = new Entries(ctx, this.shell));
		const distribution = new Distribution(ctx, sessions);
		this.outbox = new Outbox(ctx, this.rosters, new Sealing(ctx, sessions, distribution), () => this.backup.soon());
		this.history = new History(ctx, entries, this.outbox, this.rosters);
		this.history.onRead = (unit) => this.shell.changed(unit);
		this.history.onFetched = () => this.quietly('key requests', this.requests.ask());
		this.backup = new Backup(ctx, entries, () => {
			this.outbox.drain();
			this.requests.waited();
		});
		this.safeties = new Safeties(ctx, sessions, this.rosters, () => this.backup.soon());
		this.prekeys = new Prekeys(ctx);
		this.requests = new Requests(ctx, sessions, this.rosters, entries);
		entries.onWaiting = () => {
			this.requests.waited();
			this.backup.missed();
		};
		this.inbox = new Inbox(
			ctx,
			sessions,
			this.rosters,
			entries,
			() => this.left(),
			() => this.backup.soon(),
			() => this.shell.refresh()
		);
		const parts = { inbox: this.inbox, entries, shell: this.shell, rosters: this.rosters };
		this.sync = new Sync(
			ctx,
			parts,
			() => this.caughtUp(),
			() => this.devicesChanged()
		);
		this.unwatch = platform.watch((what) => this.woken(what));
	}

	start(): void {
		this.ctx.connection.start();
	}

	stop(): void {
		this.unwatch();
		this.sync.stop();
		this.outbox.stop();
		this.backup.stop();
		this.inbox.stop();
		this.shell.stop();
		this.requests.stop();
		this.cancelTend?.();
		this.ctx.connection.stop();
		this.ctx.store.retire();
	}

	private woken(what: 'network' | 'wake'): void {
		if (what === 'network') return this.ctx.connection.network();
		this.ctx.connection.wake();
		this.sync.now();
	}

	/** Everything that was waiting is here: now send, restore, ask and tend what has time. */
	private caughtUp(): void {
		this.outbox.drain();
		this.orLater('own devices', this.ownDevices.look());
		this.tendAgain = true;
		if (this.tending) return;
		this.tending = true;
		this.quietly(
			'tending',
			this.tendAll().finally(() => (this.tending = false))
		);
	}

	private async tendAll(): Promise<void> {
		while (this.tendAgain) {
			this.tendAgain = false;
			await this.tend();
		}
	}

	/** One after the other, and none of them keeps the next from its turn. What may pass is tried again before long. */
	private async tend(): Promise<void> {
		const steps = {
			'messages whose keys have come': () => this.entries.reopenRest(),
			restore: () => this.backup.restore(),
			mark: () => this.backup.mark(),
			history: () => this.history.prefetch(PREFETCH),
			backup: async () => this.backup.soon(),
			safeties: () => this.safeties.tell(),
			'backup of others': () => this.backup.catchUp(),
			'what the inbox left': () => this.finishInbox(),
			'key requests': () => this.requests.ask(),
			prekeys: () => this.prekeys.maintain()
		};
		for (const [what, step] of Object.entries(steps)) {
			try {
				await step();
			} catch (error) {
				if (!isPassing(error)) this.ctx.platform.log('warn', what, String(error));
				else this.tendLater();
			}
		}
	}

	/** Keys that were handed on, and requests: by one tab at a time. What fails for now comes with what is tended. */
	private finishInbox(): Promise<void> {
		return this.ctx.platform.locks.request(INBOX_LOCK, {}, async () => {
			await this.inbox.takeHanded();
			await this.requests.answer();
		});
	}

	private left(): void {
		this.orLater('what the inbox left', this.finishInbox());
	}

	private orLater(what: string, work: Promise<void>): void {
		work.catch((error: unknown) => {
			if (!isPassing(error)) this.ctx.platform.log('warn', what, String(error));
			else this.tendLater();
		});
	}

	private tendLater(): void {
		this.cancelTend ??= this.ctx.platform.after(TEND_AGAIN, () => {
			this.cancelTend = undefined;
			if (this.ctx.connection.online) this.caughtUp();
		});
	}

	/** Something was decided that others wait for, or that what could not be taken in waited for. */
	decided(): void {
		this.backup.soon();
		void this.safeties.tell();
		this.quietly('messages that waited', this.outbox.resume());
		this.sync.now();
	}

	/** A page that shows the list reads it itself. Rosters depend on it, too, and have their own event. */
	private devicesChanged(): void {
		this.ownDevices.changed();
		this.ctx.store.tell({ type: 'devices', data: {} });
		this.sync.now();
	}

	private quietly(what: string, work: Promise<void>): void {
		work.catch((error: unknown) => {
			if (!isPassing(error)) this.ctx.platform.log('warn', what, String(error));
		});
	}
}
