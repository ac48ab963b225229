/**
 * A TCP proxy that knows where WebSocket frames end, and cuts the line right behind the frame that it is told.
 * Frames are counted from the opening's end on, in one direction, over all connections.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type Direction = 'to_relay' | 'to_controller';

export class WireCutter {
  readonly #server: Server;
  readonly #pairs = new Set<{ relay: Socket; controller: Socket }>();
  #cutAt: { direction: Direction; frame: number } | undefined;
  #frames: Record<Direction, number> = { to_relay: 0, to_controller: 0 };
  connections = 0;
  cuts = 0;

  constructor(targetPort: () => number) {
    this.#server = createServer((relay) => {
      this.connections += 1;
      const controller = connect(targetPort(), '127.0.0.1');
      const pair = { relay, controller };
      this.#pairs.add(pair);
      const drop = () => {
        this.#pairs.delete(pair);
        relay.destroy();
        controller.destroy();
      };
      for (const socket of [relay, controller]) socket.on('error', drop).on('close', drop);
      this.#forward(relay, controller, 'to_controller', drop);
      this.#forward(controller, relay, 'to_relay', drop);
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Cuts once, after this many frames (from 1) in this direction, counted from now. */
  cutAfter(direction: Direction, frame: number): void {
    this.#frames = { to_relay: 0, to_controller: 0 };
    this.#cutAt = { direction, frame };
  }

  /** Cuts what is open now. */
  cut(): void {
    for (const { relay, controller } of [...this.#pairs]) {
      relay.destroy();
      controller.destroy();
    }
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #forward(from: Socket, to: Socket, direction: Direction, drop: () => void): void {
    let held: Buffer = Buffer.alloc(0);
    let upgraded = false;
    from.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      if (!upgraded) {
        const end = held.indexOf('\r\n\r\n');
        if (end < 0) return;
        to.write(held.subarray(0, end + 4));
        held = held.subarray(end + 4);
        upgraded = true;
      }
      for (let size = frameSize(held); size > 0 && size <= held.length; size = frameSize(held)) {
        to.write(held.subarray(0, size));
        held = held.subarray(size);
        this.#frames[direction] += 1;
        if (this.#cutAt?.direction !== direction || this.#frames[direction] !== this.#cutAt.frame) continue;
        this.#cutAt = undefined;
        this.cuts += 1;
        // The frame itself still arrives; nothing behind it does.
        to.end(drop);
        from.pause();
        return;
      }
    });
  }
}

/** Bytes of the WebSocket frame at the beginning of `data` (RFC 6455, 5.2); 0 if its head is not complete. */
function frameSize(data: Buffer): number {
  if (data.length < 2) return 0;
  const second = data[1] ?? 0;
  const mask = second & 0x80 ? 4 : 0;
  const short = second & 0x7f;
  if (short < 126) return 2 + mask + short;
  if (short === 126) return data.length < 4 ? 0 : 4 + mask + data.readUInt16BE(2);
  return data.length < 10 ? 0 : 10 + mask + Number(data.readBigUInt64BE(2));
}
