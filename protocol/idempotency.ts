/**
 * What makes two commands the same: SHA-256 of the canonical JSON of name, version and data (PROTOCOL invariant 2).
 * An attachment's `url` is left out where its `sha256` is given, since signed URLs change while the bytes do not.
 */
import { hash } from 'node:crypto';

/** JSON with sorted keys and no white space. Numbers, strings, booleans, null, arrays and plain objects only. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((v) => (v === undefined ? 'null' : canonicalJson(v))).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  const keys = entries.map(([key]) => key).sort();
  // At once where nothing is within: nearly all commands are so.
  if (!entries.some(([, v]) => typeof v === 'object' && v !== null)) return JSON.stringify(value, keys);
  const within = value as Record<string, unknown>;
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(within[key])}`).join(',')}}`;
}

/** 64 hex digits. `data` is the data as received, before defaults are filled in. */
export function commandDigest(name: string, version: number, data: Record<string, unknown>): string {
  return hash('sha256', canonicalJson([name, version, withoutSignedUrls(data)]), 'hex');
}

function withoutSignedUrls(data: Record<string, unknown>): Record<string, unknown> {
  if (!Array.isArray(data.attachments)) return data;
  const attachments = data.attachments.map((a: unknown) => {
    if (typeof a !== 'object' || a === null || !('sha256' in a) || typeof a.sha256 !== 'string') return a;
    return { ...a, url: undefined };
  });
  return { ...data, attachments };
}
