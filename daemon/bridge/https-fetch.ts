/**
 * Fetches one file by https onto the disk, as the outside world must be met: the address that is connected to is judged, not the name (a name may
 * mean another address a moment later), each redirect is judged anew, sizes and times are limited, and certificates are checked.
 *
 *   url ─▶ judged ─▶ connected to a judged address ─▶ 200 ─▶ bytes counted and hashed ─▶ on disk
 *            ▲                                        └ 3xx, at most five, https only
 *            └───────────────────────────────────────────┘
 *
 * Expected ends are values: `again: true` where the same request may fare better later (network, 5xx), false where it will not.
 */
import { createHash } from 'node:crypto';
import { type LookupAddress, lookup } from 'node:dns';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import type { Clock } from '../host/clock.ts';
import { codeOf, messageOf } from '../host/errors.ts';
import { isPublicAddress } from './addresses.ts';

const MAX_REDIRECTS = 5;
/** For the connection with its handshake and the head of the answer, and between two pieces of the body. */
const SILENCE_MS = 30_000;
const LONGEST_RETRY_AFTER_MS = 10 * 60_000;
const REFUSED_ADDRESS = 'ADDRESS_REFUSED';
/** RFC 6350: every card begins so, whatever its name says. */
const VCARD = /^\uFEFF?\s*BEGIN:VCARD/i;
const VCARD_LOOK = 64;

export type Fetched =
  | { ok: true; sha256: string; bytes: number; type: string | null; vcard: boolean }
  | { ok: false; again: boolean; words: string; retryAfterMs?: number };

export interface FetchLimits {
  maxBytes: number;
  /** From the first connection to the last byte. */
  totalMs: number;
}

export class HttpsFetch {
  readonly #clock: Clock;
  readonly #limits: FetchLimits;
  readonly #privateHosts: ReadonlySet<string>;
  readonly #ca: string[] | undefined;
  readonly #resolve: typeof lookup;

  /**
   * `privateHosts`: host names or literal addresses, as in a URL, that may lead to addresses which are not public. `ca`: certificates (PEM) that
   * are trusted besides those of the system. `resolve`: the system's resolver if not given.
   */
  constructor(o: {
    clock: Clock;
    limits: FetchLimits;
    privateHosts?: readonly string[];
    ca?: string | undefined;
    resolve?: typeof lookup;
  }) {
    this.#resolve = o.resolve ?? lookup;
    this.#clock = o.clock;
    this.#limits = o.limits;
    this.#privateHosts = new Set(o.privateHosts?.map(plainHost));
    this.#ca = o.ca === undefined ? undefined : [...getCACertificates('default'), o.ca];
  }

  /** Writes into a new file of mode 0600, flushed; removing it after a refusal is the caller's. Rejects only for what the disk does. */
  async fetch(url: string, path: string, signal?: AbortSignal): Promise<Fetched> {
    const stop = new AbortController();
    const abort = () => stop.abort();
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) stop.abort();
    let late = false;
    const limit = this.#clock.after(this.#limits.totalMs, () => {
      late = true;
      stop.abort();
    });
    try {
      return await this.#follow(url, path, stop.signal);
    } catch (error) {
      const host = hostOf(url);
      if (isOfTheDisk(error)) throw error;
      if (late) return later(`${host} took too long to send the file.`);
      return codeOf(error) === REFUSED_ADDRESS
        ? never(messageOf(error))
        : later(`${host} cannot be reached, or broke off (${codeOf(error) ?? messageOf(error)}).`);
    } finally {
      limit.cancel();
      signal?.removeEventListener('abort', abort);
    }
  }

  async #follow(first: string, path: string, signal: AbortSignal): Promise<Fetched> {
    let address = first;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const fault = this.#fault(address);
      if (fault) return never(fault);
      const url = new URL(address);
      const response = await this.#ask(url, signal);
      const { statusCode = 0, headers } = response;
      if (![301, 302, 303, 307, 308].includes(statusCode)) return this.#read(response, url, path);
      response.destroy();
      if (!headers.location || !URL.canParse(headers.location, url)) return never(`${url.host} redirects to nowhere.`);
      address = new URL(headers.location, url).href;
    }
    return never(`${hostOf(first)} redirects more than ${MAX_REDIRECTS} times.`);
  }

  /** Why nothing may be fetched from there, whatever it resolves to. */
  #fault(address: string): string | null {
    if (!URL.canParse(address)) return 'The address of the file cannot be read.';
    const { protocol, username, password, hostname, host } = new URL(address);
    if (protocol !== 'https:') return `Files are fetched by https only, not from ${protocol}//${host}.`;
    if (username || password) return `The address of the file on ${host} holds a user or a password.`;
    const plain = plainHost(hostname);
    return isIP(plain) === 0 || this.#mayUse(plain, plain) ? null : notPublic(plain);
  }

  #mayUse(host: string, address: string): boolean {
    return isPublicAddress(address) || this.#privateHosts.has(host);
  }

  #ask(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const host = plainHost(url.hostname);
    const agent = new Agent({ keepAlive: false, ...(this.#ca ? { ca: this.#ca } : {}) });
    const headers = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'sender-relay' };
    return new Promise((done, fail) => {
      const asked = request(url, { agent, headers, signal, lookup: this.#lookup(host), timeout: SILENCE_MS }, done);
      // Whatever the resolver said: the other end of the connection is what counts.
      asked.on('socket', (socket) =>
        socket.once('connect', () => {
          const { remoteAddress = '' } = socket;
          if (!this.#mayUse(host, remoteAddress)) asked.destroy(refusedAddress(host));
        }),
      );
      asked.on('timeout', () => asked.destroy(new Error('silence')));
      asked.on('error', fail);
      asked.end();
    });
  }

  /** Resolves a name to those of its addresses that may be used; the connection is made to these and no others. */
  #lookup(host: string): LookupFunction {
    return (name, options, callback) => {
      this.#resolve(name, { ...options, all: true }, (error, found: LookupAddress[]) => {
        const usable = error ? [] : found.filter(({ address }) => this.#mayUse(host, address));
        if (error) callback(error, []);
        else if (usable.length === 0) callback(refusedAddress(host), []);
        else if (options.all) callback(null, usable);
        else callback(null, usable[0]?.address ?? '', usable[0]?.family);
      });
    };
  }

  async #read(response: IncomingMessage, url: URL, path: string): Promise<Fetched> {
    const refusal = this.#headFault(response, url);
    if (refusal) {
      response.destroy();
      return refusal;
    }
    const { maxBytes } = this.#limits;
    const hash = createHash('sha256');
    const file = await open(path, 'wx', 0o600);
    let bytes = 0;
    let start = Buffer.alloc(0);
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes) return never(tooLarge(url, maxBytes));
        if (start.length < VCARD_LOOK) start = Buffer.concat([start, chunk.subarray(0, VCARD_LOOK)]);
        hash.update(chunk);
        for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
      }
      if (bytes === 0) return never(`The file on ${url.host} is empty.`);
      await file.sync();
    } finally {
      response.destroy();
      await file.close();
    }
    const type = response.headers['content-type'] ?? null;
    return { ok: true, sha256: hash.digest('hex'), bytes, type, vcard: isVcard(start) };
  }

  #headFault({ statusCode = 0, headers }: IncomingMessage, { host }: URL): Fetched | null {
    if (statusCode !== 200) {
      const words = `${host} answers ${statusCode} for the file.`;
      const passes = statusCode >= 500 || [408, 425, 429].includes(statusCode);
      return passes ? later(words, retryAfter(headers['retry-after'])) : never(words);
    }
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity')
      return never(`${host} sends the file encoded as ${encoding}, which was not asked for.`);
    const { maxBytes } = this.#limits;
    return Number(headers['content-length'] ?? 0) > maxBytes ? never(tooLarge({ host }, maxBytes)) : null;
  }
}

/** `start`: the first bytes of a file. */
export function isVcard(start: Buffer): boolean {
  return VCARD.test(start.toString('utf8', 0, VCARD_LOOK));
}

function never(words: string): Fetched {
  return { ok: false, again: false, words };
}

function later(words: string, retryAfterMs?: number): Fetched {
  return { ok: false, again: true, words, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Without the brackets of IPv6, and without the dot that ends a full name. */
function plainHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

/** Never more of an address than this is told: what follows the host is often a secret. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'The server';
}

function isOfTheDisk(error: unknown): boolean {
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : undefined;
  return (
    syscall === 'open' || syscall === 'fsync' || ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'].includes(codeOf(error) ?? '')
  );
}

function refusedAddress(host: string): Error {
  return Object.assign(new Error(notPublic(host)), { code: REFUSED_ADDRESS });
}

function notPublic(host: string): string {
  return `${host} is not on the public internet; messages.attachments.allow_hosts on the Mac can allow it.`;
}

function tooLarge({ host }: { host: string }, maxBytes: number): string {
  return `The file on ${host} is larger than ${maxBytes.toLocaleString('en')} bytes.`;
}

function retryAfter(written: string | undefined): number | undefined {
  if (written === undefined || !/^\d{1,6}$/.test(written.trim())) return undefined;
  return Math.min(Number(written) * 1000, LONGEST_RETRY_AFTER_MS);
}
