/** Names of everything that version 1 of the protocol can say. */

/** Where a message can be. States only move along the arrows of `daemon/outbox/states.ts`. */
export const MESSAGE_STATES = [
  'accepted',
  'held',
  'dispatching',
  'sent',
  'delivered',
  'read',
  'not_delivered',
  'failed',
  'unknown',
  'rejected',
  'cancelled',
  'expired',
] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/** Where one part of a message can be, its text or one of its files. `not_sent`: a part before it did not go, or nobody knows. */
export const PART_STATES = [
  'waiting',
  'dispatching',
  'sent',
  'delivered',
  'read',
  'not_delivered',
  'failed',
  'unknown',
  'not_sent',
] as const;
export type PartState = (typeof PART_STATES)[number];

export const CATEGORIES = ['conversational', 'transactional', 'marketing'] as const;
export type Category = (typeof CATEGORIES)[number];

export const PACINGS = ['queue', 'reject'] as const;
export type Pacing = (typeof PACINGS)[number];

/** What an Apple error says about whom. `unknown` is an honest answer. */
export const ERROR_MEANINGS = [
  'recipient',
  'sender_account',
  'network',
  'attachment',
  'text_suspected_junk',
  'unknown',
] as const;
export type ErrorMeaning = (typeof ERROR_MEANINGS)[number];

/** Commands that this version can answer with more than `unsupported`. */
export const COMMAND_NAMES = [
  'message.send',
  'message.cancel',
  'sender.pause',
  'sender.resume',
  'opt_out.put',
  'opt_in.put',
  'text.block',
  'text.clear',
  'consent.put',
  'policy.put',
  'snapshot.request',
] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];

export const QUERY_NAMES = [
  'message.get',
  'queue.list',
  'sender.get',
  'gate.check',
  'contact.get',
  'policy.get',
  'attachment.get',
  'doctor.get',
] as const;
export type QueryName = (typeof QUERY_NAMES)[number];

export const EVENT_NAMES = [
  'command.result',
  'message.status',
  'message.inbound',
  'message.observed',
  'message.reaction',
  'message.edited',
  'message.unsent',
  'chat.changed',
  'attachment.ready',
  'contact.opted_out',
  'contact.opted_in',
  'sender.health',
  'text.suspected',
  'relay.health',
  'snapshot',
  'gap',
] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** Ids of commands that were given at the Mac itself, by `relayctl`, begin with this. */
export const LOCAL_COMMAND = 'local_';
