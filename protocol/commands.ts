/** The data of each command (controller → relay). Unknown fields are ignored (PROTOCOL invariant 8). */
import { z } from 'zod';
import { MAX_ATTACHMENTS, MAX_ID_LENGTH, MAX_PASSTHROUGH_CHARACTERS, MAX_RECIPIENTS } from './limits.ts';
import { CATEGORIES, type CommandName, PACINGS } from './names.ts';

/** Milliseconds since the Unix epoch, up to the year 9999: what is reckoned from one is still a date. */
export const Instant = z.int().min(0).max(253_402_300_799_999);

/** An id made by the sender of a frame: 1 to 128 visible ASCII characters. */
export const Id = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII without spaces')
  .max(MAX_ID_LENGTH);

/** A phone number or an e-mail address as a person may write it; the relay normalises it (E.164, lower-case mail). */
const Handle = z.string().min(1).max(320);

/** One handle, up to 100 handles, or an existing chat by the id that the relay has told. */
export const Target = z.union([
  Handle,
  z.array(Handle).min(1).max(MAX_RECIPIENTS),
  z.object({ chat: z.string().min(1).max(512) }),
]);
export type Target = z.infer<typeof Target>;

export const Attachment = z.object({
  url: z.url({ protocol: /^https$/ }).max(2048),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  filename: z.string().min(1).max(255).optional(),
  mime: z.string().max(127).optional(),
});

export const MessageSend = z.object({
  to: Target,
  /** Length is judged by the relay in characters, so that a text too long gets `text_too_long` and not `bad_request`. */
  text: z.string(),
  attachments: z.array(Attachment).max(MAX_ATTACHMENTS).optional(),
  category: z.enum(CATEGORIES),
  pacing: z.enum(PACINGS),
  created: Instant,
  expires_at: Instant,
  not_before: Instant.optional(),
  /** IANA name, e.g. "Europe/Berlin": whose evening it is for quiet hours. */
  time_zone: z.string().max(64).optional(),
  service: z.enum(['imessage', 'any']).default('imessage'),
  /** Values that were merged into the text; they can only make more texts near. */
  variables: z.array(z.string().max(1000)).max(50).optional(),
  passthrough: z.string().max(MAX_PASSTHROUGH_CHARACTERS).optional(),
});
export type MessageSend = z.infer<typeof MessageSend>;

const TextAlone = { text: z.string(), variables: z.array(z.string().max(1000)).max(50).optional() };

export const COMMAND_DATA = {
  'message.send': MessageSend,
  /** Cancels what still waits: one message, or all messages of a command. */
  'message.cancel': z
    .object({ message: Id.optional(), command: Id.optional() })
    .refine((d) => (d.message === undefined) !== (d.command === undefined), 'needs either `message` or `command`'),
  'sender.pause': z.object({ reason: z.string().max(500).optional() }),
  'sender.resume': z.object({}),
  'opt_out.put': z.object({ handle: Handle, reason: z.string().max(500).optional() }),
  'opt_in.put': z.object({ handle: Handle }),
  /**
   * A text that another sender found suspected (its `text.suspected`): refused here too, to all but replies, with all that is near it. The
   * text itself, since fingerprints are keyed by installation; the relay keeps none.
   */
  'text.block': z.object({ ...TextAlone, reason: z.string().max(500).optional() }),
  /** Lifts it, with all that is near it. What the relay itself found, once in 24 h. */
  'text.clear': z.object(TextAlone),
  /** What they agreed to or withdrew elsewhere. `given` only where this Mac's policy says so; `withdrawn` always. */
  'consent.put': z.object({
    handle: Handle,
    state: z.enum(['given', 'withdrawn']),
    /** When they said so. Of several of one kind the newest counts, in whatever order they come. */
    at: Instant,
    /** Where and how, for whoever has to prove it. */
    source: z.string().min(1).max(500),
  }),
  /** Replaces what was put before. Each field may be stricter than this Mac's own file, never looser. */
  'policy.put': z.object({
    /** The controller's own name for it. */
    version: z.string().min(1).max(128),
    /** The `policy_version` that it takes to hold now. */
    expected: z.string().min(1).max(128),
    /** The fields to set, by section, as in the Mac's file; `{}`: those of the file. */
    policy: z.record(z.string(), z.unknown()),
  }),
  'snapshot.request': z.object({}),
} as const satisfies Record<CommandName, z.ZodType>;

export type CommandData<N extends CommandName> = z.infer<(typeof COMMAND_DATA)[N]>;
