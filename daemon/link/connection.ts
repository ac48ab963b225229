/** The state of the link in the words that a person is told it with. */
import type { LinkState } from './link.ts';

const STATES = {
  idle: 'off',
  dialling: 'connecting',
  opening: 'connecting',
  open: 'connected',
  waiting: 'waiting',
} as const satisfies Record<LinkState['phase'], string>;

export interface Connection {
  state: (typeof STATES)[LinkState['phase']];
  /** Unix ms; null if there is no link. */
  since: number | null;
  /** How the last connection ended, while there is none. */
  last_error?: string;
}

/** `state`: undefined if no controller is configured. */
export function connectionOf(state: LinkState | undefined): Connection {
  if (!state) return { state: 'off', since: null };
  const lost = state.last && state.phase !== 'open' ? { last_error: state.last.words } : {};
  return { state: STATES[state.phase], since: Math.round(state.since), ...lost };
}
