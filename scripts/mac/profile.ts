/**
 * The configuration profile for fleets: scripts/sender-relay.mobileconfig (a Privacy Preferences Policy Control payload), filled for one
 * signature. The requirement decides who gets the permissions, so it is made here of checked parts, or read from a signed app.
 */
import { createHash } from 'node:crypto';
import { build, type PlistValue, parse } from 'plist';
import { IDENTIFIER } from './bundle.ts';

/** Of a Developer ID: ten capital letters and digits. Throws for anything else. */
export function teamRequirement(team: string): string {
  if (!/^[A-Z0-9]{10}$/.test(team)) throw new Error(`a team is ten capital letters and digits, not ${team}`);
  return `identifier "${IDENTIFIER}" and anchor apple generic and certificate leaf[subject.OU] = "${team}"`;
}

/** Of a certificate of one's own: the SHA-1 of it, as `security find-identity -p codesigning` lists it. Throws for anything else. */
export function certificateRequirement(sha1: string): string {
  if (!/^[0-9A-Fa-f]{40}$/.test(sha1))
    throw new Error(`a certificate is named by its SHA-1, 40 hex digits, not ${sha1}`);
  return `identifier "${IDENTIFIER}" and certificate leaf = H"${sha1.toLowerCase()}"`;
}

/** The profile. The same requirement gives the same bytes, so that a server sees no change where there is none. */
export function profileText(template: string, requirement: string): string {
  if (!requirement.includes(`"${IDENTIFIER}"`))
    throw new Error(`the requirement does not name ${IDENTIFIER}: ${requirement}`);
  const words: Record<string, string> = {
    '@REQUIREMENT@': requirement,
    '@PROFILE@': uuidOf(`profile ${requirement}`),
    '@PAYLOAD@': uuidOf(`payload ${requirement}`),
  };
  return `${build(fill(parse(template), words))}\n`;
}

function fill(value: PlistValue, words: Record<string, string>): PlistValue {
  if (typeof value === 'string') return words[value] ?? value;
  if (Array.isArray(value)) return value.map((one) => fill(one, words));
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, words)]));
}

/** A name-based UUID (version 8 of RFC 9562: the bits are one's own). */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return parts.join('-').toUpperCase();
}
