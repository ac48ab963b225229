/** Every number of FZErrorType: its name, what it means to the sender, whether another try is worth it, and one sentence. */
import { describe, expect, it } from 'vitest';
import { appleFault } from '../../../daemon/bridge/apple-errors.ts';

/** Written out a second time and by hand, from the published enumeration. `*`: worth another try. */
const TABLE = `
1 unknown unknown | 2 cancelled unknown * | 3 timeout network * | 4 sendFailed unknown | 5 internalFailure unknown
6 networkFailure network * | 7 networkLookup network * | 8 networkConnection network * | 9 noNetwork network *
10 networkBusy network * | 11 networkDenied network * | 12 serverSignature unknown | 13 serverDecode unknown
14 serverParse unknown | 15 serverInternal unknown * | 16 invalidRequest unknown | 17 malformedRequest unknown
18 unknownRequest unknown | 19 invalidToken sender_account * | 20 serverRejected unknown | 21 remoteUserInvalid recipient
22 remoteUserDoesNotExist recipient | 23 remoteUserIncompatible recipient | 24 remoteUserRejected recipient
25 transcodingFailure attachment | 26 encryptionFailure unknown | 27 decryptionFailure unknown
28 otrEncryptionFailure unknown | 29 otrDecryptionFailure unknown | 30 localAccountDisabled sender_account *
31 localAccountMissing sender_account * | 32 localAccountNeedsUpdate sender_account * | 33 localAccountInvalid sender_account *
34 attachmentUploadFailure attachment * | 35 attachmentDownloadFailure attachment
36 messageAttachmentUploadFailure attachment * | 37 messageAttachmentDownloadFailure attachment
38 systemNeedsUpdate sender_account * | 39 serviceCrashed unknown * | 40 invalidLocalCredentials sender_account *
41 attachmentDownloadFileNotFound attachment | 42 textRenderingPreflightFailed unknown
43 messageWasBlackholed text_suspected_junk`;

const rows = TABLE.trim()
  .split(/\s*[|\n]\s*/)
  .map((line) => line.split(' '))
  .map(([number, name, meaning, again]) => ({ number: Number(number), name, meaning, retryable: again === '*' }));

describe('an error number', () => {
  it('is listed from 1 to 43, each under a name of its own', () => {
    const known = Array.from({ length: 200 }, (_, i) => appleFault(i + 1)).filter(({ name }) => name !== 'unlisted');
    expect(known.map(({ number }) => number)).toEqual(rows.map(({ number }) => number));
    expect(new Set(known.map(({ name }) => name)).size).toBe(43);
  });

  it.each(rows)('$number is $name: $meaning', (row) => {
    const fault = appleFault(row.number);
    expect(fault).toMatchObject(row);
    expect(fault.words).toMatch(/^[A-Z].*[;:,] .*[.]$/);
    expect(fault.words.length).toBeLessThan(150);
  });

  it('that nobody has explained is kept, and another try is not offered', () => {
    for (const number of [44, 77, 1234, -3])
      expect(appleFault(number)).toMatchObject({ number, name: 'unlisted', meaning: 'unknown', retryable: false });
  });
});
