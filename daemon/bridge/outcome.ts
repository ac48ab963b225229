/**
 * What became of one call of osascript, by phase mark, result line and number only; words are localised and never read.
 *
 *   result line on stdout ────────────────────────────▶ accepted
 *   mark on stderr, or a time-out, −1712, −609 ───────▶ may_have_gone   never sent again by itself
 *   no mark, ended by itself with an error ───────────▶ not_started     proven: nothing left this Mac
 *
 * A number also tells what is wrong with the Mac (`trouble`): a named condition that a good probe or send clears.
 */
import type { RefusalCode } from '../../protocol/codes.ts';

/** As the outbox knows it (its port `Bridge`). */
export type SendOutcome =
  | { kind: 'accepted' }
  | {
      kind: 'not_started';
      code: RefusalCode | 'interrupted' | 'script_error';
      appleNumber?: number;
      words: string;
      again: boolean;
    }
  | { kind: 'may_have_gone'; words: string };

export type Route = 'chat' | 'participant';

/** Something is wrong with Messages or with our right to ask it; a condition of that name is raised. */
export interface Trouble {
  condition: 'automation_denied' | 'messages_not_running' | 'not_signed_in' | 'messages_hung' | 'osascript_unusable';
  words: string;
  remedy: string;
}

/** How a child ended, and what it wrote until then. */
export interface Ending {
  /** `itself`; `killed` by us after its limit; `lost`: it ended (or never began) while nobody watched. */
  how: 'itself' | 'killed' | 'lost';
  /** Exit code; null if a signal ended it or nobody watched. */
  code: number | null;
  stdout: string;
  stderr: string;
  /** Why there was no child at all. */
  notStarted?: string;
}

export interface Verdict {
  outcome: SendOutcome;
  trouble: Trouble | null;
  /** −1728 before the mark: there is no such chat in Messages, whatever chat.db says. */
  noSuchTarget: boolean;
}

const MARK = /^(?:\(\*)?dispatch_started(?:\*\))?\s*$/m;

const TROUBLES = {
  automation_denied: {
    condition: 'automation_denied',
    words: 'This relay may not control Messages.',
    remedy: 'System Settings → Privacy & Security → Automation: allow Messages for this program.',
  },
  messages_not_running: {
    condition: 'messages_not_running',
    words: 'Messages cannot be reached: it does not run, or nobody is logged in at the screen.',
    remedy: 'Log in at the Mac’s screen and open Messages.',
  },
  not_signed_in: {
    condition: 'not_signed_in',
    words: 'Messages has no iMessage account.',
    remedy: 'Open Messages → Settings → iMessage and sign in.',
  },
  messages_hung: {
    condition: 'messages_hung',
    words: 'Messages does not answer.',
    remedy:
      'Look for an open dialog on the Mac’s screen; else quit Messages and open it again (messages.restart_hung lets the relay do that).',
  },
  osascript_unusable: {
    condition: 'osascript_unusable',
    words: 'The program that speaks to Messages, osascript, cannot be run.',
    remedy: 'Check messages.osascript in config.json, and install the relay again if its scripts are missing.',
  },
} as const satisfies Record<Trouble['condition'], Trouble>;

export const ODD_ANSWER: Trouble = {
  condition: 'osascript_unusable',
  words: 'Messages answered a question about itself in an unexpected way.',
  remedy: 'Quit Messages and open it again; the log has the error number.',
};

/** The condition that an error number or a time-out stands for, if any. */
export function troubleOf(e: Ending): Trouble | null {
  if (e.notStarted !== undefined) return TROUBLES.osascript_unusable;
  if (e.how === 'killed') return TROUBLES.messages_hung;
  switch (errorNumber(e.stderr)) {
    case -1743:
    case -1744:
    case -10004:
      return TROUBLES.automation_denied;
    case -600:
    case -609:
    case -10810:
    case -10827:
      return TROUBLES.messages_not_running;
    case -1719:
      return TROUBLES.not_signed_in;
    case -1712:
      return TROUBLES.messages_hung;
    default:
      return null;
  }
}

/** The number in the last parentheses of what osascript wrote to stderr; null if there is none. */
export function errorNumber(stderr: string): number | null {
  const found = /\((-?\d{1,9})\)\s*$/.exec(stderr);
  return found ? Number(found[1]) : null;
}

/** Judges the call for `attempt` by `route`. A `lost` child without mark and error proves nothing alone: ask chat.db too. */
export function verdictOf(e: Ending, attempt: string, route: Route): Verdict {
  const trouble = troubleOf(e);
  const plain = (outcome: SendOutcome): Verdict => ({ outcome, trouble, noSuchTarget: false });
  const accepted = e.stdout.split('\n').some((line) => line.trim() === `accepted ${attempt}`);
  if (accepted) return { outcome: { kind: 'accepted' }, trouble: null, noSuchTarget: false };
  if (e.notStarted !== undefined)
    return plain({
      kind: 'not_started',
      code: 'script_error',
      words: `osascript could not be started: ${e.notStarted}.`,
      again: true,
    });
  const number = errorNumber(e.stderr);
  const shown = number === null ? '' : ` (${number})`;
  if (MARK.test(e.stderr))
    return plain({
      kind: 'may_have_gone',
      words: `The send had begun when it was cut off${shown}; it may have gone out.`,
    });
  if (e.how === 'killed')
    return plain({ kind: 'may_have_gone', words: 'Messages did not answer in time; the message may have gone out.' });
  if (number === -1712 || number === -609)
    return plain({ kind: 'may_have_gone', words: `Messages did not answer${shown}; the message may have gone out.` });
  if (e.code === 0)
    return plain({
      kind: 'may_have_gone',
      words: 'osascript ended without saying what it did; the message may have gone out.',
    });
  if (number === null)
    return plain({
      kind: 'not_started',
      code: 'interrupted',
      words: 'osascript was ended before it began to send.',
      again: true,
    });
  return { outcome: { ...refusalOf(number, route), appleNumber: number }, trouble, noSuchTarget: number === -1728 };
}

type NotStarted = Extract<SendOutcome, { kind: 'not_started' }>;

/** Nothing left, for this reason. `again`: the reason may pass by itself or is one that the lane waits for. */
function refusalOf(number: number, route: Route): NotStarted {
  const kind = 'not_started';
  switch (number) {
    case -1743:
    case -1744:
    case -10004:
      return {
        kind,
        code: 'permission_missing',
        words: 'This relay may not control Messages yet; nothing was sent.',
        again: true,
      };
    case -600:
    case -10810:
    case -10827:
      return { kind, code: 'messages_unavailable', words: 'Messages does not run; nothing was sent.', again: true };
    case -1719:
      return {
        kind,
        code: 'messages_unavailable',
        words: 'Messages is not signed in to iMessage; nothing was sent.',
        again: true,
      };
    case -1728:
      return route === 'chat'
        ? {
            kind,
            code: 'not_found',
            words: 'Messages does not have this conversation; nothing was sent.',
            again: false,
          }
        : {
            kind,
            code: 'recipient_not_imessage',
            words: 'Messages cannot write to this address by iMessage; nothing was sent.',
            again: false,
          };
    case -43:
    case -120:
      return {
        kind,
        code: 'attachment_refused',
        words: 'The file is not on this Mac any more; nothing was sent.',
        again: false,
      };
    default:
      return {
        kind,
        code: 'script_error',
        words: `Messages refused the request (${number}); nothing was sent.`,
        again: false,
      };
  }
}
