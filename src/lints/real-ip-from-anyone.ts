import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'real-ip-from-anyone',
  severity: 'hint',
  on: 'set_real_ip_from',
  story:
    '`set_real_ip_from` trusts every address to say in whose name a request comes, so that a client writes any address into `X-Forwarded-For`: into `allow`, `limit_req`, logs, and what the back end is told. Name the proxies in front of this one. It does no harm where nobody else can reach the port.',
  check(c) {
    for (const { statement } of c.written('set_real_ip_from')) {
      const [from] = statement.args;
      if (from === undefined || !/^(?:0\.0\.0\.0\/0|::\/0|0\/0)$/.test(from.text)) continue;
      c.report(from, 'every client may choose the address that it comes from', {
        help: 'name the proxies in front: set_real_ip_from 10.0.0.0/8;',
      });
    }
  },
});
