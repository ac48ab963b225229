/** Every code that crosses the line: refusals, WebSocket closes, and what each asks of the other side. */

/** Why a command was refused or a message rejected. Stable names; the words beside them are for people. */
export const REFUSAL_CODES = [
  'interval_not_kept',
  'marketing_blast',
  'duplicate',
  'new_contact_limit',
  'unanswered_limit',
  'pair_rate',
  'daily_volume',
  'quiet_hours',
  'no_consent',
  'sender_not_dedicated',
  'opted_out',
  'sender_suspicious',
  'sender_paused',
  'text_suspected_junk',
  'recipient_invalid',
  'recipient_not_imessage',
  'text_too_long',
  'attachment_refused',
  'attachment_not_ready',
  'attachment_gone',
  'idempotency_conflict',
  'expired',
  'too_late',
  'unsupported',
  'overloaded',
  'permission_missing',
  'messages_unavailable',
  'not_found',
  'bad_request',
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** May the same request succeed later, unchanged but under a new id? (Under the same id the stored refusal is told again.) */
export const RETRYABLE: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'interval_not_kept',
  'marketing_blast',
  'new_contact_limit',
  'pair_rate',
  'daily_volume',
  'quiet_hours',
  'sender_suspicious',
  'sender_paused',
  'attachment_not_ready',
  'overloaded',
  'permission_missing',
  'messages_unavailable',
]);

/** How the dialling side comes back after a close: soon, slowly (with a health condition), or after `retry_after_ms`. */
export type Reconnect = 'soon' | 'slowly';

export const CLOSE_CODES = {
  4400: { name: 'bad_frame', reconnect: 'slowly', words: 'a frame was not understood' },
  4401: { name: 'not_authenticated', reconnect: 'slowly', words: 'the token was missing or not accepted' },
  4403: {
    name: 'forbidden',
    reconnect: 'slowly',
    words: 'the device was revoked, or the token belongs to another device',
  },
  4406: { name: 'no_common_version', reconnect: 'slowly', words: 'no protocol version in common' },
  4408: { name: 'timeout', reconnect: 'soon', words: 'the other side stayed silent too long' },
  4409: { name: 'superseded', reconnect: 'slowly', words: 'a newer connection for this device took over' },
  4410: { name: 'sequence', reconnect: 'soon', words: 'a hole in the sequence, or an ack above what was sent' },
  4413: { name: 'frame_too_large', reconnect: 'soon', words: 'a frame was larger than 256 KiB' },
  4429: { name: 'too_fast', reconnect: 'soon', words: 'too many openings in a short time' },
  4500: { name: 'internal', reconnect: 'soon', words: 'an error inside the other side' },
  4503: { name: 'draining', reconnect: 'soon', words: 'the other side is shutting down' },
} as const satisfies Record<number, { name: string; reconnect: Reconnect; words: string }>;
export type CloseCode = keyof typeof CLOSE_CODES;

export function isCloseCode(code: number): code is CloseCode {
  return Object.hasOwn(CLOSE_CODES, code);
}
