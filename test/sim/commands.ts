/** The commands that the simulated Mac takes, one JSON object a line. Every one may carry an `id`, which its answer repeats. */
import { z } from 'zod';
import { Behaviour } from './contacts.ts';
import { MODES } from './osascript-desk.ts';
import { TRANSFERRED } from './other-kinds.ts';

const id = z.union([z.string(), z.number()]).optional();
const ms = z.number().min(0);
const handle = z.string().min(1);
const of = <N extends string, T extends z.ZodRawShape>(name: N, shape: T) =>
  z.strictObject({ do: z.literal(name), id, ...shape });

/** What Apple's numbers mean: the tapbacks, from 2000 on (3000 for taking one back). */
export const TAPBACKS = ['love', 'like', 'dislike', 'laugh', 'emphasise', 'question', 'emoji'] as const;

export const Contact = z.strictObject({ do: z.literal('contact'), id, handle, ...Behaviour.shape });

const When = {
  /** How old the message is: the row is new, its date is not (as when iCloud fills in). */
  ageMs: ms.default(0),
  /** The row is in no chat for so long. */
  joinAfterMs: ms.optional(),
  guid: z.string().optional(),
};

export const Inbound = of('inbound', {
  from: handle,
  text: z.string().default(''),
  /** A group, by the guid or id that `group` gave, or anybody's 1:1 chat by its guid; their own 1:1 chat if not given. */
  chat: z.string().optional(),
  service: z.enum(['iMessage', 'SMS', 'RCS']).default('iMessage'),
  /** To the message `of` (its guid); `removed` takes it back. */
  tapback: z
    .strictObject({
      kind: z.enum(TAPBACKS),
      of: z.string(),
      removed: z.boolean().default(false),
      emoji: z.string().optional(),
    })
    .optional(),
  files: z
    .array(
      z.strictObject({
        name: z.string(),
        mime: z.string().default('image/jpeg'),
        bytes: z.int().min(0).default(1_000),
        state: z.int().default(TRANSFERRED),
        sticker: z.boolean().default(false),
      }),
    )
    .default([]),
  /** A voice message: one of `files`. */
  audio: z.boolean().default(false),
  /** An inline reply to the message with this guid. */
  replyTo: z.string().optional(),
  /** E.g. `com.apple.MobileSMS.expressivesend.impact`. */
  effect: z.string().optional(),
  /** The app that draws it; `link` for the preview of a link. */
  app: z.string().optional(),
  /** Messages holds it for junk. */
  junk: z.boolean().default(false),
  /** Whatever else the row should say, by column. */
  columns: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).optional(),
  ...When,
});

export const Type = of('type', {
  to: handle,
  text: z.string(),
  /** On this Mac; on another device if not. */
  here: z.boolean().default(false),
  /** The row says for so long that it is not from me. */
  correctedAfterMs: ms.optional(),
  /** Send Later: the row is there, says sent, and is dated this far ahead. */
  scheduledInMs: ms.optional(),
});

/** Something happens to a message that is there. */
export const Change = of('change', {
  guid: z.string(),
  edit: z.string().optional(),
  unsend: z.literal(true).optional(),
  /** Of its files. */
  transferState: z.int().optional(),
  remove: z.literal(true).optional(),
  /** Gone and back, as iCloud does it: the same guid and date with a new ROWID. */
  reinsert: z.literal(true).optional(),
  columns: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).optional(),
});

/** Somebody (`by`; the owner if not given) changes a group. */
export const GroupChanged = of('group_change', {
  chat: z.string(),
  by: handle.optional(),
  change: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('rename'), name: z.string() }),
    z.strictObject({ kind: z.enum(['add', 'remove']), member: handle }),
    z.strictObject({ kind: z.enum(['leave', 'photo', 'photo_removed']) }),
  ]),
});

export const Group = of('group', { name: z.string().optional(), members: z.array(handle).min(1) });

export const MessagesMode = of('messages', {
  mode: z.enum(MODES),
  count: z.int().min(1).optional(),
  delayMs: ms.optional(),
  goes: z.boolean().optional(),
  handle: handle.optional(),
});

/** `go`: what hangs goes on as if nothing had been. `end`: osascript ends with exit 1. */
export const Release = of('release', { how: z.enum(['go', 'end']).default('go') });

/** The timing of rows; the judgement of Apple; the next sends that leave a ghost row only. */
export const Apple = of('apple', {
  timing: z.strictObject({ acceptMs: ms, rowMs: ms, joinMs: ms.nullable(), sentMs: ms }).partial().optional(),
  junk: z.boolean().optional(),
  ghosts: z.int().min(0).optional(),
  /** Every text lands in the 1:1 chat with this handle, whoever it was for; null: in the right one again. */
  astray: handle.nullable().optional(),
  /** A text with a link becomes two rows. */
  splits: z.boolean().optional(),
});

/** A new file behind the path. `keep`: how many of the oldest messages are in it, or all. */
export const ReplaceDb = of('replace_db', { keep: z.union([z.literal('all'), z.int().min(0)]).default(0) });

/** Is somebody logged in at the screen? Without, launchd loads nothing. */
export const Session = of('session', { open: z.boolean() });

export const Rows = of('rows', { sinceRowid: z.int().min(0).default(0) });
export const Checkpoint = of('checkpoint', {});
/** Messages closes chat.db and opens it again, as when it was quit: a new -wal if nobody else has it open. */
export const Reopen = of('reopen', {});
/** Time is skipped, as if the Mac had slept for so long. */
export const Pass = of('pass', { ms });
export const Now = of('now', {});

export const Command = z.discriminatedUnion('do', [
  Contact,
  Inbound,
  Type,
  Group,
  Change,
  GroupChanged,
  MessagesMode,
  Release,
  Apple,
  ReplaceDb,
  Session,
  Rows,
  Checkpoint,
  Reopen,
  Pass,
  Now,
]);
export type Change = z.infer<typeof Change>;
export type Inbound = z.infer<typeof Inbound>;
export type Command = z.infer<typeof Command>;
export type CommandInput = z.input<typeof Command>;
