/**
 * Error numbers of sent rows (`message.error`): Apple's FZErrorType in its order, with what a number means to the sender, one sentence for
 * a person (what happened, what to do), and whether the same text is worth another try. Names are those of Apple's headers; meanings come
 * from reports of rows that carried the number. Seen in somebody's chat.db: 1, 3, 4, 22, 25, 27, 35, 37, 39. A number beyond the list is
 * kept and called unlisted.
 *
 * Messages itself tries another service for 21 to 24 only; nothing else is sent again by itself.
 */
import type { ErrorMeaning } from '../../protocol/names.ts';
import type { AppleFault } from './sightings.ts';

type Listed = [name: string, meaning: ErrorMeaning, words: string, retry: 'again' | 'as it is, never'];

const again = 'again' as const;
const never = 'as it is, never' as const;

const NETWORK = 'The network failed while sending; send again once the Mac is online.';
const SERVER =
  'Apple’s server did not take it; look at the conversation on the Mac, and at Apple’s system status page.';
const SECRET = 'It could not be encrypted between this Mac and theirs; open the conversation on the Mac and try there.';
const ACCOUNT = 'Apple does not accept this Mac’s account; sign out of Messages and in again.';
const UPLOAD = 'An attachment could not be uploaded; send again once the Mac’s network is good.';
const DOWNLOAD = 'Messages could not fetch the attachment again; send it anew.';
const LOOK = 'Messages says that it was not delivered and does not say why; look at the conversation on the Mac.';

/** By number. 43 is the last name of the published enumeration; its number is inferred from the order. */
const LISTED: readonly Listed[] = [
  ['noError', 'unknown', LOOK, never],
  ['unknown', 'unknown', LOOK, never],
  ['cancelled', 'unknown', 'It was interrupted while being sent; look at the conversation, and send it again.', again],
  ['timeout', 'network', 'Sending took too long; send again once the Mac’s network is good.', again],
  ['sendFailed', 'unknown', LOOK, never],
  ['internalFailure', 'unknown', 'Messages failed inside itself; quit Messages, open it again, and look there.', never],
  ['networkFailure', 'network', NETWORK, again],
  ['networkLookup', 'network', 'Apple’s server was not found; check the Mac’s network and its DNS.', again],
  ['networkConnection', 'network', NETWORK, again],
  ['noNetwork', 'network', 'The Mac is offline; send again once it is online.', again],
  ['networkBusy', 'network', 'The network was busy; send again in a while.', again],
  ['networkDenied', 'network', 'The network refused the connection; check firewall, VPN and proxy of the Mac.', again],
  ['serverSignature', 'unknown', SERVER, never],
  ['serverDecode', 'unknown', SERVER, never],
  ['serverParse', 'unknown', SERVER, never],
  ['serverInternal', 'unknown', 'Apple’s server had a fault of its own; send again in a while.', again],
  ['invalidRequest', 'unknown', SERVER, never],
  ['malformedRequest', 'unknown', SERVER, never],
  ['unknownRequest', 'unknown', SERVER, never],
  [
    'invalidToken',
    'sender_account',
    'This Mac’s sign-in is no longer valid; sign out of Messages and in again.',
    again,
  ],
  ['serverRejected', 'unknown', 'Apple’s server rejected it; stop sending this and look at the conversation.', never],
  ['remoteUserInvalid', 'recipient', 'This is no address that Messages can write to; check it.', never],
  [
    'remoteUserDoesNotExist',
    'recipient',
    'This address is not registered with iMessage; check it (a number needs its + and country code), or reach the person another way.',
    never,
  ],
  [
    'remoteUserIncompatible',
    'recipient',
    'Their device cannot take this by iMessage; reach the person another way.',
    never,
  ],
  [
    'remoteUserRejected',
    'recipient',
    'The recipient’s side rejects messages from this Mac; do not write there again.',
    never,
  ],
  [
    'transcodingFailure',
    'attachment',
    'An attachment could not be read or converted; send it again in a common format.',
    never,
  ],
  ['encryptionFailure', 'unknown', SECRET, never],
  ['decryptionFailure', 'unknown', SECRET, never],
  ['otrEncryptionFailure', 'unknown', SECRET, never],
  ['otrDecryptionFailure', 'unknown', SECRET, never],
  [
    'localAccountDisabled',
    'sender_account',
    'The account of this Mac is disabled; open Messages → Settings → iMessage and switch it on.',
    again,
  ],
  [
    'localAccountMissing',
    'sender_account',
    'This Mac has no iMessage account; open Messages → Settings → iMessage and sign in.',
    again,
  ],
  [
    'localAccountNeedsUpdate',
    'sender_account',
    'The account of this Mac needs attention; open Messages and follow what it asks.',
    again,
  ],
  ['localAccountInvalid', 'sender_account', ACCOUNT, again],
  ['attachmentUploadFailure', 'attachment', UPLOAD, again],
  ['attachmentDownloadFailure', 'attachment', DOWNLOAD, never],
  ['messageAttachmentUploadFailure', 'attachment', UPLOAD, again],
  ['messageAttachmentDownloadFailure', 'attachment', DOWNLOAD, never],
  ['systemNeedsUpdate', 'sender_account', 'Messages asks for a newer macOS; update the Mac.', again],
  ['serviceCrashed', 'unknown', 'The message service of the Mac crashed; restart Messages, then send again.', again],
  ['invalidLocalCredentials', 'sender_account', ACCOUNT, again],
  ['attachmentDownloadFileNotFound', 'attachment', 'The attachment’s file is gone; send it anew.', never],
  ['textRenderingPreflightFailed', 'unknown', 'Messages could not lay out this text; send another one.', never],
  [
    'messageWasBlackholed',
    'text_suspected_junk',
    'Messages held it back as suspected junk; stop sending this and wait.',
    never,
  ],
];

/** `number` as the row has it, not 0. */
export function appleFault(number: number): AppleFault {
  const [name, meaning, words, retry] = LISTED[number] ?? ['unlisted', 'unknown', LOOK, never];
  return { number, name, meaning, words, retryable: retry === again };
}
