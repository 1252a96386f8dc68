/** A collector for tests: receives spans by OTLP over gRPC (`@grpc/grpc-js`) and over HTTP, and decodes them by their schema. */
import { createServer, type Server as HttpServer, type IncomingHttpHeaders } from 'node:http';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { READ_TIMEOUT } from './connection.js';

export type Value = string | number | boolean | Value[];

export interface ReceivedEvent {
  readonly name: string;
  readonly time: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
}

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly state: string;
  readonly name: string;
  /** 2: server, 3: client. */
  readonly kind: number;
  /** ns since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  readonly events: readonly ReceivedEvent[];
  readonly droppedEvents: number;
  /** 2: error. */
  readonly status: number;
  readonly message: string;
}

export interface ReceivedBatch {
  readonly resource: Readonly<Record<string, Value>>;
  readonly scope: string;
  readonly spans: readonly ReceivedSpan[];
  /** Metadata or header fields with which it was sent. */
  readonly fields: Readonly<Record<string, string | undefined>>;
}

type Field = bigint | Buffer;

/** Fields of a message of protobuf, by number. */
function fieldsOf(bytes: Buffer): Map<number, Field[]> {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    let value: Field;
    switch (tag & 7) {
      case 0:
        value = varint();
        break;
      case 1:
        value = bytes.subarray(at, at + 8);
        at += 8;
        break;
      case 2: {
        const length = Number(varint());
        value = bytes.subarray(at, at + length);
        at += length;
        break;
      }
      case 5:
        value = bytes.subarray(at, at + 4);
        at += 4;
        break;
      default:
        throw new Error(`wire type ${tag & 7}`);
    }
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

type Message = ReturnType<typeof fieldsOf>;

function all(message: Message, number: number): Buffer[] {
  return (message.get(number) ?? []).map((value) => value as Buffer);
}

function bytesAt(message: Message, number: number): Buffer {
  return all(message, number)[0] ?? Buffer.alloc(0);
}

function text(message: Message, number: number): string {
  return bytesAt(message, number).toString('utf8');
}

function number(message: Message, index: number): number {
  return Number(message.get(index)?.[0] ?? 0n);
}

function decodedValue(bytes: Buffer): Value {
  const message = fieldsOf(bytes);
  if (message.has(2)) return message.get(2)?.[0] === 1n;
  if (message.has(3)) return number(message, 3);
  if (message.has(4)) return bytesAt(message, 4).readDoubleLE();
  if (message.has(5)) return all(fieldsOf(bytesAt(message, 5)), 1).map(decodedValue);
  return text(message, 1);
}

function attributes(message: Message, index: number): Record<string, Value> {
  const pairs = all(message, index).map((bytes): [string, Value] => {
    const pair = fieldsOf(bytes);
    return [text(pair, 1), decodedValue(bytesAt(pair, 2))];
  });
  return Object.fromEntries(pairs);
}

function spanOf(bytes: Buffer): ReceivedSpan {
  const span = fieldsOf(bytes);
  const status = fieldsOf(bytesAt(span, 15));
  return {
    traceId: bytesAt(span, 1).toString('hex'),
    spanId: bytesAt(span, 2).toString('hex'),
    state: text(span, 3),
    parentId: bytesAt(span, 4).toString('hex'),
    name: text(span, 5),
    kind: number(span, 6),
    start: bytesAt(span, 7).readBigUInt64LE(),
    end: bytesAt(span, 8).readBigUInt64LE(),
    attributes: attributes(span, 9),
    events: all(span, 11).map((event) => {
      const fields = fieldsOf(event);
      return { time: bytesAt(fields, 1).readBigUInt64LE(), name: text(fields, 2), attributes: attributes(fields, 3) };
    }),
    droppedEvents: number(span, 12),
    message: text(status, 2),
    status: number(status, 3),
  };
}

function batchOf(request: Buffer, fields: ReceivedBatch['fields']): ReceivedBatch {
  const resources = all(fieldsOf(request), 1).map(fieldsOf);
  const scopes = resources.flatMap((resource) => all(resource, 2).map(fieldsOf));
  const [resource = new Map()] = resources;
  return {
    resource: attributes(fieldsOf(bytesAt(resource, 1)), 1),
    scope: text(fieldsOf(bytesAt(scopes[0] ?? new Map(), 1)), 1),
    spans: scopes.flatMap((scope) => all(scope, 2).map(spanOf)),
    fields,
  };
}

/** Response to a batch. */
export interface Answer {
  /** Status code of gRPC or HTTP instead of success. */
  readonly refuse?: number;
  /** Bytes of the response. */
  readonly response?: Buffer;
  /** The response follows when it has settled. */
  readonly after?: Promise<unknown>;
}

export class Collector {
  readonly batches: ReceivedBatch[] = [];
  /** Bytes of all requests as latin1, to search them. */
  bytes = '';
  private waiting: (() => void)[] = [];

  constructor(
    readonly port: number,
    private readonly stop: () => Promise<void>,
  ) {}

  get spans(): ReceivedSpan[] {
    return this.batches.flatMap(({ spans }) => spans);
  }

  receive(bytes: Buffer, fields: ReceivedBatch['fields']): void {
    this.bytes += bytes.toString('latin1');
    this.batches.push(batchOf(bytes, fields));
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** The spans, once as many have been received. */
  async received(count: number): Promise<ReceivedSpan[]> {
    const deadline = Date.now() + READ_TIMEOUT;
    while (this.spans.length < count) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${this.spans.length} of ${count} spans were received`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return this.spans;
  }

  close(): Promise<void> {
    return this.stop();
  }
}

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

/** Certificate and key in PEM: the collector uses TLS. */
export interface CollectorOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly port?: number;
  answer?(batch: ReceivedBatch): Answer;
}

/** Starts a collector for OTLP over gRPC. */
export async function grpcCollector({ tls, port = 0, answer = () => ({}) }: CollectorOptions = {}): Promise<Collector> {
  const server = new Server();
  const unchanged = (bytes: Buffer): Buffer => bytes;
  let collector: Collector | null = null;
  server.addService(
    {
      export: {
        path: EXPORT,
        requestStream: false,
        responseStream: false,
        requestSerialize: unchanged,
        requestDeserialize: unchanged,
        responseSerialize: unchanged,
        responseDeserialize: unchanged,
      },
    },
    {
      export: (
        call: { request: Buffer; metadata: { getMap(): Record<string, unknown> } },
        done: (error: { code: number; details: string } | null, response?: Buffer) => void,
      ) => {
        const fields = Object.fromEntries(
          Object.entries(call.metadata.getMap()).map(([name, value]) => [name, String(value)]),
        );
        collector?.receive(call.request, fields);
        const { refuse, response = Buffer.alloc(0), after } = answer(batchOf(call.request, fields));
        const respond = (): void => {
          if (refuse === undefined) done(null, response);
          else done({ code: refuse, details: 'refused by the test' });
        };
        if (after === undefined) respond();
        else void after.then(respond);
      },
    },
  );
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }]);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, actual) => {
      if (error === null) resolve(actual);
      else reject(error);
    });
  });
  collector = new Collector(bound, async () => server.forceShutdown());
  return collector;
}

/** Starts a collector for OTLP over HTTP. */
export async function httpCollector({ answer = () => ({}) }: CollectorOptions = {}): Promise<Collector> {
  const server: HttpServer = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const bytes = Buffer.concat(parts);
      const fields = { ...joined(request.headers), ':path': request.url };
      collector.receive(bytes, fields);
      const { refuse = 200, response: body = Buffer.alloc(0) } = answer(batchOf(bytes, fields));
      response.writeHead(refuse, { 'Content-Type': 'application/x-protobuf' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const collector = new Collector(typeof address === 'object' && address !== null ? address.port : 0, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return collector;
}

function joined(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
