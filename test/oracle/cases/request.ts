/** Short forms for the bytes of requests. */
import type { OracleCase } from '../oracle.js';

/** A request with `Host: localhost`, unless a Host field is among the field lines. */
export function bytes(line: string, fields: readonly string[] = [], body = ''): string {
  const host = fields.some((field) => /^host:/i.test(field)) ? [] : ['Host: localhost'];
  const version = / HTTP\/\d\.\d$/.test(line) ? '' : ' HTTP/1.1';
  return `${line}${version}\r\n${[...host, ...fields].map((field) => `${field}\r\n`).join('')}\r\n${body}`;
}

/** A case named after its request. */
export function ask(line: string, fields: readonly string[] = [], body = ''): OracleCase {
  const name = [line, ...fields].join(', ') + (body === '' ? '' : `, body ${JSON.stringify(body.slice(0, 40))}`);
  return { name, send: bytes(line, fields, body) };
}

/** A case with a name of its own and its bytes as they are. */
export function raw(name: string, send: string): OracleCase {
  return { name, send };
}

/** Where Debian's nginx (1.22) differs from the nginx whose behaviour is followed (1.31). */
export const NEWER = {
  host: 'newer nginx refuses such hosts',
  joined: 'newer nginx joins the values of equal fields in variables',
  chunkLines: 'newer nginx takes LF alone no more for the end of a chunk line',
  upstream: 'newer nginx refuses contradictory lengths and unknown codings of an upstream',
  connect: 'newer nginx knows CONNECT and answers 405',
  emptyHost: 'newer nginx sends the default Host over HTTP/1.1 where it was set to nothing',
  challenges: 'newer nginx returns all challenges of an authorization subrequest',
  status407: 'newer nginx has a page for 407',
  rangesOfCompressed: 'newer nginx serves ranges of precompressed files',
} as const;

/** Where tsproxy means to differ. */
export const MEANT = {
  closeWins: 'RFC 9112 9.3: a connection is closed where any Connection field says so; nginx goes by the last one',
  bodyIsHere: 'RFC 9110 10.1.1: no 100 (Continue) is needed when the body has arrived with the head',
  proxyConnection: 'RFC 9110 7.6.1 counts Proxy-Connection among the fields of one hop; nginx passes it on',
  interim: 'RFC 9110 15.2: an interim answer is not the final one; nginx takes 100 for it',
  statusLine: 'RFC 9112 4: a space follows the status even where no reason does; nginx repeats what came',
  brokenBody:
    'the head leaves with the first bytes; nginx still holds it when it finds the body broken, and sends nothing',
  keptAfter412: 'nginx closes the connection after 412, although its head says keep-alive',
  order: 'RFC 9110 5.3: the order of fields with different names is not significant',
  oneContentRange: 'nginx sends Content-Range twice where the error page of a range asks for that range again',
  discarded: 'nginx shows the length of a chunked body as 0 when it has thrown it away',
} as const;

/** Marks the cases with one of these names. */
export function knownFor(cases: readonly OracleCase[], reasons: Readonly<Record<string, string>>): OracleCase[] {
  const unused = new Set(Object.keys(reasons));
  const marked = cases.map((each) => {
    const reason = reasons[each.name];
    unused.delete(each.name);
    return reason === undefined ? each : { ...each, known: reason };
  });
  if (unused.size > 0) throw new Error(`no case is named ${[...unused].join(', ')}`);
  return marked;
}
