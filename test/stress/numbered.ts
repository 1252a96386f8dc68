/** WebSockets that exchange numbered messages for as long as they are told to: none may be lost, or the connection closed. */
import type { RawData, WebSocket } from 'ws';
import { open } from './messages.js';

export class NumberedSockets {
  /** Failures found. */
  readonly failures: string[] = [];
  /** Messages that came back. */
  received = 0;
  private readonly sockets: WebSocket[] = [];
  private readonly sent: number[] = [];
  private timer: NodeJS.Timeout | null = null;
  private stopping = false;

  /** Opens that many, so many of them at a time. */
  static async open(port: number, count: number, atOnce = 1): Promise<NumberedSockets> {
    const all = new NumberedSockets();
    for (let i = 0; i < count; i += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, count - i) }, () => open(port));
      for (const socket of await Promise.all(some)) all.add(socket);
    }
    return all;
  }

  get open(): number {
    return this.sockets.filter((socket) => socket.readyState === socket.OPEN).length;
  }

  private add(socket: WebSocket): void {
    const i = this.sockets.push(socket) - 1;
    this.sent.push(0);
    let next = 0;
    socket.on('message', (data: RawData) => {
      const number = Number.parseInt((data as Buffer).toString('latin1'), 10);
      if (number !== next) this.failures.push(`socket ${i}: ${number} in the place of ${next}`);
      next = number + 1;
      this.received++;
    });
    socket.on('error', (error) => this.failures.push(`socket ${i}: ${error.message}`));
    socket.on('close', (code) => {
      if (!this.stopping) this.failures.push(`socket ${i}: closed with ${code}`);
    });
  }

  /** Each sends a message each `interval` ms, in so many groups one after the other; every tenth is a long one. */
  start(interval: number, groups = 1): void {
    const padding = ' '.repeat(20_000);
    let turn = 0;
    this.timer = setInterval(() => {
      for (let i = turn % groups; i < this.sockets.length; i += groups) {
        const number = this.sent[i] as number;
        this.sent[i] = number + 1;
        this.sockets[i]?.send(number % 10 === 0 ? `${number}${padding}` : `${number}`);
      }
      turn++;
    }, interval / groups);
  }

  /** Number of connections closed before they were asked to close. */
  get closed(): number {
    return this.sockets.length - this.open;
  }

  /** Messages that were sent. */
  get sentInAll(): number {
    return this.sent.reduce((sum, each) => sum + each, 0);
  }

  /** Sends no more, and waits until all that was sent has come back. */
  async settle(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    const total = this.sentInAll;
    const deadline = Date.now() + 10_000;
    while (this.received < total && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    if (this.received !== total) this.failures.push(`${total - this.received} of ${total} messages were lost`);
  }

  close(): void {
    this.stopping = true;
    for (const socket of this.sockets) socket.close();
  }
}
