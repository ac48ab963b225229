/**
 * A hostile situation: what Messages and people do around sends, and all that may then be told. Tables of them stand in
 * test/unit/bridge/hostile-*.test.ts.
 */
import { expect } from 'vitest';
import type { AttemptRequest } from '../../daemon/bridge/attempts.ts';
import { ANNA, BridgeWorld } from './bridge-world.ts';
import { appleDate, type Columns } from './chat-db-file.ts';

export const BEN = '+14155550102';
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
/** A reader waits so long for a row. */
export const PATIENCE = 10_500;
const STEP = 3_000;
export const LINK_APP = { balloon_bundle_id: 'com.apple.messages.URLBalloonProvider' };

export interface Situation {
  name: string;
  happens(w: Scene): Promise<void>;
  /** In this order: "m_1 sent", "m_2 sent downgraded". */
  told: string[];
  /** Texts that are told as the owner's own, in this order. */
  byHand?: string[];
  /** Words that the last thing told must hold. */
  words?: RegExp;
}

/** A world with short verbs. */
export class Scene extends BridgeWorld {
  /** A text to Anna, taken by Messages. */
  async sends(text: string, more: Partial<AttemptRequest> = {}): Promise<void> {
    expect((await this.send(text, more)).outcome.kind).toBe('accepted');
  }

  toGroup(chat: string): Partial<AttemptRequest> {
    return { recipient: { kind: 'group', chat, members: [ANNA, BEN] } };
  }

  /** A row from us, in flight, as Messages makes it right after a send. `agoMs`: how long ago it is dated. */
  async row(text: string, columns: Columns = {}, o: { to?: string; agoMs?: number } = {}): Promise<number> {
    const at = this.clock.now() - (o.agoMs ?? 0);
    const rowid = this.chat.own(o.to ?? ANNA, text, at, { is_sent: 0, ...columns });
    await this.look();
    return rowid;
  }

  sentRow(text: string, columns: Columns = {}, o: { to?: string; agoMs?: number } = {}): Promise<number> {
    return this.row(text, { is_sent: 1, ...columns }, o);
  }

  /** A row of a group: it names nobody. */
  async groupRow(chat: number | null, text: string, columns: Columns = {}): Promise<number> {
    const rowid = this.chat.transaction(() => {
      const made = this.chat.row(this.clock.now(), { text, is_from_me: 1, is_sent: 1, ...columns });
      if (chat !== null) this.chat.join(made, chat);
      return made;
    });
    await this.look();
    return rowid;
  }

  /** The empty row that macOS 26 leaves: of SMS, in no chat, with the chat's identifier as its handle. */
  async ghost(handle: string): Promise<number> {
    const rowid = this.chat.row(this.clock.now(), {
      text: null,
      is_from_me: 1,
      is_empty: 1,
      service: 'SMS',
      handle_id: this.chat.handle(handle, 'SMS'),
    });
    await this.passes(2_100);
    return rowid;
  }

  async change(rowid: number, columns: Columns): Promise<void> {
    this.chat.update(rowid, columns);
    await this.look();
  }

  delivered(rowid: number): Promise<void> {
    return this.change(rowid, { is_sent: 1, is_delivered: 1, date_delivered: appleDate(this.clock.now()) });
  }

  /** In steps, so that the disk keeps up with a clock that runs much faster than it. */
  async passes(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP) {
      await this.clock.advanceAsync(Math.min(left, STEP));
      await this.look();
    }
  }

  /** The Mac sleeps; what fell due meanwhile happens when it wakes. */
  async sleeps(ms: number): Promise<void> {
    this.clock.sleep(ms);
    await this.look();
  }

  /** Messages takes the row away and puts another one in its place: another guid, another number. */
  replaced(rowid: number, columns: Columns): number {
    const old = this.chat.raw.prepare('SELECT guid, text, handle_id FROM message WHERE ROWID = ?').get(rowid);
    if (!old) throw new Error('there is no such row');
    return this.chat.transaction(() => {
      this.delete(rowid);
      const made = this.chat.row(this.clock.now(), {
        text: String(old.text),
        handle_id: Number(old.handle_id),
        is_from_me: 1,
        ...columns,
      });
      this.chat.join(made, this.chat.direct(ANNA));
      return made;
    });
  }

  /** iCloud puts the same message in once more: same guid, another number. */
  reinserted(rowid: number, columns: Columns): number {
    const old = this.chat.raw.prepare('SELECT guid FROM message WHERE ROWID = ?').get(rowid);
    return this.replaced(rowid, { guid: String(old?.guid), ...columns });
  }

  delete(rowid: number): void {
    this.chat.raw.prepare('DELETE FROM chat_message_join WHERE message_id = ?').run(rowid);
    this.chat.raw.prepare('DELETE FROM message WHERE ROWID = ?').run(rowid);
  }

  /** Started, recovered, and sure that Messages answers. */
  override async open() {
    const recovered = await super.open();
    await this.bridge.ready();
    return recovered;
  }

  async killedAndOpened(): Promise<void> {
    await this.kill();
    await this.open();
    await this.look();
  }
}

export async function play(situation: Situation): Promise<void> {
  const scene = new Scene();
  try {
    await scene.open();
    await situation.happens(scene);
    await scene.look();
    const told = scene.told.map((t) => `${t.message} ${t.state}${t.downgraded ? ' downgraded' : ''}`);
    expect(told).toEqual(situation.told);
    expect(scene.ownHand.map((row) => row.text)).toEqual(situation.byHand ?? []);
    const last = scene.told.at(-1);
    if (situation.words) expect(last?.words ?? last?.appleError?.words).toMatch(situation.words);
    expect(scene.outside, 'sightings outside of a transaction').toBe(0);
  } finally {
    await scene.close();
  }
}
