/**
 * The bridge: how texts and files get into Messages, and what chat.db says became of them. The room's face.
 *
 *   lane.ts       may Messages be asked?             reading.ts       rows of chat.db, each told once
 *   sending.ts    an attempt, to its outcome         claims.ts        which row is which attempt's
 *   osascript.ts  the child processes                cut-texts.ts     texts that came in several rows
 *   outcome.ts    what a child's end proves          receipts.ts      what claimed rows say, for 7 days
 *   attempts.ts   the attempts of our store          missing-rows.ts  taken, and no row comes
 *   recovery.ts   what a crash left behind           lookalikes.ts    what a lost store may have sent
 *   changes.ts    what becomes of told messages      own-files.ts     files that the owner sends by hand
 *   attachment-pieces.ts  files, for the controller  mac-checks.ts    what doctor asks
 *
 *   begin ─ run ─┬─ accepted ──────── row? ─▶ sent ─▶ delivered ─▶ read │ not_delivered
 *                ├─ may_have_gone ─── row? ─┘  (no row 10 s after `accepted`: unknown; a row within 7 days settles it)
 *                └─ not_started
 *
 * The caller owes: `recover` once, before the first `ready`; `begin` inside the transaction that stores the dispatch; one `run` at a time.
 */
import { basename } from 'node:path';
import { type Clock, pause, type Timer } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import type { Config } from '../host/config.ts';
import type { Db } from '../host/db.ts';
import { messageOf } from '../host/errors.ts';
import type { FreshLook } from '../host/fresh-look.ts';
import type { Health } from '../host/health.ts';
import type { Log } from '../host/log.ts';
import { AttachmentFolder } from './attachment-folder.ts';
import { AttachmentPieces } from './attachment-pieces.ts';
import { type AttemptRequest, Attempts, nounOf } from './attempts.ts';
import { Changes } from './changes.ts';
import type { ChatDb } from './chat-db.ts';
import type { SettledRow } from './chat-row.ts';
import { addressOf, CLAIM_WINDOW_MS, Claims } from './claims.ts';
import { CutTexts } from './cut-texts.ts';
import { possibleNames, type SoughtFile } from './file-names.ts';
import { Lane } from './lane.ts';
import { Lookalikes } from './lookalikes.ts';
import { MacChecks } from './mac-checks.ts';
import { MissingRows } from './missing-rows.ts';
import { Osascript } from './osascript.ts';
import type { SendOutcome } from './outcome.ts';
import { OwnFiles } from './own-files.ts';
import { Reading } from './reading.ts';
import { Receipts } from './receipts.ts';
import { decide, Leftovers, readVerdict } from './recovery.ts';
import { Restart } from './restart.ts';
import { fileKey } from './row-key.ts';
import { Sending } from './sending.ts';
import { type RowSighting, type Sightings, sightingOf } from './sightings.ts';
import { hasLink } from './split-text.ts';
import { comparable, textKey } from './text-key.ts';
import { UnreadChanges } from './unread-changes.ts';

/** How many own rows are searched for texts. */
const OWN_ROWS = 5_000;
/** Files of sends that the store has forgotten are kept so long, should this process not live until the controller offers them again. */
const FORGOTTEN_MS = 3_600_000;
/** What could not be stored (a full disk) is stored later. */
const STORE_AGAIN_MS = 2_000;

export interface BridgeOptions {
  config: Pick<Config['messages'], 'chat_db' | 'osascript' | 'ps' | 'send_limit_ms'>;
  /** A folder of our own (0700) for payloads and what children write. */
  workFolder: string;
  /** Where the AppleScripts are. */
  scripts: URL;
  db: Db;
  commit: GroupCommit;
  clock: Clock;
  health: Health;
  log: Log;
  region?: string;
  /** May a Messages that hangs be restarted? No, if not given. */
  restartHung?: boolean;
  /** May things be forgotten by the wall clock just now? */
  wallTrusted?: () => boolean;
  /** What to do while chat.db is denied. */
  permission?: FreshLook;
  sightings: Sightings;
}

export class MessagesBridge {
  /** What doctor asks. */
  readonly checks: MacChecks;
  /** Files of messages. */
  readonly files: AttachmentPieces;
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sightings: Sightings;
  readonly #attempts: Attempts;
  readonly #cutTexts: CutTexts;
  readonly #osascript: Osascript;
  readonly #lane: Lane;
  readonly #reading: Reading;
  readonly #receipts: Receipts;
  readonly #changes: Changes;
  readonly #unread: UnreadChanges;
  readonly #claims: Claims;
  readonly #ownFiles: OwnFiles;
  readonly #lookalikes: Lookalikes;
  readonly #missing: MissingRows;
  readonly #sending: Sending;
  readonly #leftovers: Leftovers;
  readonly #timers = new Set<Timer>();
  readonly #stop = new AbortController();
  #recovered = false;
  readonly #recovery = Promise.withResolvers<void>();
  #stopped = false;

  constructor(o: BridgeOptions) {
    const { config, db, commit, clock, health, log, sightings } = o;
    this.#commit = commit;
    this.#clock = clock;
    this.#log = log;
    this.#sightings = sightings;
    const attempts = new Attempts(db);
    this.#attempts = attempts;
    const cutTexts = new CutTexts(db);
    this.#cutTexts = cutTexts;
    const osascript = new Osascript({
      path: config.osascript,
      ps: config.ps,
      scripts: o.scripts,
      workFolder: o.workFolder,
      clock,
    });
    this.#osascript = osascript;
    const limitMs = config.send_limit_ms;
    const restart = o.restartHung ? new Restart({ osascript, clock, health, log, limitMs }) : null;
    const lane = new Lane({ osascript, clock, health, log, limitMs, restart });
    this.#lane = lane;
    const reading = new Reading({
      path: config.chat_db,
      db,
      commit,
      clock,
      health,
      log,
      ...(o.permission ? { permission: o.permission } : {}),
      onRow: (row) => this.#onRow(row),
      // Whoever wrote STOP has said it, whatever they made of it later.
      onPast: (row) => this.#changes.versions(row).map((version) => sightings.past?.(sightingOf(version))),
      onGeneration: (reason) => this.#onGeneration(reason),
    });
    this.#reading = reading;
    const chatDb = () => reading.chatDb();
    const wallTrusted = o.wallTrusted ?? (() => true);
    const receipts = new Receipts({ attempts, cutTexts, commit, clock, log, sightings, chatDb, wallTrusted });
    this.#receipts = receipts;
    const claims = new Claims({ attempts, cutTexts, receipts, clock, chatDb, region: o.region });
    this.#claims = claims;
    this.#lookalikes = new Lookalikes({ osascript, attempts, claims, clock, chatDb });
    const stored = (work: () => void) => this.#stored(work);
    const caughtUp = () => reading.caughtUp();
    this.#missing = new MissingRows({ attempts, claims, clock, log, sightings, caughtUp, stored });
    const hasGrown = (baseline: number) => reading.behind() || (chatDb()?.maxRowid() ?? Infinity) > baseline;
    this.#sending = new Sending({ osascript, lane, hasGrown, attempts, commit, clock, log, limitMs });
    this.#leftovers = new Leftovers({ osascript, clock, log, limitMs });
    this.checks = new MacChecks({ chatDb: config.chat_db, lane, clock, health, lookedMs: () => reading.lookedMs() });
    const folder = new AttachmentFolder(config.chat_db);
    this.files = new AttachmentPieces({ chatDb, folder });
    const tell = (row: RowSighting, sums: string[]) => sightings.ownFiles?.(row, sums);
    this.#ownFiles = new OwnFiles({ chatDb, folder, commit, log, tell });
    this.#unread = new UnreadChanges(health);
    this.#changes = new Changes({
      ...{ db, commit, clock, log, chatDb, folder, wallTrusted },
      told: () => reading.told(),
      tell: (change) => sightings.changed?.(change),
    });
    reading.onChange(() => {
      this.#receipts.changed();
      this.#changes.changed();
    });
  }

  /** Begins to read, to watch and to ask Messages whether it answers. */
  start(): void {
    const cut = this.#attempts.running();
    const forgotten = this.#lookalikes.begin().map(({ attempt }) => attempt);
    this.#osascript.sweep([...cut.map((a) => a.id), ...forgotten]);
    if (forgotten.length > 0) this.#forgetLater(forgotten);
    this.#leftovers.begin(cut);
    this.#reading.start();
    this.#receipts.start();
    this.#changes.start();
    this.#lane.start();
    const since = this.#clock.now() - CLAIM_WINDOW_MS;
    this.#missing.expect(this.#attempts.withoutRow(since).map((a) => a.id));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stop.abort();
    this.#missing.stop();
    for (const timer of this.#timers) timer.cancel();
    await this.#lane.stop();
    // All that look into chat.db, before it is closed.
    for (const looker of [this.#ownFiles, this.#receipts, this.#changes]) await looker.stop();
    await this.#reading.stop();
  }

  /**
   * Resolves when the start is over: what a crash left behind is settled, Messages has answered or has not, and chat.db is read to its end or
   * health says why not. False if that was cut short by a stop.
   */
  async begun(): Promise<boolean> {
    await this.#recovery.promise;
    await Promise.all([this.#lane.open(), this.#reading.caughtUp()]);
    return !this.#stopped;
  }

  async ready(): Promise<{ ok: true } | { ok: false; condition: string }> {
    if (!this.#recovered) return { ok: false, condition: 'recovering' };
    const lane = await this.#lane.open();
    if (!lane.ok) return lane;
    const read = await this.#reading.caughtUp();
    // A STOP may have come by an edit.
    return read.ok ? this.#unread.looked(await this.#changes.caughtUp()) : read;
  }

  /** In the dispatching transaction. False, and nothing is stored, if chat.db must be read to its end first. */
  begin(request: AttemptRequest): boolean {
    const chatDb = this.#reading.chatDb();
    if (!this.#recovered || !chatDb || this.#reading.behind() || this.#changes.behind()) return false;
    const { recipient, service, text, file } = request;
    const begunAt = Math.round(this.#clock.now());
    const address = addressOf(recipient);
    const whole = comparable(text);
    if (hasLink(whole)) this.#cutTexts.expect({ attempt: request.attempt, address, text: whole, begunAt });
    this.#attempts.insert({
      id: request.attempt,
      message: request.message,
      address,
      isGroup: recipient.kind === 'group',
      service,
      chatGuid: targetFor(chatDb, recipient, service),
      text,
      file: file ?? null,
      textKey: file === undefined ? textKey(text) : fileKey(basename(file)),
      baseline: chatDb.maxRowid(),
      begunAt,
      bootedAt: this.#bootedAt(),
    });
    return true;
  }

  /** Runs a stored attempt to its outcome, which is on disk when this resolves. */
  async run(id: string): Promise<SendOutcome> {
    const attempt = this.#attempts.get(id);
    if (!attempt || attempt.text === null) return { kind: 'may_have_gone', words: 'This attempt was run before.' };
    const isText = attempt.isGroup && this.#reading.chatDb()?.groupTarget(attempt.address)?.isText === true;
    if (isText && attempt.service === 'imessage') return this.#stored(() => this.#settle(id, TEXT_GROUP));
    const what = attempt.file === null ? { text: attempt.text } : { file: attempt.file };
    const outcome = await this.#sending.send(attempt, what);
    // Nothing left, says the child; a fitting row in chat.db would say otherwise, and would be believed.
    if (outcome.kind === 'not_started') await this.#reading.caughtUp();
    const settled = await this.#stored(() => this.#settle(id, outcome));
    // An early row may have changed since it was claimed; it is watched from now on.
    this.#receipts.changed();
    this.#osascript.forget(id);
    return settled;
  }

  /** After a restart: what became of attempts without a stored outcome. */
  async recover(): Promise<{ attempt: string; message: string; outcome: SendOutcome }[]> {
    const cut = this.#attempts.running();
    const { fates, stuck } = await this.#leftovers.settle(cut);
    const verdicts = cut.map((a) => readVerdict(this.#osascript, a, fates.get(a.id) ?? 'gone'));
    const read = await this.#reading.caughtUp();
    const found: { attempt: string; message: string; outcome: SendOutcome }[] = [];
    for (const [index, { id, message }] of cut.entries()) {
      const verdict = verdicts[index];
      const attempt = this.#attempts.get(id);
      if (!attempt || !verdict) continue;
      const fate = fates.get(id) ?? 'gone';
      const shown = this.#claims.hasShown(attempt);
      const outcome = decide({
        attempt,
        shown,
        verdict,
        fate,
        chatDbRead: read.ok,
        now: this.#clock.now(),
        bootedAt: this.#bootedAt(),
      });
      found.push({ attempt: id, message, outcome: await this.#commit.run(() => this.#settle(id, outcome)) });
      this.#osascript.forget(id);
    }
    for (const pid of stuck) this.#lane.stuck(pid);
    for (const f of this.#lookalikes.forgotten())
      await this.#commit.run(() =>
        this.#sightings.forgotten?.((to, text, files = []) =>
          this.#lookalikes.isForgotten(f, to, text, files.flatMap(possibleNames)),
        ),
      );
    this.#receipts.changed();
    this.#recovered = true;
    this.#recovery.resolve();
    return found;
  }

  /** The stored outcome of a message's newest attempt; null if it has none. */
  lastOutcome(message: string): SendOutcome | null {
    return this.#attempts.newestOf(message)?.outcome ?? null;
  }

  /** Present members of a group, without ourselves; null if there is no such group. */
  groupMembers(chat: string): string[] | null {
    return this.#reading.chatDb()?.groupMembers(chat) ?? null;
  }

  /** Who wrote the oldest row of the 1:1 conversation with a handle, and what; null if there is none, or chat.db cannot be read. */
  oldestWord(handle: string): { at: number; fromMe: boolean; text: string; tapback: boolean } | null {
    const row = this.#reading.chatDb()?.oldestDirectRow(handle);
    return row ? { at: row.at, fromMe: row.fromMe, text: row.text, tapback: row.kind.startsWith('tapback') } : null;
  }

  /** May a store that was lost or set back have sent this text, or one of these files, to them since `sinceAt`? See lookalikes.ts. */
  hasLookalike(
    recipient: AttemptRequest['recipient'],
    text: string,
    sinceAt: number,
    files: readonly SoughtFile[] = [],
  ): boolean {
    return this.#lookalikes.has(recipient, text, sinceAt, files.flatMap(possibleNames));
  }

  /** Texts of our own rows dated `sinceAt` or later, by guid, once chat.db was read to its end; null if it cannot be read. */
  async ownTexts(sinceAt: number): Promise<Map<string, string> | null> {
    const read = await this.#reading.caughtUp();
    const chatDb = this.#reading.chatDb();
    if (!read.ok || !chatDb) return null;
    return new Map(chatDb.ownRowsSince(sinceAt, OWN_ROWS).map(({ guid, text }) => [guid, text]));
  }

  #forgetLater(attempts: string[]): void {
    const timer = this.#clock.after(FORGOTTEN_MS, () => {
      this.#timers.delete(timer);
      for (const attempt of attempts) this.#osascript.forget(attempt);
    });
    this.#timers.add(timer);
  }

  stats(): { readable: boolean; cursor: number | null; lastRowAt: number | null } {
    return this.#reading.stats();
  }

  /** In the transaction of the cursor. */
  #onRow(seen: SettledRow): void {
    const sight = this.#changes.firstSight(seen);
    const { row } = sight;
    if (!row.fromMe) this.#sightings.inbound(sightingOf(row));
    else if (!this.#claims.take(row)) {
      this.#sightings.ownHand(sightingOf(row));
      this.#ownFiles.seen(row);
    }
    this.#changes.firstTold(sight);
  }

  /** In the transaction that begins the new generation: numbers of the old chat.db say nothing any more. */
  #onGeneration(reason: string): void {
    this.#attempts.dropBaselines();
    this.#sightings.generation(reason);
  }

  /** In a transaction: stores the outcome, and tells what a row that was there before it says. */
  #settle(id: string, outcome: SendOutcome): SendOutcome {
    const attempt = this.#attempts.get(id);
    const shown = outcome.kind === 'not_started' && attempt !== undefined && this.#claims.hasShown(attempt);
    const settled: SendOutcome = shown
      ? {
          kind: 'may_have_gone',
          words: `osascript reports that nothing was sent, but chat.db shows this ${nounOf(attempt)} to this recipient.`,
        }
      : outcome;
    this.#attempts.ended(id, settled, Math.round(this.#clock.now()));
    // The outbox says `unknown` by itself for what may have gone; of an accepted one only a row, or its absence, says more.
    if (settled.kind === 'may_have_gone' && attempt?.told === null) this.#attempts.tell(id, 'unknown', false);
    if (attempt?.seen) this.#receipts.observe(id, attempt.seen);
    if (settled.kind === 'accepted') this.#missing.expect([id]);
    return settled;
  }

  /** As the group commit, but what must not be left half done is tried until it is on disk, or this process stops. */
  async #stored<T>(work: () => T): Promise<T> {
    for (;;) {
      try {
        return await this.#commit.run(work);
      } catch (error) {
        if (this.#stopped) throw error;
        this.#log.error('not_stored', { error: messageOf(error) });
        await pause(this.#clock, STORE_AGAIN_MS, this.#stop.signal);
      }
    }
  }

  #bootedAt(): number {
    return Math.round(this.#clock.now() - this.#clock.mono());
  }
}

const TEXT_GROUP: SendOutcome = {
  kind: 'not_started',
  code: 'recipient_not_imessage',
  words: 'This group is one of SMS or RCS; nothing was sent. Send with service "any" if that is wanted.',
  again: false,
};

/**
 * The chat to ask Messages for, by its id as it stands in chat.db; null: the participant of the iMessage account (a handle), or no such group.
 * A message that must be iMessage is never handed to a chat that sends as SMS or RCS.
 */
function targetFor(chatDb: ChatDb, to: AttemptRequest['recipient'], service: AttemptRequest['service']): string | null {
  if (to.kind === 'group') return chatDb.groupTarget(to.chat)?.guid ?? null;
  return chatDb.directTargets(to.handle).find(({ isText }) => service === 'any' || !isText)?.guid ?? null;
}
