import type { OracleGroup } from '../oracle.js';
import { ask } from './request.js';

/** In each, `a`, `b` and `c` choose which `if` are true. */
const LOCATIONS: Readonly<Record<string, string>> = {
  'pass-none': 'if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { } if ($arg_c) { set $x 1; }',
  'none-pass': 'if ($arg_a) { } if ($arg_b) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_c) { }',
  'pass-pass': `if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { }
    if ($arg_c) { proxy_pass http://127.0.0.1:%%BACKEND%%; add_header X-Other yes; }`,
  inherited:
    'proxy_pass http://127.0.0.1:%%BACKEND%%; if ($arg_a) { add_header X-A yes; } if ($arg_b) { } if ($arg_c) { set $x 1; }',
  'inherited-own': `proxy_pass http://127.0.0.1:%%BACKEND%%; if ($arg_a) { proxy_pass http://127.0.0.1:%%CLOSED%%; }
    if ($arg_b) { } if ($arg_c) { }`,
  return:
    'if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { return 200 returned; } if ($arg_c) { return 204; }',
  'return-behind':
    'if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { } if ($arg_c) { } return 200 behind;',
  root: `root %%ROOT%%; if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { root %%ROOT%%/other; }
    if ($arg_c) { add_header X-C yes; }`,
  gif: 'empty_gif; if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { } if ($arg_c) { add_header X-C yes; }',
  try: 'try_files /index.html =404; if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { } if ($arg_c) { }',
  break: 'if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; break; } if ($arg_b) { } if ($arg_c) { break; }',
  rewrite: `if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { rewrite ^ /text last; }
    if ($arg_c) { rewrite ^ /elsewhere break; }`,
  'error-page': `error_page 500 /text; if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_b) { }
    if ($arg_c) { error_page 500 =202 /text; }`,
  excepted: `limit_except GET { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_a) { }
    if ($arg_b) { proxy_pass http://127.0.0.1:%%BACKEND%%; } if ($arg_c) { }`,
  'excepted-gif': `empty_gif; limit_except GET { allow all; } if ($arg_a) { proxy_pass http://127.0.0.1:%%BACKEND%%; }
    if ($arg_b) { } if ($arg_c) { }`,
};

const QUERIES = ['', 'a=1', 'b=1', 'c=1', 'a=1&b=1', 'a=1&c=1', 'b=1&c=1', 'a=1&b=1&c=1'];

export const ifHandlers: OracleGroup = {
  name: 'handlers of several true ifs',
  config: `
    server {
      listen 127.0.0.1:%%PORT%%;
      root %%ROOT%%;
      default_type text/plain;
      proxy_http_version 1.1;
      proxy_set_header Connection close;
      proxy_set_header Host backend;
      location /text { return 200 "text"; }
      ${Object.entries(LOCATIONS)
        .map(([name, body]) => `location /${name}/ { ${body} }`)
        .join('\n')}
    }`,
  files: {
    'index.html': 'index',
    ...Object.fromEntries(Object.keys(LOCATIONS).map((name) => [`${name}/f`, `file of ${name}`])),
    'other/root/f': 'other file',
  },
  backend: ({ target }) => `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`,
  cases: Object.keys(LOCATIONS).flatMap((name) => [
    ...QUERIES.map((query) => ask(`GET /${name}/f?${query}`)),
    ask(`DELETE /${name}/f?a=1&b=1`),
    ask(`DELETE /${name}/f?b=1`),
  ]),
};
