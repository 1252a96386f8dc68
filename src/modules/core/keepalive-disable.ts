/** `keepalive_disable`: disables keep-alive for old browsers. */
import { bitmask } from '../../config/argument-types.js';
import type { ConfOf, Directives } from '../../config/directive.js';
import { Field } from '../../http/field-names.js';
import { isMsie6 } from '../../http/user-agent.js';
import type { Exchange } from '../../program/exchange.js';
import type { HeaderFilter } from '../../program/module.js';

export const keepaliveDisableDirectives = {
  keepalive_disable: {
    contexts: ['http', 'server', 'location'],
    takes: bitmask('none', 'msie6', 'safari'),
    again: 'joins',
    default: 'msie6',
    doc: 'Browsers for which keep-alive is disabled: `msie6`, old versions of Internet Explorer after a POST; `safari`, Safari on macOS; `none` enables it for all.',
    example: 'keepalive_disable none;',
  },
} as const satisfies Directives;

/** Null if no browser is affected. */
export function keepaliveFilter({ keepalive_disable }: ConfOf<typeof keepaliveDisableDirectives>): HeaderFilter | null {
  const msie6 = keepalive_disable.includes('msie6');
  const safari = keepalive_disable.includes('safari');
  if (!msie6 && !safari) return null;
  return (x: Exchange): void => {
    if (!x.keepAlive || (!safari && x.method !== 'POST')) return;
    const agent = x.headers.valueOf(Field.UserAgent);
    if (agent === undefined) return;
    if ((msie6 && x.method === 'POST' && isMsie6(agent)) || (safari && isSafari(agent))) x.keepAlive = false;
  };
}

function isSafari(agent: string): boolean {
  if (/MSIE |Opera|Gecko\/|Chrome\//.test(agent)) return false;
  return agent.includes('Safari/') && agent.includes('Mac OS X');
}
