/**
 * Apple's numbers and identifiers by name: what stands in `chat.db` on the left, what we call it on the right. Known from real rows, from
 * Apple's own headers and from what other readers of chat.db agree on. A value that is not here is told as it stands.
 */

/** `associated_message_type` from 2000 (given) and 3000 (taken back). */
export const TAPBACKS = ['love', 'like', 'dislike', 'laugh', 'emphasis', 'question', 'emoji', 'sticker'];

/** `item_type` and `group_action_type`. Member rows whose two handles are the same person tell of a new address. */
export const GROUP_EVENTS: ReadonlyMap<string, string> = new Map([
  ['1.0', 'member_added'],
  ['1.1', 'member_removed'],
  ['2.0', 'renamed'],
  ['3.0', 'member_left'],
  ['3.1', 'photo_changed'],
  ['3.2', 'photo_removed'],
  ['3.4', 'background_changed'],
  ['3.6', 'background_removed'],
]);

/** `attachment.transfer_state`. */
export const TRANSFER_STATES: ReadonlyMap<number, string> = new Map([
  [-1, 'archiving'],
  [0, 'waiting'],
  [1, 'accepted'],
  [2, 'preparing'],
  [3, 'transferring'],
  [4, 'finalizing'],
  [5, 'ready'],
  [6, 'failed'],
  [7, 'recoverable_error'],
]);

/** `expressive_send_style_id`: how the bubble comes in, or what fills the screen. */
const BUBBLE_EFFECT = 'com.apple.MobileSMS.expressivesend.';
const SCREEN_EFFECT = 'com.apple.messages.effect.CK';
const EFFECTS: ReadonlyMap<string, string> = new Map([
  [`${BUBBLE_EFFECT}gentle`, 'gentle'],
  [`${BUBBLE_EFFECT}impact`, 'slam'],
  [`${BUBBLE_EFFECT}invisibleink`, 'invisible_ink'],
  [`${BUBBLE_EFFECT}loud`, 'loud'],
  [`${SCREEN_EFFECT}ConfettiEffect`, 'confetti'],
  [`${SCREEN_EFFECT}EchoEffect`, 'echo'],
  [`${SCREEN_EFFECT}FireworksEffect`, 'fireworks'],
  [`${SCREEN_EFFECT}HappyBirthdayEffect`, 'balloons'],
  [`${SCREEN_EFFECT}HeartEffect`, 'love'],
  [`${SCREEN_EFFECT}LasersEffect`, 'lasers'],
  [`${SCREEN_EFFECT}ShootingStarEffect`, 'shooting_star'],
  [`${SCREEN_EFFECT}SparklesEffect`, 'celebration'],
  [`${SCREEN_EFFECT}SpotlightEffect`, 'spotlight'],
]);

export function effectOf(id: string): Record<string, string> {
  const name = EFFECTS.get(id);
  return { ...(name ? { name, kind: id.startsWith(BUBBLE_EFFECT) ? 'bubble' : 'screen' } : {}), id };
}

/** Attributes of a run that are switches, and the values of `__kIMTextEffectAttributeName`. */
export const STYLES: ReadonlyMap<string, string> = new Map([
  ['__kIMTextBoldAttributeName', 'bold'],
  ['__kIMTextItalicAttributeName', 'italic'],
  ['__kIMTextUnderlineAttributeName', 'underline'],
  ['__kIMTextStrikethroughAttributeName', 'strikethrough'],
]);
export const TEXT_EFFECTS: ReadonlyMap<number, string> = new Map([
  [4, 'ripple'],
  [5, 'big'],
  [6, 'bloom'],
  [8, 'nod'],
  [9, 'shake'],
  [10, 'jitter'],
  [11, 'small'],
  [12, 'explode'],
]);

/** A link with its preview is a text for us. */
export const LINK = 'com.apple.messages.URLBalloonProvider';
/**
 * `balloon_bundle_id` ends in one of these; before them stands, for extensions, `…MSMessageExtensionBalloonPlugin:<team>:`.
 */
const APPS: ReadonlyMap<string, string> = new Map([
  [LINK, 'link'],
  ['com.apple.Handwriting.HandwritingProvider', 'handwriting'],
  ['com.apple.DigitalTouchBalloonProvider', 'digital_touch'],
  ['com.apple.PassbookUIService.PeerPaymentMessagesExtension', 'apple_cash'],
  ['com.apple.messages.Polls', 'polls'],
  ['com.apple.findmy.FindMyMessagesApp', 'find_my'],
  ['com.apple.SafetyMonitorApp.SafetyMonitorMessages', 'check_in'],
  ['com.apple.mobileslideshow.PhotosMessagesApp', 'photos'],
  ['com.apple.ActivityMessagesApp.MessagesExtension', 'fitness'],
  ['com.apple.icloud.apps.messages.business.extension', 'business'],
  ['com.apple.family.InviteMessageBubbleExtension', 'family_sharing'],
  ['com.apple.Animoji.StickersApp.MessagesExtension', 'memoji'],
  ['com.apple.Stickers.UserGenerated.MessagesExtension', 'stickers'],
  ['com.gamerdelights.gamepigeon.ext', 'game_pigeon'],
]);

/** Our name of the app that draws a message, or undefined if we know none. */
export function appName(bundleId: string): string | undefined {
  return APPS.get(bundleId.slice(bundleId.lastIndexOf(':') + 1));
}

const SERVICES: ReadonlyMap<string, string> = new Map(
  ['iMessage', 'SMS', 'RCS', 'iMessageLite'].map((name) => [name.toLowerCase(), name]),
);

/** `service` in Apple's usual spelling (there are rows with `rcs`); iMessageLite is iMessage by satellite. */
export function serviceOf(written: string): string {
  return SERVICES.get(written.toLowerCase()) ?? written;
}
