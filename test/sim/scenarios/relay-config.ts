/** The configuration of a relay for scenarios: quick limits, and rules so wide that one scenario does not meet another's. */
import type { Scenario } from './scene.ts';

const WIDE = 1_000_000;
const WIDE_POLICY = {
  bulk_transactional: 'allow',
  caps: { new_contacts_day: WIDE, new_contacts_hour: WIDE, unanswered: WIDE, pair_rate: WIDE, daily_volume: WIDE },
  interval: { steps: [{ up_to: null, ms: 1_000 }] },
  duplicate: { window_ms: 0 },
};
/** Failures of many scenarios are on one sender; those that are about the sender itself have it for themselves. */
const FORGIVING = {
  suspicion: { recipients: 50, people: 50, strangers: 20 },
  health: { bad_in_look_back: 50, bad_in_row: 20, strangers_in_row: 20, late_in_look_back: 50 },
};

/** What goes over the device, controller and paths of a config.json. */
export function relayConfig({ alone }: Pick<Scenario, 'alone'>) {
  return {
    // Who waits for an osascript that hangs shall not wait long; who waits for one that is slow may.
    messages: { send_limit_ms: alone ? 600_000 : 15_000 },
    sender: { kind: 'shared', since: '2024-01-15', region: 'US' },
    policy: { ...WIDE_POLICY, ...(alone ? {} : FORGIVING) },
  };
}
