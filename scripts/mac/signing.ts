/**
 * Signs "Sender Relay.app". Permissions belong to a signature's requirement: one made with the same certificate each time keeps them over
 * updates, an ad hoc one ("-") loses them with each build. So by default a self-signed certificate is made, once, in the login keychain.
 *
 * Tools by full path, so that nothing on the PATH comes between; the caller may name others.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { entitlementsPlist, IDENTIFIER } from './bundle.ts';

export const CERTIFICATE = 'Sender Relay Signing';
/** The Node project's Developer ID team. */
const NODE_TEAM = 'HX7739G8FX';

export interface Tools {
  codesign: string;
  security: string;
  openssl: string;
}

export const MAC_TOOLS: Tools = {
  codesign: '/usr/bin/codesign',
  security: '/usr/bin/security',
  openssl: '/usr/bin/openssl',
};

/** Throws if this Node was not signed by the Node project: then it is not known what is being signed. */
export function checkOrigin(program: string, { codesign }: Pick<Tools, 'codesign'>): void {
  const requirement = `anchor apple generic and certificate leaf[subject.OU] = "${NODE_TEAM}"`;
  const ran = spawnSync(codesign, ['--verify', '--strict', `-R=${requirement}`, program], { encoding: 'utf8' });
  if (ran.status !== 0)
    throw new Error(`the pinned Node is not signed by the Node project (${wordsOf(ran)}); nothing was made`);
}

/** Signs with an identity of the keychain, or "-" for ad hoc, and verifies. */
export function sign(app: string, identity: string, { codesign }: Pick<Tools, 'codesign'>): void {
  const folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
  try {
    const entitlements = join(folder, 'entitlements.plist');
    writeFileSync(entitlements, entitlementsPlist());
    const what = ['--force', '--sign', identity, '--identifier', IDENTIFIER];
    must(codesign, [...what, '--options', 'runtime', '--entitlements', entitlements, '--timestamp=none', app]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  must(codesign, ['--verify', '--strict', '--deep', app]);
  const shown = must(codesign, ['--display', '--verbose=2', app]);
  if (!new RegExp(`^Identifier=${IDENTIFIER}$`, 'm').test(shown))
    throw new Error(`the signature is not that of ${IDENTIFIER}: ${shown}`);
}

/** Our own certificate, made if it is not in the keychain. `made`: macOS will ask once whether codesign may use its key. */
export function ownIdentity(tools: Tools): { identity: string; made: boolean } {
  const known = spawnSync(tools.security, ['find-identity', '-p', 'codesigning'], { encoding: 'utf8' });
  if (known.stdout?.includes(`"${CERTIFICATE}"`)) return { identity: CERTIFICATE, made: false };
  const folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
  try {
    const { p12, password } = makeCertificate(folder, tools.openssl);
    must(tools.security, ['import', p12, '-P', password, '-T', tools.codesign]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { identity: CERTIFICATE, made: true };
}

/** A key and a certificate for signing code, for ten years, in `folder`. The password only guards the way into the keychain. */
export function makeCertificate(folder: string, openssl: string): { pem: string; p12: string; password: string } {
  const [key, pem, p12, config] = ['key.pem', 'cert.pem', 'identity.p12', 'openssl.cnf'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  writeFileSync(
    config,
    [
      '[req]',
      'distinguished_name = name',
      'prompt = no',
      'x509_extensions = use',
      '[name]',
      `CN = ${CERTIFICATE}`,
      '[use]',
      'basicConstraints = critical, CA:false',
      'keyUsage = critical, digitalSignature',
      'extendedKeyUsage = critical, codeSigning',
      '',
    ].join('\n'),
  );
  const password = 'on-its-way-into-the-keychain';
  const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', '-config', config];
  must(openssl, [...make, '-keyout', key, '-out', pem]);
  const pack = ['pkcs12', '-export', '-inkey', key, '-in', pem, '-name', CERTIFICATE, '-out', p12];
  // The keychain reads the older ciphers only; LibreSSL writes them anyway and does not know the option.
  const legacy = execFileSync(openssl, ['version'], { encoding: 'utf8' }).startsWith('OpenSSL 3') ? ['-legacy'] : [];
  must(openssl, [...pack, ...legacy, '-passout', `pass:${password}`]);
  return { pem, p12, password };
}

/** The requirement of a signed app, which a profile (profile.ts) names. */
export function requirementOf(app: string, { codesign }: Pick<Tools, 'codesign'>): string {
  const shown = must(codesign, ['--display', '--requirements', '-', app]);
  const found = /^designated => (.+)$/m.exec(shown)?.[1];
  if (!found) throw new Error(`${app} has no requirement of its own; an ad hoc signature has none that lasts`);
  return found;
}

function must(program: string, args: string[]): string {
  const ran = spawnSync(program, args, { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`${program} ${args[0]} failed: ${wordsOf(ran)}`);
  return `${ran.stdout}${ran.stderr}`;
}

function wordsOf(ran: { stdout: string | null; stderr: string | null; error?: Error; status: number | null }): string {
  return (
    ran.error?.message ?? ((ran.stderr || ran.stdout || '').trim().replace(/\s*\n\s*/g, '; ') || `exit ${ran.status}`)
  );
}
