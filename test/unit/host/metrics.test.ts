import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageTimes } from '../../../daemon/host/message-times.ts';
import { Metrics, type MetricsSources } from '../../../daemon/host/metrics.ts';

const NOON = Date.UTC(2026, 0, 31, 12);
let now: number;
let metrics: Metrics;
let sources: { [K in keyof MetricsSources]: ReturnType<MetricsSources[K]> };

beforeEach(() => {
  now = NOON;
  sources = {
    queue: { waiting: 3, held: 2, dispatching: 1, unknown: 0, oldestAt: NOON - 90_000 },
    journal: { unacked: 7, unackedBytes: 900, held: 40 },
    controller: 'waiting',
    conditions: [],
    sender: { state: 'at_risk', caps: [{ name: 'daily_volume', used: 12, limit: 5000 }] },
    chatDb: { readable: true, lastRowAt: NOON - 5_000 },
  };
  metrics = new Metrics({
    clock: { now: () => now },
    version: '1.2.3',
    sources: {
      queue: () => sources.queue,
      journal: () => sources.journal,
      controller: () => sources.controller,
      conditions: () => sources.conditions,
      sender: () => sources.sender,
      chatDb: () => sources.chatDb,
    },
  });
});
afterEach(() => metrics.close());

const status = (state: string, at: number, more: Record<string, unknown> = {}) =>
  metrics.told({ name: 'message.status', data: { message: 'm_1', state, at, ...more } });
const lines = async () => (await metrics.text()).split('\n');
const value = async (metric: string) => {
  const line = (await lines()).find((one) => one.startsWith(`sender_relay_${metric} `));
  return line === undefined ? null : Number(line.split(' ').at(-1));
};

describe('metrics', () => {
  it('say how things stand when they are asked', async () => {
    expect(await value('queue_messages{state="held"}')).toBe(2);
    expect(await value('queue_oldest_seconds')).toBe(90);
    expect(await value('journal_unacked_events')).toBe(7);
    expect(await value('controller_state{state="waiting"}')).toBe(1);
    expect(await value('controller_state{state="connected"}')).toBe(0);
    expect(await value('sender_state{state="at_risk"}')).toBe(1);
    expect(await value('cap_used{cap="daily_volume"}')).toBe(12);
    expect(await value('chat_db_last_row_age_seconds')).toBe(5);
    expect(await value(`build_info{version="1.2.3",node="${process.versions.node}"}`)).toBe(1);
    expect(await value('resident_memory_bytes')).toBeGreaterThan(1e6);
  });

  it('name the conditions that hold, and no others', async () => {
    const condition = { since: NOON, words: 'w', remedy: 'r' };
    sources.conditions = [
      { ...condition, name: 'messages_hung', severity: 'error' },
      { ...condition, name: 'clock_jump', severity: 'warning' },
    ];
    expect(await value('ready')).toBe(0);
    expect(await value('condition{name="messages_hung",severity="error"}')).toBe(1);
    sources.conditions = [{ ...condition, name: 'clock_jump', severity: 'warning' }];
    expect(await value('ready')).toBe(1);
    expect(await value('condition{name="messages_hung",severity="error"}')).toBeNull();
    expect(await value('condition{name="clock_jump",severity="warning"}')).toBe(1);
  });

  it('count each state once, and measure waiting and delivery', async () => {
    status('accepted', NOON);
    status('held', NOON, { rule: 'interval' });
    status('held', NOON + 30_000, { rule: 'interval' });
    status('held', NOON + 40_000, { rule: 'quiet_hours' });
    status('dispatching', NOON + 60_000);
    status('sent', NOON + 61_000);
    status('sent', NOON + 61_500, { guid: 'G' });
    status('delivered', NOON + 64_000);
    status('read', NOON + 90_000);
    expect(await value('messages_total{state="held"}')).toBe(1);
    expect(await value('messages_total{state="sent"}')).toBe(1);
    expect(await value('holds_total{rule="interval"}')).toBe(1);
    expect(await value('holds_total{rule="quiet_hours"}')).toBe(1);
    expect(await value('queue_wait_seconds_sum')).toBe(60);
    expect(await value('delivery_seconds_sum')).toBe(3);
    expect(await value('delivery_seconds_count')).toBe(1);
  });

  it('count what was not delivered by Apple’s error, and what was refused by its code', async () => {
    status('not_delivered', NOON, {
      apple_error: { number: 22, name: 'remoteUserDoesNotExist', meaning: 'recipient' },
    });
    status('rejected', NOON, { code: 'opted_out' });
    const answer = (data: Record<string, unknown>) => metrics.told({ name: 'command.result', data });
    answer({ name: 'message.send', ok: true });
    answer({ name: 'message.send', ok: true, duplicate: true });
    answer({ name: 'message.send', ok: false, code: 'marketing_blast' });
    answer({ name: 'made up '.repeat(20), ok: false, code: 'unsupported' });
    expect(await value('not_delivered_total{number="22",name="remoteUserDoesNotExist"}')).toBe(1);
    expect(await value('refusals_total{code="opted_out"}')).toBe(1);
    expect(await value('refusals_total{code="marketing_blast"}')).toBe(1);
    expect(await value('commands_total{name="message.send",ok="true"}')).toBe(1);
    expect(await value('commands_total{name="unknown",ok="false"}')).toBe(1);
    expect(await value('duplicate_commands_total')).toBe(1);
  });

  it('measure how long an inbound message took, but not one that was old already', async () => {
    now = NOON + 250;
    metrics.told({ name: 'message.inbound', data: { at: NOON, late: false, from: '+14155550101', text: 'hello' } });
    metrics.told({ name: 'message.inbound', data: { at: NOON - 1e9, late: true, from: '+14155550101', text: 'hi' } });
    expect(await value('inbound_latency_seconds_sum')).toBe(0.25);
    expect(await value('inbound_total{late="true"}')).toBe(1);
    expect(await metrics.text()).not.toMatch(/4155550101|hello/);
  });

  it('count reconnects, not the first connection', async () => {
    metrics.lineOpened();
    expect(await value('reconnects_total')).toBe(0);
    metrics.lineOpened();
    expect(await value('reconnects_total')).toBe(1);
  });

  it('each have a help text, and give the same as data', async () => {
    status('sent', NOON);
    const { text, metrics: list } = await metrics.report();
    expect(list.length).toBeGreaterThan(25);
    for (const { name, help } of list) expect([name, help]).toEqual([name, expect.stringMatching(/^[0-9A-Z].*\.$/)]);
    for (const { name, help } of list) expect(text).toContain(`# HELP ${name} ${help}`);
    const sent = list.find(({ name }) => name === 'sender_relay_messages_total');
    expect(sent?.values).toEqual([{ labels: { state: 'sent' }, value: 1 }]);
  });
});

it('what is remembered of messages is bounded', () => {
  const times = new MessageTimes();
  for (let i = 0; i < 5_001; i += 1) times.moved(`m_${i}`, { state: 'accepted', at: i });
  const forgotten = times.moved('m_0', { state: 'rejected', at: 9_000 });
  expect(forgotten).toEqual({ newState: true, newHold: false });
  expect(times.moved('m_1', { state: 'dispatching', at: 9_000 })).toMatchObject({ waitedMs: 8_999 });
});
