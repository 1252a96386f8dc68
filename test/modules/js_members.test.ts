import assert from 'node:assert/strict';
import { test } from 'node:test';
import { get, startProxy } from '../kit/index.js';

/** Members that njs declares for http, by the expression of their object: njs's `ts/*.d.ts`. */
const MEMBERS: Readonly<Record<string, string>> = {
  r:
    'args done error finish headersIn headersOut httpVersion internalRedirect log method rawHeadersIn rawHeadersOut ' +
    'remoteAddress readRequestText readRequestArrayBuffer readRequestJSON readRequestForm return decline send sendBuffer ' +
    'sendHeader status subrequest uri rawVariables variables warn',
  'Object.getPrototypeOf(r)':
    'parent requestBuffer requestText requestBody responseBuffer responseText responseBody internal',
  ngx: 'build conf_file_path conf_prefix error_log_path fetch log prefix shared version version_number worker_id ERR WARN INFO',
  'ngx.shared.d': 'capacity name type add clear delete incr items freeSpace get has keys pop replace set size ttl',
  njs: 'version version_number dump on memoryStats engine',
  process: 'pid ppid argv env kill',
  globalThis: 'atob btoa TextDecoder TextEncoder Buffer',
  'new Headers()': 'append delete get getAll forEach has set',
  'new Request("http://a")': 'arrayBuffer bodyUsed cache credentials json headers mode text url method',
  'new Response()': 'arrayBuffer bodyUsed json headers ok redirected status statusText text type url',
  'crypto.subtle':
    'decrypt deriveBits deriveKey digest encrypt importKey exportKey generateKey sign verify wrapKey unwrapKey',
  crypto: 'subtle getRandomValues randomUUID',
  'Buffer.alloc(1)':
    'buffer byteOffset compare copy equals fill includes indexOf lastIndexOf length readDoubleBE readFloatLE readInt16BE ' +
    'readIntLE readUInt8 readUIntBE slice swap16 swap32 swap64 toJSON toString write writeDoubleBE writeFloatLE writeInt32BE ' +
    'writeIntBE writeUInt16LE writeUIntLE subarray',
  Buffer: 'alloc allocUnsafe byteLength compare concat from isBuffer isEncoding',
  'new TextDecoder()': 'encoding fatal ignoreBOM decode',
  'new TextEncoder()': 'encoding encode encodeInto',
  console: 'debug error info log time timeEnd warn',
};

test('every member that njs declares for http exists', async (t) => {
  const expressions = Object.entries(MEMBERS)
    .map(([expression, names]) => `[${JSON.stringify(expression)}, ${expression}, ${JSON.stringify(names.split(' '))}]`)
    .join(', ');
  const proxy = await startProxy(
    `js_path %%DIR%%;
     js_import main.js;
     js_shared_dict_zone zone=d:32k;
     server { listen 127.0.0.1:0; location / { js_content main.missing; } }`,
    {},
    {
      files: {
        'main.js': `
          function missing(r) {
            const functions = { setTimeout, clearTimeout, setImmediate, SharedMemoryError };
            const wrong = Object.entries(functions).filter(([, f]) => typeof f !== 'function').map(([name]) => name);
            for (const [expression, object, names] of [${expressions}]) {
              for (const name of names) if (!(name in object)) wrong.push(expression + '.' + name);
            }
            r.return(200, wrong.join(' '));
          }
          export default { missing };`,
      },
    },
  );
  t.after(() => proxy.close());
  const { status, body } = await get(proxy.port);
  assert.deepEqual([status, body], [200, '']);
});
