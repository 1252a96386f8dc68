/** Puts pairs of servers to nginx and tsproxy, and says in what answers and logs differ. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closedPort, complete, connect, parseAnswer, startProxy, until } from '../kit/index.js';
import type { Pair, PairRequest } from './head-pairs.js';
import { startNginx, stopNginx } from './nginx.js';

/** Results of one side for a pair: for each request its answer and its line in the access log; the error logs. */
interface Outcome {
  readonly answers: readonly string[];
  readonly lines: readonly string[];
  readonly errors: Readonly<Record<string, string>>;
}

/** A request, or an error log, for which the sides differ. */
export interface Difference {
  readonly pair: Pair;
  readonly request: PairRequest | null;
  readonly what: string;
  readonly nginx: string;
  readonly tsproxy: string;
}

const VALUES = [
  ...['status', 'host', 'server_name', 'cap', 'uri', 'args', 'request_uri', 'server_protocol', 'request_method'],
  ...['request_length', 'http_host', 'http_api_key', 'http_x_odd', 'http_referer', 'http_cookie'],
  ...['connection_requests', 'pipe', 'request'],
] as const;
const NEWER = ['request_port', 'is_request_port'] as const;

/** Pairs side by side in one configuration, each at an address of its own. */
function configOf(pairs: readonly Pair[], modern: boolean): string {
  const values = [...VALUES, ...(modern ? NEWER : [])].map((name) => `|${name}=$${name}`).join('');
  const format = (label: string): string => `log_format ${label} '$remote_port|server=${label}${values}';`;
  return `${format('first')} ${format('second')}
    server { listen 127.2.0.1:%%PORT%%; server_name ~^(?<cap>x)$; }
    ${pairs.map(({ config }, i) => config.replaceAll('%%AT%%', addressOf(i))).join('\n')}`;
}

const addressOf = (i: number): string => `127.1.${i >> 8}.${(i & 255) + 1}`;

/** Sends a request to its end; returns the client's port and all that came. */
async function ask(
  host: string,
  port: number,
  { bytes, ending }: PairRequest,
): Promise<[port: number, answer: string]> {
  const connection = await connect({ host, port });
  try {
    const { localPort } = connection;
    connection.send(bytes);
    if (ending === 'fin') connection.end();
    // An answer that is complete may leave the connection open.
    else connection.reader.socket.once('data', () => connection.end());
    return [localPort, await connection.all()];
  } finally {
    connection.close();
  }
}

async function putTo(pair: Pair, at: string, port: number, read: (path: string) => string): Promise<Outcome> {
  const asked: [number, string][] = [];
  for (const each of pair.requests) asked.push(await ask(at, port, each));
  const logged = (): string[] => read(`${at}.access`).split('\n').slice(0, -1);
  await until(`the log of ${at} is complete`, () => logged().length >= asked.length);
  const lines = logged();
  const own = (text: string): string => text.replaceAll(`:${port}`, ':PORT');
  return {
    answers: asked.map(([, answer]) => own(comparableAnswer(answer))),
    lines: asked.map(([client]) => {
      const index = lines.findIndex((line) => line.startsWith(`${client}|`));
      return index < 0 ? 'no line' : (lines.splice(index, 1)[0] ?? '').slice(String(client).length + 1);
    }),
    errors: Object.fromEntries(['first', 'second'].map((label) => [label, own(comparableLog(read(`${at}.${label}`)))])),
  };
}

/** Without what is always a side's own: the date, and the name of the software. */
function comparableAnswer(raw: string): string {
  const text = raw
    .replace(/^(Date|Server): .*\r\n/gm, '')
    .replace(/<center>(nginx|tsproxy)[^<]*<\/center>(?=\r\n<\/body>)/, '<center>SOFTWARE</center>');
  if (!text.startsWith('HTTP/') || !text.includes('SOFTWARE')) {
    // The answer to a HEAD request has the length of a page with another name in it.
    return text.startsWith('HTTP/') && parseAnswer(raw, 'HEAD').body === ''
      ? text.replace(/^Content-Length: .*\r\n/m, '')
      : text;
  }
  return text.replace(/^Content-Length: .*\r\n/m, '');
}

function comparableLog(log: string): string {
  return (
    log
      .replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[(\w+)\] \d+#\d+: \*\d+ /gm, '[$1] ')
      // tsproxy never writes control bytes.
      .replace(/[\0-\x09\x0b-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
      .replace(/^.*(while waiting for request|closed keepalive connection).*\n/gm, '')
      .replace(/^(\[error\] .*) while reading client request (line|headers)/gm, '$1')
  );
}

/** nginx cuts long lines, with numbers of its own before the message. */
function comparableLines(log: string): string[] {
  return log.split('\n').map((line) => line.slice(0, 1500));
}

/** The differences of some pairs; `modern`: nginx is new enough for all settings, variables and messages. */
export async function compareHeads(pairs: readonly Pair[], modern: boolean): Promise<Difference[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-heads-'));
  const config = configOf(pairs, modern);
  const port = await closedPort();
  const nginx = await startNginx(directory, complete(config, { PORT: port, DIR: directory }), {
    host: addressOf(0),
    port,
  });
  try {
    const proxy = await startProxy(config, { PORT: 0 });
    try {
      const read = (path: string): string => {
        const full = join(directory, path);
        return existsSync(full) ? readFileSync(full, 'latin1') : '';
      };
      const found: Difference[] = [];
      for (const [i, pair] of pairs.entries()) {
        const at = addressOf(i);
        const [a, b] = await Promise.all([
          putTo(pair, at, port, read),
          putTo(pair, at, proxy.portOf(`${at}:`), (path) => proxy.file(path)),
        ]);
        found.push(...differencesOf(pair, a, b, modern));
      }
      return found;
    } finally {
      await proxy.close();
    }
  } finally {
    await stopNginx(nginx);
    rmSync(directory, { recursive: true, force: true });
  }
}

function differencesOf(pair: Pair, nginx: Outcome, tsproxy: Outcome, modern: boolean): Difference[] {
  const found: Difference[] = [];
  const compare = (what: string, request: PairRequest | null, a: string | undefined, b: string | undefined): void => {
    if (a !== b) found.push({ pair, request, what, nginx: a ?? '', tsproxy: b ?? '' });
  };
  for (const [i, request] of pair.requests.entries()) {
    compare('answer', request, nginx.answers[i], tsproxy.answers[i]);
    compare('log', request, nginx.lines[i], tsproxy.lines[i]);
  }
  // Older versions of nginx word some messages differently.
  if (!modern) return found;
  for (const label of ['first', 'second']) {
    const [a, b] = [nginx, tsproxy].map(({ errors }) => comparableLines(errors[label] ?? '')) as [string[], string[]];
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      if (a[i] === b[i]) continue;
      // The lines behind it are shifted, where one is missing.
      compare(`error log of ${label}`, null, a[i], b[i]);
      break;
    }
  }
  return found;
}
