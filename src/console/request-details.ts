/** The details of a request for viewers: its record, redacted. */
import { toText } from '../diagnostics/byte-string.js';
import { REDACTED } from '../tap/credentials.js';
import type { RecordedHead, RecordedMatch, RequestRecord } from '../tap/records.js';
import { Redaction } from '../tap/redaction.js';
import type { FieldLine } from '../tap/rows.js';
import type { RedactionSettings } from '../tap/settings.js';
import type { HeadDetails, MatchDetails, RequestDetails } from './feed-format.js';
import { secretsOf } from './secrets.js';

/** Longest head that is shown, characters. */
const MAX_HEAD = 64 << 10;

/** Plain data; strings are text. */
export function detailsOf(record: RequestRecord, settings: RedactionSettings): RequestDetails {
  const redaction = new Redaction(settings);
  const heads = {
    request: record.request,
    upstreamRequest: parsedHead(record.upstreamRequest),
    upstreamResponse: record.upstreamResponse,
    response: parsedHead(record.response),
  };
  const secrets = secretsOf(Object.values(heads), settings.fields);
  /** Text of a byte string, without values of redacted fields that occur again. */
  const clean = (text: string): string => toText(secrets.removedFrom(redaction.text(redaction.urls(text))));
  const head = (received: RecordedHead | null): HeadDetails | null => {
    if (received === null) return null;
    const kept = withinLimit(received.fields);
    return {
      line: clean(received.line),
      fields: redaction.headers(kept).map(([name, value]) => [toText(name), toText(secrets.removedFrom(value))]),
      cut: kept.length < received.fields.length,
    };
  };
  const match = ({ name, reason }: RecordedMatch): MatchDetails => ({ name: toText(name), reason: clean(reason) });
  return {
    id: record.id,
    ended: record.ended,
    request: head(heads.request),
    upstreamRequest: head(heads.upstreamRequest),
    upstreamResponse: head(heads.upstreamResponse),
    response: head(heads.response),
    server: match(record.server),
    location: match(record.location),
    redirects: record.redirects.map(clean),
    variables: record.variables.map(([name, value]) => [toText(name), toText(clearVariable(name, value))]),
    log: record.log.map(({ time, level, message }) => ({ time, level, message: clean(message) })),
    tries: record.tries.map((each) => ({ ...each, address: toText(each.address) })),
  };

  function clearVariable(name: string, value: string): string {
    return redaction.isRedacted(fieldOf(name)) ? REDACTED : secrets.removedFrom(redaction.text(redaction.urls(value)));
  }
}

/** Field or argument whose value a variable has: `$http_x_y` is that of `X-Y`. */
function fieldOf(variable: string): string {
  const field = /^(?:sent_|upstream_)?(?:http|trailer)_(.+)$/.exec(variable)?.[1];
  if (field !== undefined) return field.replaceAll('_', '-');
  if (/^(?:upstream_)?cookie_/.test(variable)) return 'cookie';
  return /^arg_(.+)$/.exec(variable)?.[1] ?? variable;
}

/** Fields of a head as it was sent; null for an empty one. */
function parsedHead(text: string): RecordedHead | null {
  if (text === '') return null;
  const [line = '', ...lines] = text.split('\r\n');
  const fields: FieldLine[] = [];
  for (const each of lines) {
    const colon = each.indexOf(':');
    if (colon > 0) fields.push([each.slice(0, colon), each.slice(colon + 1).trim()]);
  }
  return { line, fields };
}

function withinLimit(fields: readonly FieldLine[]): FieldLine[] {
  let size = 0;
  return fields.filter(([name, value]) => (size += name.length + value.length) <= MAX_HEAD);
}
