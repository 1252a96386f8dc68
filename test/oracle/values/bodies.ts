/** Where the bodies of requests are kept: `$request_body` has what is in memory, `$request_body_file` what is in a file. */
import type { Step } from './conversation.js';
import type { Scenario } from './scenarios.js';

const LOCATION: Readonly<Record<string, string>> = {
  'in-memory': '',
  'in-file': 'client_body_in_file_only on;',
  'in-file-for-a-while': 'client_body_in_file_only clean;',
  streamed: 'proxy_request_buffering off;',
  'streamed-file': 'proxy_request_buffering off; client_body_in_file_only on;',
  'streamed-single': 'proxy_request_buffering off; client_body_in_file_only clean; client_body_in_single_buffer on;',
  'streamed-http10': 'proxy_request_buffering off; client_body_in_file_only on; proxy_http_version 1.0;',
  'streamed-other': 'proxy_request_buffering off; client_body_in_file_only on; proxy_set_body other;',
  'streamed-none': `proxy_request_buffering off; client_body_in_file_only on; proxy_pass_request_body off;
    proxy_set_header Content-Length '';`,
};

export const BODY_LOCATIONS = Object.entries(LOCATION)
  .map(
    ([name, text]) =>
      `location /${name} { proxy_pass http://127.0.0.1:%%SILENT%%; proxy_set_header Connection close; ${text} }`,
  )
  .join('\n');

const END = '\r\n\r\n';
const head = (name: string, field: string) => `POST /${name} HTTP/1.1\r\nHost: a\r\n${field}${END}`;
const withLength = (name: string) => head(name, 'Content-Length: 10');
const chunked = (name: string) => head(name, 'Transfer-Encoding: chunked');

/** From the first byte of the request to the time when the back end has all of it. */
function sendings(name: string): Readonly<Record<string, readonly Step[]>> {
  const streams = name === 'streamed' || name === 'streamed-file' || name === 'streamed-single';
  const arrives = name === 'streamed-other' || name === 'streamed-none' ? END : '56789';
  const whole: Readonly<Record<string, readonly Step[]>> = {
    'that comes with the head': [
      ['client', 'sends', `${withLength(name)}0123456789`],
      ['backend', 'gets', arrives],
    ],
    'in a chunk that comes with the head': [
      ['client', 'sends', `${chunked(name)}a\r\n0123456789\r\n0${END}`],
      ['backend', 'gets', arrives],
    ],
  };
  if (!streams) return whole;
  return {
    ...whole,
    'that comes in part with the head': [
      ['client', 'sends', `${withLength(name)}01234`],
      ['backend', 'gets', '01234'],
      ['client', 'sends', '56789'],
      ['backend', 'gets', '56789'],
    ],
    'that comes behind the head': [
      ['client', 'sends', withLength(name)],
      ['backend', 'gets', END],
      ['client', 'sends', '0123456789'],
      ['backend', 'gets', '0123456789'],
    ],
    'in chunks of which the last comes alone': [
      ['client', 'sends', `${chunked(name)}a\r\n0123456789\r\n`],
      ['backend', 'gets', '0123456789\r\n'],
      ['client', 'sends', `0${END}`],
      ['backend', 'gets', `0${END}`],
    ],
  };
}

export const BODIES: readonly Scenario[] = Object.keys(LOCATION).flatMap((name) =>
  Object.entries(sendings(name)).map(([how, steps]) => ({
    name: `a body ${how}, ${name}`,
    steps: [
      ...steps,
      ['backend', 'sends', 'HTTP/1.1 200 OK\r\nServer: b\r\nContent-Length: 2\r\n\r\nok'],
      ['client', 'gets', 'ok'],
      ['client', 'ends'],
    ],
  })),
);
