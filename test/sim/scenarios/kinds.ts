/** One of each kind of row that a person sees, and what is told of it. */
import type { Scenario, Scene } from './scene.ts';

export const KINDS: Scenario[] = [
  {
    name: 'inbound-file',
    happens: 'a photo comes; its row is there before the file, which arrives 5 s later',
    must: 'tell the message at once with the file’s state, and tell when the file is there',
    async play(scene) {
      const ann = scene.person();
      const file = { name: 'cat.jpg', bytes: 5_000, state: 3 };
      const { guid } = await scene.sim.inbound({ from: ann, text: 'Look!', files: [file] });
      const told = await scene.hearsOf(guid);
      scene.sees('kind and state', [told.data.kind, filesOf(told.data)[0]?.state], ['attachment', 'transferring']);
      scene.sees('its words', told.data.text, 'Look!');
      await scene.sim.change(guid, { transferState: 5 });
      const ready = await scene.hears('attachment.ready', (data) => data.guid === guid, 'the file is there');
      scene.sees('its name and size', [ready.data.name, ready.data.bytes], ['cat.jpg', 5_000]);
    },
  },
  {
    name: 'inbound-file-that-is-there',
    happens: 'a message comes with two files that are on the disk already',
    must: 'tell both, ready',
    async play(scene) {
      const ann = scene.person();
      const files = [{ name: 'a.pdf', mime: 'application/pdf' }, { name: 'b.jpg' }];
      const { data } = await inbound(scene, { from: ann, files });
      scene.sees(
        'names, types and states',
        filesOf(data).map((f) => [f.name, f.mime_type, f.state]),
        [
          ['a.pdf', 'application/pdf', 'ready'],
          ['b.jpg', 'image/jpeg', 'ready'],
        ],
      );
    },
  },
  {
    name: 'file-that-fails',
    happens: 'the file of a message never comes: its transfer fails',
    must: 'tell the message all the same, and the failure as it is',
    async play(scene) {
      const ann = scene.person();
      const { data } = await inbound(scene, { from: ann, text: 'Broken', files: [{ name: 'x.jpg', state: 6 }] });
      scene.sees('its state', filesOf(data)[0]?.state, 'failed');
    },
  },
  {
    name: 'voice-message',
    happens: 'a voice message comes',
    must: 'tell it as a file, and that it is a voice message',
    async play(scene) {
      const ann = scene.person();
      const files = [{ name: 'Audio Message.caf', mime: 'audio/x-caf' }];
      const { data } = await inbound(scene, { from: ann, audio: true, files });
      scene.sees('what it is', [data.kind, detailOf(data).audio], ['attachment', true]);
    },
  },
  {
    name: 'sticker',
    happens: 'a sticker comes as a message of its own',
    must: 'tell it as a sticker',
    async play(scene) {
      const ann = scene.person();
      const { data } = await inbound(scene, { from: ann, files: [{ name: 'cat.heic', sticker: true }] });
      scene.sees('what it is', data.kind, 'sticker');
    },
  },
  {
    name: 'tapbacks',
    happens: 'each tapback is given to a message of the relay, one with an emoji, and one is taken back',
    must: 'tell each once, by name, with the message it is on; none of them is a text, least of all a STOP',
    async play(scene) {
      const ann = scene.person();
      const { guid: own = '' } = await scene.becomes(await scene.send(ann, 'Shall we?'), 'delivered');
      const found: unknown[] = [];
      const kinds = ['love', 'like', 'dislike', 'laugh', 'emphasise', 'question'] as const;
      for (const kind of kinds) found.push(await reaction(scene, ann, { kind, of: own }));
      scene.sees(
        'names',
        found,
        ['love', 'like', 'dislike', 'laugh', 'emphasis', 'question'].map((name) => [name, false, own, 0, null]),
      );
      const emoji = await reaction(scene, ann, { kind: 'emoji', of: own, emoji: '🦆' });
      scene.sees('an emoji', emoji, ['emoji', false, own, 0, '🦆']);
      const back = await reaction(scene, ann, { kind: 'like', of: own, removed: true });
      scene.sees('one taken back', back, ['like', true, own, 0, null]);
    },
  },
  {
    name: 'reply-and-effect',
    happens: 'an inline reply with a bubble effect comes',
    must: 'tell it as a text, with the message it replies to and the effect',
    async play(scene) {
      const ann = scene.person();
      const { guid: own = '' } = await scene.becomes(await scene.send(ann, 'At nine or at ten?'), 'delivered');
      const effect = 'com.apple.MobileSMS.expressivesend.impact';
      const { data } = await inbound(scene, { from: ann, text: 'At ten!', replyTo: own, effect });
      const { reply_to: to } = detailOf(data);
      scene.sees('what it replies to', typeof to === 'object' && to !== null && Reflect.get(to, 'guid'), own);
      scene.sees('an effect is told', Object.keys(detailOf(data)).includes('effect'), true);
      scene.sees('what it is', [data.kind, data.text], ['text', 'At ten!']);
    },
  },
  {
    name: 'edits',
    happens: 'somebody changes a message twice',
    must: 'tell the message once and each later version once, in order',
    async play(scene) {
      const ann = scene.person();
      const { guid } = await scene.sim.inbound({ from: ann, text: 'At eihgt.' });
      await scene.hearsOf(guid);
      for (const text of ['At eight.', 'At half past eight.']) {
        await scene.sim.change(guid, { edit: text });
        await scene.hears('message.edited', (data) => data.guid === guid && data.text === text, text);
      }
      const versions = scene.events.flatMap((e) =>
        e.name === 'message.edited' ? [[e.data.version, e.data.part, e.data.text]] : [],
      );
      scene.sees('the versions', versions, [
        [2, 0, 'At eight.'],
        [3, 0, 'At half past eight.'],
      ]);
    },
  },
  {
    name: 'edited-while-down',
    happens: 'a message is changed while the relay is dead',
    must: 'tell the new version after the start',
    async play(scene) {
      const ann = scene.person();
      const { guid } = await scene.sim.inbound({ from: ann, text: 'Blue.' });
      await scene.hearsOf(guid);
      await scene.ground.killRelay();
      await scene.sim.change(guid, { edit: 'Green.' });
      scene.ground.startRelay();
      await scene.hears('message.edited', (data) => data.guid === guid && data.text === 'Green.', 'the new version');
    },
  },
  {
    name: 'unsent',
    happens: 'somebody takes a message back',
    must: 'tell it once; what was told stays told',
    async play(scene) {
      const ann = scene.person();
      const { guid } = await scene.sim.inbound({ from: ann, text: 'I did not say this.' });
      await scene.hearsOf(guid);
      await scene.sim.change(guid, { unsend: true });
      await scene.hears('message.unsent', (data) => data.guid === guid, 'it is taken back');
      await scene.ground.settle();
      scene.sees('how often it was told', scene.events.filter((e) => e.name === 'message.unsent').length, 1);
    },
  },
  {
    name: 'own-message-edited',
    happens: 'the owner changes a message of the relay by hand',
    must: 'tell the edit as the owner’s, and keep the message’s state',
    async play(scene) {
      const ann = scene.person();
      const command = await scene.send(ann, 'We open at nein.');
      const { guid = '' } = await scene.becomes(command, 'delivered');
      await scene.sim.change(guid, { edit: 'We open at nine.' });
      const told = await scene.hears('message.edited', (data) => data.guid === guid, 'the new version');
      scene.sees('by whom', told.data.from_me, true);
      scene.sees('the state', scene.status(command)?.state, 'delivered');
    },
  },
  {
    name: 'group-changes',
    happens: 'a group gets a name, a member, a photo; one is put out, one leaves',
    must: 'tell each change once, with who and what',
    async play(scene) {
      const [ann, bob, carl] = [scene.person(), scene.person(), scene.person()];
      const { chat, guid } = await scene.group('Before', [ann, bob]);
      await inbound(scene, { from: ann, text: 'Hello all', chat });
      const changes = [
        [{ kind: 'rename', name: 'After' }, 'renamed'],
        [{ kind: 'add', member: carl }, 'member_added'],
        [{ kind: 'photo' }, 'photo_changed'],
        [{ kind: 'photo_removed' }, 'photo_removed'],
        [{ kind: 'remove', member: carl }, 'member_removed'],
        [{ kind: 'leave' }, 'member_left'],
      ] as const;
      for (const [change, name] of changes) {
        const by = change.kind === 'leave' ? bob : ann;
        const row = await scene.sim.groupChange({ chat, by, change });
        const { data } = await scene.hearsOf(row.guid);
        scene.sees(name, [data.change, data.from, chatGuid(data)], [name, by, guid]);
      }
      scene.sees('the new name', scene.events.find((e) => e.data.change === 'renamed')?.data.name, 'After');
    },
  },
  {
    name: 'link',
    happens: 'a link comes: a plain row first, its preview later in the same row',
    must: 'tell it once, as a text',
    async play(scene) {
      const ann = scene.person();
      const { data, guid } = await inbound(scene, { from: ann, text: 'https://example.com/tulips' });
      await scene.sim.change(guid, { columns: { balloon_bundle_id: 'com.apple.messages.URLBalloonProvider' } });
      const next = await scene.sim.inbound({ from: ann, text: 'https://example.com/roses', app: 'link' });
      const told = await scene.hearsOf(next.guid);
      scene.sees('what they are', [data.kind, told.data.kind], ['text', 'text']);
    },
  },
  {
    name: 'app-message',
    happens: 'a message of an app comes, e.g. a poll',
    must: 'tell it with the name of the app; what is in it is not guessed',
    async play(scene) {
      const ann = scene.person();
      const app = 'com.apple.messages.MSMessageExtensionBalloonPlugin:0000000000:com.example.poll.ext';
      const { data } = await inbound(scene, { from: ann, app });
      scene.sees('what it is', [data.kind, detailOf(data).app], ['app', app]);
    },
  },
  {
    name: 'junk',
    happens: 'Messages takes an inbound message for junk',
    must: 'tell it all the same, and that it is held for junk',
    async play(scene) {
      const ann = scene.person();
      const { data } = await inbound(scene, { from: ann, text: 'You have won!', junk: true });
      scene.sees('it says so', /spam|junk/.test(JSON.stringify(data)), true);
    },
  },
  {
    name: 'unknown-kind',
    happens: 'a row comes of a kind that no version knows',
    must: 'tell it as `unsupported`, with its numbers',
    async play(scene) {
      const ann = scene.person();
      const { data } = await inbound(scene, { from: ann, columns: { item_type: 99, group_action_type: 7 } });
      const { item_type: item, group_action_type: action } = detailOf(data);
      scene.sees('what it is', [data.kind, item, action], ['unsupported', 99, 7]);
    },
  },
  {
    name: 'damaged-body',
    happens: 'a row comes whose body is torn',
    must: 'tell it, and what comes behind it',
    async play(scene) {
      const ann = scene.person();
      const { data } = await inbound(scene, { from: ann, text: 'torn', columns: { attributedBody: 'no archive' } });
      scene.sees('what it is', data.kind, 'unsupported');
      await inbound(scene, { from: ann, text: 'whole' });
    },
  },
  {
    name: 'text-message-and-rcs',
    happens: 'messages come by SMS and by RCS',
    must: 'tell by which service',
    async play(scene) {
      for (const service of ['SMS', 'RCS'] as const) {
        const { data } = await inbound(scene, { from: scene.person(), text: `By ${service}`, service });
        scene.sees('the service', data.service, service);
      }
    },
  },
  {
    name: 'send-later',
    happens: 'the owner schedules a message on the Mac: a row from me that says sent, with a date in the future',
    must: 'tell it as scheduled by the owner, not as something sent',
    async play(scene) {
      const ann = scene.person();
      const { guid } = await scene.sim.type({
        to: ann,
        text: 'Tomorrow at noon',
        here: true,
        scheduledInMs: 7_200_000,
      });
      const told = await scene.hears('message.observed', (data) => data.guid === guid, 'the owner scheduled');
      scene.sees('it says so', Boolean(detailOf(told.data).scheduled), true);
    },
  },
];

type Inbound = Parameters<Scene['sim']['inbound']>[0];

/** Somebody writes, and it is told. */
async function inbound(scene: Scene, o: Inbound): Promise<{ guid: string; data: Record<string, unknown> }> {
  const { guid } = await scene.sim.inbound(o);
  return { guid, data: (await scene.hearsOf(guid)).data };
}

async function reaction(scene: Scene, from: string, tapback: NonNullable<Inbound['tapback']>): Promise<unknown[]> {
  const { data } = await inbound(scene, { from, tapback });
  return [data.reaction, data.removed, data.target, data.part, data.emoji ?? null];
}

function detailOf(data: Record<string, unknown>): Record<string, unknown> {
  return Object(data.detail) as Record<string, unknown>;
}

function filesOf(data: Record<string, unknown>): Record<string, unknown>[] {
  const { attachments } = detailOf(data);
  return Array.isArray(attachments) ? (attachments as Record<string, unknown>[]) : [];
}

function chatGuid({ chat }: Record<string, unknown>): unknown {
  return typeof chat === 'object' && chat !== null ? Reflect.get(chat, 'guid') : undefined;
}
