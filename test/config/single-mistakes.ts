/**
 * Mistakes that people make, ten of each kind: in `test/conf/mistakes/site.conf` a part is replaced. Each is to
 * be one error, in nginx's words.
 */

/** The text that is replaced, which occurs once in the site, and its replacement. */
export type Mistake = readonly [written: string, instead: string];

export interface Kind {
  readonly kind: string;
  /** The codes that the error may have. */
  readonly codes: readonly string[];
  /** Why the sentence differs from nginx's, for all of them or for those with this in their place. */
  readonly elsewhere?: { readonly because: string; readonly of?: readonly string[] };
  readonly mistakes: readonly Mistake[];
}

const BREAK = '\u00a0';
const NO_WIDTH = '\u200b';

/** Mistakes of the language: words that are unfinished, misspelt, misplaced, or not a configuration at all. */
export const IN_LANGUAGE: readonly Kind[] = [
  {
    kind: 'a semicolon is missing',
    codes: ['missing-semicolon'],
    mistakes: [
      ['sendfile on;', 'sendfile on'],
      ['keepalive_timeout 65s;', 'keepalive_timeout 65s'],
      ['least_conn;', 'least_conn'],
      ['server 127.0.0.1:9002;', 'server 127.0.0.1:9002'],
      ['return 444;', 'return 444'],
      ['root html;', 'root html'],
      ['try_files $uri $uri/ @shop;', 'try_files $uri $uri/ @shop'],
      ['limit_conn clients 20;', 'limit_conn clients 20'],
      ['proxy_buffering off;', 'proxy_buffering off'],
      ['ip_hash;', 'ip_hash'],
    ],
  },
  {
    kind: 'a closing brace is missing',
    codes: ['syntax'],
    elsewhere: { because: 'nginx notices it only at what stands in the wrong block then' },
    mistakes: [
      ['    worker_connections 512;\n}', '    worker_connections 512;\n'],
      ['        text/css  css;\n    }', '        text/css  css;\n'],
      ['        ""      "";\n    }', '        ""      "";\n'],
      ['        192.168.0.0/16 1;\n    }', '        192.168.0.0/16 1;\n'],
      ['        *   old;\n    }', '        *   old;\n'],
      ['        keepalive 16;\n    }', '        keepalive 16;\n'],
      ['        return 444;\n    }', '        return 444;\n'],
      ['            return 405;\n        }', '            return 405;\n'],
      ['            stub_status;\n        }', '            stub_status;\n'],
      ['permanent;\n        }', 'permanent;\n'],
    ],
  },
  {
    kind: 'a closing brace is too much',
    codes: ['syntax'],
    elsewhere: { because: 'nginx notices it only at what stands in the wrong block then' },
    mistakes: [
      ['    worker_connections 512;\n}', '    worker_connections 512;\n}\n}'],
      ['        text/css  css;\n    }', '        text/css  css;\n    }\n    }'],
      ['        192.168.0.0/16 1;\n    }', '        192.168.0.0/16 1;\n    } }'],
      ['        keepalive 16;\n    }', '        keepalive 16;\n    }\n    }'],
      ['        return 444;\n    }', '        return 444;\n    }\n    }'],
      ['            return 405;\n        }', '            return 405;\n        }\n        }'],
      ['@shop;\n        }', '@shop;\n        }\n        }'],
      ['            stub_status;\n        }', '            stub_status;\n        }}'],
      ['permanent;\n        }', 'permanent;\n        }\n        }'],
      ['            expires 7d;', '            expires 7d; }'],
    ],
  },
  {
    kind: 'a directive is misspelt',
    codes: ['unknown-directive'],
    mistakes: [
      ['sendfile on', 'sendfle on'],
      ['worker_connections', 'worker_conections'],
      ['client_max_body_size', 'client_max_bodysize'],
      ['upstream chat', 'upsteam chat'],
      ['error_page 404', 'error_pages 404'],
      ['set_real_ip_from', 'set_realip_from'],
      ['try_files', 'tryfiles'],
      ['proxy_next_upstream', 'proxy-next-upstream'],
      ['expires', 'expire'],
      ['stub_status', 'stubstatus'],
    ],
  },
  {
    kind: 'a directive stands in the wrong block',
    codes: ['wrong-context'],
    mistakes: [
      ['    worker_connections 512;', '    worker_connections 512;\n    sendfile on;'],
      ['    sendfile on;', '    sendfile on;\n    listen 8982;'],
      ['    least_conn;', '    least_conn;\n    proxy_connect_timeout 5s;'],
      ['    server_tokens off;', '    server_tokens off;\n    proxy_pass http://shop;'],
      ['        root html;', '        root html;\n        worker_processes 2;'],
      ['            expires 7d;', '            expires 7d;\n            server_name img.example;'],
      ['            return 405;', '            return 405;\n            proxy_set_header X-A b;'],
      ['        index index.html;', '        index index.html;\n        limit_conn_zone $server_name zone=more:1m;'],
      ['        ip_hash;', '        ip_hash;\n        server_name chat.example;'],
      ['            stub_status;', '            stub_status;\n            map $uri $x { default 1; }'],
    ],
  },
  {
    kind: 'an argument is missing or too much',
    codes: ['argument-count'],
    mistakes: [
      ['sendfile on', 'sendfile on off'],
      ['client_max_body_size 8m', 'client_max_body_size'],
      ['proxy_buffers 8 16k', 'proxy_buffers 8'],
      ['root html', 'root html www'],
      ['error_page 404 /404.html', 'error_page 404'],
      ['try_files $uri $uri/ @shop', 'try_files @shop'],
      ['limit_conn clients 20', 'limit_conn clients'],
      ['proxy_set_header X-Staff $staff', 'proxy_set_header X-Staff'],
      ['rewrite ^/old/(.*)$ /new/$1 permanent', 'rewrite ^/old/(.*)$'],
      ['proxy_pass http://shop/v1/', 'proxy_pass http://shop/v1/ http://chat/'],
    ],
  },
  {
    kind: 'a directive stands twice',
    codes: ['duplicate-directive'],
    mistakes: [
      ['    worker_connections 512;', '    worker_connections 512;\n    worker_connections 1024;'],
      ['    sendfile on;', '    sendfile on;\n    sendfile off;'],
      ['    keepalive_timeout 65s;', '    keepalive_timeout 65s;\n    keepalive_timeout 30s;'],
      ['    client_max_body_size 8m;', '    client_max_body_size 8m;\n    client_max_body_size 16m;'],
      ['        root html;', '        root html;\n        root www;'],
      ['    resolver 127.0.0.1 valid=30s;', '    resolver 127.0.0.1 valid=30s;\n    resolver 127.0.0.2;'],
      ['try_files $uri $uri/ @shop;', 'try_files $uri $uri/ @shop;\n            try_files $uri =404;'],
      ['proxy_buffering off;', 'proxy_buffering off;\n            proxy_buffering on;'],
      ['            expires 7d;', '            expires 7d;\n            expires 1d;'],
      ['proxy_pass http://chat;', 'proxy_pass http://chat;\n            proxy_pass http://shop;'],
    ],
  },
  {
    kind: 'a regular expression with braces has no quotes',
    codes: ['syntax'],
    mistakes: [
      ['~ ^/users/[0-9]+$', '~ ^/users/[0-9]{3}$'],
      ['~ ^/users/[0-9]+$', '~ ^/users/[0-9]{1,3}$'],
      ['~ ^/users/[0-9]+$', '~ ^/users/[0-9]{4,}/edit$'],
      ['~* \\.(png|css)$', '~* \\.[a-z]{3,4}$'],
      ['~* \\.(png|css)$', '~* ^/[a-f0-9]{2}/[a-f0-9]{30}\\.png$'],
      ['^/old/(.*)$', '^/old/([0-9]{4})/(.*)$'],
      ['^/old/(.*)$', '^/old/(\\d{4})-(\\d{2})$'],
      ['$request_method = TRACE', '$uri ~ ^/[a-z]{2}/'],
      ['$request_method = TRACE', '$http_user_agent ~* bot{2,}'],
      ['websocket websocket', '~*^[a-z]{9}$ websocket'],
    ],
  },
  {
    kind: 'a quote is missing or superfluous',
    codes: ['syntax'],
    mistakes: [
      ['"ok\\n";', '"ok\\n;'],
      ['"ok\\n";', "'ok\\n;"],
      ['"Back in a moment.\\n";', '\'Back in a moment.\\n";'],
      ['"Back in a moment.\\n";', '"Back in "a moment".\\n";'],
      ["'$status $body_bytes_sent';", "'$status $body_bytes_sent;"],
      ['add_header Cache-Control public;', 'add_header Cache-Control "public;'],
      ['add_header Cache-Control public;', 'add_header Cache-Control "public"x;'],
      ['add_header Cache-Control public;', `add_header X-CSP "default-src 'self'; img-src "self"";`],
      ['root html;', "root 'html;"],
      ['proxy_set_header X-Staff $staff;', 'proxy_set_header X-Staff "$staff;'],
    ],
  },
  {
    kind: 'a template was not filled in',
    codes: ['syntax'],
    elsewhere: {
      because:
        'where a "{" may begin a block is not known before the statement is: these open one in other blocks, or with more words',
      of: ['server {{ .Host }}:{{ .Port }};', 'location {{ status_path }} {'],
    },
    mistakes: [
      ['server_name shop.example www.shop.example', 'server_name {{ domain }}'],
      ['server_name shop.example www.shop.example', 'server_name {{DOMAIN}} www.{{DOMAIN}}'],
      ['root html', 'root {{ root_dir }}/html'],
      ['server 127.0.0.1:9011;', 'server {{ .Host }}:{{ .Port }};'],
      ['proxy_pass http://chat;', 'proxy_pass {{ chat_url }};'],
      ['location /status {', 'location {{ status_path }} {'],
      ['    sendfile on;', '    {% if sendfile %}\n    sendfile on;\n    {% endif %}'],
      ['        ip_hash;', '        {{ if .Sticky }}\n        ip_hash;\n        {{ end }}'],
      [
        'include proxy.conf;\n            proxy_set_header X-Exp',
        'include {{ proxy }};\n            proxy_set_header X-Exp',
      ],
      ['client_max_body_size 8m', 'client_max_body_size {{ max_size|default("8m") }}'],
    ],
  },
  {
    kind: 'an environment variable is not replaced',
    codes: ['unknown-variable'],
    mistakes: [
      ['root html', 'root ${WEB_ROOT}'],
      ['proxy_pass http://chat', 'proxy_pass http://${CHAT_HOST}'],
      ['proxy_pass http://chat', 'proxy_pass http://$CHAT_HOST:9011'],
      ['proxy_pass http://shop/v1/', 'proxy_pass ${API_URL}/v1/'],
      ['proxy_set_header X-Staff $staff', 'proxy_set_header X-Staff ${STAFF_NAME}'],
      ['add_header Cache-Control public', 'add_header Cache-Control ${CACHE_CONTROL}'],
      ['"ok\\n"', '"${VERSION}\\n"'],
      ['expires 7d', 'expires ${EXPIRES}'],
      ['/new/$1', '${NEW_BASE}/$1'],
      ['logs/access.log', '${LOG_DIR}/access.log'],
    ],
  },
  {
    kind: 'a character cannot be seen',
    codes: ['unknown-directive'],
    mistakes: [
      ['    sendfile on;', `    sendfile${BREAK}on;`],
      ['    sendfile on;', `${BREAK}${BREAK}${BREAK}${BREAK}sendfile on;`],
      ['    server_tokens off;', `    ${NO_WIDTH}server_tokens off;`],
      ['    server_tokens off;', `    server_tokens${NO_WIDTH} off;`],
      ['        least_conn;', `        least_conn${BREAK};`],
      ['        root html;', `        root${BREAK}html;`],
      ['        index index.html;', `${BREAK}index index.html;`],
      ['            expires 7d;', `            \u2060expires 7d;`],
      ['            deny all;', `            deny${BREAK}all;`],
      ['        location /old/ {', `        location${BREAK}/old/ {`],
    ],
  },
  {
    kind: 'an included file is a page',
    codes: ['syntax'],
    elsewhere: {
      because: 'the entries of a geo may have any words, so that nginx goes on up to a "{"',
      of: ['        include maintenance.html;'],
    },
    mistakes: [
      ['        least_conn;', '        least_conn;\n        include maintenance.html;'],
      ['    sendfile on;', '    sendfile on;\n    include maintenance.html;'],
      ['        index index.html;', '        include maintenance.html;'],
      ['            expires 7d;', '            include maintenance.html;'],
      ['            stub_status;', '            stub_status;\n            include maintenance.html;'],
      ['worker_processes auto;', 'worker_processes auto;\ninclude maintenance.html;'],
      ['    worker_connections 512;', '    worker_connections 512;\n    include maintenance.html;'],
      ['        ip_hash;', '        ip_hash;\n        include maintenance.html;'],
      ['            access_log off;', '            include maintenance.html;'],
      ['        192.168.0.0/16 1;', '        include maintenance.html;'],
    ],
  },
  {
    kind: 'an included file is missing',
    codes: ['file-not-found'],
    mistakes: [
      ['    sendfile on;', '    include mime.types;'],
      ['    sendfile on;', '    include /etc/nginx/nowhere/gzip.conf;'],
      ['        least_conn;', '        include servers.conf;'],
      ['        index index.html;', '        include snippets/tls.conf;'],
      ['            expires 7d;', '            include cache.conf;'],
      ['            stub_status;', '            include status.conf;'],
      ['worker_processes auto;', 'include modules.conf;'],
      ['    worker_connections 512;', '    include events.conf;'],
      ['        192.168.0.0/16 1;', '        include staff.conf;'],
      ['        default upgrade;', '        default upgrade;\n        include maps.conf;'],
    ],
  },
];
