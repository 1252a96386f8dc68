import type { OracleGroup } from '../oracle.js';
import { ask, bytes, raw } from './request.js';

/** A case that sends the same request several times on one connection. */
const times = (count: number, line: string) => raw(`${count} times ${line}`, bytes(line).repeat(count));

/** Rates that are far too low for the milliseconds of a case to count, or so low that a busy machine is fast enough. Each case has a key of its own. */
export const limits: OracleGroup = {
  name: 'limit_req and limit_conn',
  config: `
    limit_req_zone $arg_k zone=one:1m rate=1r/m;
    limit_req_zone $arg_k$arg_two zone=two:1m rate=30r/m;
    limit_req_zone $arg_k zone=fast:1m rate=5r/s;
    limit_req_zone constant zone=constant:32k rate=1r/m;
    limit_conn_zone $arg_k zone=conn:1m;
    limit_conn_zone $arg_k$arg_k$arg_k zone=long:1m;
    limit_req_status 429;
    root %%ROOT%%;
    add_header X-Req $limit_req_status always;
    add_header X-Conn $limit_conn_status always;
    server {
      listen 127.0.0.1:%%PORT%%;
      limit_req zone=one burst=1;
      location = /probe { limit_req zone=constant burst=1000 nodelay; }
      location /nodelay { limit_req zone=one burst=2 nodelay; try_files /page =404; }
      location /delay { limit_req zone=fast burst=5 delay=2; try_files /page =404; }
      location /wait { limit_req zone=fast burst=2; try_files /page =404; }
      location /none { limit_req zone=one; try_files /page =404; }
      location /both { limit_req zone=two burst=3 nodelay; limit_req zone=one burst=1 nodelay; limit_req_status 503; try_files /page =404; }
      location /last { limit_req zone=one burst=1 nodelay; limit_req zone=two burst=3 nodelay; try_files /page =404; }
      location /dry { limit_req zone=one burst=1; limit_req_dry_run on; try_files /page =404; }
      location /error { limit_req zone=one; error_page 429 = /none; try_files /page =404; }
      location /return { limit_req zone=one; return 200 "before the limit"; }
      location /conn { limit_req zone=constant burst=1000 nodelay; limit_conn conn 1; limit_conn long 1; error_page 404 /inner; try_files /gone =404; }
      location /inner { limit_req zone=one; limit_conn conn 1; try_files /page =404; }
      location /if { limit_req zone=one; if ($arg_if) { add_header X-If 1; add_header X-Req $limit_req_status always; } try_files /page =404; }
      location /except { limit_req zone=one; limit_except GET { deny all; } try_files /page =404; }
    }`,
  files: { page: 'a page', probe: 'probed' },
  cases: [
    times(5, 'GET /nodelay?k=a'),
    times(2, 'GET /nodelay'),
    times(8, 'GET /delay?k=b'),
    times(4, 'GET /wait?k=c'),
    times(3, 'GET /none?k=d'),
    times(4, 'GET /both?k=e'),
    times(4, 'GET /both?two=e'),
    times(4, 'GET /last?k=f'),
    times(8, 'GET /last?two=f'),
    times(4, 'GET /dry?k=g'),
    times(2, 'GET /error?k=h'),
    times(2, 'GET /return?k=i'),
    times(2, 'GET /conn?k=j'),
    ask(`GET /conn?k=${'x'.repeat(86)}`),
    ask(`GET /conn?k=${'x'.repeat(85)}`),
    ask('GET /conn'),
    times(2, 'GET /if?k=k&if=1'),
    times(2, 'POST /except?k=l'),
    times(3, `GET /none?k=${'y'.repeat(5000)}`),
    ask('HEAD /none?k=m'),
  ],
};
