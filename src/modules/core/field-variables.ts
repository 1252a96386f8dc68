/** Variables of request and response fields: `$http_*`, `$cookie_*`, `$sent_http_*`, `$sent_trailer_*`. */

import { httpExchange } from '../../exchange/exchange.js';
import { cookieValue } from '../../http/cookies.js';
import { fieldsMeant, meansField } from '../../http/field-variable.js';
import type { Exchange } from '../../program/exchange.js';
import type { Getter, VariableSpec } from '../../program/variable-spec.js';

/** Response fields that are stored separately or generated when the response is sent. */
const SENT: ReadonlyMap<string, Getter> = new Map(
  Object.entries<Getter>({
    content_type: (x) => x.response.contentType ?? undefined,
    content_length: (x) => (x.response.contentLength < 0 ? undefined : String(x.response.contentLength)),
    last_modified: (x) => x.response.lastModified ?? undefined,
    etag: (x) => x.response.etag ?? undefined,
    connection: (x) => {
      if (x.response.status === 101) return 'upgrade';
      // As in nginx: a request does not keep an HTTP/2 connection.
      const keeps = x.keepAlive && x.version < 20;
      return keeps && httpExchange(x).location.settings.keepaliveTimeout > 0 ? 'keep-alive' : 'close';
    },
    keep_alive: (x) => {
      const { keepaliveTimeout, keepaliveHeader } = httpExchange(x).location.settings;
      const keeps = x.keepAlive && x.version < 20;
      return keeps && keepaliveTimeout > 0 && keepaliveHeader > 0 ? `timeout=${keepaliveHeader}` : undefined;
    },
    transfer_encoding: (x) => (isChunked(x) ? 'chunked' : undefined),
    location: (x) => x.response.absoluteLocation ?? x.response.ownLocation ?? sentLocation(x),
  }),
);

function isChunked(x: Exchange): boolean {
  if (!x.headSent || x.headOnly || x.version < 11 || x.version >= 20) return false;
  const { response } = x;
  return (
    (response.contentLength < 0 || response.expectTrailers) && httpExchange(x).location.settings.chunkedTransferEncoding
  );
}

function sentField(rest: string): Getter {
  return (x) => {
    const { upstream, hidden, added } = x.response;
    let value: string | undefined;
    const collect = (each: string): void => {
      value = value === undefined ? each : `${value}, ${each}`;
    };
    if (upstream !== null) {
      for (let i = 0; i < upstream.count; i++) {
        if (upstream.nameLength(i) !== rest.length || upstream.removed(i) || hidden?.matches(upstream, i)) continue;
        if (meansField(rest, upstream.name(i))) collect(upstream.forwardedValue(i));
      }
    }
    collectMatching(rest, added, collect);
    return value;
  };
}

const sentLocation = sentField('location');

function sentTrailer(rest: string): Getter {
  return (x) => {
    const values: string[] = [];
    collectMatching(rest, x.response.trailers, (value) => values.push(value));
    return values.length === 0 ? undefined : values.join(', ');
  };
}

/** Passes the values of all fields that match `rest`; `fields` alternates names and values. */
function collectMatching(rest: string, fields: readonly string[], collect: (value: string) => void): void {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [fields[i] as string, fields[i + 1] as string]; // in pairs
    if (meansField(rest, name)) collect(value);
  }
}

export const fieldVariables: Readonly<Record<string, VariableSpec>> = {
  http_cookie: { get: (x) => x.headers.joined('cookie', '; '), doc: 'All cookies of the request.' },
  'http_*': {
    family: (rest) => (x) => fieldsMeant(x.headers, rest),
    doc: 'Request field; its name in lower case, with `_` for `-`. Multiple values are joined by commas.',
  },
  'cookie_*': {
    family: (name) => (x) => cookieValue(x.headers.all('cookie'), name),
    doc: 'Request cookie with this name.',
  },
  'sent_http_*': {
    family: (rest) => SENT.get(rest) ?? sentField(rest),
    doc: 'Response field; its name in lower case, with `_` for `-`.',
  },
  'sent_trailer_*': {
    family: sentTrailer,
    doc: 'Response trailer field; its name in lower case, with `_` for `-`.',
  },
};
