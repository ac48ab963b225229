import { describe, expect, it } from 'vitest';
import type { Check } from '../../../../daemon/host/checks/check.ts';
import { conditionChecks } from '../../../../daemon/host/checks/conditions.ts';
import {
  automation,
  type ChatDbLook,
  chatDbSchema,
  fullDiskAccess,
  messagesAnswers,
  type ProbeLook,
  signedIn,
  watcherHeartbeat,
} from '../../../../daemon/host/checks/messages.ts';
import { NOON } from '../../../support/fake-local.ts';

type Wanted = [verdict: Check['verdict'], code: string, remedy?: RegExp, person?: true];

function expectCheck(found: Check, [verdict, code, remedy, person]: Wanted): void {
  expect(found).toMatchObject({ verdict, code });
  expect(found.needs_person).toBe(person);
  if (remedy) expect(found.remedy).toMatch(remedy);
  else expect(found).not.toHaveProperty('remedy');
}

const readable: ChatDbLook = { ok: true, rows: true, missing: [], absent: 0 };
const refused = (code: string): ChatDbLook => ({ ok: false, code, words: 'No.', remedy: 'Do something.' });
const PANE = /System Settings › Privacy & Security › Full Disk Access/;

describe('Full Disk Access', () => {
  it.each<[string, ChatDbLook, 'relay' | 'terminal', Wanted]>([
    ['the relay may', readable, 'relay', ['ok', 'ok']],
    ['a broken chat.db was opened all the same', refused('chat_db_unusable'), 'relay', ['ok', 'ok']],
    ['there is nothing to read', refused('chat_db_missing'), 'relay', ['skipped', 'chat_db_missing']],
    ['the relay may not', refused('chat_db_denied'), 'relay', ['fail', 'chat_db_denied', PANE, true]],
    ['a terminal may not, which says little', refused('chat_db_denied'), 'terminal', ['warn', 'chat_db_denied', PANE]],
    ['a terminal may, which says nothing', readable, 'terminal', ['warn', 'terminal_only', /Start the relay/]],
  ])('%s', (_, look, asker, wanted) => expectCheck(fullDiskAccess(look, asker), wanted));
});

describe('the form of chat.db', () => {
  it.each<[string, ChatDbLook, Wanted]>([
    ['is known', readable, ['ok', 'ok']],
    ['is empty', { ...readable, rows: false }, ['warn', 'empty', /Open Messages/]],
    ['lacks what is needed', { ...readable, missing: ['message.date'] }, ['fail', 'schema_unknown', /newest version/]],
    ['is no chat.db', refused('chat_db_unusable'), ['fail', 'chat_db_unusable', /Do something/]],
    ['is not there', refused('chat_db_missing'), ['fail', 'chat_db_missing', /Do something/, true]],
    ['may not be seen', refused('chat_db_denied'), ['skipped', 'chat_db_denied']],
  ])('%s', (_, look, wanted) => expectCheck(chatDbSchema(look), wanted));
});

const trouble = (condition: string): ProbeLook => ({ ok: false, condition, words: 'No.', remedy: 'Do something.' });
const AUTOMATION = /System Settings › Privacy & Security › Automation › Sender Relay/;

describe('what Messages says', () => {
  it.each<[ProbeLook, Wanted, Wanted, Wanted]>([
    [{ ok: true }, ['ok', 'ok'], ['ok', 'ok'], ['ok', 'ok']],
    [
      trouble('automation_denied'),
      ['fail', 'automation_denied', AUTOMATION, true],
      ['skipped', 'automation_denied'],
      ['skipped', 'automation_denied'],
    ],
    [
      trouble('not_signed_in'),
      ['ok', 'ok'],
      ['ok', 'ok'],
      ['fail', 'not_signed_in', /Messages › Settings › iMessage/, true],
    ],
    [
      trouble('messages_not_running'),
      ['skipped', 'messages_not_running'],
      ['fail', 'messages_not_running', /Do something/, true],
      ['skipped', 'messages_not_running'],
    ],
    [
      trouble('messages_hung'),
      ['skipped', 'messages_hung'],
      ['fail', 'messages_hung', /Do something/],
      ['skipped', 'messages_hung'],
    ],
  ])('%o', (probe, allowed, answers, account) => {
    expectCheck(automation(probe, 'relay'), allowed);
    expectCheck(messagesAnswers(probe), answers);
    expectCheck(signedIn(probe), account);
  });

  it('to a terminal is no word on the relay', () => {
    expectCheck(automation({ ok: true }, 'terminal'), ['warn', 'terminal_only', /Start the relay/]);
    expectCheck(automation(trouble('automation_denied'), 'terminal'), ['warn', 'automation_denied', AUTOMATION]);
  });
});

it.each<[number | null, Wanted]>([
  [null, ['skipped', 'not_reading']],
  [5_000, ['ok', 'ok']],
  [5_001, ['warn', 'late', /relayctl service restart/]],
  [20_001, ['fail', 'late', /relayctl service restart/]],
])('a look at chat.db %s ms ago', (ms, wanted) => expectCheck(watcherHeartbeat(ms), wanted));

it('conditions are checks, but for those that a check tells itself', () => {
  const condition = { since: NOON, words: 'It is so.', remedy: 'Do something.' };
  const found = conditionChecks([
    { ...condition, name: 'controller_refuses', severity: 'error' },
    { ...condition, name: 'chat_db_behind', severity: 'error' },
    { ...condition, name: 'chat_db_denied', severity: 'error' },
    { ...condition, name: 'automation_denied', severity: 'error' },
    { ...condition, name: 'clock_jump', severity: 'warning' },
    { ...condition, name: 'resuming', severity: 'info' },
  ]);
  expect(found.map(({ name, verdict, needs_person }) => [name, verdict, needs_person])).toEqual([
    ['condition:controller_refuses', 'fail', true],
    ['condition:chat_db_behind', 'fail', undefined],
    ['condition:clock_jump', 'warn', undefined],
    ['condition:resuming', 'ok', undefined],
  ]);
  expect(found.every(({ remedy }) => remedy === 'Do something.')).toBe(true);
});
