/**
 * When are two texts the same text? Unicode in composed form, line ends as line feeds, nothing at the ends: Messages may
 * trim. U+FFFC, the slot of an attachment, is left out, as it is when a row is read. Half a surrogate pair becomes U+FFFD on its way
 * through UTF-8, here as in chat.db.
 *
 * Nothing more is made equal. Curly quotes above all: phones put them in by themselves and scripts do not, so they tell what the owner
 * typed from what we sent.
 */
import { hash } from 'node:crypto';

/** Equal for texts that are the same; 43 characters that say nothing of the text. */
export function textKey(text: string): string {
  return hash('sha256', comparable(text), 'base64url');
}

/** Equal for texts that are the same. */
export function comparable(text: string): string {
  return text.toWellFormed().normalize('NFC').replaceAll('\uFFFC', '').replace(/\r\n?/g, '\n').trim();
}
