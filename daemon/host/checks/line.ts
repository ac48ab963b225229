/** Checks of the way to the controller: does anything answer at its address? One plain request, without the token. */
import { codeOf, messageOf } from '../errors.ts';
import { type Check, type CheckWorld, failed, passed, type Reached, skipped } from './check.ts';

const LIMIT_MS = 10_000;

/** Asks the address of a controller (ws:// or wss://) by HTTP. Any answer will do. Never rejects. */
export function reach(url: string, limitMs = LIMIT_MS): Promise<Reached> {
  return new Promise((resolve) => {
    try {
      // Loaded when asked for: relayctl starts the sooner.
      const { request } = process.getBuiltinModule(url.startsWith('wss:') ? 'node:https' : 'node:http');
      const asking = request(
        url.replace(/^ws/, 'http'),
        { agent: false, signal: AbortSignal.timeout(limitMs) },
        (r) => {
          r.resume();
          const at = Date.parse(r.headers.date ?? '');
          resolve({ ok: true, status: r.statusCode ?? 0, dateAt: Number.isFinite(at) ? at : null });
          r.destroy();
        },
      );
      asking.on('error', (error) => resolve(unreached(error, limitMs)));
      asking.end();
    } catch (error) {
      resolve(unreached(error, limitMs));
    }
  });
}

function unreached(error: unknown, limitMs: number): Reached {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    return { ok: false, code: 'timeout', words: `no answer within ${limitMs / 1000} s` };
  return { ok: false, code: String(codeOf(error) ?? 'failed').toLowerCase(), words: messageOf(error) };
}

const REMEDIES: [RegExp, string][] = [
  [/^enotfound|^eai_/, 'Check controller.url in config.json, and the network and DNS of this Mac.'],
  [/^econnrefused/, 'Check the port of controller.url, and whether the controller runs.'],
  [/cert|self_signed|unable_to_|^err_tls/, 'Check the clock of this Mac and the certificate of the controller.'],
];

/** `reached` null: it was not asked. */
export function controllerReachable({ config }: CheckWorld, reached: Reached | null): Check {
  const name = 'controller';
  if (!config.ok) return skipped(name, config.error.code, 'Only a configuration that is right tells where it is.');
  if (!config.config.controller || !reached) return skipped(name, 'no_controller', 'No controller is configured.');
  const { host } = new URL(config.config.controller.url);
  if (!reached.ok) {
    const remedy = REMEDIES.find(([code]) => code.test(reached.code))?.[1] ?? 'Check the network of this Mac.';
    return failed({
      name,
      code: reached.code,
      words: `${host} cannot be reached: ${reached.words}.`,
      remedy: `${remedy} Nothing is lost meanwhile.`,
    });
  }
  if (reached.status < 500) return passed(name, `${host} answers.`, { status: reached.status });
  return failed({
    name,
    code: 'server_error',
    words: `${host} answers with HTTP ${reached.status}.`,
    remedy: 'Look after the controller. Nothing is lost meanwhile.',
    facts: { status: reached.status },
  });
}
