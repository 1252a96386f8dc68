import type { OracleGroup } from '../oracle.js';
import { ask, MEANT } from './request.js';

export const headers: OracleGroup = {
  name: 'fields, types and access',
  config: `
    add_header X-Http http;
    server {
      listen 127.0.0.1:%%PORT%%;
      server_name localhost;
      charset utf-8;
      location / { return 200 "plain"; }
      location /own/ { add_header X-Own "$uri $arg_a"; return 200 own; }
      location /always/ { add_header X-Always 1 always; return 404; }
      location /sometimes/ { add_header X-Sometimes 1; return 404; }
      location /moved/ { add_header X-Moved 1; return 301 /x; }
      location /empty-value/ { add_header X-Empty ""; add_header X-Var $arg_none; return 200 x; }
      location /last-modified/ { add_header Last-Modified "Mon, 28 Sep 1970 06:00:00 GMT"; return 200 x; }
      location /cache/ { add_header Cache-Control "no-store"; add_header Cache-Control "private"; return 200 x; }
      location /expires/epoch { expires epoch; return 200 x; }
      location /expires/max { expires max; return 200 x; }
      location /expires/off { expires off; return 200 x; }
      location /charset/off { charset off; return 200 x; }
      location /charset/types { default_type application/json; return 200 x; }
      location /charset/added { charset koi8-r; charset_types application/json; default_type application/json; return 200 x; }
      location /charset/var { charset $arg_c; return 200 x; }
      location /gif { empty_gif; }
      location /allow { allow 127.0.0.1; deny all; return 200 x; }
      location /files { allow 10.0.0.0/8; deny all; root %%ROOT%%; }
      location /limit { limit_except GET POST { deny all; } root %%ROOT%%; }
      location /satisfy { satisfy any; deny all; root %%ROOT%%; }
      location /keepalive { keepalive_timeout 30 20; return 200 x; }
      location /no-keepalive { keepalive_timeout 0; return 200 x; }
      location /no-chunked { chunked_transfer_encoding off; proxy_pass http://127.0.0.1:%%BACKEND%%; proxy_http_version 1.1; proxy_set_header Connection close; }
    }`,
  files: { files: 'files', limit: 'limit', satisfy: 'satisfy' },
  backend: () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  cases: [
    ask('GET /'),
    ask('GET /own/?a=b'),
    ask('GET /always/'),
    ask('GET /sometimes/'),
    ask('GET /moved/'),
    ask('GET /empty-value/'),
    { ...ask('GET /last-modified/'), known: MEANT.order },
    ask('GET /cache/'),
    ask('GET /expires/epoch'),
    ask('GET /expires/max'),
    ask('GET /expires/off'),
    ask('GET /charset/off'),
    ask('GET /charset/types'),
    ask('GET /charset/added'),
    ask('GET /charset/var?c=iso-8859-1'),
    ask('GET /gif'),
    ask('HEAD /gif'),
    ask('POST /gif', ['Content-Length: 0']),
    ask('GET /gif', ['If-Modified-Since: Mon, 28 Sep 1970 06:00:00 GMT']),
    ask('GET /gif', ['Range: bytes=0-3']),
    ask('GET /allow'),
    ask('GET /files'),
    ask('GET /limit'),
    ask('HEAD /limit'),
    ask('POST /limit', ['Content-Length: 0']),
    ask('PUT /limit', ['Content-Length: 0']),
    ask('GET /satisfy'),
    ask('GET /keepalive'),
    ask('GET /keepalive HTTP/1.0', ['Connection: keep-alive']),
    ask('GET /no-keepalive'),
    ask('GET /no-chunked'),
  ],
};
