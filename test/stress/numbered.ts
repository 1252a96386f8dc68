/** WebSockets that exchange numbered messages for as long as they are told to: none may be lost, or the connection closed. */
import type { RawData, WebSocket } from 'ws';
import { open } from './messages.js';

export class NumberedSockets {
  /** What went wrong. */
  readonly failures: string[] = [];
  /** Messages that came back. */
  received = 0;
  private readonly sockets: WebSocket[] = [];
  private readonly sent: number[] = [];
  private timer: NodeJS.Timeout | null = null;
  private stopping = false;

  /** Opens that many. */
  static async open(port: number, count: number): Promise<NumberedSockets> {
    const all = new NumberedSockets();
    for (let i = 0; i < count; i++) all.add(await open(port));
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

  /** Each sends a message each `interval` ms; every tenth is a long one. */
  start(interval: number): void {
    const padding = ' '.repeat(20_000);
    this.timer = setInterval(() => {
      for (const [i, socket] of this.sockets.entries()) {
        const number = this.sent[i] as number;
        this.sent[i] = number + 1;
        socket.send(number % 10 === 0 ? `${number}${padding}` : `${number}`);
      }
    }, interval);
  }

  /** Sends no more, and waits until all that was sent has come back. */
  async settle(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    const total = this.sent.reduce((sum, each) => sum + each, 0);
    const deadline = Date.now() + 10_000;
    while (this.received < total && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    if (this.received !== total) this.failures.push(`${total - this.received} of ${total} messages were lost`);
  }

  close(): void {
    this.stopping = true;
    for (const socket of this.sockets) socket.close();
  }
}
