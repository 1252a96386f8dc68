import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { readCommandLine } from '../../src/cli/command-line.js';
import { forwardConfiguration } from '../../src/cli/forward/configuration.js';
import { isListenAddress, listenAddress } from '../../src/cli/forward/listen-address.js';
import { type ForwardOptions, planOf } from '../../src/cli/forward/plan.js';
import { targetOf } from '../../src/cli/forward/target.js';
import { urlsOf } from '../../src/cli/forward/urls.js';
import { LocalCa } from '../../src/cli/local-ca/local-ca.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { toText } from '../../src/diagnostics/byte-string.js';
import { format } from '../../src/format/format.js';
import { checkConfig } from '../../src/index.js';
import { certificates } from '../kit/index.js';

const LOOPBACK = ['127.0.0.1', '[::1]'] as const;

let directory = '';

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsproxy-forward-'));
  for (const name of ['dist', "it's; {a} site", 'größe']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'file'), '');
});
after(() => rmSync(directory, { recursive: true, force: true }));

test('the word "forward" may be omitted if the first word is an address, also behind options', () => {
  for (const words of [
    ['8080', '3000'],
    ['localhost:8080', '3000'],
    ['*:8080', '3000'],
    ['--tls', '8080', '3000'],
    ['--cors-origin', 'https://www.example.com', '8080', '3000'],
    ['--cors-origin=*', '8080', '3000'],
    ['8080'],
  ]) {
    const invocation = readCommandLine(words);
    assert.ok(invocation.do === 'command' && invocation.name === 'forward', words.join(' '));
  }
});

test('words of nginx are not taken for an address', () => {
  const tested = readCommandLine(['-t', '8080']);
  assert.deepEqual(tested.do === 'test' && tested.paths, ['8080']);
  assert.deepEqual(readCommandLine(['-c', '8080']).do, 'run');
  for (const words of [['-x', '8080'], ['nginx.conf'], ['dist', '8080'], ['--unknown', '8080', '3000']]) {
    const invocation = readCommandLine(words);
    assert.ok(invocation.do === 'print' && invocation.code === 2, words.join(' '));
  }
});

test('an address without a host is a loopback address', () => {
  for (const word of ['8080', ':8080', 'localhost:8080', 'app.localhost:8080']) {
    const { addresses } = listenAddress(word);
    assert.ok(addresses.every((each) => each === '127.0.0.1:8080' || each === '[::1]:8080'));
    assert.equal(addresses[0], '127.0.0.1:8080');
  }
  assert.deepEqual(listenAddress('0').addresses, ['127.0.0.1:0']);
  assert.equal(listenAddress('*:8080').addresses[0], '0.0.0.0:8080');
  assert.deepEqual(listenAddress('[::1]:8080').addresses, ['[::1]:8080']);
  assert.deepEqual(listenAddress('unix:/tmp/a.sock'), { addresses: ['unix:/tmp/a.sock'], host: null });
});

test('other words are no addresses', () => {
  for (const word of [
    '',
    'app',
    'http://localhost:3000',
    'example.com:80',
    '123456',
    '/80',
    '80/',
    'nginx.conf',
    '1.2.3:80',
  ]) {
    assert.ok(!isListenAddress(word), word);
  }
  for (const word of ['70000', '1.2.3.999:80', '[::1:80', '[1]:80']) {
    assert.throws(() => listenAddress(word), UsageError);
  }
});

test('targets are URLs, ports, sockets and directories', () => {
  const server = { kind: 'server', scheme: 'http', path: null };
  const local = { ...server, name: 'localhost', address: 'localhost:3000', host: 'localhost:3000' };
  for (const word of ['3000', ':3000', 'localhost:3000', 'http://localhost:3000', 'ws://localhost:3000']) {
    assert.deepEqual(targetOf(word), local);
  }
  assert.deepEqual(targetOf('HTTP://Localhost:3000/'), { ...local, path: '/' });
  const https = {
    kind: 'server',
    scheme: 'https',
    name: 'example.com',
    address: 'example.com:443',
    host: 'example.com',
  };
  for (const word of ['https://example.com', 'wss://example.com:443'])
    assert.deepEqual(targetOf(word), { ...https, path: null });
  assert.deepEqual(targetOf('https://example.com/v2'), { ...https, path: '/v2' });
  assert.deepEqual(targetOf('http://[::1]:3000'), {
    ...server,
    name: '::1',
    address: '[::1]:3000',
    host: '[::1]:3000',
  });
  const socket = { ...server, name: null, address: 'unix:/run/app.sock', host: 'localhost' };
  assert.deepEqual(targetOf('unix:/run/app.sock'), socket);
  assert.deepEqual(targetOf('http://unix:/run/app.sock:/v2/'), { ...socket, path: '/v2/' });
  assert.deepEqual(targetOf(join(directory, 'dist')), { kind: 'directory', path: join(directory, 'dist/') });
});

const refused: readonly (readonly [words: readonly string[], message: RegExp, options?: ForwardOptions])[] = [
  [['8080'], /missing target/],
  [['8080', 'ftp://localhost'], /invalid target/],
  [['8080', 'http://'], /invalid target/],
  [['8080', 'http://a:b@localhost'], /contains a password/],
  [['8080', 'http://localhost/?a=b'], /contains a query/],
  [['8080', 'http://localhost:99999'], /invalid target/],
  [['8080', 'http://localhost/$uri'], /"\$"/],
  [['8080', './no-such-directory'], /there is no directory/],
  [['8080', '/api='], /empty target/],
  [['8080', 'a.localhost='], /empty target/],
  [['8080', ''], /empty target/],
  [['8080', '3000', '4000'], /two routes for "\/"/],
  [['8080', '/a=3000', '/a=4000'], /two routes for "\/a"/],
  [['8080', 'a.localhost=3000', 'A.localhost/=4000'], /two routes for "a.localhost\/"/],
  [['8080', '/a/../b=3000'], /invalid path/],
  [['8080', '/a?b=3000'], /invalid path/],
  [['8080', '/$uri=3000'], /invalid path/],
  [['8080', '3000'], /needs its key/, { cert: 'a.crt' }],
  [['8080', '3000'], /invalid origin/, { corsOrigin: ['www.example.com'] }],
  [['8080', '3000'], /invalid host/, { allowHost: ['www.example.com:8080'] }],
];
for (const [words, message, options = {}] of refused) {
  test(`"${words.join(' ')}" with ${JSON.stringify(options)} is refused`, () => {
    assert.throws(
      () => planOf(words, options),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });
}

test('a certificate of an address is refused unless any is accepted', () => {
  const files = { certificate: null, authorities: '/etc/ssl/cert.pem', loopback: LOOPBACK, names: [] };
  assert.throws(() => forwardConfiguration(planOf(['8080', 'https://127.0.0.1'], {}), files), /cannot be verified/);
  assert.match(
    forwardConfiguration(planOf(['8080', 'https://127.0.0.1'], { insecure: true }), files),
    /proxy_pass https:/,
  );
});

test('a listener at all addresses has URLs for other machines', () => {
  const plan = planOf(['*:8080', 'a.localhost=3000'], { tls: true });
  assert.deepEqual(
    urlsOf(plan, '0.0.0.0:8080', ['192.0.2.7']).map(({ url }) => url),
    ['https://localhost:8080/', 'https://a.localhost:8080/', 'https://192.0.2.7:8080/'],
  );
  assert.deepEqual(urlsOf(planOf(['443', '3000'], { tls: true }), '127.0.0.1:443', ['192.0.2.7']), [
    { url: 'https://localhost/', details: '' },
  ]);
});

/** Command lines of every kind. */
const commandLines = fc.record({
  address: fc.constantFrom('8080', '*:8080', '127.0.0.1:8080', 'a.localhost:8080', 'unix:/tmp/a socket'),
  routes: fc.uniqueArray(
    fc.record({
      host: fc.constantFrom('', '', '', 'a.localhost', 'b.example', '*.b.example'),
      path: fc.constantFrom('', '/', '/api', '/api/', '/a b', '/x;y', '/{z}', '/"q"', "/it's", '/größe', '/~user'),
      target: fc.constantFrom(
        ...['3000', 'localhost:4000', 'http://127.0.0.1:3000', 'ws://[::1]:5000/', 'http://localhost:3000/v2'],
        ...['http://unix:/run/app.sock:/v2', 'unix:/run/app.sock', 'https://localhost', 'wss://localhost:8443/x/'],
        ...['DIR/dist', "DIR/it's; {a} site", 'DIR/größe'],
      ),
    }),
    { minLength: 1, maxLength: 6, selector: ({ host, path }) => `${host}${path.replace(/\/?$/, '/')}` },
  ),
  options: fc.record(
    {
      tls: fc.constant(true as const),
      cors: fc.constant(true as const),
      corsOrigin: fc.subarray(['https://www.example.com', 'http://localhost:5173', '*'], {
        minLength: 1,
        maxLength: 1,
      }),
      changeOrigin: fc.boolean(),
      insecure: fc.constant(true as const),
      spa: fc.constant(true as const),
      allowHost: fc.subarray(['www.shop.com', '.tunnel.io', '*.tunnel.io', '.localhost', 'build.local', '*'], {
        minLength: 1,
      }),
    },
    { requiredKeys: [] },
  ),
});

test('the configuration of any command line has no findings, and the layout of fmt', () => {
  const { file } = LocalCa.open(join(directory, 'ca')).certificateFor(['a.localhost', 'b.example', '*.b.example']);
  const files = {
    certificate: { certificate: file, key: file },
    authorities: certificates().crt('ca'),
    loopback: LOOPBACK,
    names: ['build.example.com', 'build.local'],
  };
  fc.assert(
    fc.property(commandLines, ({ address, routes, options }) => {
      const words = routes.map(({ host, path, target }) => {
        const written = target.replace('DIR', directory);
        return host + path === '' ? written : `${host}${path}=${written}`;
      });
      const plan = planOf([address, ...words], options);
      const text = forwardConfiguration(plan, { ...files, certificate: plan.secure ? files.certificate : null });
      assert.equal(format({ name: 'text', text }).text, text);
      assert.equal(checkConfig(toText(text)).rendered, '', text);
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('the command lines in the documents are accepted', () => {
  let count = 0;
  for (const name of ['one-line', 'init']) {
    const text = readFileSync(fileURLToPath(new URL(`../../../docs/${name}.md`, import.meta.url)), 'utf8');
    for (const [, block = ''] of text.matchAll(/^```sh\n(.*?)^```$/gms)) {
      for (const [, line = ''] of block.matchAll(/^tsproxy (.*?)(?: +[#>].*)?$/gm)) {
        const words = line.replaceAll("'", '').split(' ');
        const invocation = readCommandLine(words);
        assert.ok(invocation.do !== 'print', line);
        if (words.some((word) => word.endsWith('dist')) || !isListenAddress(words[0] ?? '')) continue;
        const [address = '', ...targets] = words.filter((word) => !word.startsWith('--'));
        assert.ok(planOf([address, ...targets], {}).routes.length > 0);
        count++;
      }
    }
  }
  assert.ok(count >= 4);
});
