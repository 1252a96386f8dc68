import type { ResponseGroup } from '../response-outcome.js';
import { ends, head, ok, SMUGGLED, stays } from './write.js';

const FINAL = `${head('HTTP/1.1 200 OK', 'Content-Length: 5')}hello`;

/** Interim answers, and upgrades that nobody asked for. */
export const interim: ResponseGroup = {
  name: 'interim answers',
  cases: [
    ends('100 before the answer', `${head('HTTP/1.1 100 Continue')}${FINAL}`),
    ends('100 alone', head('HTTP/1.1 100 Continue')),
    ends('100 with a length', `${head('HTTP/1.1 100 Continue', 'Content-Length: 5')}${FINAL}`),
    ends('100 with chunks', `${head('HTTP/1.1 100 Continue', 'Transfer-Encoding: chunked')}${FINAL}`),
    ends('102 before the answer', `${head('HTTP/1.1 102 Processing')}${FINAL}`),
    ends('103 before the answer', `${head('HTTP/1.1 103 Early Hints', 'Link: </a>')}${FINAL}`),
    ends('199 before the answer', `${head('HTTP/1.1 199 ?')}${FINAL}`),
    ends('103 in HTTP/1.0', `${head('HTTP/1.0 103 Early Hints')}${FINAL}`),
    ends('many interim answers', head('HTTP/1.1 103 Early Hints').repeat(20) + FINAL),
    ends(
      '101 that nobody asked for',
      `${head('HTTP/1.1 101 Switching Protocols', 'Upgrade: x', 'Connection: upgrade')}${SMUGGLED}`,
    ),
    ends('101 without Upgrade', `${head('HTTP/1.1 101 Switching Protocols')}${SMUGGLED}`),
    ends(
      '101 to a client whose Upgrade is not passed on',
      `${head('HTTP/1.1 101 Switching Protocols', 'Upgrade: x')}hello`,
      {
        fields: ['Connection: upgrade', 'Upgrade: x'],
      },
    ),
  ],
};

/** Bytes behind an answer that nobody asked for. */
export const behind: ResponseGroup = {
  name: 'bytes behind answers',
  cases: [
    stays('an answer behind one with a length', FINAL + SMUGGLED),
    stays('an answer behind one with a length of zero', head('HTTP/1.1 200 OK', 'Content-Length: 0') + SMUGGLED),
    stays(
      'an answer behind a chunked one',
      `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`,
    ),
    stays('an answer behind 204', head('HTTP/1.1 204 No Content') + SMUGGLED),
    stays('an answer behind 304', head('HTTP/1.1 304 Not Modified') + SMUGGLED),
    stays('an answer behind HEAD', FINAL.replace('hello', '') + SMUGGLED, { method: 'HEAD' }),
    stays('a blank line behind the answer', `${FINAL}\r\n`),
    stays('one byte behind the answer', `${FINAL}x`),
    stays(
      'garbage behind a chunked answer',
      `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}0\r\n\r\ngarbage`,
    ),
    ends('an answer, and the end', FINAL + SMUGGLED),
    ends('half an answer, and the end', `${FINAL}HTTP/1.1 200`),
    ok('a redirect into the proxy', ['X-Accel-Redirect: /probe', 'Content-Length: 5'], 'hello'),
  ],
};
