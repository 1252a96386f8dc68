/** `proxy_bind`, `tunnel_bind`: local address of connections to an upstream. */
import type { Word } from '../../grammar/syntax-tree.js';
import { canonicalIp } from '../config/address.js';
import { custom } from '../config/argument-types.js';
import type { ArgumentType } from '../config/directive.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';

/** Local address with an optional port. */
export interface LocalAddress {
  readonly localAddress: string;
  readonly localPort?: number;
}

/** Parses `127.0.0.1`, `127.0.0.1:80`, `::1` or `[::1]:80`; null if it is not an address. */
export function parseLocalAddress(text: string): LocalAddress | null {
  const [, bracketed, plain = '', port] = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const localAddress = canonicalIp(bracketed ?? (plain === '' ? text : plain));
  if (localAddress === null) return null;
  if (port === undefined) return { localAddress };
  const localPort = Number(port);
  return localPort < 1 || localPort > 65535 ? null : { localAddress, localPort };
}

/** `off`, or an address, which may contain variables. */
export const bindAddress: ArgumentType<'off' | TemplateData> = custom<'off' | TemplateData>(
  'off | address',
  1,
  2,
  (words, c) => {
    const [address, option] = words as readonly [Word, Word | undefined]; // one word at least: `min`
    if (option === undefined && address.text === 'off') return 'off';
    const template = parseTemplate(address, c);
    if (typeof template === 'string' && parseLocalAddress(template) === null) {
      c.fail(address, 'invalid-value', `invalid address "${address.text}"`, {
        help: 'valid addresses: 127.0.0.1, 127.0.0.1:8080, ::1 or [::1]:8080',
      });
    }
    if (option?.text === 'transparent') {
      c.fail(option, 'nginx-only-directive', 'transparent proxying is not supported on this platform', {
        help: 'it requires a socket option that Node does not support',
      });
    }
    if (option !== undefined) c.fail(option, 'invalid-value', `invalid parameter "${option.text}"`);
    return template;
  },
);
