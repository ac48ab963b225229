/**
 * The story that `npm start` plays, chapter by chapter. Each leaves behind what promises.ts looks for; nothing here judges.
 *
 * The twelve near-same texts of the second chapter go out a minute apart while all other chapters play.
 */
import { pause, systemClock } from '../../daemon/host/clock.ts';
import { ANN, ASKING, BOB, CUSTOMERS, LATE, NORA, nameOf, STOPS } from './cast.ts';
import type { Stage } from './stage.ts';
import type { Timeline } from './timeline.ts';

export const TEXTS = {
  personal: 'Hi Ann, the keys are at the front desk.',
  ready: 'Your order is ready. You can pick it up in Mill Street until six today.',
  question: 'When do you open tomorrow?',
  answer: 'We open at nine tomorrow, and the first coffee is on us!',
  stop: 'STOP',
  afterStop: 'One more thing: we also deliver.',
  nora: 'Hello Nora, thank you for your call this morning.',
  late: 'Lars, the parcel was left with your neighbour.',
  cut: 'Did my keys turn up?',
  cutAnswer: 'They did! Come by whenever you like.',
  plumber: 'Bob, the plumber comes at four this afternoon.',
} as const;

/** Ids of the commands, so that each chapter can be found again in the controller's store. */
export const COMMANDS = {
  personal: 'personal-1',
  blast: 'ready-refused',
  ready: 'ready-queued',
  afterStop: 'after-stop',
  nora: 'nora-1',
  late: 'lars-1',
  cutAnswer: 'keys-answer',
  plumber: 'plumber-1',
} as const;

export const answerTo = (handle: string) => `answer-${handle.slice(1)}`;

/** Virtual time from the hand-over to Messages in the chapter of the killed daemon. */
const SLOW_SEND_MS = 25_000;

export async function prepare({ sim }: Stage): Promise<void> {
  // Everybody in the story has written to this number before, some days ago: these are customers, not strangers.
  for (const handle of [ANN, BOB, ...CUSTOMERS])
    await sim.inbound({ from: handle, text: `Hi, this is ${nameOf(handle)}.`, ageMs: 5 * 86_400_000 });
  await sim.contact(ANN, { deliveredAfterMs: 400, readAfterMs: 4_000 });
  await sim.contact(NORA, { notOnIMessage: true });
  await sim.contact(LATE, { deliveredAfterMs: null, lateError: { error: 22, afterMs: 45_000 } });
}

/** `short`: what takes seconds only, a message and the answers to five who ask. */
export async function play(stage: Stage, say: Timeline, o: { short: boolean }): Promise<void> {
  const breathe = () => pause(systemClock, 1_200);
  await personal(stage, say);
  await breathe();
  if (o.short) return chatbot(stage, say);
  await blast(stage, say);
  await breathe();
  await chatbot(stage, say);
  await breathe();
  await notDelivered(stage, say);
  await breathe();
  await stop(stage, say);
  await breathe();
  await lineCut(stage, say);
  await breathe();
  await killed(stage, say);
  await theRest(stage, say);
}

async function personal(stage: Stage, say: Timeline): Promise<void> {
  say.heading('A personal message');
  say.say('cloud', `message.send to Ann: “${TEXTS.personal}”`);
  await stage.send(ANN, TEXTS.personal, {}, COMMANDS.personal);
  await stage.state(COMMANDS.personal, ['read']);
}

async function blast(stage: Stage, say: Timeline): Promise<void> {
  say.heading('One text to twelve people');
  say.say('cloud', `message.send to 12 customers, as fast as it goes: “${TEXTS.ready}”`);
  const category = 'transactional';
  await stage.send(CUSTOMERS, TEXTS.ready, { category, pacing: 'reject' }, COMMANDS.blast);
  await stage.result(COMMANDS.blast);
  say.say('cloud', 'the same again with pacing: queue');
  await stage.send(CUSTOMERS, TEXTS.ready, { category, pacing: 'queue' }, COMMANDS.ready);
  await stage.result(COMMANDS.ready);
  await sentOfMany(stage, 2);
}

async function chatbot(stage: Stage, say: Timeline): Promise<void> {
  say.heading('A chatbot answers five people at once (replies never wait)');
  for (const handle of ASKING) await stage.sim.inbound({ from: handle, text: TEXTS.question });
  for (const handle of ASKING) {
    await stage.event((e) => e.name === 'message.inbound' && e.data.from === handle, {
      what: `the question of ${nameOf(handle)}`,
    });
    await stage.send(handle, TEXTS.answer, {}, answerTo(handle));
  }
  say.say('cloud', `five times message.send: “${TEXTS.answer}”`);
  for (const handle of ASKING) await stage.state(answerTo(handle), ['delivered']);
}

async function notDelivered(stage: Stage, say: Timeline): Promise<void> {
  say.heading('“Not delivered”, at once and late');
  await stage.send(NORA, TEXTS.nora, {}, COMMANDS.nora);
  await stage.send(LATE, TEXTS.late, {}, COMMANDS.late);
  say.say('cloud', 'message.send to Nora, who is not on iMessage, and to Lars');
  await stage.state(COMMANDS.nora, ['not_delivered']);
  await stage.state(COMMANDS.late, ['sent', 'not_delivered']);
}

async function stop(stage: Stage, say: Timeline): Promise<void> {
  say.heading(`${nameOf(STOPS)} says STOP while her message is held`);
  await stage.sim.inbound({ from: STOPS, text: TEXTS.stop });
  await stage.state(COMMANDS.ready, ['rejected'], { to: STOPS });
  say.say('cloud', `message.send to ${nameOf(STOPS)} all the same: “${TEXTS.afterStop}”`);
  await stage.send(STOPS, TEXTS.afterStop, {}, COMMANDS.afterStop);
  await stage.until(() => ended(stage, COMMANDS.afterStop), { what: 'the refusal' });
}

async function lineCut(stage: Stage, say: Timeline): Promise<void> {
  say.heading('The line to the controller is cut');
  stage.line.cut();
  say.say('demo', 'the line is cut; the relay goes on by itself');
  const before = sentRows(stage);
  await stage.sim.inbound({ from: ANN, text: TEXTS.cut });
  // Written down by the controller while nobody is on the line.
  await stage.send(ANN, TEXTS.cutAnswer, {}, COMMANDS.cutAnswer);
  say.say('demo', 'meanwhile Ann writes, and the cloud has an answer for her');
  await stage.sim.waitFor(() => sentRows(stage) >= before + 2, 'two more texts go out while the line is cut');
  say.say('demo', 'two more went out unheard; the line is mended');
  stage.line.mend();
  await stage.state(COMMANDS.cutAnswer, ['read'], { patienceMs: 60_000 });
}

async function killed(stage: Stage, say: Timeline): Promise<void> {
  say.heading('The daemon is killed in the middle of a send');
  await stage.sim.messages('slow', { delayMs: SLOW_SEND_MS, count: 1, handle: BOB });
  say.say('cloud', `message.send to Bob: “${TEXTS.plumber}”`);
  await stage.send(BOB, TEXTS.plumber, {}, COMMANDS.plumber);
  await stage.sim.waitFor(
    (event) => event?.kind === 'osascript' && event.text === TEXTS.plumber,
    'Messages is asked to write to Bob',
  );
  await stage.killRelay();
  say.say('demo', 'SIGKILL, while Messages has not answered; osascript lives on', true);
  stage.startRelay();
  say.say('demo', 'started again, as launchd does');
  await stage.state(COMMANDS.plumber, ['delivered'], { patienceMs: 60_000 });
}

async function theRest(stage: Stage, say: Timeline): Promise<void> {
  say.heading('And the twelve go on, a minute apart');
  await stage.until(
    () => stage.statuses(COMMANDS.ready).every((s) => ['delivered', 'read', 'rejected'].includes(s.state)),
    {
      what: 'all of the twelve have gone',
      patienceMs: 120_000,
    },
  );
  await stage.state(COMMANDS.late, ['not_delivered'], { patienceMs: 60_000 });
}

function ended(stage: Stage, command: string): boolean {
  return (
    stage.statuses(command).some((s) => s.state === 'rejected') ||
    stage.events.some((e) => e.name === 'command.result' && e.data.command === command && e.data.ok === false)
  );
}

function sentRows({ sim }: Stage): number {
  return sim.events.filter((event) => event.kind === 'sent' && event.text === TEXTS.ready).length;
}

function sentOfMany(stage: Stage, count: number): Promise<void> {
  const sent = () =>
    stage.statuses(COMMANDS.ready).filter((s) => !['accepted', 'held', 'dispatching'].includes(s.state));
  return stage.until(() => sent().length >= count, { what: `${count} of the twelve are out`, patienceMs: 60_000 });
}
