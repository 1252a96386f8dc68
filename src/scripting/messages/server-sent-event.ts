/** A server-sent event as scripts see it, and the decision about it. */
import type { EventDecision } from '../../upstream/event-handler.js';
import type { EventFields, ServerSentEvent } from '../public-types.js';

/** Fields of the lines of an event. */
function parse(bytes: Buffer): { data: string[]; event: string; id: string | null; retry: number | null } {
  const parsed = { data: [] as string[], event: '', id: null as string | null, retry: null as number | null };
  for (const line of bytes.toString().split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') parsed.data.push(value);
    else if (name === 'event') parsed.event = value;
    else if (name === 'id' && !value.includes('\0')) parsed.id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) parsed.retry = Number(value);
  }
  return parsed;
}

/** An event as text. Throws TypeError for fields that cannot be sent. */
function format({ data, event, id, retry }: EventFields): string {
  let text = '';
  for (const [name, value] of Object.entries({ event, id })) {
    if (value === undefined) continue;
    if (typeof value !== 'string' || /[\r\n\0]/.test(value)) throw new TypeError(`invalid field "${name}" of an event`);
    text += `${name}: ${value}\n`;
  }
  if (retry !== undefined) {
    if (!Number.isSafeInteger(retry) || retry < 0) throw new TypeError('invalid field "retry" of an event');
    text += `retry: ${retry}\n`;
  }
  if (data !== undefined) {
    const lines = typeof data === 'string' ? data : JSON.stringify(data);
    if (lines === undefined) throw new TypeError('the data of an event must be a text, or have a JSON text');
    for (const line of lines.split(/\r\n|\r|\n/)) text += `data: ${line}\n`;
  }
  if (text === '') throw new TypeError('an event without fields');
  return `${text}\n`;
}

export class ScriptEvent implements ServerSentEvent {
  private readonly fields: ReturnType<typeof parse>;
  private before = '';
  /** Events in its place; null: it is passed on. */
  private replaced: string | null = null;
  private ends = false;

  /** `bytes` are borrowed until `keepBytes`. */
  constructor(private bytes: Buffer) {
    this.fields = parse(bytes);
  }

  /** Copies the bytes, as the decision is made later. */
  keepBytes(): void {
    this.bytes = Buffer.from(this.bytes);
  }

  get data(): string {
    return this.fields.data.join('\n');
  }
  get event(): string {
    return this.fields.event || 'message';
  }
  get id(): string | null {
    return this.fields.id;
  }
  get retry(): number | null {
    return this.fields.retry;
  }
  json<T>(): T {
    return JSON.parse(this.data) as T;
  }

  replace(fields: EventFields): void {
    const { data, event, id, retry } = this.fields;
    this.replaced = format({
      ...(data.length > 0 && { data: data.join('\n') }),
      ...(event !== '' && { event }),
      ...(id !== null && { id }),
      ...(retry !== null && { retry }),
      ...fields,
    });
  }
  split(events: readonly EventFields[]): void {
    this.replaced = events.map(format).join('');
  }
  drop(): void {
    this.replaced = '';
  }
  insert(event: EventFields): void {
    this.before += format(event);
  }
  close(): void {
    this.ends = true;
  }

  decided(): EventDecision {
    const { before, replaced, ends } = this;
    if (before === '' && replaced === null && !ends) return null;
    const own = replaced === null ? this.bytes : Buffer.from(replaced);
    return { bytes: before === '' ? own : Buffer.concat([Buffer.from(before), own]), end: ends };
  }
}
