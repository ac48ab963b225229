/**
 * Error numbers of sent rows (`message.error`), in the order of Apple's FZErrorType. What a number means to the sender is from reports
 * of rows that carried it; a number that nobody has explained is kept and called unknown.
 */
import type { ErrorMeaning } from '../../protocol/names.ts';
import type { AppleFault } from './sightings.ts';

/** 43 is the last name of the published enumeration; its number is inferred from the order. */
const NAMES = [
  'noError',
  'unknown',
  'cancelled',
  'timeout',
  'sendFailed',
  'internalFailure',
  'networkFailure',
  'networkLookup',
  'networkConnection',
  'noNetwork',
  'networkBusy',
  'networkDenied',
  'serverSignature',
  'serverDecode',
  'serverParse',
  'serverInternal',
  'invalidRequest',
  'malformedRequest',
  'unknownRequest',
  'invalidToken',
  'serverRejected',
  'remoteUserInvalid',
  'remoteUserDoesNotExist',
  'remoteUserIncompatible',
  'remoteUserRejected',
  'transcodingFailure',
  'encryptionFailure',
  'decryptionFailure',
  'otrEncryptionFailure',
  'otrDecryptionFailure',
  'localAccountDisabled',
  'localAccountMissing',
  'localAccountNeedsUpdate',
  'localAccountInvalid',
  'attachmentUploadFailure',
  'attachmentDownloadFailure',
  'messageAttachmentUploadFailure',
  'messageAttachmentDownloadFailure',
  'systemNeedsUpdate',
  'serviceCrashed',
  'invalidLocalCredentials',
  'attachmentDownloadFileNotFound',
  'textRenderingPreflightFailed',
  'messageWasBlackholed',
] as const;

const WORDS: Record<ErrorMeaning, string> = {
  recipient: 'This address cannot be reached by iMessage; check it, or reach the person another way.',
  sender_account: 'Apple does not accept this Mac’s account right now; sign out of Messages and in again.',
  network: 'The network failed while sending; send again once the Mac is online.',
  attachment: 'An attachment could not be sent; send it again in a common format.',
  text_suspected_junk: 'Messages held it back as suspected junk; stop sending this text and wait.',
  unknown: 'Messages reports that it was not delivered and does not say why; look at the conversation on the Mac.',
};

/** Where a number says more than its group. */
const OWN_WORDS: Record<number, string> = {
  2: 'It was interrupted while being sent; look at the conversation on the Mac.',
  3: 'Sending took too long; send again once the Mac’s network is good.',
  22: 'This address is not registered with iMessage; check it (a number needs its + and country code), or reach the person another way.',
  24: 'The recipient’s side rejects messages from this Mac; do not write there again.',
  38: 'Messages asks for a newer macOS; update the Mac.',
  39: 'The message service of the Mac crashed; restart Messages.',
};

/** `number` as the row has it, not 0. */
export function appleFault(number: number): AppleFault {
  const name = NAMES[number] ?? 'unlisted';
  const meaning = meaningOf(number);
  const words = OWN_WORDS[number] ?? WORDS[meaning];
  return { number, name, meaning, words };
}

function meaningOf(number: number): ErrorMeaning {
  if (number >= 21 && number <= 24) return 'recipient';
  if (number === 3 || (number >= 6 && number <= 11)) return 'network';
  if (number === 19 || (number >= 30 && number <= 33) || number === 38 || number === 40) return 'sender_account';
  if (number === 25 || (number >= 34 && number <= 37) || number === 41) return 'attachment';
  if (number === 43) return 'text_suspected_junk';
  return 'unknown';
}
