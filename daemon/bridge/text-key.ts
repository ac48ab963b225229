/**
 * When are two texts the same text? Unicode in composed form, line ends as line feeds, nothing at the ends: Messages may
 * trim. U+FFFC, the slot of an attachment, is left out, as it is when a row is read.
 */
import { hash } from 'node:crypto';

/** Equal for texts that are the same; 43 characters that say nothing of the text. */
export function textKey(text: string): string {
  const comparable = text.normalize('NFC').replaceAll('\uFFFC', '').replace(/\r\n?/g, '\n').trim();
  return hash('sha256', comparable, 'base64url');
}
