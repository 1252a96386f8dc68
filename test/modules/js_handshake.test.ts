import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateFor, certificates, startProxy } from '../kit/index.js';

test('functions choose certificates by the name of the handshake', async (t) => {
  const authority = certificates();
  const pair = { cert: authority.read('ec.crt'), key: authority.read('ec.key') };
  const proxy = await startProxy(
    `js_path %%DIR%%;
     js_import main.js;
     js_preload_object pair from %%DIR%%/pair.json;
     access_log off;
     js_set $cert main.cert;
     js_set $key main.key;
     server {
       listen 127.0.0.1:0 ssl;
       ssl_certificate data:$cert;
       ssl_certificate_key data:$key;
       return 200 "$ssl_server_name";
     }`,
    {},
    {
      files: {
        'pair.json': JSON.stringify(pair),
        'main.js': `
          const known = (r) => r.variables.ssl_server_name === 'example.com';
          const cert = (r) => (known(r) ? pair.cert : '');
          const key = (r) => (known(r) ? pair.key : '');
          export default { cert, key };`,
      },
    },
  );
  t.after(() => proxy.close());
  assert.notEqual(await certificateFor(proxy.port, 'example.com'), '');
  await assert.rejects(certificateFor(proxy.port, 'other.example'));
  assert.deepEqual(proxy.messages('alert'), []);
});
