/** Zones kept in a master for its workers; the worker's end is `RemoteBackend`. */
import type net from 'node:net';
import { answerBlocking } from './blocking-channel.js';
import type { ZoneChannel } from './channel.js';
import { monotonic } from './local-backend.js';
import { type BlockingQuestion, operationOf, type Reply, type Request, type Requests } from './messages.js';
import { ZoneOwner, ZoneStates } from './owner.js';

/** ms for which a zone is kept after its last worker has died, until replacements open it again. */
const LINGER = 60_000;

/** The master's end of the session with one worker. */
export interface Served {
  readonly owner: ZoneOwner;
  /** The worker is gone: everything it held is given back. The closing of the channel does the same. */
  end(): void;
}

export class ZoneServer {
  /** The zones. */
  readonly states: ZoneStates;

  constructor(clock: () => number = monotonic) {
    this.states = new ZoneStates(clock, LINGER);
  }

  /** Starts a session with a worker. `blocking`: the socket on which it sends questions that cannot wait; null: none. */
  serve(channel: ZoneChannel, blocking: net.Socket | null = null): Served {
    const line = new Session(channel, this.states);
    if (blocking !== null) answerBlocking(blocking, (question) => line.answer(question as BlockingQuestion));
    return { owner: line.owner, end: () => line.end() };
  }
}

/** Session with one worker. */
class Session {
  readonly owner: ZoneOwner;
  private replies: Reply[] = [];
  private ended = false;

  constructor(
    private readonly channel: ZoneChannel,
    states: ZoneStates,
  ) {
    this.owner = new ZoneOwner(states, (zone, news) => this.reply({ zone, news }));
    channel.onMessage((message) => {
      if (this.ended) return;
      for (const request of message as Requests) this.serve(request);
      this.flush();
    });
    channel.onClose(() => this.end());
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.owner.end();
  }

  /** Answers a question of `askNow`. The message that opens its zone may not have been read yet. */
  answer({ zone, declaration, operation, question }: BlockingQuestion): { readonly answer: unknown } {
    this.owner.openZone(zone, declaration);
    return { answer: operationOf(operation)?.run(this.owner, question) };
  }

  private serve(request: Request): void {
    if (request.do === 'open') this.owner.openZone(request.zone, request.declaration);
    else if (request.do === 'close') this.owner.closeZone(request.zone);
    else {
      const { id, operation, question } = request;
      const answer = operationOf(operation)?.run(this.owner, question);
      if (id !== 0) this.replies.push({ id, answer });
    }
  }

  private reply(reply: Reply): void {
    if (this.replies.push(reply) === 1) setImmediate(() => this.flush());
  }

  private flush(): void {
    if (this.replies.length === 0 || this.ended) return;
    const { replies } = this;
    this.replies = [];
    try {
      this.channel.post(replies);
    } catch {
      // The worker is gone; the channel's close event follows.
    }
  }
}
