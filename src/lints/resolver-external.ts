import { defineLint } from './engine/lint.js';

/**
 * Loopback addresses, private networks (RFC 1918, 4193, 6598), and resolvers of virtual machine hosts: link-local
 * addresses, and 168.63.129.16 on Azure.
 */
const NEAR =
  /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|168\.63\.129\.16(?![\d.])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|\[::1\]|\[f[cd]|\[fe[89ab])/i;

export default defineLint({
  code: 'resolver-external',
  severity: 'hint',
  on: 'resolver',
  story:
    'The `resolver` is a DNS server on the Internet. DNS responses over UDP are not signed, so an attacker on the path can forge an address and receive the requests for that name; and names of the local network are unknown there. A resolver on the same machine or network is safer and faster.',
  check(c) {
    for (const { statement } of c.written('resolver')) {
      const { args } = statement;
      const far = args.find(({ text }) => /^(?:\d+\.){3}\d+(?::\d+)?$|^\[/.test(text) && !NEAR.test(text));
      if (far === undefined) continue;
      c.report(far, `the DNS server ${far.text} is outside your network`, {
        help: 'an attacker who forges its responses controls where requests are sent; use a local one, such as 127.0.0.1 or the resolver of your network',
      });
    }
  },
});
