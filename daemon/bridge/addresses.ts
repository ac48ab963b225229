/**
 * Which addresses may an attachment be fetched from? Only those of the public internet: what a controller names must never make the relay
 * speak with this Mac, its network, or a cloud's metadata service. The lists are IANA's special-purpose registries.
 */
import { BlockList, isIP } from 'node:net';

const IPV4: [subnet: string, bits: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Within 2000::/3: protocol assignments (with Teredo and ORCHID), documentation, and 6to4, which hides an IPv4 address. */
const IPV6: [subnet: string, bits: number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const closed = new BlockList();
for (const [subnet, bits] of IPV4) closed.addSubnet(subnet, bits, 'ipv4');
for (const [subnet, bits] of IPV6) closed.addSubnet(subnet, bits, 'ipv6');
const unicast = new BlockList();
unicast.addSubnet('2000::', 3, 'ipv6');
/** Networks without IPv4 reach it through these (RFC 6052); the address behind them is judged. */
const translated = new BlockList();
translated.addSubnet('64:ff9b::', 96, 'ipv6');

/** `address`: an IP address as the resolver or a socket gives it. Anything else is not public. */
export function isPublicAddress(address: string): boolean {
  const plain = address.split('%')[0] ?? '';
  const family = isIP(plain);
  if (family === 4) return !closed.check(plain, 'ipv4');
  // A scope (%en0) belongs to link-local addresses only.
  if (family !== 6 || plain !== address) return false;
  const behind = embedded(plain);
  if (behind !== null) return isPublicAddress(behind);
  return unicast.check(plain, 'ipv6') && !closed.check(plain, 'ipv6');
}

/** The IPv4 address in the last 32 bits of a translated or mapped one; null for all others. */
function embedded(address: string): string | null {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  if (!canonical.startsWith('::ffff:') && !translated.check(address, 'ipv6')) return null;
  const [high = '0', low = '0'] = canonical.split(':').slice(-2);
  const bits = Number.parseInt(high || '0', 16) * 65_536 + Number.parseInt(low || '0', 16);
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
}
