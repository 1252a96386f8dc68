/** nginx's `ngx_http_addition_filter_module`: adds the responses of subrequests before and after a response. */
import { text } from '../config/argument-types.js';
import type { Context } from '../config/directive.js';
import { mediaTypes, mediaTypeTest } from '../config/media-types.js';
import { ByteQueue } from '../net/byte-queue.js';
import type { BodyFilter, Chunk, Producer } from '../program/body.js';
import type { Exchange, Subrequest, SubrequestSink } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { StateKey } from '../program/state-key.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const ADDITION = new StateKey<boolean>('addition');

/**
 * Passes on the response before, then the response itself, which is queued meanwhile, then the response after it. While
 * one of the added responses is passed on, a slow client slows it down.
 */
class AdditionFilter implements BodyFilter, Producer, SubrequestSink {
  private next: ((chunk: Chunk | null) => boolean) | null = null;
  private source: Producer | null = null;
  private readonly queue = new ByteQueue();
  /** The active subrequest. */
  private current: Subrequest | null = null;
  private ended = false;
  private blocked = false;
  private afterDone: boolean;

  constructor(
    private readonly x: Exchange,
    private readonly before: string,
    private readonly after: string,
  ) {
    this.afterDone = after === '';
    x.onFinish(this);
  }

  get activity(): string {
    return this.source?.activity ?? '';
  }

  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean {
    const first = this.next === null;
    this.next = next;
    if (first) {
      this.source = this.x.producer;
      this.x.producer = this;
      if (this.before !== '' && !this.begin(this.before)) return true;
    }
    if (chunk === null) {
      this.ended = true;
      this.advance();
      return true;
    }
    if (this.current === null && this.queue.length === 0) return this.pass(chunk);
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk;
    this.queue.push(bytes, 0, bytes.length);
    return false;
  }

  /** Starts a subrequest; false if there are too many, which has been logged. */
  private begin(uri: string): boolean {
    this.current = this.x.subrequest(uri, '', { sink: this });
    if (this.current === null) this.x.abort();
    return this.current !== null;
  }

  chunk(chunk: Chunk): boolean {
    return this.pass(chunk);
  }

  done(): void {
    this.current = null;
    this.advance();
    if (!this.blocked && this.current === null && !this.ended) this.source?.resume();
  }

  private pass(chunk: Chunk): boolean {
    const more = this.next?.(chunk) ?? true;
    this.blocked = !more;
    return more;
  }

  /** Passes on queued data, and the end of the response when all is complete. */
  private advance(): void {
    const { queue } = this;
    while (this.current === null && !this.blocked && queue.length > 0) {
      const piece = queue.first();
      this.pass(piece);
      if (queue.length > 0) queue.drop(piece.length);
    }
    if (this.current !== null || queue.length > 0 || !this.ended) return;
    if (!this.afterDone) {
      this.afterDone = true;
      this.begin(this.after);
    } else this.next?.(null);
  }

  resume(): void {
    this.blocked = false;
    if (this.current !== null) {
      this.current.resume();
      return;
    }
    this.advance();
    if (!this.blocked && this.current === null && !this.ended) this.source?.resume();
  }

  abort(): void {
    this.source?.abort();
  }

  /** Frees the queue at the end of the exchange. */
  release(): void {
    this.queue.clear();
  }
}

export default defineModule({
  name: 'addition',
  doc: 'Adds text before and after responses, which is the response to a subrequest. `addition_types` selects the responses.',
  directives: {
    add_before_body: {
      contexts: CONTEXTS,
      takes: text,
      doc: 'URI whose response is added before the response; an empty string disables an inherited one.',
      example: 'add_before_body /header.html;',
    },
    add_after_body: {
      contexts: CONTEXTS,
      takes: text,
      doc: 'URI whose response is added after the response; an empty string disables an inherited one.',
      example: 'add_after_body /footer.html;',
    },
    addition_types: {
      contexts: CONTEXTS,
      takes: mediaTypes,
      repeat: true,
      doc: 'Media types of responses to which something is added, in addition to `text/html`; `*` matches any type.',
      example: 'addition_types text/plain;',
    },
  },
  headerFilter: {
    order: 26,
    compile(conf) {
      if ((conf.add_before_body ?? '') === '' && (conf.add_after_body ?? '') === '') return null;
      const covers = mediaTypeTest(conf.addition_types.length === 0 ? [['text/html']] : conf.addition_types);
      return (x) => {
        const { response } = x;
        x.setState(ADDITION, false);
        if (response.status !== 200 || x.nested !== null || !covers(response.contentType ?? '')) return;
        x.setState(ADDITION, true);
        x.allowRanges = false;
        response.changeBody();
      };
    },
  },
  bodyFilter: {
    // After the filters that change the response itself, as nginx's postpone filter.
    order: 50,
    compile({ add_before_body: before = '', add_after_body: after = '' }) {
      if (before === '' && after === '') return null;
      return (x) => (x.state(ADDITION) === true ? new AdditionFilter(x, before, after) : null);
    },
  },
});
