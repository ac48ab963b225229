/**
 * The name under which an attachment lies on this Mac and is seen by whoever gets it. What a controller or a server says is only a wish:
 * no path, nothing that is not seen (control and format characters, which can turn a name around), not too long, and an ending that fits
 * what the file is, since Messages and the other side go by it.
 */

const MOST_BYTES = 120;
const UNNAMED = 'attachment';

/** Endings by media type, the usual one first. */
const ENDINGS: Record<string, readonly string[]> = {
  'image/jpeg': ['jpg', 'jpeg', 'jpe'],
  'image/png': ['png'],
  'image/gif': ['gif'],
  'image/heic': ['heic'],
  'image/heif': ['heif', 'heic'],
  'image/webp': ['webp'],
  'image/tiff': ['tiff', 'tif'],
  'image/bmp': ['bmp'],
  'image/svg+xml': ['svg'],
  'video/mp4': ['mp4', 'm4v'],
  'video/quicktime': ['mov', 'qt'],
  'video/3gpp': ['3gp'],
  'audio/mpeg': ['mp3'],
  'audio/mp4': ['m4a', 'mp4'],
  'audio/x-m4a': ['m4a'],
  'audio/aac': ['aac'],
  'audio/amr': ['amr'],
  'audio/wav': ['wav'],
  'audio/x-wav': ['wav'],
  'audio/x-caf': ['caf'],
  'application/pdf': ['pdf'],
  'application/zip': ['zip'],
  'application/json': ['json'],
  'application/rtf': ['rtf'],
  'application/msword': ['doc'],
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': ['docx'],
  'application/vnd.ms-excel': ['xls'],
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': ['xlsx'],
  'application/vnd.ms-powerpoint': ['ppt'],
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': ['pptx'],
  'application/vnd.apple.pages': ['pages'],
  'application/vnd.apple.numbers': ['numbers'],
  'application/vnd.apple.keynote': ['key'],
  'application/vnd.apple.pkpass': ['pkpass'],
  'text/calendar': ['ics'],
  'text/csv': ['csv'],
  'text/html': ['html', 'htm'],
  'text/plain': ['txt', 'text', 'log', 'md'],
  'text/vcard': ['vcf', 'vcard'],
  'text/x-vcard': ['vcf', 'vcard'],
};

export interface NameWishes {
  /** As the controller wants it. */
  filename?: string | undefined;
  url: string;
  /** As the controller says, before what the server says. */
  mime?: string | undefined;
  type?: string | undefined;
}

/** A file that is looked for in chat.db: by its name on this Mac, or before it is here by what will name it. */
export type SoughtFile = { name: string } | NameWishes;

/** Never empty, at most 120 bytes of UTF-8, no separator of paths, no dot in front. */
export function safeFileName({ filename, url, mime, type }: NameWishes): string {
  return shortened(withEnding(baseOf(filename, url), endingsOf(mime) ?? endingsOf(type)));
}

/** The names that a file has or may get here, one of each stem: what the server says that it is may add an ending, and so change the stem. */
export function possibleNames(file: SoughtFile): string[] {
  if ('name' in file) return [file.name];
  const { filename, url, mime, type } = file;
  const base = baseOf(filename, url);
  const known = endingsOf(mime) ?? endingsOf(type);
  const names = (known ? [known] : [null, ...Object.values(ENDINGS)]).map((ends) => shortened(withEnding(base, ends)));
  return [...new Map(names.map((name) => [stemOf(name), name])).values()];
}

/** The part of a name that stays the same whatever ending it gets: Messages may turn `photo.HEIC` into `photo.jpeg`. */
export function stemOf(name: string): string {
  const { stem } = splitName(name.normalize('NFC'));
  return stem.toLowerCase();
}

function baseOf(filename: string | undefined, url: string): string {
  return cleaned(filename ?? '') || cleaned(lastOfPath(url)) || UNNAMED;
}

function lastOfPath(url: string): string {
  try {
    const { pathname } = new URL(url);
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1));
  } catch {
    return '';
  }
}

/** The joiner within an emoji is seen, as one sign in place of several. */
const UNSEEN =
  /(?<!\uFE0F|\p{Extended_Pictographic}|\p{Emoji_Modifier})\u200D|\u200D(?!\p{Extended_Pictographic})|(?!\u200D)[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\uFFFC\uFFFD]/gu;

function cleaned(written: string): string {
  const last = written.toWellFormed().normalize('NFC').split(/[/\\]/).at(-1) ?? '';
  return last
    .replace(UNSEEN, '')
    .replace(/[:*?"<>|]/g, '_')
    .replace(/\s+/g, ' ')
    .replace(/^[. ]+|[. ]+$/g, '');
}

function endingsOf(mime: string | undefined): readonly string[] | null {
  const type = mime?.split(';')[0]?.trim().toLowerCase() ?? '';
  return Object.hasOwn(ENDINGS, type) ? (ENDINGS[type] ?? null) : null;
}

function withEnding(name: string, endings: readonly string[] | null): string {
  if (endings === null || endings.includes(splitName(name).ending.toLowerCase())) return name;
  return `${name}.${endings[0]}`;
}

function splitName(name: string): { stem: string; ending: string } {
  const match = /^(.+)\.([A-Za-z0-9]{1,10})$/s.exec(name);
  return match ? { stem: match[1] ?? '', ending: match[2] ?? '' } : { stem: name, ending: '' };
}

/** Cut before the ending, between whole characters. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MOST_BYTES) return name;
  const { stem, ending } = splitName(name);
  const tail = ending === '' ? '' : `.${ending}`;
  let left = MOST_BYTES - Buffer.byteLength(tail);
  let kept = '';
  for (const { segment } of new Intl.Segmenter('en').segment(stem)) {
    left -= Buffer.byteLength(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept.replace(/[. ]+$/, '') || UNNAMED}${tail}`;
}
