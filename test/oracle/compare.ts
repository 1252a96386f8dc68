/** Says in what two reactions differ, leaving out what must differ: names, dates, serial numbers. */
import { gunzipSync, constants as zlib } from 'node:zlib';
import { type Answer, parseAnswer } from '../kit/index.js';
import type { Reaction } from './oracle.js';

/** Never the same: the time, and who answers. */
const ALWAYS_IGNORED = ['date', 'server'];

/** The differences, one per line; empty where there is none. */
export function differences(nginx: Reaction, tsproxy: Reaction, ignored: readonly string[] = []): string[] {
  const found: string[] = [];
  const count = Math.max(nginx.answers.length, tsproxy.answers.length);
  for (let i = 0; i < count; i++) {
    const label = i === 0 ? '' : `answer ${i + 1}: `;
    compareAnswers(nginx.answers[i], tsproxy.answers[i], [...ALWAYS_IGNORED, ...ignored], (what) =>
      found.push(label + what),
    );
  }
  const received = (side: Reaction) => side.forwarded.map(sortFields).join('\n--\n');
  compare('back end received', received(nginx), received(tsproxy), (what) => found.push(what));
  if (received(nginx) === received(tsproxy)) {
    const orders = (side: Reaction) => side.forwarded.map(namesOf).join('; ');
    compare('order of fields received', orders(nginx), orders(tsproxy), (what) => found.push(what));
  }
  return found;
}

/** Names of the fields of a head, in order; without Host, which newer nginx sends first. */
function namesOf(head: string): string {
  const lines = head.slice(0, head.indexOf('\r\n\r\n')).split('\r\n').slice(1);
  const names = lines.map((line) => line.slice(0, line.indexOf(':')));
  return names.filter((name) => name.toLowerCase() !== 'host').join(' ');
}

/** The order of fields with different names says nothing (RFC 9110 5.3). */
export function sortFields(request: string): string {
  const end = request.indexOf('\r\n\r\n');
  const [line = '', ...fields] = request.slice(0, end).split('\r\n');
  const name = (field: string) => field.slice(0, field.indexOf(':')).toLowerCase();
  fields.sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
  return [line, ...fields].join('\r\n') + request.slice(end);
}

type Report = (difference: string) => void;

function compare(what: string, nginx: string, tsproxy: string, report: Report): void {
  if (nginx !== tsproxy) report(`${what}: nginx ${show(nginx)}, tsproxy ${show(tsproxy)}`);
}

function show(text: string): string {
  return JSON.stringify(text.length > 600 ? `${text.slice(0, 600)}… (${text.length} bytes)` : text);
}

function compareAnswers(
  a: string | undefined,
  b: string | undefined,
  ignored: readonly string[],
  report: Report,
): void {
  if (a === undefined || b === undefined || !a.startsWith('HTTP/') || !b.startsWith('HTTP/')) {
    compare('answer', a ?? 'none', b ?? 'none', report);
    return;
  }
  const nginx = new Normalised(a, ignored);
  const tsproxy = new Normalised(b, ignored);
  compare('status line', nginx.statusLine, tsproxy.statusLine, report);
  for (const name of new Set([...nginx.fields.keys(), ...tsproxy.fields.keys()])) {
    if (name === 'Content-Length' && nginx.lengthOfPage !== null && nginx.lengthOfPage === tsproxy.lengthOfPage)
      continue;
    // The two were asked one after the other, possibly in different seconds.
    if (name === 'Expires' && lifetime(nginx) === lifetime(tsproxy)) continue;
    compare(name, nginx.fields.get(name) ?? 'none', tsproxy.fields.get(name) ?? 'none', report);
  }
  const [names, own] = [[...nginx.fields.keys()], [...tsproxy.fields.keys()]];
  if (names.length === own.length && names.every((name) => own.includes(name)))
    compare('order of fields', names.join(', '), own.join(', '), report);
  compare('body', nginx.body, tsproxy.body, report);
  compare('trailers', JSON.stringify(nginx.answer.trailers), JSON.stringify(tsproxy.answer.trailers), report);
}

/** Seconds from the answer's Date to its Expires; NaN without one of them. */
function lifetime({ answer }: Normalised): number {
  return (Date.parse(answer.field('expires') ?? '') - Date.parse(answer.field('date') ?? '')) / 1000;
}

/** The body without its content coding: compressors differ. One that cannot be decoded, or not completely, as far as it can. */
function decodedBody(answer: Answer): string {
  const { body } = answer;
  if (answer.field('content-encoding')?.toLowerCase() !== 'gzip' || body === '') return body;
  try {
    return gunzipSync(Buffer.from(body, 'latin1'), { finishFlush: zlib.Z_SYNC_FLUSH }).toString('latin1');
  } catch {
    return body;
  }
}

/** An answer without what is always its own: the software's name in built-in pages, boundaries of parts. */
class Normalised {
  readonly answer: Answer;
  readonly statusLine: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
  /**
   * Where it may be the answer to a HEAD request that GET would have got a built-in page for: the length of that page
   * without the software's name. Otherwise null.
   */
  readonly lengthOfPage: number | null;

  constructor(raw: string, ignored: readonly string[]) {
    this.answer = parseAnswer(raw);
    this.statusLine = [...this.answer.interim, this.answer.statusLine].join(' ');
    const page = decodedBody(this.answer).replace(
      /<center>(nginx|tsproxy)[^<]*<\/center>(?=\r\n<\/body>)/,
      '<center>SOFTWARE</center>',
    );
    const boundary = /boundary=(\d+)/.exec(this.answer.field('content-type') ?? '')?.[1];
    const hide = (text: string) => (boundary === undefined ? text : text.replaceAll(boundary, 'BOUNDARY'));
    this.body = hide(page);
    const fields = new Map<string, string>();
    for (const [name, value] of this.answer.fields) {
      if (ignored.includes(name.toLowerCase())) continue;
      const own = name.toLowerCase() === 'content-length' && value === String(this.answer.body.length);
      const shown = own ? String(this.body.length) : hide(value);
      fields.set(name, fields.has(name) ? `${fields.get(name)} | ${shown}` : shown);
    }
    this.fields = fields;
    const { status, field } = this.answer;
    const headOfPage = this.body === '' && status >= 300 && field('content-type') === 'text/html';
    this.lengthOfPage = headOfPage ? Number(field('content-length')) - (field('server')?.length ?? 0) : null;
  }
}
