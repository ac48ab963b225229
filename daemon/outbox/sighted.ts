/** What chat.db says of a message, as the outbox stores and tells it. */
import type { ErrorMeaning } from '../../protocol/names.ts';
import type { StatusDetail } from './messages.ts';
import type { GateOutcome } from './ports.ts';

/** What a row of `chat.db` says of a message or one part of it: the state, and what else the row tells. */
export interface Sighted {
  /** Whose row it is; a message with parts needs to know. */
  attempt?: string;
  state: GateOutcome['state'];
  /** Unix ms. */
  at: number;
  outcome: GateOutcome;
  detail: StatusDetail;
}

/** What was seen of an attempt's row: the fields of the bridge's `AttemptState`. */
export interface Seen {
  state: Sighted['state'];
  /** Unix ms. */
  at: number;
  guid?: string;
  service?: string;
  downgraded?: boolean;
  from?: string;
  words?: string;
  appleError?: { number: number; name: string; meaning: ErrorMeaning; words: string; retryable: boolean };
}

export function sightedOf(seen: Seen): Sighted {
  const { state, at, guid, service, downgraded, from, appleError, words } = seen;
  const detail: Sighted['detail'] = {};
  if (guid !== undefined) detail.guid = guid;
  if (service !== undefined) detail.service = service;
  if (downgraded) detail.downgraded = true;
  if (from !== undefined) detail.from = from;
  if (words !== undefined) detail.words = words;
  if (appleError) {
    const { number, name, meaning, retryable } = appleError;
    detail.apple_error = { number, name, meaning };
    detail.words ??= appleError.words;
    detail.retryable = retryable;
  }
  return {
    state,
    at,
    detail,
    outcome: { state, meaning: appleError?.meaning, appleError: appleError?.number, service },
  };
}
