/**
 * Incremental reader of event streams, with lines ended by CR, LF or CRLF, and an optional byte order mark:
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */

const LF = 10;
const CR = 13;
const COLON = 58;
const SPACE = 32;
/** The byte order mark that may precede a stream. */
export const EVENT_STREAM_BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const BOM_LENGTH = EVENT_STREAM_BOM.length;

/** Maximum length of an event id that is stored, bytes; longer ones do not fit into a request field. */
const MAX_ID = 1024;
const MAX_RETRY_DIGITS = 12;
/** Length of the longest field name that is evaluated (`retry`). */
const MAX_NAME = 5;

// Position in a line.
const LINE_START = 0;
const NAME = 1;
const VALUE = 2;
/** Value of a field that is not evaluated, or a comment. */
const REST = 3;

/** Whether a media type is that of event streams. */
export function isEventStream(type: string | null): boolean {
  if (type === null || type.length < 17) return false;
  return (type.charCodeAt(0) | 32) === 116 && /^text\/event-stream[ \t]*(?:;|$)/i.test(type);
}

/**
 * Divides a stream into segments: an event with the empty line that ends it, a line outside of events (a comment, an
 * empty line), or the byte order mark. Nothing but ids is stored.
 */
export class EventReader {
  /** Events with data, which clients dispatch. */
  events = 0;
  /** The last id that an event has set; empty if there is none, null if it is too long to be stored. */
  lastEventId: string | null = '';
  /** The last reconnection time that the stream has set, ms; -1 for none. */
  retry = -1;
  /** Whether the last segment has set an id. */
  hasId = false;
  /** Whether the last byte is a CR, whose LF may follow. */
  afterCr = false;
  /** Bytes of a byte order mark that were read; `BOM_LENGTH` when none can follow. */
  private bom = 0;
  private position = LINE_START;
  /** Whether a field of an event was read that has not ended. */
  private open = false;
  private hasData = false;
  private name = '';
  private value = '';
  private pendingId: string | null | undefined = undefined;

  /** Whether the last byte ends a segment, or nothing has been read. */
  get between(): boolean {
    return this.position === LINE_START && !this.open && !this.inMark;
  }

  /** Whether a byte order mark may follow. */
  get atStart(): boolean {
    return this.bom === 0;
  }

  /** Whether the last byte is part of an incomplete byte order mark. */
  get inMark(): boolean {
    return this.bom > 0 && this.bom < BOM_LENGTH;
  }

  /** Rules out a byte order mark from here on. */
  skipBom(): void {
    this.bom = BOM_LENGTH;
  }

  /** Begins another stream, which continues the last one: an incomplete event is dropped, the last id kept. */
  restart(): void {
    this.bom = 0;
    this.position = LINE_START;
    this.afterCr = false;
    this.open = false;
    this.hasData = false;
    this.pendingId = undefined;
  }

  /** Reads from `start` up to the end of a segment, at most to `end`. Returns the offset; `between`: a segment has ended there. */
  read(bytes: Buffer, start: number, end: number): number {
    let at = start;
    if (this.bom < BOM_LENGTH) {
      at = this.readBom(bytes, start, end);
      // The mark is a segment.
      if (at > start && this.between) return at;
    }
    while (at < end) {
      const byte = bytes[at] as number; // below `end`
      at++;
      if (this.afterCr) {
        this.afterCr = false;
        if (byte === LF) continue;
      }
      if (byte === LF || byte === CR) {
        this.afterCr = byte === CR;
        if (!this.endLine()) continue;
        if (this.afterCr && at < end && bytes[at] === LF) {
          this.afterCr = false;
          at++;
        }
        return at;
      }
      if (this.position === REST) at = endOfLine(bytes, at, end);
      else this.readByte(byte);
    }
    return at;
  }

  private readBom(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && this.bom < BOM_LENGTH) {
      if (bytes[at] !== EVENT_STREAM_BOM[this.bom]) {
        // The beginning of a mark is the beginning of a field name.
        const first = this.bom > 0;
        this.bom = BOM_LENGTH;
        if (first) this.readByte(EVENT_STREAM_BOM[0] as number); // it has three bytes
        break;
      }
      this.bom++;
      at++;
    }
    return at;
  }

  /** Reads a byte of a name or of an evaluated value. */
  private readByte(byte: number): void {
    if (this.position === LINE_START) {
      if (byte === COLON) {
        this.position = REST;
        return;
      }
      this.open = true;
      this.position = NAME;
      this.name = String.fromCharCode(byte);
    } else if (this.position === NAME) {
      if (byte === COLON) this.beginValue();
      else if (this.name.length <= MAX_NAME) this.name += String.fromCharCode(byte);
    } else if (this.value.length <= MAX_ID + 1) this.value += String.fromCharCode(byte);
  }

  private beginValue(): void {
    const { name } = this;
    this.value = '';
    this.position = name === 'id' || name === 'retry' ? VALUE : REST;
    if (name === 'data') this.hasData = true;
  }

  /** Ends a line, and returns whether it ends a segment. */
  private endLine(): boolean {
    const { position } = this;
    this.position = LINE_START;
    if (position === LINE_START) {
      this.endEvent();
      return true;
    }
    if (position === NAME) {
      if (this.name === 'data') this.hasData = true;
      else if (this.name === 'id') this.pendingId = '';
    } else if (position === VALUE) this.endValue();
    if (this.open) return false;
    this.hasId = false;
    return true;
  }

  private endValue(): void {
    const text = this.value.charCodeAt(0) === SPACE ? this.value.slice(1) : this.value;
    if (this.name === 'retry') {
      if (/^\d+$/.test(text) && text.length <= MAX_RETRY_DIGITS) this.retry = Number(text);
    } else if (!text.includes('\0')) this.pendingId = text.length > MAX_ID ? null : text;
    this.value = '';
  }

  private endEvent(): void {
    if (this.hasData) this.events++;
    this.hasId = this.pendingId !== undefined;
    if (this.pendingId !== undefined) this.lastEventId = this.pendingId;
    this.pendingId = undefined;
    this.hasData = false;
    this.open = false;
  }
}

/** Offset of the next CR or LF, or `end`. */
function endOfLine(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== LF && bytes[at] !== CR) at++;
  return at;
}
