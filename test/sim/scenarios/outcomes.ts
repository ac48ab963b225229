/** What becomes of a message that left: sent, delivered, read, not delivered, and in which order its row says so. */
import type { MessageStatus } from '../../../protocol/events.ts';
import type { Scenario, Scene } from './scene.ts';

const DAY = 86_400_000;

export const OUTCOMES: Scenario[] = [
  {
    name: 'delivered-after-400-ms',
    happens: 'the recipient’s phone takes the message after 0.4 s, as half of all do',
    must: 'tell `sent`, then `delivered`, with Apple’s date of the receipt',
    async play(scene) {
      const ann = scene.person();
      const command = await scene.send(ann, 'A quick word.');
      const status = await scene.becomes(command, 'delivered');
      const row = scene.rows().find(({ guid }) => guid === status.guid);
      scene.sees('the date of the receipt', status.at, row?.date_delivered);
      scene.sees('the own address', status.from, '+15550100000');
    },
  },
  {
    name: 'never-delivered',
    happens: 'the recipient’s phone is off: the row says sent and nothing more',
    must: 'leave it at `sent`, which is neither delivered nor failed',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { deliveredAfterMs: null });
      const command = await scene.send(ann, 'Call me when you are back.');
      await scene.becomes(command, 'sent');
      await scene.sim.pass(2 * DAY, 40);
      await scene.ground.settle();
      scene.sees('what was told', scene.told(command).at(-1), 'sent');
    },
  },
  {
    name: 'delivered-after-seven-hours',
    happens: 'the recipient’s phone takes the message after 7.3 hours, the longest that was measured',
    must: 'tell `delivered` then',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { deliveredAfterMs: 26_180_000 });
      const command = await scene.send(ann, 'Good night, see you in the morning.');
      await scene.becomes(command, 'sent');
      await scene.sim.pass(26_000_000, 50);
      await scene.ground.settle();
      scene.sees('an hour too early', scene.status(command)?.state, 'sent');
      await scene.sim.pass(180_000);
      await scene.becomes(command, 'delivered');
    },
  },
  {
    name: 'delivered-on-the-sixth-day',
    happens: 'a phone that was off for six days takes the message',
    must: 'still watch the row',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { deliveredAfterMs: 6 * DAY });
      const command = await scene.send(ann, 'Enjoy your holidays.');
      await scene.becomes(command, 'sent');
      await scene.sim.pass(6 * DAY, 60);
      await scene.becomes(command, 'delivered');
    },
  },
  {
    name: 'asleep-in-between',
    happens: 'the Mac sleeps for eight hours, between a send and its receipt',
    must: 'tell what came meanwhile once it wakes, receipts and messages alike',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, {
        deliveredAfterMs: 3_600_000,
        answers: [{ text: 'Slept well?', afterMs: 60_000 }],
      });
      const command = await scene.send(ann, 'Lights out.');
      await scene.becomes(command, 'sent');
      await scene.sim.pass(8 * 3_600_000);
      await scene.becomes(command, 'delivered');
      await scene.hears('message.inbound', (data) => data.text === 'Slept well?', 'what came meanwhile');
    },
  },
  {
    name: 'read-receipt',
    happens: 'the recipient reads the message 4 s after it was delivered, with receipts switched on',
    must: 'tell `read` with Apple’s date of it',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { readAfterMs: 4_000 });
      const command = await scene.send(ann, 'Please read me.');
      const status = await scene.becomes(command, 'read');
      const row = scene.rows().find(({ guid }) => guid === status.guid);
      scene.sees('the date of the reading', status.at, row?.date_read);
      scene.sees('each state once', new Set(scene.told(command)).size, scene.told(command).length);
    },
  },
  {
    name: 'older-message-read-later',
    happens: 'an older message is delivered only after a newer one to the same person',
    must: 'go on watching the older one',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { deliveredAfterMs: 20_000 });
      const older = await scene.send(ann, 'First things first.');
      await scene.becomes(older, 'sent');
      await scene.sim.contact(ann, { deliveredAfterMs: 400 });
      const newer = await scene.send(ann, 'And then the second.');
      await scene.becomes(newer, 'delivered');
      scene.sees('the older one then', scene.status(older)?.state, 'sent');
      await scene.becomes(older, 'delivered');
    },
  },
  {
    name: 'receipt-behind-a-burst',
    happens: 'four hundred newer messages stand behind one whose receipt comes only then',
    must: 'still see the receipt',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      await scene.sim.contact(ann, { deliveredAfterMs: 60_000 });
      const command = await scene.send(ann, 'Before the flood.');
      await scene.becomes(command, 'sent');
      const rows = await Promise.all(
        Array.from({ length: 400 }, (_, n) => scene.sim.inbound({ from: bob, text: `Wave ${n}` })),
      );
      await scene.hearsOf(rows.at(-1)?.guid ?? '');
      await scene.sim.pass(60_000);
      await scene.becomes(command, 'delivered');
    },
  },
  {
    name: 'group-without-delivery',
    happens: 'a message goes to a group, for which Apple never records a delivery',
    must: 'end at `sent`',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      const group = await scene.group('Choir', [ann, bob]);
      const command = await scene.send(group, 'Practice is at seven.');
      const { guid = '' } = await scene.becomes(command, 'sent');
      // One member's phone may say so; of the others that says nothing.
      await scene.sim.change(guid, { columns: { is_delivered: 1 } });
      await scene.sim.pass(DAY, 20);
      await scene.ground.settle();
      scene.sees('what was told', scene.told(command).at(-1), 'sent');
    },
  },
  {
    name: 'error-in-the-first-row',
    happens: 'the row carries error 22 the first time it can be seen',
    must: 'tell `not_delivered`, with the number, its name, and that it speaks of the recipient',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { notOnIMessage: true });
      const command = await scene.send(ann, 'Are you on iMessage, Ann?');
      fault(scene, await scene.becomes(command, 'not_delivered'), 22, 'recipient');
    },
  },
  {
    name: 'late-error-22',
    happens: 'osascript and row say sent, and 1.5 s later the row says error 22',
    must: 'tell `not_delivered` behind `sent`',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { lateError: { error: 22, afterMs: 1_500 } });
      const command = await scene.send(ann, 'This will come back.');
      fault(scene, await scene.becomes(command, 'not_delivered'), 22, 'recipient');
      scene.sees('never as delivered', scene.told(command).includes('delivered'), false);
    },
  },
  {
    name: 'error-hours-later',
    happens: 'the row says sent for two hours, then error 4',
    must: 'tell `not_delivered` all the same',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { lateError: { error: 4, afterMs: 7_200_000 } });
      const command = await scene.send(ann, 'Two hours of hope.');
      await scene.becomes(command, 'sent');
      await scene.sim.pass(7_200_000, 20);
      fault(scene, await scene.becomes(command, 'not_delivered'), 4, 'unknown');
    },
  },
  {
    name: 'clean-row-after-a-failed-one',
    happens: 'the first row fails, and 1.2 s later a second row with the same text is fine',
    must: 'not call it failed: the second row is the message’s',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { notDelivered: { error: 22, afterMs: 300 }, cleanRowAfterMs: 1_200 });
      const command = await scene.send(ann, 'Second time lucky.');
      await scene.becomes(command, 'delivered');
      scene.sees('never as not delivered', scene.told(command).includes('not_delivered'), false);
      scene.sees('asked for once', scene.asked('Second time lucky.'), 1);
    },
  },
  {
    name: 'downgraded-to-sms',
    happens: 'what was to go as iMessage becomes an SMS 3 s later, in the same row',
    must: 'tell that it was downgraded, never `delivered`, and send that person nothing more',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { downgraded: { afterMs: 3_000 } });
      const command = await scene.send(ann, 'Green or blue?');
      await scene.ground.until(() => scene.status(command)?.downgraded === true, { what: 'the downgrade is told' });
      const status = scene.status(command);
      scene.sees('as what it went', [status?.state, status?.service], ['sent', 'SMS']);
      await scene.sim.change(status?.guid ?? '', { columns: { is_delivered: 1 } });
      const next = await scene.send(ann, 'Not by SMS, please.');
      const end = await scene.becomes(next, 'rejected');
      scene.sees('why the next is refused', end.code, 'recipient_not_imessage');
      scene.sees('asked for', scene.asked('Not by SMS, please.'), 0);
    },
  },
  {
    name: 'ghost-row',
    happens: 'macOS 26 takes a message and leaves only an empty SMS row in no chat',
    must: 'tell `not_delivered`, not sent and not silence',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.apple({ ghosts: 1 });
      const command = await scene.send(ann, 'Boo.');
      const status = await scene.becomes(command, 'not_delivered');
      scene.sees('with a sentence', /not sent/.test(status.words ?? ''), true);
    },
  },
  {
    name: 'ghost-row-of-a-group',
    happens: 'the same for a group: the ghost’s handle is the group’s own identifier',
    must: 'tell `not_delivered`',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      const group = await scene.group('Haunted', [ann, bob]);
      scene.people.add(group.identifier);
      await scene.sim.apple({ ghosts: 1 });
      const command = await scene.send(group, 'Boo to all.');
      await scene.becomes(command, 'not_delivered');
    },
  },
  {
    name: 'every-class-of-error',
    happens: 'rows fail with errors of the network, of an attachment, of junk, and with a number that nobody knows',
    must: 'name each number and say whose fault it is, without guessing',
    async play(scene) {
      for (const [error, meaning] of CLASSES) {
        const who = scene.person();
        await scene.sim.contact(who, { notDelivered: { error, afterMs: 500 } });
        const command = await scene.send(who, `The error of the day is ${error}.`);
        fault(scene, await scene.becomes(command, 'not_delivered'), error, meaning);
      }
    },
  },
  {
    name: 'sender-account-error',
    happens: 'a row fails with error 33: the Apple ID of this Mac is not valid',
    must: 'say that the sender’s account is meant, and say so in the sender’s health',
    alone: true,
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      for (const who of [ann, bob]) await scene.sim.contact(who, { notDelivered: { error: 33, afterMs: 500 } });
      const command = await scene.send(ann, 'Who am I, even?');
      fault(scene, await scene.becomes(command, 'not_delivered'), 33, 'sender_account');
      await scene.hears('sender.health', (data) => data.state !== 'healthy', 'the sender is not healthy');
    },
  },
  {
    name: 'junk-verdict',
    happens: 'Apple takes the sender for one of junk: from then on every message fails with error 22',
    must: 'stop sending after the second known contact who could not be reached, and say so',
    alone: true,
    async play(scene) {
      const known = [scene.person(), scene.person(), scene.person()];
      for (const [n, who] of known.entries())
        await scene.becomes(await scene.send(who, `${['Monday', 'Tuesday', 'Friday'][n]} suits us.`), 'delivered');
      await scene.sim.apple({ junk: true });
      const [one = '', two = '', three = ''] = known;
      await scene.becomes(await scene.send(one, 'The lamp is mended.'), 'not_delivered');
      await scene.becomes(await scene.send(two, 'Your chair is upholstered anew.'), 'not_delivered');
      await scene.hears('sender.health', (data) => data.state === 'suspicious', 'the sender is suspicious');
      const held = await scene.send(three, 'Nobody shall read this today.');
      await scene.becomes(held, 'held', 'rejected');
      scene.sees('asked for', scene.asked('Nobody shall read this today.'), 0);
    },
  },
];

const CLASSES = [
  [3, 'network'],
  [9, 'network'],
  [25, 'attachment'],
  [43, 'text_suspected_junk'],
  [77, 'unknown'],
] as const;

function fault(scene: Scene, status: MessageStatus, number: number, meaning: string): void {
  scene.sees(
    'the number and whom it speaks of',
    [status.apple_error?.number, status.apple_error?.meaning],
    [number, meaning],
  );
  scene.sees('it has a name and a sentence', Boolean(status.apple_error?.name && status.words), true);
}
