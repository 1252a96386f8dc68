import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { LocalFiles } from '../../../src/cli/dev/local-files.js';
import { directory, writeFiles } from './dev-process.js';

test('files of a copy of a file system are found, wherever the configuration is in it', (t) => {
  const root = directory(t);
  writeFiles(root, {
    'etc/nginx/nginx.conf': '',
    'config/nginx/nginx.conf': '',
    'config/nginx/sites/a.conf': '',
    'var/www/site/index.html': '',
    'etc/nginx/conf.d/b.conf': '',
  });
  for (const conf of ['etc/nginx/', 'config/nginx/', '']) {
    const files = new LocalFiles(`${join(root, conf)}${conf === '' ? '/' : ''}`);
    for (const path of ['/config/nginx/sites/a.conf', '/config/nginx/sites/*.conf', '/var/www/site'])
      assert.equal(files.locate(path), root + path, `${path} from ${conf}`);
  }
});

test("nginx's directory is that of the configuration", (t) => {
  const root = directory(t);
  writeFiles(root, { 'nginx/nginx.conf': '', 'nginx/conf.d/a.conf': '' });
  const files = new LocalFiles(join(root, 'nginx/'));
  assert.equal(files.locate('/etc/nginx/conf.d/a.conf'), join(root, 'nginx/conf.d/a.conf'));
  assert.equal(files.locate('/etc/nginx/conf.d/*.conf'), join(root, 'nginx/conf.d/*.conf'));
  assert.equal(files.locate('/etc/nginx/sites-enabled/*'), join(root, 'nginx/sites-enabled/*'));
  assert.equal(files.locate('/etc/nginx/none.conf'), join(root, 'nginx/none.conf'));
});

test('a path that is nowhere stays as it is; a given path is used even if it does not exist', (t) => {
  const root = directory(t);
  const files = new LocalFiles(`${root}/`, [{ from: '/var/www', to: join(root, 'public') }]);
  assert.equal(files.locate('/srv/none/index.html'), '/srv/none/index.html');
  assert.equal(files.locate('/var/www/a'), join(root, 'public/a'));
  assert.equal(files.locate('/var/www2/a'), '/var/www2/a');
});
