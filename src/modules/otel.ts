/** nginx's `ngx_otel_module`: traces for OpenTelemetry. */
import { readFileSync } from 'node:fs';
import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom, flag, integer, nearWord, none, orOff, template, text } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext, Context, Directives, WithEntries } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { httpExchange } from '../exchange/exchange.js';
import { nativePath } from '../files/native-path.js';
import { VERSION } from '../http/software.js';
import type { Exchange } from '../program/exchange.js';
import { type Compiler, defineModule, type Handler } from '../program/module.js';
import { NEXT } from '../program/verdict.js';
import { type ExporterData, parseExporter } from '../tracing/exporter-argument.js';
import {
  CONTEXT_FIELDS,
  contextFields,
  TRACE_SETTINGS,
  type TraceSettings,
  traceOf,
} from '../tracing/request-trace.js';
import { TRACE_PACKAGES, TraceExporter } from '../tracing/trace-exporter.js';
import { openMessageEvents } from '../tracing/websocket-events.js';
import { TUNNEL_STAGES } from '../tunnel/stages.js';

const LEVELS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const EXPORTER = 'otel_exporter {\n    endpoint localhost:4317;\n}';

/** Values for which a request is recorded. */
const RECORDING: readonly string[] = ['on', '1'];

function parseSampling(word: Word, c: ArgumentContext): TemplateData {
  const value = parseTemplate(word, c);
  if (typeof value === 'string' && ![...RECORDING, 'off', '0', ''].includes(value)) {
    c.report(word, 'invalid-value', `"${value}" records no requests`, {
      severity: 'warning',
      ...(nearWord(word, ['on', 'off']) ?? { help: 'write "on", or a variable whose value is "on" or "1"' }),
    });
  }
  return value;
}

const directives = {
  otel_exporter: {
    contexts: ['http'],
    takes: none,
    packages: TRACE_PACKAGES,
    body: { entries: parseExporter },
    files: (value: unknown) => {
      const file = (value as WithEntries<true, ExporterData>).entries.trustedCertificate;
      return file === null ? [] : [file.path];
    },
    doc: 'Collector to which spans are sent, by OTLP. `endpoint` is its address: `host:port`, with `https://` in front for TLS, or `unix:/path`. Each worker sends a batch when `batch_size` spans (512) have ended or the time `interval` (5s) has passed. Up to `batch_count` batches (4) are kept while the collector is slow or unreachable; further spans are dropped and counted in the error log. Traffic never waits. `header name value` adds a field to requests, and may be repeated; `trusted_certificate` is a file with certificates of authorities (PEM) that verify the certificate of the collector, instead of those of Node.js. `protocol http` sends OTLP over HTTP instead of gRPC; the endpoint may then have a path, `/v1/traces` by default. When a configuration is no longer used, and before a worker exits, the remaining spans are sent. See docs/tracing.md.',
    example:
      'otel_exporter {\n    endpoint https://collector.example.com:4317;\n    interval 1s;\n    header X-Api-Token secret;\n}',
    differs:
      '`protocol` is an extension. A call is repeated with increasing delays, for up to 10 seconds in all, if the collector is unavailable.',
    differsFor: () => false,
    differsSlightly: true,
  },
  otel_service_name: {
    contexts: ['http'],
    takes: text,
    doc: 'Resource attribute `service.name`. Without it, and without `otel_resource_attr service.name`, it is `unknown_service:tsproxy`.',
    example: 'otel_service_name edge;',
    differs: 'In nginx, the default is `unknown_service:nginx`.',
    differsFor: () => false,
    differsSlightly: true,
  },
  otel_resource_attr: {
    contexts: ['http'],
    takes: custom('name value', 2, 2, ([name, value]): readonly [string, string] => [
      name?.text ?? '',
      value?.text ?? '',
    ]),
    repeat: true,
    doc: 'Adds an attribute to the resource, the program that the spans are about.',
    example: 'otel_resource_attr deployment.environment production;',
  },
  otel_trace: {
    contexts: LEVELS,
    takes: { ...template, syntax: 'on | off | $variable', parse: ([word], c) => parseSampling(word as Word, c) }, // one word
    default: 'off',
    doc: 'Whether requests are recorded: if the value is `on` or `1` when the request enters its first location. Internal redirects do not change it. Requests that are answered by a `return` of the server have no span, as in nginx.',
    example: 'otel_trace on;',
    exampleNeeds: EXPORTER,
  },
  otel_trace_context: {
    contexts: LEVELS,
    takes: choice('ignore', 'extract', 'inject', 'propagate'),
    default: 'ignore',
    doc: 'Use of the fields `traceparent` and `tracestate` (W3C Trace Context). With `extract`, the span of the request continues the trace of the client: its trace, its parent, and `$otel_parent_sampled` are those of the fields. With `inject`, the fields of the request are replaced by those of its own span, so that servers to which it is passed continue the trace, also if it is not recorded. `propagate` does both.',
    example: 'otel_trace_context propagate;',
    differs: 'A parent whose ids are zeros is ignored, and several `tracestate` fields are joined.',
    differsFor: () => false,
    differsSlightly: true,
  },
  otel_span_name: {
    contexts: LEVELS,
    takes: template,
    doc: 'Name of the span. Without it, it is the name of the location.',
    example: 'otel_span_name "$request_method $server_name";',
  },
  otel_span_attr: {
    contexts: LEVELS,
    takes: custom('name value', 2, 2, ([name, value], c): SpanAttribute => {
      return { name: (name as Word).text, value: parseTemplate(value as Word, c) }; // two words
    }),
    repeat: true,
    doc: 'Adds an attribute to the span of the request. Names that begin with `http.request.header.` or `http.response.header.` have lists of one element. Values of fields with credentials, and of arguments with credentials in targets, are replaced by `[redacted]`.',
    example: 'otel_span_attr tenant $http_x_tenant;',
    differs: 'Credentials are redacted.',
    differsFor: () => false,
    differsSlightly: true,
  },
  otel_upstream_spans: {
    contexts: LEVELS,
    takes: flag,
    default: 'on',
    doc: 'Whether each try, a request to an upstream server, has a span of its own below that of the request: with the server, the status, the times, and the kind of its failure. This is an extension of tsproxy.',
    example: 'otel_upstream_spans off;',
  },
  otel_websocket_messages: {
    contexts: LEVELS,
    takes: orOff({ ...integer({ min: 1 }), syntax: 'number' }),
    default: 'off',
    doc: 'Events about messages in the span of a WebSocket: of each side, the first message and then one of that many has an event with its size, without its content; at most 128 of a WebSocket have one. Its opening and its end always have events. This is an extension of tsproxy.',
    example: 'otel_websocket_messages 100;',
  },
} as const satisfies Directives;

interface SpanAttribute {
  readonly name: string;
  readonly value: TemplateData;
}

/** The exporter of a table among its shared objects. */
const KEY = 'otel exporter';

function trustedCertificate({ trustedCertificate: file }: ExporterData, compiler: Compiler): string | null {
  if (file === null) return null;
  const { path, at } = file;
  try {
    return compiler.files.get(path) ?? readFileSync(nativePath(path), 'latin1');
  } catch (error) {
    return compiler.fail(`failed to open "${toText(path)}" (${errnoText(error)})`, at);
  }
}

/** `records`: whether a location may record requests. */
function openExporter(
  data: ExporterData,
  resource: Record<string, string>,
  records: boolean,
  compiler: Compiler,
): void {
  const { interval, batchSize, batchCount, ...connection } = data;
  const settings = {
    ...connection,
    trustedCertificate: trustedCertificate(data, compiler),
    resource,
    userAgent: `tsproxy/${VERSION}`,
  };
  const batches = { interval, batchSize, batchCount };
  if (!records || compiler.onlyTest || compiler.observer.simulates) return;
  const key = `${KEY} ${JSON.stringify([settings, batches])}`;
  const exporter =
    compiler.previous?.get<TraceExporter>(key) ?? new TraceExporter(settings, batches, compiler.errorLog);
  compiler.shared.set(key, exporter);
  compiler.shared.set(KEY, exporter);
  compiler.whenServing(() => exporter.load());
}

/** Whether a location may record requests: otherwise nothing is compiled for the exporter. */
function mayRecord({ values, blocks }: CheckedBlock): boolean {
  return (values.otel_trace !== undefined && values.otel_trace !== 'off') || blocks.some(mayRecord);
}

/** Begins the trace of a request in its first location. */
function beginTrace({ sampling, injects }: TraceSettings): Handler {
  return (x) => {
    // An internal redirect does not change the decision.
    if (x.internal) return NEXT;
    const trace = traceOf(x);
    trace.sampled = sampling !== null && RECORDING.includes(sampling.of(x));
    if (injects) {
      const exchange = httpExchange(x);
      exchange.headers = exchange.headers.with(contextFields(trace), CONTEXT_FIELDS);
    }
    return NEXT;
  };
}

function checkExporter(c: CheckContext): void {
  if (c.all('http').some(({ own }) => own.includes('otel_exporter'))) return;
  const at = c.statements('otel_trace')[0]?.args[0];
  if (at === undefined) return;
  c.report(at, 'invalid-reference', '"otel_exporter" block is missing', {
    help: 'name the collector at http level: otel_exporter { endpoint localhost:4317; }',
  });
}

export default defineModule({
  name: 'otel',
  doc: 'Traces requests and WebSockets for OpenTelemetry, and sends the spans to a collector by OTLP.',
  directives,
  variables: {
    otel_trace_id: { get: (x) => traceOf(x).traceId, doc: 'Id of the trace: 32 hexadecimal digits.' },
    otel_span_id: { get: (x) => traceOf(x).spanId, doc: 'Id of the span of the request: 16 hexadecimal digits.' },
    otel_parent_id: { get: (x) => traceOf(x).parent?.spanId, doc: 'Id of the parent of this span, if there is one.' },
    otel_parent_sampled: {
      get: (x) => (traceOf(x).parent?.sampled === true ? '1' : '0'),
      doc: '`1` if the parent is recorded, otherwise `0`.',
    },
  },
  check(block, c) {
    if (block.own.includes('otel_trace')) checkExporter(c);
  },
  tunnelContinues: (change) => Object.hasOwn(directives, change),
  http({ otel_exporter: exporter, otel_service_name: name, otel_resource_attr: attributes }, block, compiler) {
    if (exporter === undefined) return;
    const resource = { 'service.name': 'unknown_service:tsproxy', ...asText(attributes) };
    if (name !== undefined) resource['service.name'] = toText(name);
    openExporter(exporter.entries, resource, mayRecord(block), compiler);
  },
  settings(conf, { program, compiler, block }) {
    if (!Object.keys(directives).some((name) => block.values[name] !== undefined)) return;
    const { otel_trace: sampling, otel_trace_context: context } = conf;
    const settings: TraceSettings = {
      sampling: sampling === 'off' ? null : compiler.template(sampling),
      extracts: context === 'extract' || context === 'propagate',
      injects: context === 'inject' || context === 'propagate',
      name: conf.otel_span_name === undefined ? null : compiler.template(conf.otel_span_name),
      attributes: conf.otel_span_attr.map(({ name, value }) => ({
        name: toText(name),
        value: compiler.template(value),
      })),
      upstreamSpans: conf.otel_upstream_spans,
      messageEvents: conf.otel_websocket_messages === false ? 0 : conf.otel_websocket_messages,
    };
    program.settings.set(TRACE_SETTINGS, settings);
    if (settings.messageEvents === 0 || settings.sampling === null) return;
    program.settings.set(TUNNEL_STAGES, [...program.settings.get(TUNNEL_STAGES), openMessageEvents]);
  },
  phases: {
    rewrite: {
      // Before the directives of `rewrite`.
      order: 50,
      compile(_conf, { program }) {
        const settings = program.settings.get(TRACE_SETTINGS);
        if (settings === null || (settings.sampling === null && !settings.extracts && !settings.injects)) return null;
        return beginTrace(settings);
      },
    },
    log: {
      order: 120,
      compile(_conf, { compiler }) {
        const exporter = compiler.shared.get<TraceExporter>(KEY);
        return exporter === undefined ? null : record(exporter);
      },
    },
  },
});

function record(exporter: TraceExporter): Handler {
  return (x: Exchange) => {
    exporter.record(httpExchange(x));
    return NEXT;
  };
}

function asText(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(pairs.map(([name, value]) => [toText(name), toText(value)]));
}
