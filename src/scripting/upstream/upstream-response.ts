/** Head of a response of an upstream, as `js_upstream_response` changes it. */
import type { ResponseHead } from '../../http/response-head.js';
import { responseFields, setResponseField } from '../headers-out.js';
import type { UpstreamResponse } from '../public-types.js';
import { integerOf } from '../text.js';
import { type FieldStore, ScriptFields } from './field-list.js';

export class ScriptUpstreamResponse implements UpstreamResponse, FieldStore {
  readonly headers = new ScriptFields(this);

  constructor(private readonly response: ResponseHead) {}

  get status(): number {
    return this.response.status;
  }
  set status(value: number) {
    const status = integerOf(value);
    if (status < 200 || status > 599) throw new RangeError(`invalid status ${status}`);
    if (status === this.response.status) return;
    this.response.status = status;
    this.response.reason = null;
  }

  lines(): [name: string, value: string][] {
    return responseFields(this.response);
  }

  replace(name: string, values: readonly string[]): void {
    setResponseField(this.response, name, values);
  }

  add(name: string, value: string): void {
    const lower = name.toLowerCase();
    setResponseField(this.response, name, [...this.response.all(lower), value]);
  }
}
