/** The controller's address: what is allowed, and how it is shown. The token goes there, so it goes encrypted, or not off this machine. */
import { isIPv4 } from 'node:net';

/** What is wrong with it and what to do, or null. */
export function controllerUrlMistake(written: string): { why: string; hint: string } | null {
  if (!URL.canParse(written)) return { why: 'is not a URL', hint: 'Write it as wss://host/path.' };
  const url = new URL(written);
  if (url.username || url.password)
    return { why: 'carries a name or a password', hint: 'Leave them out; the token comes from its file.' };
  if (url.hash) return { why: 'has a part behind #', hint: 'Leave it out.' };
  if (url.protocol === 'wss:') return null;
  if (url.protocol !== 'ws:') return { why: 'does not begin with wss://', hint: 'Write it as wss://host/path.' };
  if (isLoopback(url.hostname)) return null;
  return {
    why: 'would send the token unencrypted',
    hint: 'Use wss://; ws:// is for 127.0.0.1 and [::1] only.',
  };
}

/** A text without what may be secret in the addresses that stand in it: names and passwords, and what is asked. */
export function withoutSecrets(text: string): string {
  return text.replace(/\/\/[^\s"]*@/g, '//…@').replace(/(\/\/[^\s"?]*)\?[^\s"]*/g, '$1?…');
}

function isLoopback(hostname: string): boolean {
  return hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}
