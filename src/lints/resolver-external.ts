import { defineLint } from './engine/lint.js';

/**
 * Addresses of this machine, of private networks (RFC 1918, 4193, 6598), and of the host of a virtual machine: those of
 * the link, and 168.63.129.16, which Azure has for that.
 */
const NEAR =
  /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|168\.63\.129\.16(?![\d.])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|\[::1\]|\[f[cd]|\[fe[89ab])/i;

export default defineLint({
  code: 'resolver-external',
  severity: 'hint',
  on: 'resolver',
  story:
    'The `resolver` is a DNS server somewhere on the Internet. Answers come over UDP without a signature, so that somebody on the way can give another address and take over what is passed to that name; and names of the own network are not known there. A resolver on the same machine or network is safer and faster.',
  check(c) {
    for (const { statement } of c.written('resolver')) {
      const { args } = statement;
      const far = args.find(({ text }) => /^(?:\d+\.){3}\d+(?::\d+)?$|^\[/.test(text) && !NEAR.test(text));
      if (far === undefined) continue;
      c.report(far, `the DNS server ${far.text} is outside of your network`, {
        help: 'whoever can answer in its place chooses where requests go; ask one nearby, such as 127.0.0.1 or that of your network',
      });
    }
  },
});
