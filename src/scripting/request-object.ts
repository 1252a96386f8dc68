/** The object `r` of scripts: a request with its response. One per exchange. */
import type { HttpExchange } from '../exchange/exchange.js';
import { httpExchange } from '../exchange/exchange.js';
import { UNCONDITIONAL } from '../exchange/file-settings.js';
import { isRedirect } from '../exchange/redirect.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { runningFunction } from '../program/last-function.js';
import { StateKey } from '../program/state-key.js';
import { callFor } from './current-session.js';
import { headersIn, rawHeadersIn } from './headers-in.js';
import { headersOut, rawHeadersOut } from './headers-out.js';
import { recordPending } from './pending-work.js';
import { argsOf } from './request-args.js';
import { BodyReader } from './request-body.js';
import { maxKeysOf, parseForm, type RequestForm } from './request-form.js';
import { parseSubrequest, startSubrequest } from './script-subrequest.js';
import type { Scripts } from './scripts.js';
import { bytesOf, fieldValueOf, statusOf, textOf } from './text.js';
import { rawVariables, textVariables } from './variables-object.js';

/** Receives what a body filter sends (`js_body_filter`). */
export interface FilterOutput {
  sendBuffer(data: unknown, options: unknown): void;
  /** The rest of the body passes unchanged. */
  done(): void;
}

/** Outcome of a handler, as far as its calls of `r` determine it. */
export interface Outcome {
  /** Status to end the request with; a verdict of `js_access`. Null: none. */
  status: number | null;
  /** `r.decline()`. */
  declined: boolean;
  /** Target of `r.internalRedirect()`, bytes; empty: none. */
  redirect: string;
  /** Whether the response was completed by `r.return()` or `r.finish()`. */
  ended: boolean;
  /** `r.setReturnValue()`. */
  returned: { readonly value: unknown } | null;
  /** While a filter of the response runs: its output for a body filter, `head` for a header filter. */
  filter: FilterOutput | 'head' | null;
}

const OUTCOME = new StateKey<Outcome>('outcome of scripts');
/** Body of the response to a subrequest of a script. */
const RESPONSE_BODY = new StateKey<Buffer>('body of the response');

/** The object `r` of an exchange. A tunnel that moves to another table gets a new one, because variables differ by table. */
export function requestOf(x: Exchange, scripts: Scripts): ScriptRequest {
  const exchange = httpExchange(x);
  const known = exchange.scriptObject as ScriptRequest | null; // set here only
  if (known !== null && ScriptRequest.belongsTo(known, scripts)) return known;
  const request = new ScriptRequest(exchange, scripts);
  exchange.scriptObject = request;
  return request;
}

/** Takes the value that a function has set by `r.setReturnValue()`; null if it has not. */
export function takeReturned(x: Exchange): { readonly value: unknown } | null {
  const outcome = x.state(OUTCOME);
  if (outcome === undefined || outcome.returned === null) return null;
  const { returned } = outcome;
  outcome.returned = null;
  return returned;
}

export function outcomeOf(x: Exchange): Outcome {
  let outcome = x.state(OUTCOME);
  if (outcome === undefined) {
    outcome = { status: null, declined: false, redirect: '', ended: false, returned: null, filter: null };
    x.setState(OUTCOME, outcome);
  }
  return outcome;
}

export class ScriptRequest {
  readonly #x: HttpExchange;
  readonly #scripts: Scripts;
  #args: Readonly<Record<string, string | string[]>> | null = null;
  #headersIn: Readonly<Record<string, string>> | null = null;
  #headersOut: Record<string, unknown> | null = null;
  #variables: Record<string, string | undefined> | null = null;
  #body: BodyReader | null = null;
  #form: RequestForm | null = null;

  constructor(x: HttpExchange, scripts: Scripts) {
    this.#x = x;
    this.#scripts = scripts;
  }

  static belongsTo(request: ScriptRequest, scripts: Scripts): boolean {
    return request.#scripts === scripts;
  }

  get [Symbol.toStringTag](): string {
    return 'Request';
  }

  // -- the request

  get args(): Readonly<Record<string, string | string[]>> {
    this.#args ??= argsOf(this.#x.args);
    return this.#args;
  }
  get headersIn(): Readonly<Record<string, string>> {
    this.#headersIn ??= headersIn(this.#x);
    return this.#headersIn;
  }
  get rawHeadersIn(): [string, string][] {
    return rawHeadersIn(this.#x);
  }
  get httpVersion(): string {
    const { version } = this.#x;
    return `${Math.floor(version / 10)}.${version % 10}`;
  }
  get internal(): boolean {
    return this.#x.internal;
  }
  get method(): string {
    return textOf(this.#x.method);
  }
  get remoteAddress(): string {
    return textOf(this.#x.remoteAddress);
  }
  get requestLine(): string {
    return textOf(this.#x.requestLine);
  }
  get uri(): string {
    return textOf(this.#x.uri);
  }
  get variables(): Record<string, string | undefined> {
    this.#variables ??= textVariables(this.#x, this.#scripts);
    return this.#variables;
  }
  get rawVariables(): Record<string, Buffer | undefined> {
    return rawVariables(this.#x, this.#scripts);
  }
  /** For a subrequest: the request that made it. */
  get parent(): ScriptRequest | undefined {
    const { nested } = this.#x;
    return nested === null ? undefined : requestOf(nested.parent, this.#scripts);
  }

  // -- the body of the request

  get requestBuffer(): Buffer | undefined {
    return this.#reader.buffer;
  }
  get requestText(): string | undefined {
    return this.#reader.buffer?.toString('utf8');
  }
  get requestBody(): string | undefined {
    return this.requestText;
  }
  readRequestText(): Promise<string> {
    return this.#reader.read((body) => body.toString('utf8'));
  }
  readRequestArrayBuffer(): Promise<ArrayBuffer> {
    return this.#reader.read((body) => new Uint8Array(body).buffer);
  }
  readRequestJSON(): Promise<unknown> {
    return this.#reader.read((body) => JSON.parse(body.toString('utf8')) as unknown);
  }
  readRequestForm(options?: unknown): Promise<RequestForm> {
    const maxKeys = maxKeysOf(options);
    return this.#reader.read((body) => {
      this.#form ??= parseForm(this.#x.headers.get('content-type'), body.latin1Slice(), maxKeys);
      return this.#form;
    });
  }

  get #reader(): BodyReader {
    this.#body ??= new BodyReader(this.#x);
    return this.#body;
  }

  // -- the response

  get headersOut(): Record<string, unknown> {
    this.#headersOut ??= headersOut(this.#x);
    return this.#headersOut;
  }
  set headersOut(fields: Readonly<Record<string, unknown>>) {
    const own = this.headersOut;
    for (const name of Object.keys(own)) delete own[name];
    Object.assign(own, fields);
  }
  get rawHeadersOut(): [string, string][] {
    return rawHeadersOut(this.#x);
  }
  get status(): number {
    return this.#x.response.status;
  }
  set status(status: number) {
    const { response } = this.#x;
    response.status = statusOf(status);
    response.reason = null;
  }

  /** Body of the response, if this is the reply to a subrequest of a script. */
  get responseBuffer(): Buffer | undefined {
    return this.#x.state(RESPONSE_BODY);
  }
  get responseText(): string | undefined {
    return this.responseBuffer?.toString('utf8');
  }
  get responseBody(): string | undefined {
    return this.responseText;
  }

  return(code: unknown, body?: unknown): void {
    const status = statusOf(code);
    const x = this.#x;
    const outcome = outcomeOf(x);
    if (outcome.filter !== null) throw new TypeError('return cannot be called while filtering');
    if (status === 444 || (status >= 400 && (body === undefined || body === null))) {
      outcome.status = status;
      return;
    }
    if (isRedirect(status)) {
      const location = fieldValueOf(body);
      if (location !== '') x.response.set('Location', location);
      outcome.status = status;
      return;
    }
    const bytes = bytesOf(body);
    this.#requireUnsent();
    outcome.ended = true;
    x.setState(UNCONDITIONAL, true);
    x.respond(status, bytes);
  }

  decline(): void {
    outcomeOf(this.#x).declined = true;
  }

  sendHeader(): void {
    const x = this.#x;
    // It would be called again for the head that it sends.
    if (outcomeOf(x).filter !== null) throw new TypeError('sendHeader cannot be called while filtering');
    this.#requireUnsent();
    const { response } = x;
    if (response.status === 0) response.status = 200;
    response.contentType ??= x.defaultType();
    x.setState(UNCONDITIONAL, true);
    if (!x.sendHead()) throw new Error('failed to send header');
  }

  send(...parts: readonly unknown[]): void {
    const x = this.#x;
    const { filter, ended } = outcomeOf(x);
    if (filter !== null) throw new TypeError('cannot send while in body filter');
    if (!x.headSent || ended || x.finished) throw new Error('failed to send response');
    for (const part of parts) {
      const bytes = bytesOf(part);
      if (bytes !== '') x.write(bytes);
    }
  }

  finish(): void {
    const x = this.#x;
    const outcome = outcomeOf(x);
    if (outcome.filter !== null) throw new TypeError('finish cannot be called while filtering');
    if (!x.headSent || outcome.ended || x.finished) throw new Error('failed to send response');
    outcome.ended = true;
    x.end();
  }

  internalRedirect(uri: unknown): void {
    const x = this.#x;
    const outcome = outcomeOf(x);
    if (x.nested !== null) throw new TypeError('internalRedirect cannot be called from a subrequest');
    if (outcome.filter !== null) throw new TypeError('internalRedirect cannot be called while filtering');
    const target = bytesOf(uri);
    if (target === '') throw new TypeError('uri is empty');
    outcome.redirect = target;
  }

  setReturnValue(value: unknown): void {
    outcomeOf(this.#x).returned = { value };
  }

  sendBuffer(data: unknown, options?: unknown): void {
    const { filter } = outcomeOf(this.#x);
    if (filter === null || filter === 'head') throw new TypeError('cannot send buffer while not filtering');
    filter.sendBuffer(data, options);
  }

  done(): void {
    const { filter } = outcomeOf(this.#x);
    if (filter === null || filter === 'head') throw new TypeError('cannot set done while not filtering');
    filter.done();
  }

  #requireUnsent(): void {
    const x = this.#x;
    if (x.headSent || x.finished) throw new Error('failed to send response');
  }

  // -- everything else

  subrequest(uri: unknown, second?: unknown, third?: unknown): Promise<ScriptRequest> | undefined {
    const x = this.#x;
    if (x.nested !== null) throw new TypeError('subrequest can only be created for the primary request');
    const { request, callback } = parseSubrequest(uri, second, third);
    if (request.detached) {
      if (!startSubrequest(x, request, () => {})) throw new Error('subrequest creation failed');
      return undefined;
    }
    const done = recordPending(x).begin();
    const record = runningFunction();
    if (callback === null) return this.#subrequested(request, done);
    const started = startSubrequest(x, request, (child, body) => {
      // Before the callback, which may end the request.
      done();
      try {
        if (body !== null) {
          callFor(x, this.#scripts.tracksSessions, record, () => callback(this.#reply(child, body)));
        }
      } catch (error) {
        logError(x, 'error', `js exception: ${this.#scripts.describe(error)}`);
        outcomeOf(x).status = 500;
      }
    });
    if (!started) {
      done();
      throw new Error('subrequest creation failed');
    }
    return undefined;
  }

  #subrequested(request: Parameters<typeof startSubrequest>[1], done: () => void): Promise<ScriptRequest> {
    return new Promise((resolve, reject) => {
      const started = startSubrequest(this.#x, request, (child, body) => {
        if (body === null) reject(new Error('too big subrequest response'));
        else resolve(this.#reply(child, body));
        done();
      });
      if (started) return;
      done();
      reject(new Error('subrequest creation failed'));
    });
  }

  #reply(child: Exchange, body: Buffer): ScriptRequest {
    child.setState(RESPONSE_BODY, body);
    return requestOf(child, this.#scripts);
  }

  /** Names of the variables that `js_var` defines. */
  jsVarNames(prefix?: unknown): string[] {
    if (prefix !== undefined && typeof prefix !== 'string') throw new TypeError('"prefix" must be a string');
    return [...this.#scripts.variableNames].map(textOf).filter((name) => name.startsWith(prefix ?? ''));
  }

  log(...messages: readonly unknown[]): void {
    for (const message of messages) logError(this.#x, 'info', `js: ${bytesOf(message)}`);
  }
  warn(...messages: readonly unknown[]): void {
    for (const message of messages) logError(this.#x, 'warn', `js: ${bytesOf(message)}`);
  }
  error(...messages: readonly unknown[]): void {
    for (const message of messages) logError(this.#x, 'error', `js: ${bytesOf(message)}`);
  }
}
