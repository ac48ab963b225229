/** The controller's end of a line: the library with a store, behind its real server on 127.0.0.1. */
import {
  Controller,
  type ControllerOptions,
  type ControllerStore,
  type LineChange,
} from '../../protocol/controller.ts';
import { type ControllerServer, serveController, tokenHash } from '../../protocol/controller-server.ts';
import { MemoryStore, type StoredEvent } from '../../protocol/controller-store.ts';
import { DEVICE, TOKEN } from './relay-end.ts';

export interface ControllerEnd {
  controller: Controller;
  server: ControllerServer;
  store: ControllerStore;
  /** As handed to `onEvent`. */
  events: StoredEvent[];
  lines: LineChange[];
  errors: unknown[];
  close(): Promise<void>;
}

export async function controllerEnd(
  o: Partial<Omit<ControllerOptions, 'onEvent' | 'onLine' | 'onError'>> & { port?: number } = {},
): Promise<ControllerEnd> {
  const events: StoredEvent[] = [];
  const lines: LineChange[] = [];
  const errors: unknown[] = [];
  const store = o.store ?? new MemoryStore();
  const controller = new Controller({
    controller: 'test-cloud',
    allow_volatile: true,
    identifyIntervalMs: 0,
    ...o,
    store,
    onEvent: (event) => events.push(event),
    onLine: (change) => lines.push(change),
    onError: (error) => errors.push(error),
  });
  const server = await serveController({
    controller,
    devices: () => [{ device: DEVICE, tokenHash: tokenHash(TOKEN) }],
    port: o.port ?? 0,
  });
  return {
    controller,
    server,
    store,
    events,
    lines,
    errors,
    async close() {
      await controller.close();
      await server.close();
    },
  };
}
