/**
 * What an app of Messages says about its own message in words: its name and the line that stands where it cannot be drawn. Both stand
 * readable in `payload_data` (a property list of NSKeyedArchiver); the rest, which only the app itself understands, is not read.
 */
import { type PlistValue, readPlist } from './plist-reader.ts';

export interface AppWords {
  /** As the app calls itself, e.g. "GamePigeon". */
  title?: string;
  /** E.g. "Sent a poll". */
  summary?: string;
}

const LONGEST = 1_000;

/** Never throws; {} if it is not of that kind (handwriting and Digital Touch are drawings without words). */
export function appWords(payload: Uint8Array): AppWords {
  const archive = readPlist(payload);
  const objects = archive instanceof Map ? archive.get('$objects') : undefined;
  const top = archive instanceof Map ? archive.get('$top') : undefined;
  if (!Array.isArray(objects) || !(top instanceof Map)) return {};
  const at = (reference: PlistValue | undefined) => (typeof reference === 'number' ? objects[reference] : undefined);
  const root = at(top.get('root'));
  const keys = root instanceof Map ? root.get('NS.keys') : undefined;
  const values = root instanceof Map ? root.get('NS.objects') : undefined;
  if (!Array.isArray(keys) || !Array.isArray(values)) return {};
  const said = (name: string) => {
    const value = at(values[keys.findIndex((key) => at(key) === name)]);
    return typeof value === 'string' && value !== '' ? value.slice(0, LONGEST) : undefined;
  };
  const title = said('an');
  const summary = said('ldtext');
  return { ...(title ? { title } : {}), ...(summary ? { summary } : {}) };
}
