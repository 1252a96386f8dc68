/** Fills the records of exchanges for the traffic tap. Called only while records are needed. */
import type { CheckedBlock } from '../config/checked-config.js';
import type { LocationData } from '../config/location-argument.js';
import type { HeaderBlock } from '../http/header-block.js';
import { type RecordedHead, type RecordedMatch, RequestRecord } from '../tap/records.js';
import type { FieldLine } from '../tap/rows.js';
import type { EngineExchange } from './engine-exchange.js';
import { isOwn, linesOf, tapId, triesOf } from './tapped.js';

/** Argument of `server_name`, as parsed by the core module. */
interface ServerNameData {
  readonly name: string;
  readonly pattern: object | null;
}

/** Maximum number of variables of a record, and of characters of a value. */
const MAX_VARIABLES = 100;
const MAX_VALUE = 2048;

/** Keeps a record of a client's request, not of a subrequest, if records are needed. */
export function keepRecord(x: EngineExchange): void {
  const { records } = x.server.tap;
  if (records !== null && x.record === null && isOwn(x)) records.add(beginRecord(x));
}

/** Begins the record of an exchange. */
export function beginRecord(x: EngineExchange): RequestRecord {
  const record = new RequestRecord(tapId(x));
  record.refresh = () => update(x, record);
  x.record = record;
  return record;
}

/** Ends the record of an exchange that is logged. */
export function endRecord(x: EngineExchange, record: RequestRecord): void {
  update(x, record);
  record.ended = true;
  record.refresh = null;
  x.server.tap.records?.ended(record);
}

function update(x: EngineExchange, record: RequestRecord): void {
  const { upstreamHeaders } = x;
  record.request = { line: x.requestLine, fields: linesOf(x.headers) };
  record.upstreamResponse = upstreamHeaders === null ? null : headOf(upstreamHeaders);
  record.tries = triesOf(x);
  record.server = matchOfServer(x);
  record.location = matchOfLocation(x);
  record.variables = variablesOf(x);
}

function headOf(block: HeaderBlock): RecordedHead {
  const { text } = block;
  const end = text.indexOf('\n');
  const line = text.startsWith('HTTP/') && end > 0 ? text.slice(0, end).trimEnd() : '';
  return { line, fields: linesOf(block) };
}

/** Variables that have been evaluated for the request. */
function variablesOf(x: EngineExchange): FieldLine[] {
  const values: FieldLine[] = [];
  for (const { name, slot } of x.server.variables.values()) {
    const value = x.slots[slot];
    if (value === undefined) continue;
    values.push([name, value.slice(0, MAX_VALUE)]);
    if (values.length === MAX_VARIABLES) break;
  }
  return values;
}

function matchOfServer({ server, host, listener }: EngineExchange): RecordedMatch {
  const { name } = server;
  const isDefault = server === (listener.otherwise ?? listener.defaultServer);
  const names = namesOf(server.base.block);
  const lower = host.toLowerCase();
  if (names.includes(lower)) return { name, reason: `"server_name ${lower}" is the requested host` };
  const wildcard = names.find((each) => matchesWildcard(each, lower));
  if (wildcard !== undefined) return { name, reason: `"server_name ${wildcard}" matches the host "${lower}"` };
  if (isDefault) {
    const host = lower === '' ? 'the request names no host' : `no server of the address has the name "${lower}"`;
    return { name, reason: `${host}, and this is the default server` };
  }
  const pattern = names.find((each) => each.startsWith('~'));
  const reason = pattern === undefined ? 'selected by the connection' : `a regular expression of "server_name" matches`;
  return { name, reason };
}

/** Names of a `server` block; regular expressions begin with `~`. */
function namesOf(block: CheckedBlock | null): string[] {
  const lists = (block?.values.server_name ?? []) as readonly (readonly ServerNameData[])[];
  return lists.flat().map(({ name, pattern }) => (pattern === null ? name : `~${name}`));
}

/** `*.example.com`, `.example.com` and `www.example.*`. */
function matchesWildcard(name: string, host: string): boolean {
  if (name.startsWith('*.')) return host.endsWith(name.slice(1));
  if (name.startsWith('.')) return host.endsWith(name) || host === name.slice(1);
  return name.endsWith('.*') && host.startsWith(name.slice(0, -1));
}

function matchOfLocation({ location, uri }: EngineExchange): RecordedMatch {
  const { name, block } = location;
  const data = locationData(block);
  if (data === null) {
    const condition = block?.directive === 'if' || block?.directive === 'limit_except' ? block.directive : null;
    if (condition !== null) return { name, reason: `the block "${condition}" of the location applies` };
    return { name, reason: 'no location was selected' };
  }
  switch (data.kind) {
    case 'exact':
      return { name, reason: `"location = ${data.name}" is exactly the URI` };
    case 'named':
      return { name, reason: 'an error page, "try_files" or another directive names the location' };
    case 'regex':
      return { name, reason: `"location ~ ${data.name}" is the first regular expression that matches "${uri}"` };
    case 'prefix': {
      const more = data.noRegex ? '; "^~" stops the search for regular expressions' : '';
      return {
        name,
        reason: `"location ${data.noRegex ? '^~ ' : ''}${data.name}" is the longest matching prefix${more}`,
      };
    }
  }
}

function locationData(block: CheckedBlock | null): LocationData | null {
  return block?.directive === 'location' ? (block.argument as LocationData) : null;
}
