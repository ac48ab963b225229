/** The parts of a snapshot: each fits into a frame, whatever the controller hung on its messages and however many have opted out. */
import type { MessageStatus } from '../../protocol/events.ts';
import { MAX_FRAME_BYTES } from '../../protocol/limits.ts';

export interface SnapshotPart {
  opted_out?: string[];
  messages: MessageStatus[];
}

const MESSAGES_OF_A_PART = 100;
/** Room for the rest of the part and the frame around it. */
const ROOM_BYTES = MAX_FRAME_BYTES - 16 * 1024;

/** At least one part; the first always says who has opted out. */
export function snapshotParts(optedOut: string[], statuses: MessageStatus[]): SnapshotPart[] {
  let part: SnapshotPart = { opted_out: [], messages: [] };
  const parts = [part];
  let bytes = 0;
  const roomFor = (item: unknown) => {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (bytes + size > ROOM_BYTES || part.messages.length === MESSAGES_OF_A_PART) {
      part = { messages: [] };
      parts.push(part);
      bytes = 0;
    }
    bytes += size;
    return part;
  };
  for (const handle of optedOut) {
    const there = roomFor(handle);
    there.opted_out ??= [];
    there.opted_out.push(handle);
  }
  for (const status of statuses) roomFor(status).messages.push(status);
  return parts;
}
