/** Repeats a request that the console has shown (`console_replay`), in the worker that has its record. */
import type { IncomingMessage } from 'node:http';
import type { ReplayReport } from '../../console/replay-report.js';
import { type Secrets, secretsOf } from '../../console/secrets.js';
import { upstreamsOf } from '../../console/worker-report.js';
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import type { Transport } from '../../net/transport.js';
import { TransportStream } from '../../net/transport-stream.js';
import type { Shared } from '../../program/module.js';
import type { ConnectAddress, Connector, RequestRecord } from '../../tap/records.js';
import { Redaction } from '../../tap/redaction.js';
import type { FieldLine } from '../../tap/rows.js';
import type { RedactionSettings } from '../../tap/settings.js';
import type { ConsoleQuestion, ConsoleSettings, ConsoleTable } from './context.js';
import { ConsoleError } from './json-response.js';

/** Timeout for the connection and the whole response, ms. */
const TIMEOUT = 30_000;
/** ms between two questions for the result. */
const INTERVAL = 50;
/** Maximum number of replays of a worker, including results that have not been fetched. */
const MAX_REPLAYS = 16;
/** Bytes of the body in the result. */
const MAX_BODY = 64 << 10;
/** Maximum number of bytes of a body that are read. */
const MAX_READ = 16 << 20;

interface ReplayQuestion extends ConsoleQuestion {
  readonly about: 'replay';
  readonly id: string;
  /** Name of an upstream, or address of a server; empty: the server that has handled the request. Bytes. */
  readonly upstream: string;
  readonly payload: boolean;
  readonly redaction: RedactionSettings;
}

interface ResultQuestion extends ConsoleQuestion {
  readonly about: 'replay result';
  readonly pid: number;
  readonly ticket: number;
}

/** Answer to ReplayQuestion of the worker that has the record. */
type Begun = { readonly pid: number; readonly ticket: number } | Refused;

interface Refused {
  readonly refused: string;
}

/** Repeats a request. Rejects with ConsoleError. */
export async function replay(
  table: ConsoleTable,
  { replay: isAllowed, payload, redaction }: ConsoleSettings,
  { id, upstream = '' }: Readonly<Record<string, unknown>>,
): Promise<ReplayReport> {
  if (!isAllowed) throw new ConsoleError(403, 'ReplayOff', 'this location has no "console_replay on"');
  if (typeof id !== 'string' || typeof upstream !== 'string') {
    throw new ConsoleError(400, 'BadBody', '"id" must be the id of a request, and "upstream" a name or an address');
  }
  const question: ReplayQuestion = { about: 'replay', id, upstream: toBytes(upstream), payload, redaction };
  const begun = (await table.ask(question)).find((answer) => answer !== null) as Begun | undefined;
  if (begun === undefined) throw new ConsoleError(404, 'RequestNotKept', `the request "${id}" is not kept`);
  if ('refused' in begun) throw new ConsoleError(400, 'CannotReplay', begun.refused);
  const asking: ResultQuestion = { about: 'replay result', ...begun };
  for (const end = Date.now() + 2 * TIMEOUT; Date.now() < end; ) {
    const answers = await table.ask(asking);
    // Other workers answer null, and so does the one that replays while there is no result.
    const result = answers.find((answer) => answer !== null) as ReplayReport | Refused | undefined;
    if (result !== undefined && 'refused' in result) throw new ConsoleError(502, 'ReplayFailed', result.refused);
    if (result !== undefined) return result;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
  throw new ConsoleError(504, 'ReplayFailed', 'the worker does not answer');
}

/** Answers questions of all workers about requests of this one. */
export function answerReplays(table: ConsoleTable): void {
  const results = new Map<number, ReplayReport | Refused | null>();
  let last = 0;
  table.answer('replay', (question): Begun | null => {
    const asked = question as ReplayQuestion; // of a worker with the same code
    const record = table.tap.records?.find(asked.id);
    if (record === undefined) return null;
    if (results.size >= MAX_REPLAYS) return { refused: 'too many concurrent replays' };
    const prepared = prepare(record, asked, table.compiler.shared);
    if ('refused' in prepared) return prepared;
    const ticket = ++last;
    results.set(ticket, null);
    void send(prepared, asked)
      .catch((error: Error) => ({ refused: error.message }))
      .then((result) => {
        results.set(ticket, result);
        // The worker that asked may have exited.
        setTimeout(() => results.delete(ticket), TIMEOUT).unref();
      });
    return { pid: process.pid, ticket };
  });
  table.answer('replay result', (question) => {
    const { pid, ticket } = question as ResultQuestion; // of a worker with the same code
    const result = pid === process.pid ? (results.get(ticket) ?? null) : null;
    if (result !== null) results.delete(ticket);
    return result;
  });
}

interface Prepared {
  readonly name: string;
  readonly address: ConnectAddress;
  readonly connector: Connector;
  readonly method: string;
  readonly target: string;
  readonly fields: readonly FieldLine[];
  /** Values of redacted fields of the request, which the response may repeat. */
  readonly secrets: Secrets;
}

function prepare(
  record: RequestRecord,
  { upstream, redaction }: Pick<ReplayQuestion, 'upstream' | 'redaction'>,
  shared: Shared,
): Prepared | Refused {
  const { connector, upstreamRequest, tries } = record;
  const [line = '', ...lines] = upstreamRequest.split('\r\n');
  const [, method = '', target = ''] = /^(\S+) (\S+) HTTP\//.exec(line) ?? [];
  if (connector === null || method === '') return { refused: 'the request was not passed to an upstream' };
  const fields = lines.flatMap((each): FieldLine[] => {
    const [, name, value = ''] = /^([^:]+): ?(.*)$/s.exec(each) ?? [];
    return name === undefined ? [] : [[name, value]];
  });
  const fieldValue = (wanted: string): string | undefined =>
    fields.find(([name]) => name.toLowerCase() === wanted)?.[1];
  if (fieldValue('upgrade') !== undefined) return { refused: 'a WebSocket cannot be repeated' };
  if (fieldValue('transfer-encoding') !== undefined || Number(fieldValue('content-length') ?? 0) > 0) {
    return { refused: 'the request has a body, which is not kept' };
  }
  const found = upstream === '' ? peerNamed(tries.at(-1)?.address ?? '', shared) : chosenPeer(upstream, shared);
  if (found === null) {
    const known = upstream === '' ? 'the server that has handled the request' : `"${toText(upstream)}"`;
    return { refused: `${known} is neither an upstream nor a server of the configuration` };
  }
  const secrets = secretsOf([record.request, { line, fields }], redaction.fields);
  return { name: found.name, address: found.address, connector, method, target, fields, secrets };
}

type Chosen = Pick<Prepared, 'name' | 'address'>;

/** The available server of an upstream with the fewest requests. */
function chosenPeer(upstream: string, shared: Shared): Chosen | null {
  const named = upstreamsOf(shared).find(({ name }) => name.toLowerCase() === upstream.toLowerCase());
  if (named === undefined) return peerNamed(upstream, shared);
  const { all } = named.current();
  const now = Date.now();
  const available = all.filter((peer) => peer.usable(now));
  const [best] = (available.length > 0 ? available : [...all]).sort((a, b) => a.load - b.load);
  return best ?? null;
}

function peerNamed(address: string, shared: Shared): Chosen | null {
  const peers = upstreamsOf(shared).flatMap((upstream) => upstream.current().all);
  return peers.find(({ name }) => name === address) ?? null;
}

/** A connection that reports when it is established. */
class ReplayConnection extends TransportStream {
  constructor(
    address: ConnectAddress,
    private readonly connector: Connector,
  ) {
    super((owner) => connector.open(address, owner));
  }

  override onConnected(transport: Transport): void {
    const refusal = this.connector.refusal(transport);
    if (refusal === null) this.emit('connected');
    else this.destroy(new Error(refusal));
  }
}

async function send(prepared: Prepared, asked: ReplayQuestion): Promise<ReplayReport> {
  const { name, address, connector, method, target, fields, secrets } = prepared;
  const started = performance.now();
  const connection = new ReplayConnection(address, connector);
  const timer = setTimeout(() => connection.destroy(new Error(`no response within ${TIMEOUT / 1000} s`)), TIMEOUT);
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once('connected', resolve);
      connection.once('error', reject);
      connection.once('close', () => reject(new Error('the connection was closed')));
    });
    const { request: newRequest } = process.getBuiltinModule('node:http');
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const kept = fields.filter(([field]) => !/^(?:connection|keep-alive)$/i.test(field));
      const request = newRequest({
        method,
        path: target,
        headers: [...kept, ['Connection', 'close']].flat(),
        setHost: false,
        createConnection: () => connection,
      });
      request.once('error', reject);
      request.once('response', resolve);
      // A response with status 101 cannot be shown, and Node does not report it as an error.
      request.once('close', () => reject(new Error('the connection was closed without a response')));
      request.end();
    });
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of response as AsyncIterable<Buffer>) {
      if (length < MAX_BODY) parts.push(part.subarray(0, MAX_BODY - length));
      length += part.length;
      if (length > MAX_READ) break;
    }
    const redaction = new Redaction(asked.redaction);
    return {
      address: toText(name),
      status: response.statusCode ?? 0,
      fields: redaction
        .headers(pairsOf(response.rawHeaders))
        .map(([field, value]): FieldLine => [toText(field), toText(secrets.removedFrom(value))]),
      length,
      duration: Math.round((performance.now() - started) * 10) / 10,
      body: bodyOf(Buffer.concat(parts), length, redaction, asked),
    };
  } finally {
    clearTimeout(timer);
    connection.on('error', () => {});
    connection.destroy();
  }
}

/** Null if it is hidden, is not text, or is incomplete but has to be redacted. */
function bodyOf(bytes: Buffer, length: number, redaction: Redaction, asked: ReplayQuestion): string | null {
  if (!asked.payload || asked.redaction.jsonPaths.length > 0) return null;
  if (redaction.ofPayloads && bytes.length < length) return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return toText(redaction.text(toBytes(text)));
  } catch {
    return null;
  }
}

function pairsOf(raw: readonly string[]): FieldLine[] {
  const pairs: FieldLine[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return pairs;
}
