/** What the link needs of its neighbours. `daemon/relay.ts` hands the real ones in; tests hand in small fakes. */
import type { CommandFrame, QueryError, Received } from '../../protocol/frames.ts';
import type { LineSocket } from '../../protocol/line.ts';

/** An event as it goes on the wire. */
export interface EventFrameText {
  seq: number;
  /** The first number that it stands for: its own, but for a gap. */
  from: number;
  id: string;
  /** Unix ms. */
  at: number;
  name: string;
  /** The frame, without an ack. */
  text: string;
}

export interface JournalPort {
  /** Name of the present event stream. */
  readonly stream: string;
  /** The newest number that is on disk; the link never sends beyond it. */
  readonly lastSeq: number;
  /** At least one event if there is any, else as many as fit both limits. */
  frames(afterSeq: number, limit: { frames: number; bytes: number }): EventFrameText[];
  /**
   * At the opening: does what the controller has received fit what is held here? `resume`: go on after `afterSeq`.
   * `renewed`: it did not, and `stream` names a new stream now. Durable when it resolves.
   */
  resume(received: Received | null): Promise<{ kind: 'resume' | 'renewed'; afterSeq: number }>;
  /** Everything up to `seq` is on the controller's disk. */
  acked(seq: number): void;
  /** There may be new durable events. Returns how to stop listening. */
  onDurable(listener: () => void): () => void;
}

export interface CommandPort {
  /**
   * Called in the transaction that also stores "received up to here". Stores or refuses the command and tells the result
   * as an event. Throws only when the store is broken; the connection is then closed with 4500 and the frame comes again.
   */
  receive(frame: CommandFrame): unknown;
}

export type QueryAnswer = { data: Record<string, unknown>; next?: string } | { error: QueryError };

export interface QueryPort {
  /** Answers a question of the controller. Any name may come; an unknown one is answered with `unsupported`. */
  answer(name: string, data: Record<string, unknown>): Promise<QueryAnswer>;
}

/** Who this relay is. */
export interface IdentityPort {
  readonly device: string;
  /** Program and version, e.g. "sender-relay/0.1.0". */
  readonly agent: string;
  readonly features: readonly string[];
  policyVersion(): string;
}

/** What a connection tells of itself, from the dial to the end: `opened` then `closed`, or only `failed`. */
export interface SocketListener {
  opened(socket: LinkSocket): void;
  message(data: Uint8Array, binary: boolean): void;
  pong(): void;
  /**
   * No connection came about. `status`: what the HTTP server answered, if it did. `condition`: it was not even tried, and a person must
   * do something first.
   */
  failed(why: { status?: number; words: string; condition?: { name: string; remedy: string } }): void;
  closed(code: number, reason: string): void;
}

export interface LinkSocket extends LineSocket {
  /** Drops the connection without a word. */
  terminate(): void;
}

/** Where a connection comes from. `Dial` calls the controller; a listening transport would wait to be called. */
export interface Transport {
  /** For people: whom is this a connection to? Without anything secret. */
  readonly peer: string;
  /** Starts one connection. Returns how to give up before it is open. */
  connect(listener: SocketListener): { abort(): void };
}
