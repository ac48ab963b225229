/** A message as it waits in memory: of these there are most, so that each is as small as can be. */
import type { Load, Waiting } from './known-texts.ts';
import { LOOK_EVERY_MS } from './moved-holds.ts';
import type { KnownText } from './near-index.ts';
import { addressOf, type GateMessage } from './requests.ts';

interface Known {
  text: KnownText<Load>;
  fresh: boolean;
  /** What was said of it at acceptance, if that was in this life. */
  told: { until: number; mono: number } | null;
  now: { at: number; mono: number };
}

/** Each field by its name, for an object put together of others takes half as much room again; and times as whole numbers, which take less. */
export function waitingOf(m: GateMessage, { text, fresh, told, now }: Known): Waiting {
  return {
    message: m.message,
    command: m.command,
    order: m.order,
    recipient: m.recipient,
    category: m.category,
    reply: m.reply,
    notBefore: m.notBefore,
    expiresAt: m.expiresAt,
    timeZone: m.timeZone,
    address: addressOf(m.recipient),
    text,
    fresh,
    bulk: false,
    kind: null,
    toldUntil: told?.until ?? null,
    toldAt: told?.mono ?? 0,
    lookAt: Math.round(now.mono + LOOK_EVERY_MS),
    since: Math.round(now.mono - Math.max(0, now.at - m.acceptedAt)),
  };
}
