/** Log lines that are JSON objects with the same members in each line. */
import { toUtf8 } from '../../diagnostics/byte-string.js';
import { escapeJson } from '../../logging/log-escape.js';
import type { Exchange } from '../../program/exchange.js';
import type { Value } from './getter.js';

/** Formats the line of a request, without the line break. */
export type Line = (x: Exchange) => string;

/** `literal`: a number, `true` or `false`, written without quotes. */
export type MemberType = 'string' | 'literal';

interface Member {
  readonly name: string;
  readonly type: MemberType;
  readonly value: Value;
}

/** Members without a value are null. */
export function jsonLine(members: readonly Member[]): Line {
  const parts = members.map(({ name, type, value }, i) => {
    return { name: `${i === 0 ? '{' : ','}"${name}":`, isString: type === 'string', value };
  });
  return (x) => {
    let line = '';
    for (const { name, isString, value } of parts) {
      const text = value(x);
      line += name;
      if (text === undefined) line += 'null';
      else line += isString ? `"${escapeJson(toUtf8(text))}"` : text;
    }
    return `${line}}`;
  };
}
