/** Building blocks of attacks: connections, and work at a bounded rate for a limited time. */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

/** Counts of an attacker. */
export interface AttackSummary {
  readonly opened: number;
  readonly refused: number;
  /** Bytes. */
  readonly sent: number;
  readonly received: number;
}

/** ms between two bursts of paced work. */
const TICK = 10;
/** Local addresses, used in turn to avoid running out of ports. */
const SOURCES = 8;

export class Attack {
  opened = 0;
  refused = 0;
  bytesSent = 0;
  bytesReceived = 0;
  private readonly end: number;

  constructor(
    readonly port: number,
    readonly seconds: number,
  ) {
    this.end = performance.now() + seconds * 1000;
  }

  get over(): boolean {
    return performance.now() >= this.end;
  }

  /** A connection that reads and drops received data. */
  open(onOpen?: (socket: Socket) => void): Socket {
    const localAddress = `127.0.0.${2 + (this.opened++ % SOURCES)}`;
    const socket = connect({ port: this.port, host: '127.0.0.1', localAddress, noDelay: true, allowHalfOpen: true });
    socket.on('error', () => this.refused++);
    socket.on('data', (chunk: Buffer) => (this.bytesReceived += chunk.length));
    socket.on('end', () => socket.end());
    if (onOpen !== undefined) socket.once('connect', () => onOpen(socket));
    return socket;
  }

  send(socket: Socket, bytes: string | Buffer): boolean {
    if (!socket.writable) return false;
    this.bytesSent += bytes.length;
    return typeof bytes === 'string' ? socket.write(bytes, 'latin1') : socket.write(bytes);
  }

  /** Calls `work` so many times per second, with the number of the call, until the time is over. */
  async pace(perSecond: number, work: (n: number) => void): Promise<void> {
    const begin = performance.now();
    for (let n = 0; !this.over; ) {
      for (; n < ((performance.now() - begin) / 1000) * perSecond && !this.over; n++) work(n);
      await pause(TICK);
    }
  }

  /** Opens `count` connections at that rate, then calls `work` for each in turn, `perSecond` times in all. */
  async crowd(count: number, opening: number, perSecond: number, work: (socket: Socket) => void): Promise<Socket[]> {
    const sockets: Socket[] = [];
    const growing = this.pace(opening, () => {
      if (sockets.length < count) sockets.push(this.open());
    });
    await Promise.all([
      growing,
      this.pace(perSecond, (n) => {
        const socket = sockets[n % Math.max(1, sockets.length)];
        if (socket !== undefined) work(socket);
      }),
    ]);
    return sockets;
  }

  async rest(): Promise<void> {
    await pause(Math.max(0, this.end - performance.now()));
  }

  summary(): AttackSummary {
    return { opened: this.opened, refused: this.refused, sent: this.bytesSent, received: this.bytesReceived };
  }
}
