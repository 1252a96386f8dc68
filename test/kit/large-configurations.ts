/** Valid configurations of any length, for time measurements. */

/** Lines of servers of eight lines each. */
export function plainServers(lines: number): string[] {
  const text = ['events { }', 'http {'];
  for (let i = 0; text.length + 10 <= lines; i++) {
    text.push(
      '    server {',
      `        listen 127.0.0.1:${8000 + (i % 100)};`,
      `        server_name s${i}.example.com;`,
      '        location / {',
      `            proxy_pass http://127.0.0.1:${9000 + (i % 1000)};`,
      '            proxy_set_header Host $host;',
      '        }',
      '    }',
    );
  }
  return [...text, '}', ''];
}

/** Servers as in real configurations: each with its map, its upstream, and locations of all kinds. */
export function manyServers(lines: number): string[] {
  const text = [
    'events { }',
    'http {',
    '    map $http_upgrade $connection_upgrade {',
    '        default upgrade;',
    "        ''      '';",
    '    }',
  ];
  for (let i = 0; text.length + 77 <= lines; i++) text.push(...server(i));
  return [...text, '}', ''];
}

function server(i: number): string[] {
  const address = `10.${(i >> 8) & 255}.${i & 255}`;
  return [
    `    map $uri $class_${i} {`,
    '        default a;',
    `        ~^/x${i}/(\\d+)$ b;`,
    '        /y b;',
    '    }',
    `    upstream app_${i} {`,
    '        least_conn;',
    `        server ${address}.1:8080 weight=2;`,
    `        server ${address}.2:8080 backup;`,
    '        keepalive 8;',
    '    }',
    '    server {',
    `        listen 127.0.0.1:${8000 + (i % 50)};`,
    `        server_name s${i}.example.com *.w${i}.example.com;`,
    '        access_log off;',
    ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((j) => [
      `        location /p${j}/ {`,
      `            proxy_pass http://app_${i};`,
      '            proxy_set_header Host $host;',
      '            proxy_set_header X-Real-IP $remote_addr;',
      '        }',
    ]),
    '        location ~ ^/api/v(\\d+)/items/([a-z0-9-]+)$ {',
    `            proxy_pass http://app_${i}/v$1/$2;`,
    '        }',
    '        location ~* \\.(?:png|jpe?g|gif|css|js)$ {',
    '            root /srv/www;',
    '            expires 30d;',
    '        }',
    '        location /ws/ {',
    `            proxy_pass http://app_${i};`,
    '            proxy_set_header Upgrade $http_upgrade;',
    '            proxy_set_header Connection $connection_upgrade;',
    '            proxy_read_timeout 1h;',
    '        }',
    '        location / {',
    '            root /srv/www;',
    `            try_files $uri /by-class/$class_${i};`,
    '        }',
    '    }',
  ];
}
