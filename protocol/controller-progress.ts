/**
 * How far a command has come, as its events tell: the controller keeps it until its final event is on disk, not until the ack.
 *
 * Final is: a `command.result` with `ok: false`; for `message.send`, that all messages which the result names have ended;
 * for every other command, its result. A `sent` message may never get further (groups, SMS): such a command is kept until
 * its `expires_at`, after which a relay refuses it anyway.
 */
import type { MessageState } from './names.ts';

export interface Progress {
  /** Its `command.result` is here. */
  answered: boolean;
  /** How many messages it made, once that is known. */
  messages: number | null;
  /** Messages in a state that ends their way. */
  ended: string[];
}

export const NO_PROGRESS: Progress = { answered: false, messages: null, ended: [] };

const END_STATES: ReadonlySet<string> = new Set<MessageState>([
  'delivered',
  'read',
  'not_delivered',
  'failed',
  'rejected',
  'cancelled',
  'expired',
]);

interface EventLike {
  name: string;
  data: Record<string, unknown>;
}

/** The command that an event tells of, or null. */
export function commandOf(event: EventLike): string | null {
  const { command } = event.data;
  if (event.name !== 'command.result' && event.name !== 'message.status') return null;
  return typeof command === 'string' ? command : null;
}

/** `name` is the command's name. Returns the same object if the event changes nothing. */
export function advance(name: string, before: Progress, event: EventLike): { progress: Progress; final: boolean } {
  let progress = before;
  if (event.name === 'command.result') {
    if (event.data.ok !== true || name !== 'message.send')
      return { progress: { ...before, answered: true }, final: true };
    progress = { ...before, answered: true, messages: messagesOf(event.data) ?? before.messages };
  } else {
    const { message, state } = event.data;
    if (typeof message !== 'string' || typeof state !== 'string' || !END_STATES.has(state)) return unchanged(before);
    if (before.ended.includes(message)) return unchanged(before);
    progress = { ...before, ended: [...before.ended, message] };
  }
  const { answered, messages, ended } = progress;
  return { progress, final: answered && messages !== null && ended.length >= messages };
}

function unchanged(progress: Progress): { progress: Progress; final: false } {
  return { progress, final: false };
}

/** `detail.messages` of a result: one entry for each recipient. */
function messagesOf(data: Record<string, unknown>): number | null {
  const { detail } = data;
  if (typeof detail !== 'object' || detail === null || !('messages' in detail)) return null;
  return Array.isArray(detail.messages) ? detail.messages.length : null;
}
