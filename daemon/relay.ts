/**
 * The relay: all rooms, put together. Reads from top to bottom as the way of a message, and is the only file that knows all rooms.
 *
 *   made ─▶ start ─▶ stop
 *
 * The constructor makes everything and touches nothing outside the relay's folder; `start` begins to read, to send and to talk; `stop` takes
 * nothing new, finishes the send that runs, says goodbye, and leaves everything on disk.
 */
import { MessagesBridge } from './bridge/bridge.ts';
import { changeEvent, type RowEvent, rowEvent } from './bridge/row-events.ts';
import { showsSend } from './bridge/row-key.ts';
import { isWritten } from './bridge/row-kinds.ts';
import type { RowChange, RowSighting } from './bridge/sightings.ts';
import { stagingOf } from './bridge/staging.ts';
import { Gate } from './gate/gate.ts';
import { nameOfRow, reread } from './gate/rereading.ts';
import { assetFolder } from './host/assets.ts';
import type { Clock } from './host/clock.ts';
import { WallClockGuard } from './host/clock-guard.ts';
import { GroupCommit } from './host/commit.ts';
import { type Config, senderSinceAt } from './host/config.ts';
import { ConfigReload, type Reloaded } from './host/config-reload.ts';
import { type Db, openRelayDb, readMigrations } from './host/db.ts';
import { messageOf } from './host/errors.ts';
import type { FreshLook } from './host/fresh-look.ts';
import { normaliseHandle } from './host/handles.ts';
import { Health } from './host/health.ts';
import type { RelayLog } from './host/log.ts';
import { Metrics } from './host/metrics.ts';
import type { RelayPaths } from './host/paths.ts';
import { rememberedTime } from './host/remembered-time.ts';
import { readToken } from './host/token.ts';
import { FEATURES, VERSION } from './host/version.ts';
import { Journal } from './journal/journal.ts';
import { connectionOf } from './link/connection.ts';
import { Link } from './link/link.ts';
import { Dial } from './link/socket.ts';
import { personsDoors } from './local/doors.ts';
import { MetricsPort } from './local/metrics-port.ts';
import type { Status } from './local/schemas.ts';
import { LocalServer } from './local/server.ts';
import { Outbox } from './outbox/outbox.ts';
import { Questions } from './outbox/questions.ts';
import { sightedOf } from './outbox/sighted.ts';

/** Between the time of an own row and that of its telling. */
const MINUTE_MS = 60_000;

/** Room for the commands that arrive during one flush of a slow disk, so that they share the next. */
const COMMAND_WINDOW = { frames: 1_024, bytes: 4 * 1024 * 1024 };

export interface RelayOptions {
  config: Config;
  paths: RelayPaths;
  clock: Clock;
  log: RelayLog;
  /** Reads the configuration anew; throws as at the start. */
  readConfig: () => Config;
  /** The store can no longer be trusted in this process: end it, and start again from what the disk holds. */
  onFatal: (error: unknown) => void;
  permission: FreshLook;
}

export class Relay {
  readonly #o: RelayOptions;
  readonly #startedAt: number;
  readonly #db: Db;
  readonly #commit: GroupCommit;
  readonly #health: Health;
  readonly #wall: WallClockGuard;
  readonly #journal: Journal;
  readonly #gate: Gate;
  readonly #bridge: MessagesBridge;
  readonly #outbox: Outbox;
  readonly #questions: Questions;
  readonly #link: Link | null;
  readonly #local: LocalServer;
  readonly #metrics: Metrics;
  readonly #metricsPort: MetricsPort | null;
  readonly #reloading: ConfigReload;
  #lastInboundAt: number | null = null;

  constructor(o: RelayOptions) {
    const { config, paths, clock, log } = o;
    this.#o = o;
    this.#startedAt = clock.now();

    // The ground: one store, one group commit, one register of what is wrong.
    const db = openRelayDb(paths.db, readMigrations(assetFolder('migrations')));
    const commit = new GroupCommit(db, { onFlushFailed: (error) => o.onFatal(error) });
    commit.onRolledBack(() => this.#outbox.reload());
    const health = new Health(clock);
    this.#db = db;
    this.#commit = commit;
    this.#health = health;
    this.#wall = new WallClockGuard({ clock, health, ...rememberedTime(db, commit) });

    // What the controller must still hear.
    const journal = new Journal({ db, commit, clock, observe: (event) => this.#metrics.told(event) });
    this.#journal = journal;

    // May it be sent, and when?
    const sender = { kind: config.sender.kind, since: senderSinceAt(config) };
    const gate = new Gate({
      db,
      clock,
      health,
      log: log.room('gate'),
      policy: config.policy,
      sender,
      // Asked only once something is sent, when there is a bridge.
      oldestWord: (handle) => this.#bridge.oldestWord(handle),
      onSenderHealth: (now) => journal.append('sender.health', now),
      onTextSuspected: (text) => journal.append('text.suspected', text),
      // Without the line to the controller this Mac may have no network.
      watching: () => this.#bridge.stats().readable && (!this.#link || this.#link.state.phase === 'open'),
    });
    this.#gate = gate;

    // How it gets into Messages, and what chat.db says.
    const region = config.sender.region ?? undefined;
    const bridge = new MessagesBridge({
      config: config.messages,
      workFolder: paths.work,
      scripts: assetFolder('scripts'),
      db,
      commit,
      clock,
      health,
      log: log.room('bridge'),
      region,
      restartHung: config.messages.restart_hung,
      wallTrusted: () => this.#wall.trusted,
      permission: o.permission,
      sightings: {
        attempt: (message, attempt, seen) => this.#outbox.sighted(message, { attempt, ...sightedOf(seen) }),
        inbound: (row) => this.#inbound(row),
        ownHand: (row) => this.#ownHand(row),
        ownFiles: ({ guid, at, chat }, sums) =>
          gate.ownFiles({ guid, at, recipients: chat.participants.map((handle) => this.#addressOf(handle)) }, sums),
        changed: (change) => this.#rowChanged(change),
        past: (row) => this.#consent(row, row.guid),
        forgotten: (isIt) => this.#outbox.settleLookalike(isIt),
        generation: (reason) => log.room('bridge').warn('chat_db_generation', { reason }),
      },
    });
    this.#bridge = bridge;

    // What waits, and what became of it.
    this.#outbox = new Outbox({
      db,
      commit,
      clock,
      log: log.room('outbox'),
      journal,
      gate,
      bridge,
      files: stagingOf(config.messages.attachments, clock, log.room('bridge')),
      groups: { members: (chat) => bridge.groupMembers(chat) },
      lookalikes: { find: (recipient, text, sinceAt, files) => bridge.hasLookalike(recipient, text, sinceAt, files) },
      wall: this.#wall,
      sender: gate,
      region,
    });
    journal.snapshotWith((reason) => this.#outbox.tellSnapshot(reason));
    this.#questions = new Questions({
      messages: this.#outbox.messages,
      gate,
      sender: () => gate.describe(),
      checks: () => bridge.checks.all(),
      files: { piece: (attachment, offset) => bridge.files.get(attachment, offset) },
      now: () => clock.now(),
      region,
    });

    // Who is on the line.
    this.#link = config.controller ? this.#makeLink(config.controller) : null;

    // What is counted of all that.
    const metrics = this.#makeMetrics();
    this.#metrics = metrics;
    const { port } = config.metrics;
    this.#metricsPort = port === null ? null : new MetricsPort({ port, metrics, log: log.room('metrics') });

    this.#reloading = new ConfigReload({
      config,
      read: o.readConfig,
      log,
      policy: async (written) => gate.policies.reread(written),
    });

    // The person at the Mac.
    this.#local = new LocalServer({
      path: paths.socket,
      handlers: personsDoors({
        about: { device: config.device, version: VERSION, started_at: Math.round(this.#startedAt) },
        clock,
        commit,
        conditions: health,
        controller: () => this.#controllerState(),
        chatDb: () => this.#chatDbState(),
        lastInboundAt: () => this.#lastInboundAt,
        sender: gate,
        outbox: this.#outbox,
        questions: this.#questions,
        journal,
        metrics,
        reload: () => this.reload(),
      }),
      now: () => clock.now(),
      log: log.room('local'),
    });
    // Nothing is green that nobody has looked at. Told is what comes of it.
    health.raise(
      'starting',
      'error',
      'The relay was just started, and asks Messages and chat.db before it sends.',
      'Wait a moment; relayctl status --wait 60s does that.',
    );
    health.onChange(() => this.#tellHealth());
  }

  get health(): Health {
    return this.#health;
  }

  async start(): Promise<void> {
    await this.#local.start();
    await this.#metricsPort?.start();
    this.#bridge.start();
    this.#outbox.start();
    void this.#bridge.begun().then((begun) => {
      if (begun) this.#health.clear('starting');
    });
    this.#reread().catch((error: unknown) => this.#o.log.warn('reread', { error: messageOf(error) }));
    this.#wall.start();
    this.#link?.start();
    if (!this.#link)
      this.#health.raise('no_controller', 'warning', 'No controller is configured.', 'Pair it with: relayctl pair');
    this.#o.log.info('started', { version: VERSION, device: this.#o.config.device, pid: process.pid });
  }

  /** Takes over what was changed in the configuration, as far as a running relay can. Throws what is wrong with it. */
  async reload(): Promise<Reloaded> {
    const told = await this.#reloading.reload();
    this.#outbox.dispatcher.wake();
    return told;
  }

  /** Takes nothing new, finishes the send that runs, says goodbye. */
  async stop(): Promise<void> {
    this.#wall.stop();
    await this.#outbox.stop();
    await this.#bridge.stop();
    await this.#link?.stop();
    await this.#local.stop();
    await this.#metricsPort?.stop();
    this.#metrics.close();
    this.#journal.close();
    await this.#commit.close();
    this.#db.close();
    this.#o.log.info('stopped');
  }

  /** Gives what counts a fingerprint of today's canonical text, where it has an older one. */
  async #reread(): Promise<void> {
    const gate = this.#gate;
    const commit = this.#commit;
    if (gate.unread().length === 0) return;
    const { messages } = this.#outbox;
    let count = await reread({ gate, commit, find: (name) => messages.get(name) ?? null });
    const left = gate.unread();
    const since = Math.min(...left.map(({ at }) => at));
    const texts = left.length > 0 ? await this.#bridge.ownTexts(since - MINUTE_MS) : null;
    const byName = new Map([...(texts ?? [])].map(([guid, text]) => [nameOfRow(guid), { text, variables: [] }]));
    if (byName.size > 0) count += await reread({ gate, commit, find: (name) => byName.get(name) ?? null });
    this.#outbox.dispatcher.wake();
    this.#o.log.info('reread', { count, left: gate.unread().length });
  }

  #makeLink(controller: { url: string; token_file: string }): Link {
    const { config, clock, log } = this.#o;
    return new Link({
      transport: new Dial({ url: controller.url, token: () => readToken(controller.token_file) }),
      db: this.#db,
      commit: this.#commit,
      journal: this.#journal,
      commands: this.#outbox,
      queries: this.#questions,
      identity: {
        device: config.device,
        agent: `sender-relay/${VERSION}`,
        features: FEATURES,
        policyVersion: () => this.#gate.describe().policy_version,
      },
      clock,
      log,
      health: this.#health,
      onControllerTime: (time) => this.#wall.controllerSays(time),
      window: COMMAND_WINDOW,
      onState: ({ phase }) => {
        if (phase === 'open') this.#metrics.lineOpened();
      },
    });
  }

  #makeMetrics(): Metrics {
    const { messages } = this.#outbox;
    return new Metrics({
      clock: this.#o.clock,
      version: VERSION,
      sources: {
        queue: () => ({ ...messages.counts(), oldestAt: messages.oldestWaiting() }),
        journal: () => this.#journal.depth(),
        controller: () => this.#controllerState().state,
        conditions: () => this.#health.list(),
        sender: () => {
          const { health, caps } = this.#gate.describe();
          return { state: health.state, caps };
        },
        chatDb: () => this.#bridge.stats(),
      },
    });
  }

  /** In the transaction of the cursor: somebody wrote to us. */
  #inbound(row: RowSighting): void {
    const { guid, at, chat, service, late, kind, handle } = row;
    this.#append(rowEvent(row, null));
    this.#lastInboundAt = Math.max(this.#lastInboundAt ?? 0, at);
    // Somebody joining or leaving a group is told, but it is no message: it opens nothing for a reply.
    if (handle === '' || !isWritten(kind)) return;
    this.#consent(row, guid);
    if (!late && chat.kind !== 'group')
      this.#outbox.heardFrom({ kind: 'handle', handle: this.#addressOf(handle) }, service);
    this.#outbox.dispatcher.wake();
  }

  /** In a transaction: an edit, a part taken back, or a file that came. An edit can say STOP or START, and opens nothing for a reply. */
  #rowChanged(told: RowChange): void {
    const event = changeEvent(told);
    this.#append(event);
    const { row, change } = told;
    if (change.kind !== 'edited' || row.fromMe) return;
    const { text, truncated } = change;
    this.#consent({ ...row, kind: 'text', text, truncated, late: true }, event.id);
    this.#outbox.dispatcher.wake();
  }

  #append(event: RowEvent | null): void {
    if (event) this.#journal.append(event.name, event.data, { id: event.id });
  }

  /** What it opens or closes. The same row again changes nothing. `name` is that of the row, or of a version of it. */
  #consent(row: RowSighting, name: string): void {
    const { guid, at, text, chat, late, kind, handle, recovering, seenMonoMs } = row;
    if (handle === '') return;
    const from = this.#addressOf(handle);
    const inbound = {
      guid,
      handle: from,
      ...(chat.kind === 'direct' ? { alias: this.#addressOf(chat.id) } : {}),
      chat: chat.id,
      group: chat.kind === 'group',
      text,
      kind: kind === 'text' ? 'text' : kind.startsWith('tapback') ? 'tapback' : 'other',
      at,
      late: late || recovering,
      seenMonoMs,
    } as const;
    const effects = this.#gate.inbound(inbound);
    for (const [index, effect] of effects.entries())
      this.#journal.append(effect.kind === 'opted_out' ? 'contact.opted_out' : 'contact.opted_in', effect.event, {
        id: `${effect.kind}_${name}${index === 0 ? '' : `.${index + 1}`}`,
      });
    if (effects.length > 0) this.#outbox.swept();
    const confirmation = this.#gate.people.confirmations.owed(inbound, effects);
    if (confirmation) this.#outbox.confirm(confirmation);
  }

  /** As messages are addressed: an opt-out of a number without country code must meet the number with it. */
  #addressOf(handle: string): string {
    const known = normaliseHandle(handle, this.#o.config.sender.region ?? undefined);
    return known.ok ? known.handle : handle;
  }

  /** In the transaction of the cursor: the owner wrote by hand or from another device. It counts like our own. */
  #ownHand(row: RowSighting): void {
    const { guid, at, text, chat, late } = row;
    const to = chat.participants.map((handle) => this.#addressOf(handle));
    this.#append(rowEvent(row, to));
    this.#gate.ownHand({ guid, recipients: to, text, at, late });
    const addresses = chat.kind === 'group' ? [chat.id] : to;
    if (row.recovering)
      this.#outbox.settleLookalike(
        (address, waiting, files) => addresses.includes(address) && showsSend(row, waiting, files),
      );
  }

  #tellHealth(): void {
    const data = { ready: this.#health.ready, conditions: this.#health.list() };
    void this.#commit.run(() => this.#journal.append('relay.health', data)).catch(() => {});
  }

  #controllerState(): Status['controller'] {
    const url = this.#o.config.controller?.url ?? null;
    return { ...connectionOf(this.#link?.state), url, unacked_events: this.#journal.unacked };
  }

  #chatDbState(): Status['chat_db'] {
    const { readable, cursor, lastRowAt } = this.#bridge.stats();
    return { path: this.#o.config.messages.chat_db, readable, cursor_rowid: cursor, last_row_at: lastRowAt };
  }
}
