/** A character that is missing from a right configuration: one finding, in the place where the character was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { positionOf } from '../../grammar/positions.js';
import { check } from '../../src/config/check.js';
import type { Finding } from '../../src/diagnostics/finding.js';
import { applyFixes } from '../../src/diagnostics/fixes.js';
import { modules } from '../../src/modules/index.js';

const RIGHT = `worker_processes auto;

events {
    worker_connections 768;
    multi_accept on;
}

http {
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    types {
        text/html html htm;
        text/css css;
        application/javascript js;
    }
    log_format main '$remote_addr - $remote_user [$time_local] "$request" '
                    '$status $body_bytes_sent "$http_referer" '
                    '"$http_user_agent"';
    access_log off;

    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      '';
    }
    geo $limited {
        default 1;
        10.0.0.0/8 0;
    }
    limit_req_zone $binary_remote_addr zone=one:10m rate=10r/s;

    upstream app {
        least_conn;
        server 127.0.0.1:8001 weight=3;
        server 127.0.0.1:8002 backup;
        keepalive 16;
    }

    server {
        listen 8080 default_server;
        server_name example.com www.example.com;
        root /srv/www;
        index index.html index.htm;
        error_page 500 502 503 504 /50x.html;

        location / {
            try_files $uri $uri/ /index.html;
        }
        location = /50x.html {
            root /usr/share/nginx/html;
        }
        location /api/ {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            limit_req zone=one burst=5 nodelay;
        }
        location ~ \\.(png|jpg)$ {
            expires 30d;
            add_header Cache-Control "public";
        }
        if ($request_method = POST) {
            return 405;
        }
        rewrite ^/old/(.*)$ /new/$1 permanent;
        location /private {
            allow 10.0.0.0/8;
            deny all;
        }
    }

    server {
        listen 8081;
        server_name other.example.com;
        return 301 https://$host$request_uri;
    }
}
`;

function findings(text: string): readonly Finding[] {
  return check({ name: '/etc/nginx/nginx.conf', text }, modules, { prefix: '/nonexistent/' }).findings;
}

/** The places of a character with its line in front, for the names of failures. */
function* placesOf(character: string): Generator<{ readonly offset: number; readonly line: string }> {
  for (let offset = RIGHT.indexOf(character); offset !== -1; offset = RIGHT.indexOf(character, offset + 1)) {
    yield { offset, line: RIGHT.slice(RIGHT.lastIndexOf('\n', offset) + 1, RIGHT.indexOf('\n', offset)) };
  }
}

function without(offset: number, instead = ''): string {
  return RIGHT.slice(0, offset) + instead + RIGHT.slice(offset + 1);
}

/** The text with the fixes of findings, guesses among them. */
function mended(found: readonly Finding[]): string | undefined {
  const sure = found.map((each) => (each.fix === undefined ? each : { ...each, fix: { ...each.fix, guess: false } }));
  return applyFixes(sure, (source) => source.name).texts.get('/etc/nginx/nginx.conf');
}

function linesOf(found: readonly Finding[]): string {
  return found.map(({ code, at, message }) => `${code} ${at?.start}: ${message}`).join('\n');
}

test('the configuration is right', () => {
  assert.deepEqual(findings(RIGHT), []);
});

test('a missing ; is found where it is missing, and the fix puts it back', () => {
  for (const { offset, line } of placesOf(';')) {
    const found = findings(without(offset));
    assert.equal(found.filter(({ at, code }) => at?.start === offset && code === 'missing-semicolon').length, 1, line);
    // Words that are taken for server names may be doubted too.
    assert.ok(
      found.every(({ severity }, _i, { length }) => length === 1 || severity === 'warning'),
      line + linesOf(found),
    );
    assert.equal(mended(found), RIGHT, line);
  }
});

test('a missing { is found where it is missing, and what stands in the block is not blamed', () => {
  for (const { offset, line } of placesOf('{')) {
    const found = findings(without(offset));
    assert.equal(found.length, 1, `${line}\n${linesOf(found)}`);
    assert.equal(found[0]?.code, 'missing-block', line);
    assert.equal(found[0].at?.start, offset - 1, line);
    assert.equal(mended(found)?.replace(/[ ]+$/gm, ''), RIGHT, line);
  }
});

test('a ; in the place of a { is found, and the fix puts the brace there', () => {
  for (const { offset, line } of placesOf('{')) {
    const found = findings(without(offset, ';'));
    assert.equal(found.length, 1, `${line}\n${linesOf(found)}`);
    assert.equal(found[0]?.at?.start, offset, line);
    assert.equal(mended(found), RIGHT, line);
  }
});

test('a missing } is found by the indentation', () => {
  for (const { offset, line } of placesOf('}')) {
    const found = findings(without(offset));
    assert.equal(found.length, 1, `${line}\n${linesOf(found)}`);
    assert.match(found[0]?.message ?? '', /^unexpected end of file, expecting "}"$/);
    const at = found[0]?.at;
    assert.ok(
      at != null && Math.abs(positionOf(at.source, at.start).line - RIGHT.slice(0, offset).split('\n').length) <= 1,
    );
  }
});

test('nested blocks whose { are missing are all found', () => {
  const text = 'events {}\nhttp\n    server\n        location /\n            root /a;\n        }\n    }\n}\n';
  assert.equal(
    linesOf(findings(text)),
    [
      'missing-block 14: directive "http" has no opening "{"',
      'missing-block 25: directive "server" has no opening "{"',
      'missing-block 44: directive "location" has no opening "{"',
    ].join('\n'),
  );
});

test('without indentation a missing { is no missing ;', () => {
  const found = findings('events {}\nhttp {\nserver {\nlocation /\nroot /a;\n}\n}\n}\n');
  const [first] = found;
  assert.equal(first?.code, 'missing-block');
  assert.deepEqual(
    first.fix?.edits.map(({ text }) => text),
    [' {'],
  );
  assert.equal(found.filter(({ code }) => code === 'missing-semicolon').length, 0);
});
