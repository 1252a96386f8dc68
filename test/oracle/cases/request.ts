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

/** The case, whose answers are known to differ for a good reason. */
export function known(reason: string, each: OracleCase): OracleCase {
  return { ...each, known: reason };
}
