/**
 * What makes a row from us known again as what was sent: its text (text-key.ts), or of a row that is one file without words the name of that.
 * A file keeps the stem of its name, whatever Messages makes of its ending (`photo.HEIC` may come as `photo.jpeg`).
 */
import { hash } from 'node:crypto';
import type { ChatRow } from './chat-row.ts';
import { possibleNames, type SoughtFile, stemOf } from './file-names.ts';
import { shows } from './split-text.ts';
import { textKey } from './text-key.ts';

/** The same for a file that is sent by itself; never that of a text. */
export function fileKey(name: string): string {
  return hash('sha256', `\u0000${stemOf(name)}`, 'base64url');
}

/** Null if nothing in the row can be known again. */
export function rowKey(row: Pick<ChatRow, 'text' | 'kind' | 'detail'>): string | null {
  if (row.kind.startsWith('tapback')) return null;
  if (row.text.trim() !== '') return textKey(row.text);
  const names = fileNamesOf(row);
  return names.length === 1 ? fileKey(names[0] ?? '') : null;
}

/** Names of the files of a row, as it names them. */
export function fileNamesOf({ detail }: Pick<ChatRow, 'detail'>): string[] {
  const files: unknown = detail?.attachments;
  if (!Array.isArray(files)) return [];
  return files.flatMap((file: unknown) => {
    const name: unknown = typeof file === 'object' && file !== null ? Reflect.get(file, 'name') : undefined;
    return typeof name === 'string' ? [name] : [];
  });
}

/** Does a row from us show this text (or its first piece), or where it has no words one of these files? '' is no text. */
export function showsSend(row: Pick<ChatRow, 'text' | 'detail'>, text: string, files: readonly SoughtFile[]): boolean {
  if (row.text.trim() !== '') return text.trim() !== '' && shows(row.text, text);
  const stems = fileNamesOf(row).map(stemOf);
  return files.flatMap(possibleNames).some((name) => stems.includes(stemOf(name)));
}
