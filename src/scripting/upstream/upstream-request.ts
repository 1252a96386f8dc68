/** Head of a request to an upstream, as `js_upstream_request` changes it. */
import { isToken } from '../../http/field-line.js';
import type { FieldList, UpstreamRequest } from '../public-types.js';
import { bytesOf, textOf } from '../text.js';
import { type FieldStore, ScriptFields } from './field-list.js';

type Line = readonly [name: string, value: string];

export class ScriptUpstreamRequest implements UpstreamRequest, FieldStore {
  private currentMethod: string;
  private currentTarget: string;
  /** ` HTTP/1.1` */
  private readonly version: string;
  private readonly fieldText: string;
  private fields: Line[] | null = null;
  private list: FieldList | null = null;
  private changed = false;

  /** `head` with its empty line; bytes. */
  constructor(private readonly head: string) {
    const end = head.indexOf('\r\n');
    const first = head.indexOf(' ');
    const last = head.lastIndexOf(' ', end);
    this.currentMethod = head.slice(0, first);
    this.currentTarget = head.slice(first + 1, last);
    this.version = head.slice(last, end);
    this.fieldText = head.slice(end + 2, -2);
  }

  get method(): string {
    return this.currentMethod;
  }
  set method(value: string) {
    const method = bytesOf(value);
    if (!isToken(method)) throw new TypeError(`invalid method "${value}"`);
    this.currentMethod = method;
    this.changed = true;
  }

  get target(): string {
    return textOf(this.currentTarget);
  }
  set target(value: string) {
    const target = bytesOf(value);
    if (!/^\/[^\x00-\x20\x7f]*$/.test(target)) throw new TypeError(`invalid target "${value}"`);
    this.currentTarget = target;
    this.changed = true;
  }

  get headers(): FieldList {
    this.list ??= new ScriptFields(this);
    return this.list;
  }

  lines(): Line[] {
    this.fields ??= this.fieldText
      .split('\r\n')
      .slice(0, -1)
      .map((line): Line => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      });
    return this.fields;
  }

  replace(name: string, values: readonly string[]): void {
    const lower = name.toLowerCase();
    const lines = this.lines();
    const at = lines.findIndex(([each]) => each.toLowerCase() === lower);
    const kept = lines.filter(([each]) => each.toLowerCase() !== lower);
    kept.splice(at < 0 ? kept.length : at, 0, ...values.map((value): Line => [name, value]));
    this.fields = kept;
    this.changed = true;
  }

  add(name: string, value: string): void {
    this.lines().push([name, value]);
    this.changed = true;
  }

  /** The head as it is to be sent. */
  toHead(): string {
    if (!this.changed) return this.head;
    const { currentMethod, currentTarget, version, fields } = this;
    const lines = fields === null ? this.fieldText : fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return `${currentMethod} ${currentTarget}${version}\r\n${lines}\r\n`;
  }
}
