/** Requests that end in many ways, as conversations of a client and a back end with the proxy between them. */

import type { Step } from './conversation.js';

export interface Scenario {
  /** A fact about the request. */
  readonly name: string;
  readonly steps: readonly Step[];
  /** Lines in the access log; 1 where it is not given. */
  readonly lines?: number;
  /** Why the logs differ, where that is known and meant. */
  readonly known?: string;
  /** Nothing to compare with before nginx 1.29. */
  readonly since129?: true;
}

/** Content of `server`, for each first part of a path. `%%SILENT%%` is the port of the back end. */
export const LOCATIONS = `
  location /plain { proxy_pass http://127.0.0.1:%%SILENT%%; proxy_set_header Connection close; }
  location /unbuffered { proxy_pass http://127.0.0.1:%%SILENT%%; proxy_set_header Connection close; proxy_request_buffering off; proxy_buffering off; }
  location /pool { proxy_pass http://pool; proxy_set_header Connection $upgrade_or_none; proxy_set_header Upgrade $http_upgrade; }
  location /upgrade { proxy_pass http://127.0.0.1:%%SILENT%%; proxy_set_header Connection upgrade; proxy_set_header Upgrade $http_upgrade; }
  location /short {
    proxy_pass http://127.0.0.1:%%SILENT%%; proxy_set_header Connection $upgrade_or_none; proxy_set_header Upgrade $http_upgrade;
    proxy_read_timeout 800ms; proxy_request_buffering off; proxy_buffering off; client_body_timeout 800ms;
  }
  location /impatient { proxy_pass http://127.0.0.1:%%SILENT%%; client_body_timeout 800ms; }
  location /ignore { proxy_pass http://127.0.0.1:%%SILENT%%; proxy_set_header Connection close; proxy_ignore_client_abort on; }
  location /return { return 200 ok; }
  location /drop { return 444; }
`;

const get = (path: string, method = 'GET') => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, length: number, body = '') =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${body}`;
const chunked = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
const upgrade = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n`;
const answer = (body: string, length = body.length) =>
  `HTTP/1.1 200 OK\r\nServer: b\r\nContent-Length: ${length}\r\n\r\n${body}`;
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nServer: b\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
const END = '\r\n\r\n';

/** From the request to a tunnel in which each side has sent something. */
const tunnel = (path: string): Step[] => [
  ['client', 'sends', upgrade(path)],
  ['backend', 'gets', END],
  ['backend', 'sends', SWITCHED],
  ['client', 'gets', END],
  ['client', 'sends', 'to the upstream'],
  ['backend', 'gets', 'to the upstream'],
  ['backend', 'sends', 'to the client, some more'],
  ['client', 'gets', 'some more'],
];

/** A whole exchange on a connection that is kept. */
const exchanged = (path: string): Step[] => [
  ['client', 'sends', get(path)],
  ['backend', 'gets', END],
  ['backend', 'sends', answer('an answer')],
  ['client', 'gets', 'an answer'],
];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a request that is answered at once',
    steps: [
      ['client', 'sends', get('/return')],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'a request that is closed without an answer',
    steps: [
      ['client', 'sends', get('/drop')],
      ['client', 'closed'],
    ],
  },
  {
    name: 'a whole answer',
    steps: [...exchanged('/plain'), ['client', 'ends']],
  },
  {
    name: 'two pipelined requests',
    lines: 2,
    steps: [
      ['client', 'sends', get('/pool/1') + get('/pool/22')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('first')],
      ['client', 'gets', 'first'],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('the second')],
      ['client', 'gets', 'the second'],
      ['client', 'ends'],
      ['backend', 'ends'],
    ],
  },
  {
    name: 'HEAD',
    steps: [
      ['client', 'sends', get('/plain', 'HEAD')],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 200 OK\r\nServer: b\r\nContent-Length: 100\r\n\r\n'],
      ['client', 'gets', END],
      ['client', 'ends'],
    ],
  },
  {
    name: '304',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 304 Not Modified\r\nServer: b\r\nETag: "a"\r\nContent-Length: 100\r\n\r\n'],
      ['client', 'gets', END],
      ['client', 'ends'],
    ],
  },
  {
    name: '204',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 204 No Content\r\nServer: b\r\n\r\n'],
      ['client', 'gets', END],
      ['client', 'ends'],
    ],
  },
  {
    name: 'an interim answer before the final one',
    since129: true,
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'sends', `HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n${answer('final')}`],
      ['client', 'gets', 'final'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'a chunked answer in pieces',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 200 OK\r\nServer: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n'],
      ['client', 'gets', 'first'],
      ['backend', 'sends', '6;x=y\r\nsecond\r\n0\r\nX: y\r\n\r\n'],
      ['client', 'gets', '0\r\n\r\n'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'an answer that ends with its connection',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 200 OK\r\nServer: b\r\n\r\nfirst'],
      ['backend', 'ends'],
      ['client', 'gets', '0\r\n\r\n'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'a buffered body',
    steps: [
      ['client', 'sends', post('/plain', 10, '01234')],
      ['client', 'sends', '56789'],
      ['backend', 'gets', '0123456789'],
      ['backend', 'sends', answer('ok')],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'a buffered chunked body',
    steps: [
      ['client', 'sends', chunked('/plain', '5\r\n01234\r\n')],
      ['client', 'sends', '5\r\n56789\r\n0\r\n\r\n'],
      ['backend', 'gets', '0123456789'],
      ['backend', 'sends', answer('ok')],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'a body that is passed on as it comes',
    steps: [
      ['client', 'sends', post('/unbuffered', 10, '01234')],
      ['backend', 'gets', '01234'],
      ['client', 'sends', '56789'],
      ['backend', 'gets', '56789'],
      ['backend', 'sends', answer('ok')],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'a chunked body that is passed on as it comes',
    steps: [
      ['client', 'sends', chunked('/unbuffered', '5\r\n01234\r\n')],
      ['backend', 'gets', '01234'],
      ['client', 'sends', '5\r\n56789\r\n0\r\n\r\n'],
      ['backend', 'gets', '0\r\n\r\n'],
      ['backend', 'sends', answer('ok')],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'an answer before the body is complete',
    steps: [
      ['client', 'sends', post('/unbuffered', 10, '01234')],
      ['backend', 'gets', '01234'],
      ['backend', 'sends', answer('early')],
      ['client', 'gets', 'early'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'a buffered upload that the client ends early',
    steps: [
      ['client', 'sends', post('/plain', 10, '01234')],
      ['client', 'ends'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'a buffered upload that the client resets',
    steps: [
      ['client', 'sends', 'POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n'],
      ['client', 'gets', END],
      ['client', 'resets'],
    ],
  },
  {
    name: 'a buffered upload whose client falls silent',
    known: 'nginx does not log why it says 408',
    steps: [
      ['client', 'sends', post('/impatient', 10, '01234')],
      ['client', 'closed'],
    ],
  },
  {
    name: 'an upstream that ends in the middle of a buffered answer',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('part', 10)],
      ['backend', 'ends'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'an upstream that breaks the chunks of its answer',
    known: 'what came before the mistake is delivered at once; nginx drops what it has buffered',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 200 OK\r\nServer: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirstx\r\n'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'a client that sends broken chunks',
    steps: [
      ['client', 'sends', chunked('/plain', '5\r\n01234x\r\n')],
      ['client', 'closed'],
    ],
  },
  {
    name: 'an upload that the client ends early',
    steps: [
      ['client', 'sends', post('/unbuffered', 10, '01234')],
      ['backend', 'gets', '01234'],
      ['client', 'ends'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'a chunked upload that the client ends early',
    steps: [
      ['client', 'sends', chunked('/unbuffered', '5\r\n01234\r\n')],
      ['backend', 'gets', '01234'],
      ['client', 'ends'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'an upload that the client resets',
    steps: [
      ['client', 'sends', post('/unbuffered', 10, '01234')],
      ['backend', 'gets', '01234'],
      ['client', 'resets'],
      ['backend', 'closed'],
    ],
  },
  {
    name: 'an upload that the client ends early, after the head of its answer',
    steps: [
      ['client', 'sends', post('/unbuffered', 10, '01234')],
      ['backend', 'gets', '01234'],
      ['backend', 'sends', answer('part', 10)],
      ['client', 'gets', 'part'],
      ['client', 'ends'],
      ['backend', 'closed'],
    ],
  },
  {
    name: 'an upload that the client resets, after the head of its answer',
    steps: [
      ['client', 'sends', post('/unbuffered', 10, '01234')],
      ['backend', 'gets', '01234'],
      ['backend', 'sends', answer('part', 10)],
      ['client', 'gets', 'part'],
      ['client', 'resets'],
      ['backend', 'closed'],
    ],
  },
  {
    name: 'a client that leaves before the answer',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['client', 'ends'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'a client that resets before the answer',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['client', 'resets'],
      ['backend', 'closed'],
    ],
  },
  {
    name: 'a client that leaves in the middle of the answer',
    steps: [
      ['client', 'sends', get('/unbuffered')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('part', 10)],
      ['client', 'gets', 'part'],
      ['client', 'ends'],
      ['backend', 'closed'],
    ],
  },
  {
    name: 'a client that resets in the middle of the answer',
    steps: [
      ['client', 'sends', get('/unbuffered')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('part', 10)],
      ['client', 'gets', 'part'],
      ['client', 'resets'],
      ['backend', 'closed'],
    ],
  },
  {
    name: 'a client that leaves while that is ignored',
    steps: [
      ['client', 'sends', get('/ignore')],
      ['backend', 'gets', END],
      ['client', 'ends'],
      ['backend', 'sends', answer('whole')],
      ['client', 'closed'],
    ],
  },
  {
    name: 'an upstream that ends in the middle of its answer',
    steps: [
      ['client', 'sends', get('/unbuffered')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('part', 10)],
      ['client', 'gets', 'part'],
      ['backend', 'ends'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'an upstream that resets in the middle of its answer',
    steps: [
      ['client', 'sends', get('/unbuffered')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('part', 10)],
      ['client', 'gets', 'part'],
      ['backend', 'resets'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'an upstream that ends before its answer',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'ends'],
      ['client', 'gets', '</html>'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'an upstream that resets after part of its head',
    steps: [
      ['client', 'sends', get('/plain')],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 2'],
      ['backend', 'resets'],
      ['client', 'gets', '</html>'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'an upstream that is silent',
    steps: [
      ['client', 'sends', get('/short')],
      ['backend', 'gets', END],
      ['client', 'gets', '</html>'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'an upstream that falls silent',
    steps: [
      ['client', 'sends', get('/short')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('part', 10)],
      ['client', 'gets', 'part'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'a client that falls silent while it uploads',
    known: 'nginx does not log why it says 408',
    steps: [
      ['client', 'sends', post('/short', 10, '01234')],
      ['backend', 'gets', '01234'],
      ['client', 'closed'],
    ],
  },
  { name: 'a tunnel that the client ends', steps: [...tunnel('/upgrade'), ['client', 'ends'], ['backend', 'closed']] },
  {
    name: 'a tunnel that the upstream ends',
    steps: [...tunnel('/upgrade'), ['backend', 'ends'], ['client', 'closed']],
  },
  {
    name: 'a tunnel that the client resets',
    steps: [...tunnel('/upgrade'), ['client', 'resets'], ['backend', 'closed']],
  },
  {
    name: 'a tunnel that the upstream resets',
    steps: [...tunnel('/upgrade'), ['backend', 'resets'], ['client', 'closed']],
  },
  { name: 'a tunnel that is idle for too long', steps: [...tunnel('/short'), ['client', 'closed']] },
  {
    name: 'a tunnel whose first bytes come with the heads',
    steps: [
      ['client', 'sends', `${upgrade('/upgrade')}early`],
      ['backend', 'gets', END],
      ['backend', 'sends', `${SWITCHED}greeting`],
      ['client', 'gets', 'greeting'],
      ['backend', 'gets', 'early'],
      ['backend', 'ends'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'a tunnel on a connection of the pool',
    lines: 2,
    steps: [...exchanged('/pool'), ...tunnel('/pool'), ['client', 'ends'], ['backend', 'closed']],
  },
  {
    name: 'a second request on a connection of the pool',
    lines: 2,
    steps: [...exchanged('/pool'), ...exchanged('/pool/longer'), ['client', 'ends'], ['backend', 'ends']],
  },
  {
    name: 'a body on a connection of the pool',
    lines: 2,
    steps: [
      ...exchanged('/pool'),
      ['client', 'sends', post('/pool', 10, '0123456789')],
      ['backend', 'gets', '0123456789'],
      ['backend', 'sends', answer('ok')],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
      ['backend', 'ends'],
    ],
  },
  {
    name: 'an upgrade that is refused',
    steps: [
      ['client', 'sends', upgrade('/upgrade')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('no')],
      ['client', 'gets', 'no'],
      ['client', 'ends'],
    ],
  },
];
