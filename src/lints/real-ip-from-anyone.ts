import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'real-ip-from-anyone',
  severity: 'hint',
  on: 'set_real_ip_from',
  story:
    '`set_real_ip_from` trusts every client to set its own address, so any client can forge it with `X-Forwarded-For`: for `allow`, `limit_req`, logs, and the address that the back end receives. List the proxies in front of this one instead. It is harmless if only those proxies can reach the port.',
  check(c) {
    for (const { statement } of c.written('set_real_ip_from')) {
      const [from] = statement.args;
      if (from === undefined || !/^(?:0\.0\.0\.0\/0|::\/0|0\/0)$/.test(from.text)) continue;
      c.report(from, 'every client can forge its address', {
        help: 'list the proxies in front: set_real_ip_from 10.0.0.0/8;',
      });
    }
  },
});
