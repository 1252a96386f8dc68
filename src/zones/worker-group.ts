/** All workers, as seen by one of them: asks each a question and collects the answers. */
import { answerWorker, callWorkers } from './worker-call-operations.js';
import type { WorkerMessage } from './worker-calls.js';
import type { Zone, ZoneBackend } from './zone.js';

/** ms to wait for answers of the other workers. */
const TIMEOUT = 2000;

interface Waiting {
  readonly answers: unknown[];
  /** Number of expected answers; -1: not known yet. */
  expected: number;
  received: number;
  readonly done: () => void;
}

export class WorkerGroup {
  private readonly zone: Zone;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  constructor(
    private readonly backend: ZoneBackend,
    /** Name of the zone over which the workers communicate. */
    name: string,
    private readonly respond: (question: unknown) => unknown,
  ) {
    this.zone = backend.open({ kind: 'workers', name, size: 0, key: '' }, (news) =>
      this.receive(news as WorkerMessage),
    );
  }

  close(): void {
    this.zone.close();
  }

  /**
   * Answers of all workers, beginning with this one. Workers that have exited, or do not answer in time, are missing.
   * Each worker has received all earlier changes of zones before it answers.
   */
  async ask(question: unknown): Promise<unknown[]> {
    const answers = [this.respond(question)];
    if (!this.backend.shared) return answers;
    const number = ++this.last;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      const waiting: Waiting = { answers, expected: -1, received: 0, done: resolve };
      this.waiting.set(number, waiting);
      timer = setTimeout(resolve, TIMEOUT);
      const called = this.backend.ask(callWorkers, { zone: this.zone.id, number, question });
      void Promise.resolve(called).then((expected) => {
        waiting.expected = expected;
        if (waiting.received >= expected) resolve();
      });
    });
    clearTimeout(timer);
    this.waiting.delete(number);
    return answers;
  }

  private receive(message: WorkerMessage): void {
    if ('call' in message) {
      const answer = this.respond(message.question);
      this.backend.tell(answerWorker, { zone: this.zone.id, call: message.call, answer });
      return;
    }
    const waiting = this.waiting.get(message.answered);
    if (waiting === undefined) return;
    if (message.answer !== null) waiting.answers.push(message.answer);
    waiting.received++;
    if (waiting.received === waiting.expected) waiting.done();
  }
}
