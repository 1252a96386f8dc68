/** Requests that several servers, locations or refusals have a part in. */
import type { Scenario } from './scenarios.js';

/** Content of `http` and of `server`; `%%CLOSED%%` is a port where nothing listens. */
export const ATTEMPT_UPSTREAMS = `
  upstream second { server 127.0.0.1:%%CLOSED%% max_fails=0; server 127.0.0.1:%%SILENT%% backup; }
  upstream closed { server 127.0.0.1:%%CLOSED%% max_fails=0; server 127.0.0.1:%%CLOSED%% max_fails=0; }
`;
export const ATTEMPT_LOCATIONS = `
  location /second { proxy_pass http://second; proxy_set_header Connection close; }
  location /closed { proxy_pass http://closed; proxy_set_header Connection close; }
  location /moved { proxy_pass http://127.0.0.1:%%SILENT%%; proxy_set_header Connection close; }
  location /page { proxy_pass http://closed; error_page 502 = /plain; }
  location /intercepted { proxy_pass http://127.0.0.1:%%SILENT%%; proxy_set_header Connection close; proxy_intercept_errors on; error_page 404 = /return; }
  location /limited { proxy_pass http://127.0.0.1:%%SILENT%%; client_max_body_size 5; }
`;

const END = '\r\n\r\n';
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const answer = (body: string) => `HTTP/1.1 200 OK\r\nServer: b\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

export const ATTEMPTS: readonly Scenario[] = [
  {
    name: 'a server that refuses and one that answers',
    steps: [
      ['client', 'sends', get('/second')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('second')],
      ['client', 'gets', 'second'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'two servers that refuse',
    steps: [
      ['client', 'sends', get('/closed')],
      ['client', 'gets', '</html>'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'X-Accel-Redirect',
    steps: [
      ['client', 'sends', get('/moved')],
      ['backend', 'gets', END],
      ['backend', 'sends', `HTTP/1.1 200 OK\r\nX-Accel-Redirect: /return\r\nContent-Length: 4\r\n\r\nbody`],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'an error page of another upstream',
    steps: [
      ['client', 'sends', get('/page')],
      ['backend', 'gets', END],
      ['backend', 'sends', answer('page')],
      ['client', 'gets', 'page'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'an answer that is replaced',
    steps: [
      ['client', 'sends', get('/intercepted')],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nbody'],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'a body that is too large',
    steps: [
      ['client', 'sends', 'POST /limited HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789'],
      ['client', 'gets', '</html>'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'HTTP/1.0',
    steps: [
      ['client', 'sends', 'GET /plain HTTP/1.0\r\n\r\n'],
      ['backend', 'gets', END],
      ['backend', 'sends', 'HTTP/1.1 200 OK\r\nServer: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
      ['client', 'gets', 'ok'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'HTTP/0.9',
    steps: [
      ['client', 'sends', 'GET /return\r\n'],
      ['client', 'gets', 'ok'],
      ['client', 'closed'],
    ],
  },
  {
    name: 'a head that is too large',
    known: 'nginx reads as much as its buffer takes',
    steps: [
      ['client', 'sends', get('/moved')],
      ['backend', 'gets', END],
      ['backend', 'sends', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(9000)}${END}`],
      ['client', 'gets', '</html>'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'more bytes than the answer has',
    steps: [
      ['client', 'sends', get('/moved')],
      ['backend', 'gets', END],
      ['backend', 'sends', `${answer('whole')}excess`],
      ['client', 'gets', 'whole'],
      ['client', 'ends'],
    ],
  },
  {
    name: 'more bytes behind the last chunk',
    steps: [
      ['client', 'sends', get('/moved')],
      ['backend', 'gets', END],
      [
        'backend',
        'sends',
        `HTTP/1.1 200 OK\r\nServer: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0${END}excess`,
      ],
      ['client', 'gets', `0${END}`],
      ['client', 'ends'],
    ],
  },
  {
    name: '100 Continue of the proxy',
    steps: [
      ['client', 'sends', 'POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'],
      ['client', 'gets', END],
      ['client', 'sends', '01234'],
      ['backend', 'gets', '01234'],
      ['backend', 'sends', answer('continued')],
      ['client', 'gets', 'continued'],
      ['client', 'ends'],
    ],
  },
];
