/** What osascript and Messages do with a send: hang, refuse, die, say one thing and do another. */
import type { Scenario } from './scene.ts';

export const SENDING: Scenario[] = [
  {
    name: 'killed-while-osascript-lives-on',
    happens: 'the daemon is killed; osascript lives on and sends 3 s later',
    must: 'wait for what it left behind, claim the row, and not send again',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('slow', { count: 1, delayMs: 3_000, handle: ann });
      const command = await scene.send(ann, 'Sent by a child without a parent.');
      await scene.osascriptFor(ann);
      await scene.ground.killRelay();
      scene.ground.startRelay();
      await scene.becomes(command, 'delivered');
      scene.seesRows('Sent by a child without a parent.', 1);
      scene.sees('asked for once', scene.asked('Sent by a child without a parent.'), 1);
    },
  },
  {
    name: 'killed-before-the-mark',
    happens:
      'the daemon is killed while osascript has not yet said that it begins to send; it does so once the next daemon is there',
    must: 'know the child again and wait for it: that it has said nothing proves nothing while it lives',
    alone: true,
    // At a quicker pace `ps` would run into its time limit.
    factor: 4,
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('hung_before_mark', { count: 1, handle: ann });
      const command = await scene.send(ann, 'An orphan with a watch.');
      await scene.osascriptFor(ann);
      await scene.ground.killRelay();
      // Start times of processes are told by the clock of a Mac that has slept.
      await scene.sim.pass(5_000);
      const probes = () => scene.macEvents.filter((e) => e.kind === 'osascript' && e.script === 'probe').length;
      const before = probes();
      scene.ground.startRelay();
      await scene.ground.until(() => probes() > before, { what: 'the next daemon asks Messages whether it answers' });
      await scene.elapse(12_000);
      scene.sees('asked for while the child lives', scene.asked('An orphan with a watch.'), 1);
      await scene.sim.release('go');
      await scene.becomes(command, 'delivered');
      scene.seesRows('An orphan with a watch.', 1);
      scene.sees('asked for once', scene.asked('An orphan with a watch.'), 1);
    },
  },
  {
    name: 'asleep-while-it-sends',
    happens: 'the Mac falls asleep for two hours while osascript runs; the message goes when it wakes',
    must: 'not send it again: claim the row, or say `unknown` until it is there',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('slow', { count: 1, delayMs: 8_000, handle: ann });
      const command = await scene.send(ann, 'Where was I?');
      await scene.osascriptFor(ann);
      await scene.sim.pass(7_200_000);
      await scene.becomes(command, 'delivered');
      scene.seesRows('Where was I?', 1);
      scene.sees('asked for once', scene.asked('Where was I?'), 1);
    },
  },
  {
    name: 'hung-before-the-mark',
    happens: 'osascript hangs before it says that it begins to send',
    must: 'end it after its limit, say `unknown`, and go on with others once Messages answers',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      await scene.sim.messages('hung_before_mark', { count: 1, handle: ann });
      const command = await scene.send(ann, 'Stuck in the door.');
      await scene.becomes(command, 'unknown', 'failed');
      await scene.happens((e) => e.kind === 'osascript_gone', 'the child was ended');
      await scene.becomes(await scene.send(bob, 'The next one, please.'), 'delivered');
      scene.seesRows('Stuck in the door.', 0);
      scene.sees('asked for once', scene.asked('Stuck in the door.'), 1);
    },
  },
  {
    name: 'hung-after-the-mark',
    happens: 'osascript says that it begins to send, and hangs; nothing goes',
    must: 'end it after its limit and say `unknown`; never send it again',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      await scene.sim.messages('hung_after_mark', { count: 1, handle: ann });
      const command = await scene.send(ann, 'Half out of the door.');
      await scene.becomes(command, 'unknown');
      await scene.becomes(await scene.send(bob, 'After you.'), 'delivered');
      scene.sees('asked for once', scene.asked('Half out of the door.'), 1);
    },
  },
  {
    name: 'hung-but-it-went',
    happens: 'osascript hangs behind the mark, and the message goes all the same',
    must: 'claim the row, whatever osascript said',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('hung_after_mark', { count: 1, goes: true, handle: ann });
      const command = await scene.send(ann, 'Out, and the door shut behind me.');
      await scene.becomes(command, 'delivered');
      scene.seesRows('Out, and the door shut behind me.', 1);
    },
  },
  {
    name: 'timed-out-after-it-went',
    happens: 'the message goes out, and osascript ends with −1712',
    must: 'claim the row and never send it again',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('timed_out', { count: 1, delayMs: 4_000, handle: ann });
      const command = await scene.send(ann, 'Time is up, yet I am out.');
      await scene.becomes(command, 'delivered');
      await scene.happens((e) => e.kind === 'osascript_ended' && e.exit === 1, 'osascript ended with an error');
      scene.seesRows('Time is up, yet I am out.', 1);
      scene.sees('asked for once', scene.asked('Time is up, yet I am out.'), 1);
    },
  },
  {
    name: 'timed-out-and-nothing-went',
    happens: 'osascript ends with −1712 and nothing goes',
    must: 'say `unknown`: nobody can tell; the same text to the same person waits',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('timed_out', { count: 1, delayMs: 3_000, goes: false, handle: ann });
      const command = await scene.send(ann, 'Did I go, or did I not?');
      await scene.becomes(command, 'unknown');
      const again = await scene.send(ann, 'Did I go, or did I not?');
      await scene.becomes(again, 'held');
      scene.sees('asked for once', scene.asked('Did I go, or did I not?'), 1);
      await scene.ground.command('message.cancel', { command: again });
      await scene.becomes(again, 'cancelled');
    },
  },
  {
    name: 'connection-lost',
    happens: 'Messages quits while it sends: −609',
    must: 'say `unknown` and name what is wrong; go on when Messages answers again',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      await scene.sim.messages('connection_lost', { count: 1, handle: ann });
      const command = await scene.send(ann, 'The line is de–');
      await scene.becomes(command, 'unknown');
      await scene.becomes(await scene.send(bob, 'A new line.'), 'delivered');
      scene.sees('asked for once', scene.asked('The line is de–'), 1);
    },
  },
  {
    name: 'osascript-dies',
    happens: 'osascript dies behind the mark without a word; the message has gone, and its row comes 6 s later',
    must: 'say `unknown`, claim the row when it comes, and not send again',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('died', { count: 1, handle: ann });
      await scene.sim.apple({ timing: { rowMs: 6_000 } });
      const command = await scene.send(ann, 'Last words.');
      await scene.becomes(command, 'unknown');
      await scene.becomes(command, 'delivered');
      scene.seesRows('Last words.', 1);
      scene.sees('asked for once', scene.asked('Last words.'), 1);
    },
  },
  {
    name: 'accepted-and-lost',
    happens: 'osascript says accepted, and no row ever comes',
    must: 'say `unknown`, never sent',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('lost', { count: 1, handle: ann });
      const command = await scene.send(ann, 'Into thin air.');
      await scene.becomes(command, 'unknown');
      scene.sees('never as sent', scene.told(command).includes('sent'), false);
      scene.sees('asked for once', scene.asked('Into thin air.'), 1);
    },
  },
  {
    name: 'automation-denied',
    happens: 'macOS refuses: this program may not control Messages (−1743); later it is allowed',
    must: 'name the condition with its remedy, keep the message, and send it once when it may',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('denied');
      const command = await scene.send(ann, 'May I?');
      await scene.condition('automation_denied');
      scene.sees('nothing has gone', scene.rows().length, 0);
      await scene.sim.messages('normal');
      await scene.becomes(command, 'delivered');
      await scene.condition('automation_denied', false);
      scene.seesRows('May I?', 1);
    },
  },
  {
    name: 'no-such-chat',
    happens: 'chat.db has the conversation, and Messages says −1728 to its id',
    must: 'turn to the participant, since nothing has left, and send once',
    async play(scene) {
      const ann = scene.person();
      await scene.hearsOf((await scene.sim.inbound({ from: ann, text: 'Hi, it is Ann.' })).guid);
      await scene.sim.messages('no_such_chat', { count: 2, handle: ann });
      const command = await scene.send(ann, 'Hello Ann, by the other door.');
      await scene.becomes(command, 'delivered');
      const scripts = scene.macEvents.flatMap((e) => (e.kind === 'osascript' && e.text ? [e.script] : []));
      scene.sees('by which scripts', scripts, ['send-to-chat', 'send-to-participant']);
      scene.seesRows('Hello Ann, by the other door.', 1);
    },
  },
  {
    name: 'new-contact-refused',
    happens: 'Messages says −1728 to somebody never written to',
    must: 'say `failed`: nothing has left, and this person cannot be written to by iMessage',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('no_such_participant', { count: 1, handle: ann });
      const command = await scene.send(ann, 'We have not met.');
      const status = await scene.becomes(command, 'failed');
      scene.sees('why', status.code, 'recipient_not_imessage');
      scene.seesRows('We have not met.', 0);
    },
  },
  {
    name: 'messages-not-running',
    happens: 'Messages does not run, or nobody is logged in (−600); later it does',
    must: 'name the condition, keep the message, and send it once Messages is there',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('not_running');
      const command = await scene.send(ann, 'Is anybody home?');
      await scene.condition('messages_not_running');
      await scene.sim.messages('normal');
      await scene.becomes(command, 'delivered');
      scene.seesRows('Is anybody home?', 1);
    },
  },
  {
    name: 'messages-hung',
    happens: 'Messages hangs while everything looks green: neither a send nor a question comes to anything',
    must: 'name the condition, hand Messages no further text, and go on when it answers',
    async play(scene) {
      const [ann, bob] = [scene.person(), scene.person()];
      await scene.sim.messages('messages_hung');
      const first = await scene.send(ann, 'Knock, knock.');
      await scene.becomes(first, 'unknown');
      await scene.condition('messages_hung');
      const second = await scene.send(bob, 'Who is there?');
      await scene.ground.result(second);
      await scene.sim.pass(40_000, 8);
      scene.sees('the second was not handed over', scene.asked('Who is there?'), 0);
      await scene.sim.messages('normal');
      await scene.sim.release('end');
      await scene.becomes(second, 'delivered');
      scene.sees('the first was asked for once', scene.asked('Knock, knock.'), 1);
      scene.sees('the second was asked for once', scene.asked('Who is there?'), 1);
    },
  },
  {
    name: 'script-refused',
    happens: 'this macOS does not understand the script (−2741)',
    must: 'say `failed` with the number, since nothing has left',
    async play(scene) {
      const ann = scene.person();
      await scene.sim.messages('bad_script', { count: 1, handle: ann });
      const command = await scene.send(ann, 'Lost in translation.');
      const status = await scene.becomes(command, 'failed');
      scene.sees('the number is told', /-2741/.test(status.words ?? ''), true);
      scene.seesRows('Lost in translation.', 0);
    },
  },
];
