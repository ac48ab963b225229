/**
 * The one door to the metrics library: what this relay counts and measures, as Prometheus text. Names and help texts are the contract of
 * dashboards: names are added, never given another meaning. No handle, no text and no id is ever a label.
 *
 *   told(event) ──▶ counters and histograms        text() ──▶ asks `sources` once, then writes everything
 *
 * `told` takes each event of the journal once it is on disk, so what is counted here is what the controller is told. All counters begin
 * at 0 with the process. The caller owes `close`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Condition, SenderHealth } from '../../protocol/events.ts';
import { COMMAND_NAMES } from '../../protocol/names.ts';
import type { Clock } from './clock.ts';
import { MessageTimes } from './message-times.ts';

const CONNECTION_STATES = ['connected', 'connecting', 'waiting', 'off'] as const;
const SENDER_STATES = ['healthy', 'at_risk', 'suspicious', 'paused'] as const satisfies SenderHealth['state'][];

/** Looked at when somebody asks for the metrics. */
export interface MetricsSources {
  queue(): { waiting: number; held: number; dispatching: number; unknown: number; oldestAt: number | null };
  journal(): { unacked: number; unackedBytes: number; held: number };
  controller(): (typeof CONNECTION_STATES)[number];
  conditions(): Condition[];
  sender(): { state: (typeof SENDER_STATES)[number]; caps: { name: string; used: number; limit: number }[] };
  chatDb(): { readable: boolean; lastRowAt: number | null };
}

/** An event as the journal holds it. */
export interface Told {
  name: string;
  data: Record<string, unknown>;
}

const PREFIX = 'sender_relay_';
/** Wide enough for a burst, narrow enough to cost nothing: the loop is looked at ten times a second. */
const LOOP_RESOLUTION_MS = 100;
const SHORT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600];
const LONG = [0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 14_400, 86_400];

export class Metrics {
  readonly contentType: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #registry = new Registry();
  readonly #sources: MetricsSources;
  readonly #loop: ReturnType<typeof monitorEventLoopDelay>;
  readonly #times = new MessageTimes();
  readonly #gauges: ReturnType<typeof gaugesIn>;
  readonly #counters: ReturnType<typeof countersIn>;
  /** What was counted since the last look: the library takes some µs for each, and a burst brings thousands. */
  readonly #tally = new Map<Counter<string>, Map<string, number>>();
  #lines = 0;

  constructor(o: { clock: Pick<Clock, 'now'>; version: string; sources: MetricsSources }) {
    this.#clock = o.clock;
    this.#sources = o.sources;
    this.contentType = this.#registry.contentType;
    this.#gauges = gaugesIn(this.#registry);
    this.#counters = countersIn(this.#registry);
    this.#gauges.build.set({ version: o.version, node: process.versions.node }, 1);
    this.#loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
    this.#loop.enable();
  }

  close(): void {
    this.#loop.disable();
  }

  /** The line to the controller has opened. */
  lineOpened(): void {
    if (this.#lines > 0) this.#count(this.#counters.reconnects);
    this.#lines += 1;
  }

  /** An event is on disk. */
  told({ name, data }: Told): void {
    if (name === 'message.status') this.#status(data);
    else if (name === 'command.result') this.#answered(data);
    else if (name === 'message.inbound') this.#inbound(data);
    else if (name === 'contact.opted_out') this.#count(this.#counters.optOuts, { source: String(data.source) });
    else if (name === 'text.suspected') this.#count(this.#counters.suspected);
  }

  /** Prometheus text, version 0.0.4. */
  text(): Promise<string> {
    this.#look();
    return this.#registry.metrics();
  }

  /** The same text, and the same as data. */
  async report(): Promise<{ text: string; metrics: Metric[] }> {
    return { text: await this.text(), metrics: await this.#list() };
  }

  async #list(): Promise<Metric[]> {
    const metrics = await this.#registry.getMetricsAsJSON();
    return metrics.map(({ name, help, type, ...rest }) => {
      const { values } = rest as { values: (Metric['values'][number] & { metricName?: string })[] };
      return {
        name,
        help,
        type: String(type),
        values: values.map(({ metricName, labels, value }) => ({
          ...(metricName && metricName !== name ? { name: metricName } : {}),
          labels,
          value,
        })),
      };
    });
  }

  #status(data: Record<string, unknown>): void {
    const { message, state, at, rule } = data as { message: string; state: string; at: number; rule?: string };
    const counters = this.#counters;
    const change = this.#times.moved(message, { state, at, rule });
    if (change.newHold) this.#count(counters.holds, { rule: rule ?? 'unknown' });
    if (!change.newState) return;
    this.#count(counters.messages, { state });
    if (change.waitedMs !== undefined) counters.wait.observe(change.waitedMs / 1000);
    if (change.deliveredInMs !== undefined) counters.delivery.observe(change.deliveredInMs / 1000);
    const error = data.apple_error as { number: number; name: string } | undefined;
    if (state === 'not_delivered' && error)
      this.#count(counters.apple, { number: String(error.number), name: error.name });
    if (state === 'rejected' && typeof data.code === 'string') this.#count(counters.refusals, { code: data.code });
  }

  #answered(data: Record<string, unknown>): void {
    const { name, ok, code } = data as { name: string; ok: boolean; code?: string };
    if (data.duplicate === true) return this.#count(this.#counters.duplicates);
    // What a controller may make up is no label.
    const known = COMMAND_NAMES.find((command) => command === name) ?? 'unknown';
    this.#count(this.#counters.commands, { name: known, ok: String(ok) });
    if (!ok) this.#count(this.#counters.refusals, { code: code ?? 'unknown' });
  }

  #inbound(data: Record<string, unknown>): void {
    const { at, late } = data as { at: number; late: boolean };
    this.#count(this.#counters.inbound, { late: String(late) });
    if (!late && at > 0) this.#counters.inboundLatency.observe(Math.max(0, this.#clock.now() - at) / 1000);
  }

  #count<L extends string>(counter: Counter<L>, labels: Partial<Record<L, string>> = {}): void {
    const counts = this.#tally.get(counter) ?? new Map<string, number>();
    this.#tally.set(counter, counts);
    const which = JSON.stringify(labels);
    counts.set(which, (counts.get(which) ?? 0) + 1);
  }

  #look(): void {
    for (const [counter, counts] of this.#tally)
      for (const [labels, count] of counts) counter.inc(JSON.parse(labels) as Record<string, string>, count);
    this.#tally.clear();
    const { queue, journal, controller, conditions, sender, chatDb } = this.#sources;
    const g = this.#gauges;
    const now = this.#clock.now();
    const { oldestAt, ...states } = queue();
    for (const [state, count] of Object.entries(states)) g.queue.set({ state }, count);
    g.oldest.set(oldestAt === null ? 0 : Math.max(0, now - oldestAt) / 1000);
    const held = journal();
    g.unacked.set(held.unacked);
    g.unackedBytes.set(held.unackedBytes);
    g.journal.set(held.held);
    const line = controller();
    for (const state of CONNECTION_STATES) g.controller.set({ state }, state === line ? 1 : 0);
    this.#lookAtHealth(conditions());
    const { state: senderState, caps } = sender();
    for (const state of SENDER_STATES) g.sender.set({ state }, state === senderState ? 1 : 0);
    for (const { name, used, limit } of caps) {
      g.capUsed.set({ cap: name }, used);
      g.capLimit.set({ cap: name }, limit);
    }
    const { readable, lastRowAt } = chatDb();
    g.readable.set(readable ? 1 : 0);
    if (lastRowAt !== null) g.lastRow.set(Math.max(0, now - lastRowAt) / 1000);
    g.lag.set({ quantile: '0.5' }, this.#lag(this.#loop.percentile(50)));
    g.lag.set({ quantile: '0.99' }, this.#lag(this.#loop.percentile(99)));
    g.lag.set({ quantile: '1' }, this.#lag(this.#loop.max));
    this.#loop.reset();
    g.memory.set(process.memoryUsage.rss());
    const { user, system } = process.cpuUsage();
    g.cpu.set((user + system) / 1e6);
    g.uptime.set(process.uptime());
  }

  /** What the timer of the measurement itself waits for is no lag. */
  #lag(ns: number): number {
    return Number.isFinite(ns) ? Math.max(0, ns / 1e9 - LOOP_RESOLUTION_MS / 1000) : 0;
  }

  #lookAtHealth(conditions: Condition[]): void {
    this.#gauges.ready.set(conditions.some(({ severity }) => severity === 'error') ? 0 : 1);
    // Those that are over shall not stand there any more.
    this.#gauges.condition.reset();
    for (const { name, severity } of conditions) this.#gauges.condition.set({ name, severity }, 1);
  }
}

export interface Metric {
  name: string;
  help: string;
  type: string;
  /** `name` of a part of a histogram: its own. */
  values: { name?: string; labels: Record<string, string | number>; value: number }[];
}

function gaugesIn(registry: Registry) {
  const gauge = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge<L>({ name: PREFIX + name, help, labelNames, registers: [registry] });
  return {
    build: gauge('build_info', 'Always 1; the version of the relay and of its runtime.', ['version', 'node']),
    ready: gauge('ready', '1 if messages can be sent and what becomes of them is seen, else 0.'),
    condition: gauge('condition', '1 for each condition that holds; relayctl status has its words.', [
      'name',
      'severity',
    ]),
    queue: gauge('queue_messages', 'Messages that are not done, by where they stand.', ['state']),
    oldest: gauge('queue_oldest_seconds', 'How long the oldest waiting message has waited; 0 if none waits.'),
    unacked: gauge('journal_unacked_events', 'Events that the controller has not confirmed.'),
    unackedBytes: gauge('journal_unacked_bytes', 'Bytes of the events that the controller has not confirmed.'),
    journal: gauge('journal_events', 'Events that the journal holds, confirmed ones included.'),
    controller: gauge('controller_state', '1 for the state that the line to the controller is in.', ['state']),
    sender: gauge('sender_state', '1 for the health that the sender is in.', ['state']),
    capUsed: gauge('cap_used', 'How much of a cap is used in its window.', ['cap']),
    capLimit: gauge('cap_limit', 'What a cap allows in its window.', ['cap']),
    readable: gauge('chat_db_readable', '1 if chat.db is open and can be read, else 0.'),
    lastRow: gauge('chat_db_last_row_age_seconds', 'Age of the newest row of chat.db that was read.'),
    lag: gauge('event_loop_lag_seconds', 'How late the event loop was since the last scrape.', ['quantile']),
    memory: gauge('resident_memory_bytes', 'Resident memory of the process.'),
    cpu: gauge('cpu_seconds', 'CPU time of the process, user and system.'),
    uptime: gauge('uptime_seconds', 'How long the process has been up.'),
  };
}

function countersIn(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []) =>
    new Counter<L>({ name: PREFIX + name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: PREFIX + name, help, buckets, registers });
  return {
    messages: counter('messages_total', 'Messages that came into a state.', ['state']),
    holds: counter('holds_total', 'Times that a rule began to keep a message waiting.', ['rule']),
    refusals: counter('refusals_total', 'Commands and messages that were refused.', ['code']),
    commands: counter('commands_total', 'Commands that were answered, repeated ones not counted.', ['name', 'ok']),
    duplicates: counter('duplicate_commands_total', 'Commands that came again and got their first answer again.'),
    apple: counter('not_delivered_total', 'Messages that were not delivered, by Apple’s error.', ['number', 'name']),
    inbound: counter('inbound_total', 'Messages from others; late: more than a day old at first sight.', ['late']),
    optOuts: counter('opt_outs_total', 'Opt-outs, by who asked for them.', ['source']),
    suspected: counter('suspected_texts_total', 'Texts that came to be suspected as junk.'),
    reconnects: counter('reconnects_total', 'Times that the line to the controller opened anew.'),
    wait: histogram('queue_wait_seconds', 'From the acceptance of a message to its hand-over to Messages.', LONG),
    delivery: histogram('delivery_seconds', 'From sent to delivered, one-to-one iMessage.', LONG),
    inboundLatency: histogram('inbound_latency_seconds', 'From the time of an inbound message to its event.', SHORT),
  };
}
