/** How an event of the journal stands on the wire: made once, of the JSON that the store keeps. */
import { gapFrom } from '../../protocol/frames.ts';

export interface EventFrameText {
  seq: number;
  /** The first number that it stands for: its own, but for a gap. */
  from: number;
  id: string;
  at: number;
  name: string;
  /** A whole event frame. */
  text: string;
  /** How much of a limit it takes. */
  bytes: number;
}

/** `json`: its data, as stored. */
export function eventText(
  event: { seq: number; id: string; name: string; version: number; at: number; bytes: number },
  json: string,
): EventFrameText {
  const { seq, id, name, version, at, bytes } = event;
  const from = name === 'gap' ? gapFrom(seq, JSON.parse(json)) : seq;
  const text = `{"type":"event","seq":${seq},"id":${JSON.stringify(id)},"name":"${name}","version":${version},"at":${at},"data":${json}}`;
  return { seq, from, id, at, name, text, bytes };
}
