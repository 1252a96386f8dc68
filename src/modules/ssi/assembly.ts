/**
 * An answer that is put together of text and of what subrequests answer, in the order in which they were asked for. They run
 * side by side; what comes before its turn waits, up to a limit.
 */
import type { Chunk, Producer } from '../../exchange/client-side.js';
import { logError } from '../../exchange/error-context.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { Subrequest, SubrequestSink } from '../../exchange/subrequest.js';
import { buffersFull } from '../../http/buffer-limit.js';
import { ByteQueue } from '../../http/byte-queue.js';

/** Bytes that may wait, of each subrequest and of the text around them, before their sources are told to pause. */
const WAITING_MAX = 65536;

/** A place in the answer for the body of a subrequest. */
export class Include implements SubrequestSink {
  /** Known as soon as `x.subrequest` has returned. */
  subrequest: Subrequest | null = null;
  over = false;
  /** What came before its turn. */
  readonly waiting = new ByteQueue();
  paused = false;
  /** `stub` takes the place of an answer that is empty or an error. */
  stubUsed = false;
  /** What `set` wants to have. */
  collected = '';

  constructor(
    private readonly assembly: Assembly,
    /** The text of the block that `stub` names, or null. */
    readonly stub: string | null,
    /** Takes the body instead of the answer, where the include is one with `set`. */
    private readonly assign: ((value: string) => void) | null,
  ) {}

  chunk(chunk: Chunk): boolean {
    if (this.assign === null) return this.assembly.included(this, chunk);
    this.collected += typeof chunk === 'string' ? chunk : chunk.latin1Slice();
    const { subrequest } = this;
    if (subrequest === null) return true;
    const limit = subrequest.exchange.location.settings.subrequestOutputBufferSize;
    if (this.collected.length > limit) {
      logError(subrequest.exchange, 'error', 'too big subrequest response');
      subrequest.parent.abort();
    }
    return true;
  }

  refused(child: Exchange, _status: number): boolean {
    const { stub } = this;
    if (stub === null || this.stubUsed) return false;
    this.stubUsed = true;
    child.respond(200, stub, this.subrequest?.parent.response.contentType ?? '');
    return true;
  }

  /** Keeps a piece that came before its turn. */
  wait(chunk: Chunk): void {
    this.waiting.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk, 0, chunk.length);
  }

  done(subrequest: Subrequest): void {
    this.over = true;
    if (this.assign !== null) {
      if (subrequest.status < 300 && this.collected !== '') this.assign(this.collected);
    } else if (this.stub !== null && !this.stubUsed && subrequest.bytesSent === 0) {
      this.stubUsed = true;
      this.wait(this.stub);
    }
    this.assembly.advance();
  }
}

/** What the assembly asks of whoever reads the page. */
export interface Page {
  /** What was asked for is in the answer. Reads on; false where all that has arrived was read. */
  readOn(): boolean;
  /** Nothing more will be read. */
  readonly complete: boolean;
  /** Reading waits for an include. */
  readonly waits: boolean;
}

export class Assembly implements Producer {
  private readonly parts: (string | Include)[] = [];
  private textWaiting = 0;
  /** The client takes nothing more until it has drained. */
  private blocked = false;
  /** The page's own source was told to pause. */
  private sourcePaused = false;
  private advancing = false;
  private ended = false;
  private readonly source: Producer | null;

  /** Takes the place of the exchange's producer. */
  constructor(
    x: Exchange,
    private readonly page: Page,
    private readonly next: (chunk: Chunk | null) => boolean,
  ) {
    this.source = x.producer;
    x.producer = this;
    x.onFinish(this);
  }

  /** Frees what waits. */
  release(): void {
    for (const part of this.parts) if (typeof part !== 'string') part.waiting.clear();
    this.parts.length = 0;
  }

  /** Adds text. */
  text(text: string): void {
    if (text === '') return;
    if (this.parts.length === 0) this.pass(text);
    else {
      this.parts.push(text);
      this.textWaiting += text.length;
    }
  }

  /** Adds the place of a subrequest. */
  include(include: Include): void {
    this.parts.push(include);
  }

  /** Nothing waits. */
  get empty(): boolean {
    return this.parts.length === 0;
  }

  /** False: the source of the page is to pause, until it is resumed. */
  get open(): boolean {
    const open = !this.blocked && !this.page.waits && this.textWaiting < WAITING_MAX;
    if (!open) this.sourcePaused = true;
    return open;
  }

  /** A piece of a subrequest's body; false: no more until it is resumed. */
  included(include: Include, chunk: Chunk): boolean {
    if (this.parts[0] === include && !this.advancing && !this.blocked && include.waiting.length === 0) {
      if (this.pass(chunk)) return true;
    } else {
      include.wait(chunk);
      if (!this.blocked && include.waiting.length < WAITING_MAX && !buffersFull()) return true;
    }
    include.paused = true;
    return false;
  }

  /** Passes on what may go by now, and has the page read on where it waited. */
  advance(): void {
    if (this.advancing) return;
    this.advancing = true;
    do this.passParts();
    while (this.parts.length === 0 && this.page.readOn());
    this.advancing = false;
    if (this.parts.length === 0 && this.page.complete) {
      if (!this.ended) {
        this.ended = true;
        this.next(null);
      }
      return;
    }
    if (this.blocked) return;
    const [first] = this.parts;
    if (first instanceof Include && first.paused) {
      first.paused = false;
      first.subrequest?.resume();
    }
    if (this.sourcePaused && this.open) {
      this.sourcePaused = false;
      this.source?.resume();
    }
  }

  private passParts(): void {
    while (!this.blocked) {
      const [first] = this.parts;
      if (first === undefined) return;
      if (typeof first === 'string') {
        this.parts.shift();
        this.textWaiting -= first.length;
        this.pass(first);
      } else {
        const chunk = first.waiting.first();
        if (chunk.length > 0) {
          this.pass(chunk);
          // The exchange may be over, and nothing waiting any more.
          if (first.waiting.length > 0) first.waiting.drop(chunk.length);
        } else if (first.over) this.parts.shift();
        else return;
      }
    }
  }

  private pass(chunk: Chunk): boolean {
    const more = this.next(chunk);
    if (!more) this.blocked = true;
    return more;
  }

  /** The client can take more. */
  resume(): void {
    this.blocked = false;
    this.advance();
  }

  /** The subrequests are ended with their parent. */
  abort(): void {
    this.source?.abort();
  }
}
