/** The block of `otel_exporter`. nginx's module parses its lines itself, with its own error messages. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { nearWord } from '../config/argument-types.js';
import type { ArgumentContext } from '../config/directive.js';
import type { Place } from '../config/place.js';
import { parseInteger, parseMilliseconds, parseSize } from '../config/units.js';

/** Plain data. */
export interface ExporterData {
  readonly protocol: 'grpc' | 'http';
  /** Without scheme. */
  readonly endpoint: string;
  readonly secure: boolean;
  /** ms. */
  readonly interval: number;
  readonly batchSize: number;
  readonly batchCount: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Absolute path; null: none. */
  readonly trustedCertificate: { readonly path: string; readonly at: Place } | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Draft extends Mutable<Omit<ExporterData, 'headers'>> {
  readonly headers: [string, string][];
}

const PROTOCOLS = ['grpc', 'http'] as const;

/** Parses the words of a line; returns nginx's error message, or null. */
type Parse = (draft: Draft, words: readonly Word[], c: ArgumentContext) => string | null;

const INVALID = 'invalid value';

/** Names of gRPC metadata as nginx accepts them, and values of printable characters. */
const HEADER_NAME = /^[\da-z_.-]+$/;
const HEADER_VALUE = /^[\x20-\x7e]*$/;

/** Lines of the block, with the number of their words. */
const LINES: Readonly<Record<string, { readonly words: number; readonly repeat?: true; readonly parse: Parse }>> = {
  endpoint: { words: 1, parse: (draft, [word]) => endpoint(draft, word?.text ?? '') },
  interval: {
    words: 1,
    parse(draft, [word]) {
      const time = parseMilliseconds(word?.text ?? '');
      if (time === null) return INVALID;
      draft.interval = time;
      return null;
    },
  },
  batch_size: { words: 1, parse: (draft, [word]) => count(draft, 'batchSize', parseSize(word?.text ?? '')) },
  batch_count: { words: 1, parse: (draft, [word]) => count(draft, 'batchCount', parseInteger(word?.text ?? '')) },
  header: {
    words: 2,
    repeat: true,
    parse(draft, [name, value]) {
      const lower = name?.text.toLowerCase() ?? '';
      if (!HEADER_NAME.test(lower)) return 'has invalid header name';
      if (!HEADER_VALUE.test(value?.text ?? '')) return 'has invalid header value';
      draft.headers.push([lower, value?.text ?? '']);
      return null;
    },
  },
  trusted_certificate: {
    words: 1,
    parse(draft, [word], c) {
      if (word !== undefined) draft.trustedCertificate = { path: c.path(word.text, 'conf'), at: c.place(word) };
      return null;
    },
  },
  protocol: {
    words: 1,
    parse(draft, [word], c) {
      const protocol = PROTOCOLS.find((name) => name === word?.text);
      if (protocol !== undefined) draft.protocol = protocol;
      else if (word !== undefined) {
        const help = { help: 'it must be one of: grpc, http' };
        c.report(word, 'invalid-value', `invalid value "${word.text}"`, nearWord(word, PROTOCOLS) ?? help);
      }
      return null;
    },
  },
};

function endpoint(draft: Draft, text: string): string | null {
  const [, scheme = '', rest = ''] = /^(https?:\/\/)?(.*)$/i.exec(text) ?? [];
  draft.secure = scheme.toLowerCase() === 'https://';
  draft.endpoint = rest;
  return null;
}

function count(draft: Draft, name: 'batchSize' | 'batchCount', value: number | null): string | null {
  if (value === null || value === 0) return INVALID;
  draft[name] = value;
  return null;
}

export function parseExporter(statements: readonly Statement[], c: ArgumentContext): ExporterData {
  const draft: Draft = {
    protocol: 'grpc',
    endpoint: '',
    secure: false,
    interval: 5000,
    batchSize: 512,
    batchCount: 4,
    headers: [],
    trustedCertificate: null,
  };
  const seen = new Set<string>();
  for (const { name, args } of statements) {
    const line = Object.hasOwn(LINES, name.text) ? LINES[name.text] : undefined;
    if (line === undefined) {
      const options = nearWord(name, Object.keys(LINES)) ?? {};
      c.report(name, 'unknown-directive', `unknown directive "${name.text}" in "otel_exporter"`, options);
    } else if (args.length !== line.words) {
      const message = `invalid number of arguments in "${name.text}" directive of "otel_exporter"`;
      c.report(name, 'argument-count', message);
    } else {
      const isDuplicate = seen.has(name.text) && line.repeat !== true;
      const complaint = isDuplicate ? 'is duplicate' : line.parse(draft, args, c);
      const code = isDuplicate ? 'duplicate-directive' : 'invalid-value';
      if (complaint !== null)
        c.report(args[0] ?? name, code, `"${name.text}" directive of "otel_exporter" ${complaint}`);
    }
    seen.add(name.text);
  }
  checkEndpoint(draft, statements, c);
  return draft;
}

function checkEndpoint(draft: Draft, statements: readonly Statement[], c: ArgumentContext): void {
  if (draft.endpoint === '') {
    c.report(c.statement, 'argument-count', '"otel_exporter" requires "endpoint"', {
      help: 'write the address of the collector: endpoint localhost:4317;',
    });
    return;
  }
  const word = statements.find(({ name }) => name.text === 'endpoint')?.args[0];
  if (word === undefined || (draft.protocol === 'grpc' && draft.endpoint.startsWith('unix:'))) return;
  const isValid = draft.protocol === 'http' ? /^[^/\s]+(?:\/\S*)?$/ : /^[^/\s]+$/;
  const host = draft.endpoint.split('/', 1)[0] ?? '';
  if (!isValid.test(draft.endpoint) || !URL.canParse(`http://${host}`)) {
    c.report(word, 'invalid-value', `invalid endpoint "${word.text}"`, {
      help:
        draft.protocol === 'http'
          ? 'it is a URL: http://localhost:4318/v1/traces'
          : 'it is a host and a port, without a path: localhost:4317; with a path, write "protocol http"',
    });
  }
}
