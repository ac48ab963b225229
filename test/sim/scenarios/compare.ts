/**
 * The simulated Mac's own record beside the controller's store, for the people of one scenario: what left, what came in and what the owner
 * wrote by hand, against what the controller was told. A sentence for each thing on which they do not agree.
 */
import type { MessageStatus } from '../../../protocol/events.ts';
import type { MacRow } from '../own-rows.ts';
import type { Scene, Sent } from './scene.ts';

const SEEN = ['sent', 'delivered', 'read', 'not_delivered'];
const NOTHING_LEFT = ['failed', 'rejected', 'cancelled', 'expired'];
/** Virtual time between the relay's word of an opt-out and the last osascript that may have been on its way to its start. */
const ON_ITS_WAY_MS = 5_000;

export function disagreements(scene: Scene): string[] {
  const rows = scene.rows();
  return [
    ...scene.sent.flatMap((sent) => ofMessage(scene, sent, rows)),
    ...sharedRows(scene),
    ...rows.flatMap((row) => (row.is_from_me === 1 ? ofOwnRow(scene, row) : ofInbound(scene, row))),
    ...changes(scene),
    ...inventions(scene, rows),
    ...afterOptOut(scene),
    ...scene.macEvents.flatMap((e) => (e.kind === 'complaint' ? [`the Mac complains: ${e.words}`] : [])),
  ];
}

/** What left this Mac by the relay's hand. */
function left({ macEvents }: Scene) {
  return macEvents.filter((e) => e.kind === 'row' || e.kind === 'ghost');
}

function ofMessage(scene: Scene, { command, to, text }: Sent, rows: MacRow[]): string[] {
  const status = scene.status(command);
  const at = `“${text}” to ${to}`;
  const went = left(scene).filter((e) => e.text === text);
  const asked = scene.sent.filter((other) => other.text === text).length;
  const found = went.length > asked ? [`${at} left ${went.length} times`] : [];
  if (!status) return refused(scene, command) ? found : [...found, `${at} has no status`];
  if (NOTHING_LEFT.includes(status.state) && asked === 1 && went.length > 0)
    found.push(`${at} is told as ${status.state}, but it left`);
  if (!SEEN.includes(status.state) || scene.gone.has(status.guid ?? '')) return found;
  if (went.length === 0 && isGhost(scene, status.guid))
    return status.state === 'not_delivered' ? found : [...found, `${at} left a ghost, and is told as ${status.state}`];
  const row = rows.find(({ guid }) => guid === status.guid);
  if (!row) return [...found, `${at} is told as ${status.state} by the row ${status.guid}, which is not there`];
  const shows = shownBy(row, scene);
  if (shows !== status.state) found.push(`${at} is told as ${status.state}, its row shows ${shows}`);
  return found;
}

function isGhost({ macEvents }: Scene, guid: string | undefined): boolean {
  return macEvents.some((e) => e.kind === 'ghost' && e.guid === guid);
}

function refused({ events }: Scene, command: string): boolean {
  return events.some((e) => e.name === 'command.result' && e.data.command === command && e.data.ok === false);
}

function shownBy(row: MacRow, { groups }: Scene): string {
  if (row.error !== 0) return 'not_delivered';
  const receipts = !groups.has(row.chat ?? '') && /^(imessage|rcs)/i.test(row.service);
  if (receipts && row.is_read === 1) return 'read';
  if (receipts && row.is_delivered === 1) return 'delivered';
  return row.is_sent === 1 ? 'sent' : 'nothing';
}

/** A row is one message's at the most. */
function sharedRows(scene: Scene): string[] {
  const owner = new Map<string, string>();
  return scene.sent.flatMap(({ command, text }) => {
    const guid = scene.status(command)?.guid;
    if (guid === undefined) return [];
    const other = owner.get(guid);
    owner.set(guid, text);
    return other === undefined ? [] : [`“${other}” and “${text}” name the same row ${guid}`];
  });
}

function named(scene: Scene): Set<string> {
  return new Set(
    scene.events.flatMap(({ name, data }) => (name === 'message.status' ? [(data as MessageStatus).guid ?? ''] : [])),
  );
}

function ofOwnRow(scene: Scene, row: MacRow): string[] {
  const times = scene.observed(row.guid).length;
  const at = `the row “${row.text}” (${row.rowid}) from us`;
  if (scene.tellings(row.guid).length > 0) return [`${at} is told as if it had come in`];
  if (named(scene).has(row.guid)) return times === 0 ? [] : [`${at} is the relay’s, and told as the owner’s own`];
  const ours = left(scene).some((e) => e.guid === row.guid);
  if (ours ? times <= 1 : times === 1) return [];
  return [`${at} is told as the owner’s own ${times} times`];
}

function ofInbound(scene: Scene, row: MacRow): string[] {
  const times = scene.tellings(row.guid).length;
  const observed = scene.observed(row.guid).length;
  if (observed > 0) return [`the row “${row.text}” (${row.rowid}) that came in is told as the owner’s own`];
  return times === 1 ? [] : [`the row “${row.text}” (${row.rowid}) that came in is told ${times} times`];
}

/** Each edit and each unsending on the Mac is told once, and there are no others. */
function changes(scene: Scene): string[] {
  const told = scene.events.flatMap(({ name, data }) => {
    if (name === 'message.edited') return [`${data.guid} now says “${data.text}”`];
    return name === 'message.unsent' ? [`${data.guid} is taken back`] : [];
  });
  const happened = scene.macEvents.flatMap(({ kind, guid, text, words }) => {
    if (kind !== 'changed' || scene.gone.has(guid ?? '')) return [];
    if (text !== undefined) return [`${guid} now says “${text}”`];
    return words === 'unsent' ? [`${guid} is taken back`] : [];
  });
  const times = (list: string[], one: string) => list.filter((other) => other === one).length;
  return [...new Set([...happened, ...told])].flatMap((one) =>
    times(told, one) === times(happened, one)
      ? []
      : [`${one} ${times(happened, one)} times, told ${times(told, one)} times`],
  );
}

/** Nothing is told of these people that their Mac does not know. */
function inventions(scene: Scene, rows: MacRow[]): string[] {
  const known = new Set([...rows.map(({ guid }) => guid), ...scene.gone]);
  return scene.events.flatMap(({ name, data }) => {
    if (name !== 'message.inbound' && name !== 'message.observed') return [];
    const chat: unknown = data.chat;
    const guid = String(typeof chat === 'object' && chat !== null ? Reflect.get(chat, 'guid') : '');
    const theirs = scene.people.has(String(data.from)) || scene.groups.has(guid);
    return !theirs || known.has(String(data.guid)) ? [] : [`${name} tells of “${data.text}”, which is not there`];
  });
}

function afterOptOut(scene: Scene): string[] {
  const words = scene.events.filter((e) => e.name === 'contact.opted_out' || e.name === 'contact.opted_in');
  return scene.macEvents.flatMap((e) => {
    const handle = e.handle?.split(';').at(-1) ?? '';
    if (e.kind !== 'osascript' || !scene.people.has(handle)) return [];
    const counts = (name: string, at: number) => at + (name === 'contact.opted_out' ? ON_ITS_WAY_MS : 0) <= e.at;
    const last = words.findLast(({ name, data, at }) => data.handle === handle && counts(name, at));
    return last?.name === 'contact.opted_out' ? [`“${e.text}” was sent after the opt-out of ${handle}`] : [];
  });
}
