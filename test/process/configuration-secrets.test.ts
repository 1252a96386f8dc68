import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationSecrets } from '../../src/process/configuration-secrets.js';

/** Each line with a planted secret, which contains `SECRET`. */
const SECRETS = String.raw`
env API_TOKEN=SECRET-1;
http {
  proxy_set_header Authorization "Bearer SECRET-2";
  proxy_set_header X-Api-Key SECRET-3;
  add_header Set-Cookie 'sid=SECRET-4; Secure' always;
  fastcgi_param HTTP_AUTHORIZATION "Basic SECRET-5";
  set $upstream_token SECRET-6;
  js_var $password "SECRET \"7\"";
  map $http_x_api_key $client { default none; SECRET-8 alice; "~^SECRET-9" bob; }
  map $host $backend_secret { default SECRET-10; }
  if ($http_authorization != "Basic SECRET11=") { return 401; }
  if ($arg_token = SECRET-12) { return 403; }
  api_keys partners { SECRET-13 alice plan; }
  secure_link_md5 "$expires$uri SECRET-14";
  secure_link_secret SECRET-15;
  ssl_certificate_key "data:-----BEGIN PRIVATE KEY-----
SECRET-16
-----END PRIVATE KEY-----";
  proxy_pass http://user:SECRET-17@backend/;
  proxy_pass http://backend/?access_token=SECRET-18&x=1;
  otel_exporter { header x-auth-token SECRET-19; }
  some_module host=a password=SECRET-20;
  redis_password SECRET-21;
  # proxy_set_header Authorization "Bearer SECRET-22";
  return 200 eyJhbGciOiJTRUNSRVQifQ.eyJzdWIiOiJTRUNSRVQifQ.SECRET-23;
  content_by_lua_block { local api_key = "SECRET-24" }
}
`;

const HARMLESS = `
server_tokens off;
api_key partners;
auth_jwt_key_file /etc/keys.json;
auth_basic_user_file /etc/htpasswd;
proxy_set_header Host $host;
proxy_set_header Authorization $http_authorization;
proxy_set_header Authorization "Bearer $token";
ssl_certificate_key /etc/example.key;
ssl_password_file /etc/passwords;
map $http_upgrade $connection { default upgrade; '' close; }
if ($http_x_version = 2) { return 404; }
# tokens of clients are checked by the back end
location /token/ { proxy_pass http://backend; }
proxy_cache_key $host$uri;
`;

test('no secret of a configuration is shown, and its lines keep their numbers', () => {
  const secrets = new ConfigurationSecrets();
  const redacted = secrets.redact({ name: 'nginx.conf', text: SECRETS });
  const left = redacted.split('\n').filter((line) => line.includes('SECRET'));
  assert.deepEqual(left, []);
  assert.equal(redacted.split('\n').length, SECRETS.split('\n').length);
  assert.match(redacted, /\n {2}proxy_set_header X-Api-Key \[redacted\];\n/);
  assert.match(
    redacted,
    /\n {2}map \$http_x_api_key \$client \{ default none; \[redacted\] alice; "\[redacted\]" bob; \}\n/,
  );
  assert.match(redacted, /http:\/\/user:\[redacted\]@backend\//);
});

test('texts without secrets are shown unchanged', () => {
  assert.equal(new ConfigurationSecrets().redact({ name: 'nginx.conf', text: HARMLESS }), HARMLESS);
});

test('findings and explanations that repeat a secret are shown without it', () => {
  const secrets = new ConfigurationSecrets();
  secrets.redact({ name: 'nginx.conf', text: 'proxy_set_header X-Api-Key "k3y of alice";' });
  assert.equal(secrets.clean('duplicate value "k3y of alice" in line 1'), 'duplicate value "[redacted]" in line 1');
  assert.equal(secrets.clean('Authorization: Bearer abcdefgh'), 'Authorization: Bearer [redacted]');
});

test('malformed texts are redacted as well', () => {
  const text = 'http { proxy_set_header Authorization "Bearer SECRET; } server { \n secret_key SECRET-2 \n }}}';
  assert.doesNotMatch(new ConfigurationSecrets().redact({ name: 'x', text }), /SECRET/);
});
