/** Which row is which message's: what a sent message looks like in chat.db before, while and after it is there. */
import type { Scenario } from './scene.ts';

export const CLAIMING: Scenario[] = [
  {
    name: 'null-text',
    happens: 'rows have no `text`, only the archived body, as nearly all have had since 2026',
    must: 'find its own row by the decoded body, and tell what came in whole',
    async play(scene) {
      const ann = scene.person();
      const text = 'Grüße, “Ann” 👋🏽\nnew line & <tag>';
      const { guid } = await scene.sim.inbound({ from: ann, text });
      const told = await scene.hearsOf(guid);
      scene.sees('the body is told', told.data.text, text);
      const answer = await scene.send(ann, 'Das Päckchen ist da. 📦');
      await scene.becomes(answer, 'delivered');
      scene.seesRows('Das Päckchen ist da. 📦', 1);
    },
  },
  {
    name: 'join-after-row',
    happens: 'a row is there for 900 ms before it is joined to its chat',
    must: 'wait for the chat, then tell it once, with the chat',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      const group = await scene.group('Joined late', [ann, bob]);
      await scene.sim.apple({ timing: { joinMs: 900 } });
      const { guid } = await scene.sim.inbound({ from: ann, text: 'Who is in?', chat: group.chat, joinAfterMs: 900 });
      const told = await scene.hearsOf(guid);
      scene.sees('it is told of the group', chatOf(told.data), group.guid);
      const answer = await scene.send(group, 'I am in.');
      await scene.becomes(answer, 'sent');
      scene.seesRows('I am in.', 1);
    },
  },
  {
    name: 'row-without-join',
    happens: 'a row is never joined to a chat',
    must: 'wait no longer than 2 s, then tell it all the same, and what comes behind it',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      const lost = await scene.sim.inbound({ from: ann, text: 'In no chat', joinAfterMs: 10 ** 9 });
      const next = await scene.sim.inbound({ from: bob, text: 'In my own chat' });
      const told = await scene.hearsOf(lost.guid);
      scene.sees('it is told without a chat', chatOf(told.data), null);
      scene.sees('its sender is told', told.data.from, ann);
      await scene.hearsOf(next.guid);
    },
  },
  {
    name: 'from-me-corrected',
    happens: 'a row of the owner says for 60 ms that somebody else wrote it',
    must: 'tell it as the owner’s own, never as something that came in',
    async play(scene) {
      const ann = scene.person();
      const row = await scene.sim.type({ to: ann, text: 'By my own hand', correctedAfterMs: 60 });
      await scene.hears('message.observed', (data) => data.guid === row.guid, 'the owner wrote');
    },
  },
  {
    name: 'identical-in-a-row',
    happens: 'the same text goes to the same person twice',
    must: 'give each message a row of its own',
    async play(scene) {
      const ann = scene.person();
      const first = await scene.send(ann, 'Still there?');
      const second = await scene.send(ann, 'Still there?');
      const one = await scene.becomes(first, 'delivered');
      const two = await scene.becomes(second, 'delivered');
      scene.sees('two rows', one.guid !== two.guid, true);
      scene.seesRows('Still there?', 2);
    },
  },
  {
    name: 'same-letters-other-words',
    happens: 'two texts go to one person that are the same once everything but ASCII letters is taken away',
    must: 'not take the row of one for that of the other',
    async play(scene) {
      const ann = scene.person();
      const first = await scene.send(ann, '你好');
      const second = await scene.send(ann, '👍');
      await scene.becomes(first, 'delivered');
      await scene.becomes(second, 'delivered');
      for (const [text, command] of [
        ['你好', first],
        ['👍', second],
      ] as const) {
        const row = scene.rows().find(({ guid }) => guid === scene.status(command)?.guid);
        scene.sees(`the row of ${text}`, row?.text, text);
      }
    },
  },
  {
    name: 'text-with-outer-spaces',
    happens: 'a text begins and ends with spaces and line feeds, and the same text without them follows',
    must: 'give each its own row, with the text as it was',
    async play(scene) {
      const ann = scene.person();
      const texts = ['  Mind the gap. \n', 'Mind the gap.'];
      const found: unknown[] = [];
      for (const text of texts) {
        const { guid } = await scene.becomes(await scene.send(ann, text), 'delivered');
        found.push(scene.rows().find((row) => row.guid === guid)?.text);
      }
      scene.sees('the rows', found, texts);
    },
  },
  {
    name: 'typed-from-a-phone',
    happens:
      'while a message is being sent, the owner writes to the same person from a phone, and that row comes first',
    must: 'claim its own row, and tell the other as the owner’s',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('slow', { count: 1, delayMs: 3_000, handle: ann });
      const command = await scene.send(ann, 'The door code is on its way to you.');
      await scene.osascriptFor(ann);
      const typed = await scene.sim.type({ to: ann, text: 'On the phone: five minutes late' });
      const status = await scene.becomes(command, 'delivered');
      await scene.hears('message.observed', (data) => data.guid === typed.guid, 'the owner wrote');
      scene.sees('the row is not the phone’s', status.guid !== typed.guid, true);
    },
  },
  {
    name: 'wrong-chat',
    happens: 'Messages puts the text into somebody else’s conversation',
    must: 'not claim that row: `unknown`, and the row is told as nobody’s order',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      await scene.sim.apple({ astray: bob });
      const command = await scene.send(ann, 'For Ann’s eyes only.');
      const status = await scene.becomes(command, 'unknown');
      await scene.sim.apple({ astray: null });
      scene.sees('no row is named', status.guid, undefined);
      scene.sees('where it is, in words', /another conversation/.test(status.words ?? ''), true);
      const row = scene.rows().find(({ text }) => text === 'For Ann’s eyes only.');
      scene.sees('it went to Bob', row?.handle, bob);
      await scene.hears('message.observed', (data) => data.guid === row?.guid, 'the row that is nobody’s');
      scene.sees('sent once', scene.asked('For Ann’s eyes only.'), 1);
    },
  },
  {
    name: 'row-comes-late',
    happens: 'osascript says accepted, and the row comes 14 s later',
    must: 'say `unknown` after 10 s, go on looking, and tell it as delivered when the row is there',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.apple({ timing: { rowMs: 14_000 } });
      const command = await scene.send(ann, 'Slow, like a snail.');
      await scene.becomes(command, 'delivered');
      scene.sees('what was told', scene.told(command).includes('unknown'), true);
      scene.seesRows('Slow, like a snail.', 1);
    },
  },
  {
    name: 'split-link',
    happens: 'Messages makes two rows of a text with a link',
    must: 'never send it again, claim both rows, and call it delivered when both are',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.apple({ splits: true });
      const command = await scene.send(ann, 'See for yourself: https://example.com/lamps');
      await scene.becomes(command, 'delivered');
      await scene.sim.apple({ splits: false });
      scene.sees('never in doubt', scene.told(command).includes('unknown'), false);
      scene.sees('sent once', scene.asked('See for yourself: https://example.com/lamps'), 1);
      const rows = scene.rows();
      scene.sees('two rows', rows.length, 2);
      scene.sees('told as the owner’s', rows.flatMap(({ guid }) => scene.observed(guid)).length, 0);
    },
  },
  {
    name: 'any-prefix',
    happens: 'chat guids begin with `any;`, as all have since macOS 26, whatever the service',
    must: 'send to the chat that is there and claim the row in it',
    play: (scene) => toAnExistingChat(scene, 'any;-;'),
  },
  {
    name: 'imessage-prefix',
    happens: 'chat guids begin with `iMessage;`, as up to macOS 15',
    must: 'send to the chat that is there and claim the row in it',
    mac: { macos: '14' },
    play: (scene) => toAnExistingChat(scene, 'iMessage;-;'),
  },
  {
    name: 'number-without-plus',
    happens: 'the controller writes a number as people do; without its plus Messages would send it nowhere',
    must: 'hand Messages the whole number',
    async play(scene) {
      const ann = scene.person();
      const command = await scene.send(ann.replace(/^\+1(\d{3})(\d{3})/, '($1) $2-'), 'The full number, please.');
      await scene.becomes(command, 'delivered');
      scene.sees(
        'to whom the row is',
        scene.rows().map(({ handle }) => handle),
        [ann],
      );
    },
  },
];

async function toAnExistingChat(scene: Parameters<Scenario['play']>[0], prefix: string): Promise<void> {
  const ann = scene.person();
  await scene.hearsOf((await scene.sim.inbound({ from: ann, text: 'Hello, is this the shop?' })).guid);
  const command = await scene.send(ann, 'Yes, it is the shop.');
  await scene.becomes(command, 'delivered');
  const call = await scene.osascriptFor(ann);
  scene.sees('by which script', call.script, 'send-to-chat');
  scene.sees('to which chat', call.handle, `${prefix}${ann}`);
}

function chatOf(data: Record<string, unknown>): unknown {
  const { chat } = data;
  return typeof chat === 'object' && chat !== null ? Reflect.get(chat, 'guid') : undefined;
}
