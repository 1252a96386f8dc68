/** The field `Forwarded` (RFC 7239): one element per proxy, the nearest one last. */
import { ipText } from '../config/cidr.js';
import { parseInetAddress } from '../net/inet-address.js';

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"((?:[^"\\\\\\0-\\x08\\n-\\x1f\\x7f]|\\\\[^\\0-\\x08\\n-\\x1f\\x7f])*)"';
/** Values that are no tokens, although some proxies do not quote them: addresses with colons and brackets. */
const UNQUOTED = "([!#$%&'*+.^_`|~0-9A-Za-z[\\]:-]+)";
const PAIR = new RegExp(`[ \\t]*(${TOKEN})=(?:${QUOTED}|${UNQUOTED})[ \\t]*([;,]|$)`, 'y');
const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);
const EMPTY_PAIR = /[ \t]*([;,]|$)/y;
const ADDRESS = /^[0-9A-Fa-f.:[\]]+$/;

/**
 * Parses a field line to one map of parameters (lower-case names) per element. Null if it is malformed: nothing can be
 * said about any element then.
 */
export function parseForwarded(line: string): ReadonlyMap<string, string>[] | null {
  const elements: Map<string, string>[] = [];
  let element: Map<string, string> | null = null;
  let at = 0;
  while (at < line.length) {
    PAIR.lastIndex = at;
    EMPTY_PAIR.lastIndex = at;
    const pair = PAIR.exec(line);
    const match = pair ?? EMPTY_PAIR.exec(line);
    if (match === null) return null;
    at += match[0].length;
    if (pair !== null) {
      const [, name = '', quoted, plain = ''] = pair;
      if (element === null) {
        element = new Map();
        elements.push(element);
      }
      const key = name.toLowerCase();
      if (element.has(key)) return null;
      element.set(key, quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1'));
    }
    if (!match[0].endsWith(';')) element = null;
  }
  return elements;
}

/**
 * Addresses in the parameters `for` of all elements, with their ports. An empty text stands for an element without an
 * address (`unknown`, obfuscated), and for a malformed line.
 */
export function forwardedFor(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const elements = parseForwarded(line);
    if (elements === null) return [''];
    return elements.map((element) => {
      const node = element.get('for') ?? '';
      return ADDRESS.test(node) ? node : '';
    });
  });
}

/**
 * Formats a node (RFC 7239 6): an address with an optional port, an obfuscated identifier, or `unknown`, which also
 * stands for everything else. IPv6 addresses and ports are quoted.
 */
export function forwardedNode(text: string): string {
  if (/^_[A-Za-z0-9._-]+$/.test(text)) return text;
  const address = parseInetAddress(text);
  if (address === null) return 'unknown';
  const ip = ipText(address.bytes);
  const bracketed = ip.includes(':') ? `[${ip}]` : ip;
  const node = address.port === 0 ? bracketed : `${bracketed}:${address.port}`;
  return node.includes(':') ? `"${node}"` : node;
}

/** Formats a value as a token, or otherwise a quoted string; null if neither can contain it. */
export function forwardedValue(text: string): string | null {
  if (WHOLE_TOKEN.test(text)) return text;
  if (text === '' || /[\x00-\x1f\x7f]/.test(text)) return null;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
