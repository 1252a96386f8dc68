import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { HoverRequest, type MarkupContent } from 'vscode-languageserver-protocol';
import { Editor } from './editor.js';
import { SITE } from './site.js';

const editor = await Editor.start({ after }, {});

async function hover(mark: string, offset = 1): Promise<string> {
  const found = await editor.connection.sendRequest(HoverRequest.type, editor.at('nginx.conf', mark, offset));
  return (found?.contents as MarkupContent | undefined)?.value ?? '';
}

test('hovers show directives, parameters, variables and definitions', async () => {
  await editor.open('nginx.conf', SITE);

  const directive = await hover('limit_req zone');
  assert.match(directive, /```nginx\nlimit_req zone=name \[burst=number\]/);
  assert.match(directive, /Default: none/);
  assert.match(directive, /Context: `http`, `server`, `location`/);
  assert.match(directive, /Since: nginx 0\.7\.20/);
  assert.match(directive, /Example:\n```nginx/);
  assert.match(directive, /docs\/directives\/limit_req\.md#limit_req\)/);
  assert.match(directive, /https:\/\/nginx\.org\/r\/limit_req\)/);

  const parameter = await hover('burst=5');
  assert.match(parameter, /Up to `burst` excess requests/);
  assert.match(await hover('nodelay'), /With `nodelay` no request is delayed/);

  const variable = await hover('$host;', 2);
  assert.match(variable, /\*\*\$host\*\*, variable of module core/);
  const family = await hover('$http_upgrade', 3);
  assert.match(family, /\*\*\$http_NAME\*\*/);
  const mapped = await hover('Connection $connection_upgrade', 15);
  assert.match(mapped, /map \$http_upgrade \$connection_upgrade \{\n {8}default upgrade;/);
  assert.match(mapped, /variable defined at .*nginx\.conf:3:/);

  assert.match(await hover('http://chat', 9), /upstream chat \{\n {8}server 127\.0\.0\.1:9000;/);
  assert.match(await hover('= @fallback', 4), /location @fallback\n```/);
});

test('the hover of a block lists the directives that it inherits', async () => {
  await editor.open('nginx.conf', SITE);
  const found = await hover('location /pool/');
  assert.match(found, /Inherited here:\n(?:- .*\n)*- `proxy_set_header Host \$host` \(nginx\.conf:24\)/);
  assert.doesNotMatch(await hover('location / {'), /`proxy_set_header Host/);
});

test('directives of nginx that tsproxy does not have are explained', async () => {
  await editor.open('nginx.conf', 'events {}\nhttp { server { location / { fastcgi_pass 127.0.0.1:9000; } } }\n');
  assert.match(await hover('fastcgi_pass'), /ngx_http_fastcgi_module.*\n\n.*\n\n.*nginx\.org\/r\/fastcgi_pass/);
});
