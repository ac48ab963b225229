/** What chat.db itself does: rows that come back, go, come while nobody looks, a file that is another one. */
import { renameSync } from 'node:fs';
import type { Scenario, Scene } from './scene.ts';

const HOUR = 3_600_000;

/** The last three come last: they take other scenarios' rows away. */
export const READING: Scenario[] = [
  {
    name: 'icloud-backfill',
    happens: 'iCloud puts messages of the last months into chat.db: new ROWIDs, old dates',
    must: 'tell each once, as late ones, and tell what is new as new',
    async play(scene) {
      const ann = scene.person();
      const old = [];
      for (const days of [60, 3, 2])
        old.push(await scene.sim.inbound({ from: ann, text: `It was ${days} days ago.`, ageMs: days * 24 * HOUR }));
      const now = await scene.sim.inbound({ from: ann, text: 'And this is now.' });
      const late = [];
      for (const { guid } of [...old, now]) late.push((await scene.hearsOf(guid)).data.late);
      scene.sees('which are late', late, [true, true, true, false]);
    },
  },
  {
    name: 'rows-come-back',
    happens: 'iCloud takes rows away and puts them back with new ROWIDs and the same guids',
    must: 'not tell them again, and know its own row when it comes back',
    async play(scene) {
      const ann = scene.person();
      const { guid } = await scene.sim.inbound({ from: ann, text: 'I was here before.' });
      await scene.hearsOf(guid);
      const command = await scene.send(ann, 'So was I.');
      const own = await scene.becomes(command, 'delivered');
      await scene.sim.change(guid, { reinsert: true });
      await scene.sim.change(own.guid ?? '', { reinsert: true });
      const next = await scene.sim.inbound({ from: ann, text: 'I am new.' });
      await scene.hearsOf(next.guid);
      scene.sees('how often the old one was told', scene.tellings(guid).length, 1);
    },
  },
  {
    name: 'wal-checkpoint',
    happens: 'between messages the -wal is moved into the file and cut off, and Messages closes and opens it',
    must: 'miss nothing and tell nothing twice',
    async play(scene) {
      const ann = scene.person();
      const guids: string[] = [];
      for (let n = 0; n < 12; n += 1) {
        guids.push((await scene.sim.inbound({ from: ann, text: `Drop ${n} of twelve` })).guid);
        if (n % 2 === 0) await scene.sim.checkpoint();
        else if (n % 3 === 0) await scene.sim.reopen();
      }
      for (const guid of guids) await scene.hearsOf(guid);
      const order = scene.events.flatMap((e) => (guids.includes(String(e.data.guid)) ? [e.data.guid] : []));
      scene.sees('in their order', order, guids);
    },
  },
  {
    name: 'inbound-while-down',
    happens: 'messages come while the relay is dead',
    must: 'tell them after the start, each once',
    async play(scene) {
      const ann = scene.person();
      const before = await scene.sim.inbound({ from: ann, text: 'You hear me.' });
      await scene.hearsOf(before.guid);
      await scene.ground.killRelay();
      const guids = [];
      for (const text of ['Now you do not.', 'Nor now.'])
        guids.push((await scene.sim.inbound({ from: ann, text })).guid);
      scene.ground.startRelay();
      for (const guid of guids) await scene.hearsOf(guid);
      scene.sees('how often the first was told', scene.tellings(before.guid).length, 1);
    },
  },
  {
    name: 'burst',
    happens: 'four hundred messages come at once',
    must: 'tell all, in their order',
    async play(scene) {
      const ann = scene.person();
      const rows = await Promise.all(
        Array.from({ length: 400 }, (_, n) => scene.sim.inbound({ from: ann, text: `Hail ${n}` })),
      );
      const guids = rows.toSorted((a, b) => a.rowid - b.rowid).map(({ guid }) => guid);
      await scene.hearsOf(guids.at(-1) ?? '');
      const order = scene.events.flatMap((e) => (e.name === 'message.inbound' ? [e.data.guid] : []));
      scene.sees('in their order', order, guids);
    },
  },
  {
    name: 'rows-vanish',
    happens: 'somebody deletes messages: one that came in, and the relay’s own while its receipt is awaited',
    must: 'tell what it saw, keep what it knew, and take a missing row for no proof',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.contact(ann, { deliveredAfterMs: 600_000 });
      const { guid } = await scene.sim.inbound({ from: ann, text: 'Soon gone.' });
      await scene.hearsOf(guid);
      const command = await scene.send(ann, 'Gone as well.');
      const { guid: own = '' } = await scene.becomes(command, 'sent');
      for (const row of [guid, own]) {
        scene.gone.add(row);
        await scene.sim.change(row, { remove: true });
      }
      const next = await scene.sim.inbound({ from: ann, text: 'Still here.' });
      await scene.hearsOf(next.guid);
      await scene.sim.pass(600_000, 4);
      await scene.ground.settle();
      scene.sees('what was told last', scene.status(command)?.state, 'sent');
      scene.sees('asked for once', scene.asked('Gone as well.'), 1);
    },
  },
  {
    name: 'delivered-without-a-date',
    happens: 'a message from the owner’s phone says delivered, without a date; two days later the relay starts anew',
    must: 'tell it once, and not again after the start',
    async play(scene) {
      const ann = scene.person();
      const { guid } = await scene.sim.type({ to: ann, text: 'From the train' });
      await scene.hears('message.observed', (data) => data.guid === guid, 'the owner wrote');
      await scene.happens((e) => e.kind === 'delivered' && e.guid === guid, 'it is delivered');
      await scene.ground.killRelay();
      await scene.sim.pass(48 * HOUR);
      scene.ground.startRelay();
      const next = await scene.sim.inbound({ from: ann, text: 'Which train?' });
      await scene.hearsOf(next.guid);
      scene.sees('how often it was told', scene.observed(guid).length, 1);
    },
  },
  {
    name: 'database-away',
    happens: 'chat.db cannot be opened for a while, and messages come meanwhile',
    must: 'name the condition, stay up, send nothing on what it cannot see, and go on when it can',
    async play(scene) {
      const ann = scene.person();
      // A store younger than five minutes does not know whether it forgot a command, and looks into chat.db for each.
      await scene.sim.pass(600_000);
      const away = `${scene.sim.chatDb}-away`;
      renameSync(scene.sim.chatDb, away);
      let command = '';
      let guid = '';
      try {
        await scene.condition('chat_db_missing');
        ({ guid } = await scene.sim.inbound({ from: ann, text: 'Can you see me?' }));
        command = await scene.send(ann, 'Not yet.');
        await scene.ground.result(command);
      } finally {
        renameSync(away, scene.sim.chatDb);
      }
      scene.sees('asked for meanwhile', scene.asked('Not yet.'), 0);
      await scene.hearsOf(guid);
      await scene.becomes(command, 'delivered');
      await scene.condition('chat_db_missing', false);
    },
  },
  {
    name: 'self-chat',
    happens: 'the owner writes to the own number: two rows of one message, one from me and one that came in',
    must: 'tell each once, as what it is',
    async play(scene) {
      const own = '+15550100000';
      scene.people.add(own);
      const typed = await scene.sim.type({ to: own, text: 'Note to self' });
      const echo = await scene.sim.inbound({ from: own, text: 'Note to self' });
      await scene.hearsOf(echo.guid);
      await scene.hears('message.observed', (data) => data.guid === typed.guid, 'the owner wrote');
    },
  },
  {
    name: 'database-replaced',
    happens: 'another file with the same messages is behind the path, as after a restore',
    must: 'notice, tell nothing twice, and go on with what is new and with receipts',
    async play(scene) {
      const { ann, before, command } = await someHistory(scene);
      await scene.sim.replaceDb('all');
      const next = await scene.sim.inbound({ from: ann, text: 'In the new file.' });
      await scene.hearsOf(next.guid);
      scene.sees('how often the old one was told', scene.tellings(before).length, 1);
      await scene.sim.pass(600_000, 4);
      await scene.becomes(command, 'delivered');
      await scene.sim.contact(ann);
      const later = await scene.send(ann, 'To the new file.');
      await scene.becomes(later, 'delivered');
    },
  },
  {
    name: 'database-set-back',
    happens: 'chat.db is an older copy: the newest rows are gone, and their ROWIDs are given again',
    must: 'notice, tell the new rows with the old numbers, and send nothing again',
    async play(scene) {
      const older = (await scene.sim.rows()).length;
      const { ann, before, command } = await someHistory(scene);
      for (const row of scene.rows().slice(1)) scene.gone.add(row.guid);
      await scene.sim.replaceDb(older + 1);
      const next = await scene.sim.inbound({ from: ann, text: 'My number was another’s.' });
      await scene.hearsOf(next.guid);
      scene.sees('how often the old one was told', scene.tellings(before).length, 1);
      scene.sees('asked for once', scene.asked('Hello to the old file.'), 1);
      scene.sees('it is still what it was', ['sent', 'delivered'].includes(scene.status(command)?.state ?? ''), true);
    },
  },
  {
    name: 'database-emptied',
    happens: 'chat.db is made anew and has nothing in it',
    must: 'notice, stay up, tell what is new and send',
    async play(scene) {
      const { ann } = await someHistory(scene);
      for (const row of scene.rows()) scene.gone.add(row.guid);
      await scene.sim.replaceDb(0);
      const next = await scene.sim.inbound({ from: ann, text: 'The first of all.' });
      await scene.hearsOf(next.guid);
      await scene.sim.contact(ann);
      const later = await scene.send(ann, 'The second of all.');
      await scene.becomes(later, 'delivered');
      scene.sees('by which script', (await scene.osascriptFor(ann)).text !== '', true);
    },
  },
];

/** Ann has written, and got an answer whose receipt is still to come. */
async function someHistory(scene: Scene): Promise<{ ann: string; before: string; command: string }> {
  const ann = scene.person();
  const { guid } = await scene.sim.inbound({ from: ann, text: 'Hello from the old file.' });
  await scene.hearsOf(guid);
  await scene.sim.contact(ann, { deliveredAfterMs: 600_000 });
  const command = await scene.send(ann, 'Hello to the old file.');
  await scene.becomes(command, 'sent');
  return { ann, before: guid, command };
}
