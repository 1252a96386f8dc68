import type { FindingOptions } from '../config/directive.js';
import { defineLint } from './engine/lint.js';
import { tlsOf } from './engine/servers.js';
import { isComplete } from './engine/values.js';

const YEAR = 31_536_000;

export default defineLint({
  code: 'hsts-ineffective',
  severity: 'warning',
  on: 'add_header',
  story:
    'A `Strict-Transport-Security` field that browsers ignore (RFC 6797): it is invalid without `max-age`, is ignored over plain HTTP, and with `preload` the site is only listed if it covers one year and all subdomains. `max-age=0` revokes an earlier one.',
  check(c) {
    for (const { scope, statement } of c.written('add_header')) {
      const { args } = statement;
      const [field, value] = args;
      if (field?.text.toLowerCase() !== 'strict-transport-security' || value === undefined) continue;
      const mistake = mistakeIn(value.text);
      if (mistake !== null) {
        const [message, options] = mistake;
        c.report(value, message, options);
      } else if (value.text !== '' && scope.within('server') !== null) {
        const server = scope.within('server');
        // A "listen" may be in a file that was not found.
        if (server === null || tlsOf(server) !== 'none' || !isComplete(c)) continue;
        c.report(field, 'Strict-Transport-Security has no effect over plain HTTP', {
          severity: 'hint',
          help: 'no "listen" of this server has "ssl"; ignore this if a proxy in front of it terminates TLS',
        });
      }
    }
  },
});

function mistakeIn(value: string): [string, FindingOptions] | null {
  if (value === '' || value.includes('$')) return null;
  const directives = value.split(';').map((one) => one.trim().toLowerCase());
  const ages = directives.flatMap((one) => /^max-age\s*=\s*"?(\d+)"?$/.exec(one)?.[1] ?? []);
  const [age] = ages;
  if (age === undefined) {
    return [
      'Strict-Transport-Security without "max-age" has no effect',
      { help: 'write seconds, and separate the parts with ";": "max-age=31536000; includeSubDomains"' },
    ];
  }
  if (!directives.includes('preload')) return null;
  if (Number(age) >= YEAR && directives.includes('includesubdomains')) return null;
  return [
    'Strict-Transport-Security with "preload" is listed only with max-age=31536000 and includeSubDomains',
    { severity: 'hint', help: 'without both, browsers do not add the name to their lists; remove "preload"' },
  ];
}
