/** What Messages writes into a row when a message is edited or taken back: the body, and its history in `message_summary_info`. */
import { bplist, type PlistValue } from '../sim/bplist.ts';
import { encodeAttributedText } from '../sim/typedstream.ts';
import { appleDate, type Columns } from './chat-db-file.ts';

export interface Version {
  /** Unix ms. */
  at: number;
  text: string;
}

/** `parts`: the versions of each edited part, the first being what was sent. The body is that of the whole message now; null takes it away. */
export function edited(o: {
  body: string | null;
  at: number;
  parts?: Record<number, Version[]>;
  unsent?: number[];
}): Columns {
  const version = ({ at, text }: Version): PlistValue => ({
    dict: { t: encodeAttributedText(text), d: { real: Number(appleDate(at)) / 1e9 } },
  });
  const history = Object.fromEntries(Object.entries(o.parts ?? {}).map(([part, list]) => [part, list.map(version)]));
  return {
    text: null,
    attributedBody: o.body === null ? null : encodeAttributedText(o.body),
    date_edited: appleDate(o.at),
    part_count: o.body === null ? 0 : 1,
    message_summary_info: bplist({ dict: { ust: true, ec: { dict: history }, rp: o.unsent ?? [] } }),
  };
}
