/**
 * Response that is assembled from text and the responses of subrequests, in document order. Subrequests run concurrently;
 * output that is not next in order is buffered, up to a limit.
 */

import { SUBREQUESTS } from '../../exchange/subrequest.js';
import { buffersFull } from '../../net/buffer-limit.js';
import { ByteQueue } from '../../net/byte-queue.js';
import type { Chunk, Producer } from '../../program/body.js';
import { logError } from '../../program/error-context.js';
import type { Exchange, Subrequest, SubrequestSink } from '../../program/exchange.js';

/** Bytes buffered per subrequest, and for the text around them, before their sources are paused. */
const MAX_BUFFERED = 65536;

/** Placeholder in the response for the body of a subrequest. */
export class Include implements SubrequestSink {
  /** Set as soon as `x.subrequest` has returned. */
  subrequest: Subrequest | null = null;
  finished = false;
  /** Output that is not next in order yet. */
  readonly buffered = new ByteQueue();
  paused = false;
  /** Whether `stub` replaced an empty or failed response. */
  stubUsed = false;
  /** Body collected for `set`. */
  collected = '';

  constructor(
    private readonly assembly: Assembly,
    /** Text of the block that `stub` refers to, or null. */
    readonly stub: string | null,
    /** With `set`, receives the body instead of the response. */
    private readonly assign: ((value: string) => void) | null,
  ) {}

  chunk(chunk: Chunk): boolean {
    if (this.assign === null) return this.assembly.included(this, chunk);
    this.collected += typeof chunk === 'string' ? chunk : chunk.latin1Slice();
    const { subrequest } = this;
    if (subrequest === null) return true;
    const limit = subrequest.exchange.location.settings.get(SUBREQUESTS).outputBufferSize;
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

  /** Buffers a chunk that is not next in order yet. */
  enqueue(chunk: Chunk): void {
    this.buffered.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk, 0, chunk.length);
  }

  done(subrequest: Subrequest): void {
    this.finished = true;
    if (this.assign !== null) {
      if (subrequest.status < 300 && this.collected !== '') this.assign(this.collected);
    } else if (this.stub !== null && !this.stubUsed && subrequest.bytesSent === 0) {
      this.stubUsed = true;
      this.enqueue(this.stub);
    }
    this.assembly.advance();
  }
}

/** Interface of the assembly to the parser of the page. */
export interface Page {
  /** Called when all requested includes are in the response. Continues parsing; false if all received input has been parsed. */
  continueParsing(): boolean;
  /** Whether the whole page has been parsed. */
  readonly complete: boolean;
  /** Whether parsing waits for an include. */
  readonly paused: boolean;
}

export class Assembly implements Producer {
  private readonly parts: (string | Include)[] = [];
  private bufferedText = 0;
  /** Whether output is paused until the client drains. */
  private blocked = false;
  /** Whether the page's own source is paused. */
  private sourcePaused = false;
  private advancing = false;
  private ended = false;
  private readonly source: Producer | null;

  /** Replaces the exchange's producer. */
  constructor(
    x: Exchange,
    private readonly page: Page,
    private readonly next: (chunk: Chunk | null) => boolean,
  ) {
    this.source = x.producer;
    x.producer = this;
    x.onFinish(this);
  }

  /** Frees the buffers. */
  release(): void {
    for (const part of this.parts) if (typeof part !== 'string') part.buffered.clear();
    this.parts.length = 0;
  }

  /** Appends text. */
  text(text: string): void {
    if (text === '') return;
    if (this.parts.length === 0) this.send(text);
    else {
      this.parts.push(text);
      this.bufferedText += text.length;
    }
  }

  /** Appends the placeholder of a subrequest. */
  include(include: Include): void {
    this.parts.push(include);
  }

  /** Whether nothing is buffered. */
  get empty(): boolean {
    return this.parts.length === 0;
  }

  /** False if the source of the page must pause until it is resumed. */
  get open(): boolean {
    const open = !this.blocked && !this.page.paused && this.bufferedText < MAX_BUFFERED;
    if (!open) this.sourcePaused = true;
    return open;
  }

  /** Receives a chunk of a subrequest's body; false pauses the subrequest until it is resumed. */
  included(include: Include, chunk: Chunk): boolean {
    if (this.parts[0] === include && !this.advancing && !this.blocked && include.buffered.length === 0) {
      if (this.send(chunk)) return true;
    } else {
      include.enqueue(chunk);
      if (!this.blocked && include.buffered.length < MAX_BUFFERED && !buffersFull()) return true;
    }
    include.paused = true;
    return false;
  }

  /** Sends all output that is next in order, and continues parsing the page if it waited. */
  advance(): void {
    if (this.advancing) return;
    this.advancing = true;
    do this.flushParts();
    while (this.parts.length === 0 && this.page.continueParsing());
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

  private flushParts(): void {
    while (!this.blocked) {
      const [first] = this.parts;
      if (first === undefined) return;
      if (typeof first === 'string') {
        this.parts.shift();
        this.bufferedText -= first.length;
        this.send(first);
      } else {
        const chunk = first.buffered.first();
        if (chunk.length > 0) {
          this.send(chunk);
          // `pass` may have finished the exchange and cleared the buffer.
          if (first.buffered.length > 0) first.buffered.drop(chunk.length);
        } else if (first.finished) this.parts.shift();
        else return;
      }
    }
  }

  private send(chunk: Chunk): boolean {
    const more = this.next(chunk);
    if (!more) this.blocked = true;
    return more;
  }

  /** Called when the client has drained. */
  resume(): void {
    this.blocked = false;
    this.advance();
  }

  /** Called when the client is gone; subrequests are aborted with their parent. */
  abort(): void {
    this.source?.abort();
  }
}
