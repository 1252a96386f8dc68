/**
 * OTLP over gRPC, as sent by nginx's exporter: unary calls of the trace service over HTTP/2. OpenTelemetry's exporter package
 * needs a gRPC library whose installation runs scripts, but a unary call is merely a request whose body is a message with a
 * prefix of five bytes.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import net from 'node:net';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ExporterSettings } from './exporter-settings.js';
import { ReadableSpans } from './readable-spans.js';
import type { EndedSpan } from './span.js';
import type { Rejection, SpanSender } from './span-batches.js';

const PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
/** Timeout of a call with its repetitions, ms. */
const TIMEOUT = 10_000;
/** Delay of the first repetition, ms; doubled for each further one. */
const FIRST_DELAY = 500;
/** Size of the prefix of a message (compression flag and length), bytes. */
const PREFIX = 5;
/** Spans that are serialized at once: some tenths of a millisecond. */
const SLICE = 64;
/** Longest response, bytes. */
const MAX_RESPONSE = 65_536;
/** Status codes of gRPC after which a call may be repeated (OTLP specification). */
const REPEATABLE: ReadonlySet<number> = new Set([1, 4, 8, 10, 11, 14, 15]);
const UNAVAILABLE = 14;

class CallFailed extends Error {
  constructor(
    message: string,
    readonly repeatable: boolean,
  ) {
    super(message);
  }
}

export class GrpcSender implements SpanSender {
  private session: ClientHttp2Session | null = null;
  private readonly spans: ReadableSpans;
  private finished = false;
  /** Ends the waits before repetitions. */
  private readonly waits = new Set<() => void>();

  constructor(
    private readonly settings: ExporterSettings,
    private readonly timeout = TIMEOUT,
  ) {
    this.spans = new ReadableSpans(settings.resource);
  }

  async send(spans: readonly EndedSpan[]): Promise<Rejection | null> {
    const message = await this.serialized(spans);
    const deadline = performance.now() + this.timeout;
    for (let delay = FIRST_DELAY; ; delay *= 2) {
      try {
        return rejectionIn(await this.call(message, deadline - performance.now()));
      } catch (error) {
        const again = error instanceof CallFailed && error.repeatable && !this.finished;
        if (!again || performance.now() + delay >= deadline) throw error;
        await this.wait(delay * (0.8 + 0.4 * Math.random()));
        if (this.finished || performance.now() >= deadline) throw error;
      }
    }
  }

  /**
   * The message with its prefix. Spans are serialized in slices, because a batch takes milliseconds: concatenated protobuf
   * messages are one message with all their repeated fields.
   */
  private async serialized(spans: readonly EndedSpan[]): Promise<Buffer> {
    const prefix = Buffer.alloc(PREFIX);
    const parts: Uint8Array[] = [prefix];
    let length = 0;
    for (let at = 0; at < spans.length; at += SLICE) {
      if (at > 0) await new Promise((resolve) => setImmediate(resolve));
      const part = ProtobufTraceSerializer.serializeRequest(this.spans.of(spans.slice(at, at + SLICE)));
      if (part === undefined) continue;
      parts.push(part);
      length += part.length;
    }
    prefix.writeUInt32BE(length, 1);
    return Buffer.concat(parts);
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.waits.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms).unref();
      this.waits.add(end);
    });
  }

  finish(): void {
    this.finished = true;
    for (const end of this.waits) end();
  }

  private call(message: Buffer, timeout: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const session = this.open();
      const stream = session.request({
        ':method': 'POST',
        ':path': PATH,
        ...Object.fromEntries(this.settings.headers),
        'content-type': 'application/grpc',
        te: 'trailers',
        'user-agent': this.settings.userAgent,
        'grpc-timeout': `${Math.ceil(timeout)}m`,
      });
      const timer = setTimeout(() => {
        fail(new CallFailed('Deadline Exceeded', false));
        // The collector may have stopped reading: a stream that is merely closed would retain its message until it is sent.
        this.forget(session);
        session.destroy();
      }, timeout);
      timer.unref();
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      const response = new GrpcResponse(stream);
      stream.on('error', (error) => fail(new CallFailed(errorText(error), true)));
      stream.on('close', () => {
        clearTimeout(timer);
        const failure = response.failure();
        if (failure === null) resolve(response.message());
        else reject(failure);
      });
      stream.end(message);
    });
  }

  /** The connection, which is opened with the first call, and again after it was lost. */
  private open(): ClientHttp2Session {
    if (this.session !== null && !this.session.closed && !this.session.destroyed) return this.session;
    const { endpoint, secure, trustedCertificate } = this.settings;
    const unix = endpoint.startsWith('unix:') ? endpoint.slice('unix:'.length) : null;
    const authority = unix === null ? withPort(endpoint, secure) : 'localhost';
    const session = connect(`${secure ? 'https' : 'http'}://${authority}`, {
      ...(trustedCertificate !== null && { ca: trustedCertificate }),
      ...(unix !== null && { createConnection: () => net.connect(unix) }),
      settings: { enablePush: false },
    });
    this.session = session;
    // The streams of the session fail with the same error.
    session.on('error', () => {});
    session.on('goaway', () => this.forget(session));
    session.on('close', () => this.forget(session));
    session.unref();
    return session;
  }

  private forget(session: ClientHttp2Session): void {
    if (this.session === session) this.session = null;
  }

  close(): void {
    this.session?.close();
    this.session = null;
  }
}

/** `host:port`: without a port that of gRPC, or of HTTPS. */
function withPort(endpoint: string, secure: boolean): string {
  return /:\d+$/.test(endpoint) ? endpoint : `${endpoint}:${secure ? 443 : 4317}`;
}

/** The response of a call, as far as it was received. */
class GrpcResponse {
  private readonly parts: Buffer[] = [];
  private length = 0;
  private status = 0;
  private head: IncomingHttpHeaders = {};
  private trailers: IncomingHttpHeaders = {};

  constructor(stream: ClientHttp2Stream) {
    stream.on('response', (head) => {
      this.status = head[':status'] ?? 0;
      this.head = head;
    });
    stream.on('trailers', (trailers) => {
      this.trailers = trailers;
    });
    stream.on('data', (part: Buffer) => {
      this.length += part.length;
      if (this.length > MAX_RESPONSE) stream.close();
      else this.parts.push(part);
    });
  }

  /** Null if the call has succeeded. */
  failure(): CallFailed | null {
    if (this.status === 0) return new CallFailed('the connection was closed', true);
    // A response without a message has the trailers in its head.
    const code = this.trailers['grpc-status'] ?? this.head['grpc-status'];
    if (code === '0') return null;
    if (code === undefined) {
      const text = this.status === 200 ? 'incomplete response' : `HTTP status ${this.status}`;
      return new CallFailed(text, this.status === 429 || this.status >= 502);
    }
    const reason = String(this.trailers['grpc-message'] ?? this.head['grpc-message'] ?? '');
    const number = Number(code);
    const text = decoded(reason) || `gRPC status ${number}`;
    return new CallFailed(text, number === UNAVAILABLE || REPEATABLE.has(number));
  }

  /** The message, without its prefix. */
  message(): Buffer {
    const bytes = Buffer.concat(this.parts);
    return bytes.length < PREFIX || bytes[0] !== 0
      ? Buffer.alloc(0)
      : bytes.subarray(PREFIX, PREFIX + bytes.readUInt32BE(1));
  }
}

/** Percent-encoded text of a `grpc-message`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A stream that was cancelled with its connection names the reason as the cause. */
function errorText({ message, cause }: Error): string {
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

function rejectionIn(message: Buffer): Rejection | null {
  if (message.length === 0) return null;
  const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(message);
  const spans = Number(partialSuccess?.rejectedSpans ?? 0);
  return spans === 0 ? null : { spans, reason: partialSuccess?.errorMessage || 'spans were rejected' };
}
