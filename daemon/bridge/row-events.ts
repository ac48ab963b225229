/**
 * The event of the protocol that tells a row of chat.db, or what happened to it later. Ids are made of Apple's guid and the version
 * alone, so that a rebuilt relay tells the same ids again and a controller takes each for the repetition that it is.
 *
 *   a tapback, or a sticker put on a message ─▶ message.reaction        an edit ─▶ message.edited, one for each version
 *   a change in a group, or of a junk flag ───▶ chat.changed           a part taken back ─▶ message.unsent
 *   a message taken back before it was seen ───▶ nothing: its parts are told as changes
 *   all else ──────▶ message.inbound, or message.observed for the owner's own           a file that came ─▶ attachment.ready
 */
import type {
  AttachmentReady,
  ChatChanged,
  MessageEdited,
  MessageInbound,
  MessageObserved,
  MessageReaction,
  MessageUnsent,
} from '../../protocol/events.ts';
import type { RowChange, RowSighting } from './sightings.ts';

export type RowEvent = { id: string } & (
  | { name: 'message.inbound'; data: MessageInbound }
  | { name: 'message.observed'; data: MessageObserved }
  | { name: 'message.reaction'; data: MessageReaction }
  | { name: 'message.edited'; data: MessageEdited }
  | { name: 'message.unsent'; data: MessageUnsent }
  | { name: 'chat.changed'; data: ChatChanged }
  | { name: 'attachment.ready'; data: AttachmentReady }
);

/** `to`: handles that an own message went to, as messages are addressed; null if somebody else wrote the row. */
export function rowEvent(row: RowSighting, to: string[] | null): RowEvent | null {
  const { guid, kind, detail = {} } = row;
  if (kind === 'unsent') return null;
  const inChat = inChatOf(row, to !== null);
  const isOnMessage = kind === 'sticker' && typeof detail.target === 'string';
  if (kind === 'tapback' || kind === 'tapback_removed' || isOnMessage)
    return { name: 'message.reaction', id: `re_${guid}`, data: { ...inChat, ...reactionOf(row) } };
  if (kind === 'group_event') {
    const change = chatChangeOf(detail);
    // Messages may write the row that tells of a name before it names the chat.
    const chat = change.name === undefined || row.late ? row.chat : { ...row.chat, name: change.name || null };
    return { name: 'chat.changed', id: `ch_${guid}`, data: { ...inChat, chat, ...change } };
  }
  const { at, text, chat, service, late } = row;
  const content = {
    ...{ guid, at, text, chat, service, late, kind },
    ...(row.truncated ? { truncated: true } : {}),
    ...(row.detail ? { detail: row.detail } : {}),
  };
  if (to !== null) return { name: 'message.observed', id: `ob_${guid}`, data: { ...content, to } };
  const { handle: from, ownAddress } = row;
  const data = { ...content, from, ...(ownAddress ? { own_address: ownAddress } : {}) };
  return { name: 'message.inbound', id: `in_${guid}`, data };
}

export function changeEvent({ row, change }: RowChange): RowEvent {
  const inChat = inChatOf(row, row.fromMe);
  if (change.kind === 'edited') {
    const { part, version, text, truncated } = change;
    const which = version === null ? `at_${row.at}` : `${part ?? 0}_${version}`;
    const data = { ...inChat, part, version, text, ...(truncated ? { truncated } : {}) };
    return { name: 'message.edited', id: `ed_${row.guid}_${which}`, data };
  }
  if (change.kind === 'unsent') {
    const { part } = change;
    return { name: 'message.unsent', id: `un_${row.guid}_${part ?? 'all'}`, data: { ...inChat, part } };
  }
  if (change.kind === 'set_apart') {
    const data = { ...inChat, change: 'filter_changed', detail: { filter: change.filter ?? null } };
    return { name: 'chat.changed', id: `cf_${row.guid}_${row.at}`, data };
  }
  const { attachment, name, mimeType, bytes } = change;
  const file = { attachment, bytes, ...(name ? { name } : {}), ...(mimeType ? { mime_type: mimeType } : {}) };
  return { name: 'attachment.ready', id: `at_${attachment}`, data: { ...inChat, ...file } };
}

function inChatOf(row: Omit<RowSighting, 'text' | 'truncated' | 'detail'>, fromMe: boolean) {
  const { guid, at, chat, service, late, handle, ownAddress } = row;
  return {
    ...{ guid, at, chat, service, late, from_me: fromMe },
    ...(!fromMe && handle ? { from: handle } : {}),
    ...(ownAddress ? { own_address: ownAddress } : {}),
  };
}

function reactionOf({ kind, text, detail = {} }: RowSighting) {
  const { tapback, emoji, target, part, ...more } = detail;
  return {
    reaction: typeof tapback === 'string' ? tapback : 'sticker',
    ...(typeof emoji === 'string' ? { emoji } : {}),
    removed: kind === 'tapback_removed',
    target: typeof target === 'string' ? target : null,
    part: typeof part === 'number' ? part : null,
    ...(text ? { text } : {}),
    ...(Object.keys(more).length > 0 ? { detail: more } : {}),
  };
}

function chatChangeOf(detail: Record<string, unknown>) {
  const { event, handle, title, ...more } = detail;
  return {
    change: typeof event === 'string' ? event : 'unknown',
    ...(typeof handle === 'string' ? { handle } : {}),
    ...(typeof title === 'string' ? { name: title } : {}),
    ...(Object.keys(more).length > 0 ? { detail: more } : {}),
  };
}
