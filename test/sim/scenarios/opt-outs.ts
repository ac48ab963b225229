/** STOP, as it really comes: at once, in the middle, late, from a group. Nothing is sent behind it. */
import type { Scenario, Scene } from './scene.ts';

const DAY = 86_400_000;

export const OPT_OUTS: Scenario[] = [
  {
    name: 'stop',
    happens: 'somebody writes STOP',
    must: 'tell it, and refuse all further messages to them',
    async play(scene) {
      const ann = scene.person();
      await scene.becomes(await scene.send(ann, 'The first and the last.'), 'delivered');
      await says(scene, ann, 'Stop!');
      await refuses(scene, ann, 'One more thing.');
    },
  },
  {
    name: 'stop-right-before-the-send',
    happens: 'STOP stands in chat.db in the moment in which a message to that person is to be handed to Messages',
    must: 'read it before it sends, and not send',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      await scene.sim.messages('slow', { count: 1, delayMs: 2_000, handle: bob });
      await scene.send(bob, 'Hold the lane for a moment.');
      await scene.osascriptFor(bob);
      const command = await scene.send(ann, 'Too late, Ann.');
      await scene.ground.result(command);
      await scene.sim.inbound({ from: ann, text: 'STOP' });
      const status = await scene.becomes(command, 'rejected');
      scene.sees('why', status.code, 'opted_out');
      scene.sees('asked for', scene.asked('Too late, Ann.'), 0);
    },
  },
  {
    name: 'late-stop-by-icloud',
    happens: 'iCloud brings a STOP that was written two days ago, with a new ROWID',
    must: 'obey it, though it opens no reply window',
    async play(scene) {
      const ann = scene.person();
      await scene.becomes(await scene.send(ann, 'Two days of silence.'), 'delivered');
      const { guid } = await scene.sim.inbound({ from: ann, text: 'UNSUBSCRIBE', ageMs: 2 * DAY });
      scene.sees('it is late', (await scene.hearsOf(guid)).data.late, true);
      await scene.hears('contact.opted_out', (data) => data.handle === ann, 'the opt-out is told');
      await refuses(scene, ann, 'Did you hear us?');
    },
  },
  {
    name: 'stop-while-down',
    happens: 'STOP comes while the relay is dead and a message to that person waits',
    must: 'read chat.db to its end before it sends anything',
    async play(scene) {
      const ann = scene.person();
      await scene.becomes(await scene.send(ann, 'The mill turns again.'), 'delivered');
      await scene.ground.killRelay();
      await scene.sim.inbound({ from: ann, text: 'stop' });
      const command = await scene.send(ann, 'The mill stands still.');
      scene.ground.startRelay();
      const status = await scene.becomes(command, 'rejected');
      scene.sees('why', status.code, 'opted_out');
      scene.sees('asked for', scene.asked('The mill stands still.'), 0);
    },
  },
  {
    name: 'start-after-stop',
    happens: 'somebody writes STOP, and START later',
    must: 'write to them again',
    async play(scene) {
      const ann = scene.person();
      await scene.becomes(await scene.send(ann, 'Before the pause.'), 'delivered');
      await says(scene, ann, 'STOP');
      await refuses(scene, ann, 'In the pause.');
      await scene.sim.inbound({ from: ann, text: 'START' });
      await scene.hears('contact.opted_in', (data) => data.handle === ann, 'the opt-in is told');
      await scene.becomes(await scene.send(ann, 'After the pause.'), 'delivered');
    },
  },
  {
    name: 'stop-edited-into-a-message',
    happens: 'somebody changes an earlier message into STOP',
    must: 'obey it as if it had come as a message',
    async play(scene) {
      const ann = scene.person();
      const { guid } = await scene.sim.inbound({ from: ann, text: 'Tell me more.' });
      await scene.hearsOf(guid);
      await scene.sim.change(guid, { edit: 'STOP' });
      await scene.hears('contact.opted_out', (data) => data.handle === ann, 'the opt-out is told');
      await refuses(scene, ann, 'There is more to tell.');
    },
  },
];

async function says(scene: Scene, who: string, word: string): Promise<void> {
  await scene.sim.inbound({ from: who, text: word });
  await scene.hears('contact.opted_out', (data) => data.handle === who, 'the opt-out is told');
}

async function refuses(scene: Scene, to: string, text: string): Promise<void> {
  const command = await scene.send(to, text);
  const status = await scene.becomes(command, 'rejected');
  scene.sees(`why “${text}” is refused`, status.code, 'opted_out');
  scene.sees('asked for', scene.asked(text), 0);
}
