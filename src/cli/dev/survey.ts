/** Facts about a configuration as written, from its check: servers with their addresses and names, upstreams, and hosts. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';
import { type Address, parseAddress } from '../../config/address.js';
import type { BlockRecord } from '../../config/block-checker.js';
import type { CheckResult } from '../../config/check.js';
import { type Place, placeOf } from '../../config/place.js';

/** A `listen` of a server. */
export interface SurveyedListen {
  readonly address: Address;
  readonly secure: boolean;
}

export interface SurveyedServer {
  readonly place: Place;
  readonly listens: readonly SurveyedListen[];
  /** As written; empty if there are none. */
  readonly names: readonly string[];
}

/** A host to which requests are passed. */
export interface SurveyedHost {
  /** Name for `--upstream`: that of the `upstream` block, or the host. */
  readonly name: string;
  readonly address: Address;
  readonly place: Place;
}

export interface Survey {
  readonly servers: readonly SurveyedServer[];
  readonly hosts: readonly SurveyedHost[];
}

/** Directives whose argument is a URL or address of an upstream. */
const PASS_DIRECTIVES: ReadonlySet<string> = new Set(['proxy_pass', 'grpc_pass']);
/** Address of a server without `listen`. */
export const IMPLIED_ADDRESS = {
  family: 'inet',
  host: '0.0.0.0',
  port: 80,
  lastPort: 80,
  portGiven: true,
  uri: '',
} as const satisfies Address;

export function survey({ records }: CheckResult): Survey {
  const upstreams = new Set(
    records.flatMap(({ block }) => (block.context === 'upstream' ? [String(block.argument).toLowerCase()] : [])),
  );
  const servers = records.flatMap((record) => (record.block.context === 'server' ? [serverOf(record)] : []));
  const hosts = records.flatMap((record) => [...hostsOf(record, upstreams)]);
  return { servers, hosts };
}

/** Server names as written, in lower case. */
export function namesOf({ servers }: Survey): string[] {
  return servers.flatMap(({ names }) => names.map((name) => name.toLowerCase()));
}

function serverOf({ block, statements }: BlockRecord): SurveyedServer {
  const everywhere = statements.get('ssl')?.some(({ args }) => args[0]?.text === 'on') ?? false;
  const listens = (statements.get('listen') ?? []).flatMap((statement) => listenOf(statement, everywhere) ?? []);
  const names = (statements.get('server_name') ?? []).flatMap(({ args }) => args.map(({ text }) => text));
  return {
    place: block.at,
    listens: statements.has('listen') ? listens : [{ address: IMPLIED_ADDRESS, secure: false }],
    names,
  };
}

/** Null for an invalid address, and for QUIC. */
export function listenOf({ args: [word, ...parameters] }: Statement, everywhere = false): SurveyedListen | null {
  const address = parseAddress(word?.text ?? '', { defaultPort: 80, listen: true });
  if ('mistake' in address || parameters.some(({ text }) => text === 'quic')) return null;
  return { address, secure: everywhere || parameters.some(({ text }) => text === 'ssl') };
}

function* hostsOf({ block, statements }: BlockRecord, upstreams: ReadonlySet<string>): Iterable<SurveyedHost> {
  if (block.context === 'upstream') {
    for (const statement of statements.get('server') ?? []) {
      const address = addressOf(statement.args[0], 80);
      if (address !== null) yield { name: String(block.argument), address, place: placeOf(statement) };
    }
    return;
  }
  for (const directive of PASS_DIRECTIVES) {
    for (const statement of statements.get(directive) ?? []) {
      const url = passUrl(statement.args[0]?.text ?? '');
      if (url === null || url.host.includes('$')) continue;
      const address = parseAddress(url.host, { defaultPort: url.secure ? 443 : 80 });
      if ('mistake' in address || (address.family !== 'unix' && upstreams.has(address.host.toLowerCase()))) continue;
      const name = address.family === 'unix' ? `unix:${address.path}` : address.host;
      yield { name, address, place: placeOf(statement) };
    }
  }
}

function addressOf(word: Word | undefined, defaultPort: number): Address | null {
  const address = parseAddress(word?.text ?? '', { defaultPort });
  return 'mistake' in address ? null : address;
}

/** Parts of the URL of a pass directive; the scheme may be missing in that of `grpc_pass`. */
export interface PassUrl {
  readonly scheme: string;
  /** Host and port, or `unix:PATH`; may contain variables. */
  readonly host: string;
  readonly rest: string;
  readonly secure: boolean;
}

export function passUrl(text: string): PassUrl | null {
  const [, scheme = '', unix, host, rest = ''] =
    /^(?:([a-z]+):\/\/)?(?:(unix:[^:]+):?|([^/?]+))(.*)$/is.exec(text) ?? [];
  const found = unix ?? host;
  if (found === undefined) return null;
  return { scheme, host: found, rest, secure: /^(?:https|wss|grpcs)$/i.test(scheme) };
}
