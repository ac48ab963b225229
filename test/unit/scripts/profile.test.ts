/** The configuration profile for fleets: does it grant the two permissions to our signature, and to nobody else? */
import { readFileSync } from 'node:fs';
import { parse } from 'plist';
import { expect, it } from 'vitest';
import { certificateRequirement, profileText, teamRequirement } from '../../../scripts/mac/profile.ts';

const TEMPLATE = readFileSync(new URL('../../../scripts/sender-relay.mobileconfig', import.meta.url), 'utf8');

interface Profile {
  PayloadUUID: string;
  PayloadContent: { PayloadUUID: string; Services: Record<string, Record<string, unknown>[]> }[];
}
const profile = (requirement: string) => parse(profileText(TEMPLATE, requirement)) as unknown as Profile;
const UUID = /^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-A[0-9A-F]{3}-[0-9A-F]{12}$/;

it('grants Full Disk Access and Automation of Messages, and nothing else', () => {
  const requirement = teamRequirement('ABCDE12345');
  expect(requirement).toBe(
    'identifier "com.sender.relay" and anchor apple generic and certificate leaf[subject.OU] = "ABCDE12345"',
  );
  const us = {
    Identifier: 'com.sender.relay',
    IdentifierType: 'bundleID',
    CodeRequirement: requirement,
    StaticCode: false,
    Authorization: 'Allow',
  };
  const made = profile(requirement);
  expect(made).toMatchObject({ PayloadType: 'Configuration', PayloadVersion: 1, PayloadScope: 'System' });
  expect(made.PayloadContent).toHaveLength(1);
  expect(made.PayloadContent[0]).toMatchObject({ PayloadType: 'com.apple.TCC.configuration-profile-policy' });
  expect(made.PayloadContent[0]?.Services).toEqual({
    SystemPolicyAllFiles: [us],
    AppleEvents: [
      {
        ...us,
        AEReceiverIdentifier: 'com.apple.MobileSMS',
        AEReceiverIdentifierType: 'bundleID',
        AEReceiverCodeRequirement: 'identifier "com.apple.MobileSMS" and anchor apple',
      },
    ],
  });
});

it('is the same for the same requirement, and another one for another', () => {
  const one = certificateRequirement('0123456789ABCDEF0123456789abcdef01234567');
  expect(one).toBe('identifier "com.sender.relay" and certificate leaf = H"0123456789abcdef0123456789abcdef01234567"');
  expect(profileText(TEMPLATE, one)).toBe(profileText(TEMPLATE, one));
  const ids = [one, teamRequirement('ABCDE12345')].flatMap((requirement) => {
    const made = profile(requirement);
    return [made.PayloadUUID, made.PayloadContent[0]?.PayloadUUID];
  });
  expect(new Set(ids).size).toBe(4);
  for (const id of ids) expect(id).toMatch(UUID);
  expect(profileText(TEMPLATE, one)).not.toMatch(/@[A-Z]+@/);
});

it('takes no requirement that somebody else could fulfil', () => {
  for (const team of ['', 'abcde12345', 'ABCDE1234', 'ABCDE12345" or true'])
    expect(() => teamRequirement(team)).toThrow('a team is');
  for (const sha1 of ['', 'xyz', `${'0'.repeat(40)}" or true`])
    expect(() => certificateRequirement(sha1)).toThrow('40 hex');
  expect(() => profileText(TEMPLATE, 'anchor apple')).toThrow('does not name com.sender.relay');
});
