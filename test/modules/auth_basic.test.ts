import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Answer, connect, get, startProxy, type TestProxy, until } from '../kit/index.js';

const run = promisify(execFile);
const noCurl = existsSync('/usr/bin/curl') ? false : 'curl is not installed';

function basic(user: string, password: string): string {
  return `Authorization: Basic ${Buffer.from(`${user}:${password}`, 'latin1').toString('base64')}`;
}

/** Hashes of `password`, by format. */
const HASHES = {
  des: 'abJnggxhB/yWI',
  md5: '$1$salt$qJH7.N4xYta3aEG/dfqo/0',
  apr1: '$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.',
  sha256: '$5$rounds=1000$salt$p.wiWs2zrZ7irikO2AL64QDIJo00A3KDq2xWHpLJGgB',
  sha512: '$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.',
  bcrypt: '$2y$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm',
  sha: '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
  ssha: '{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0',
  plain: '{PLAIN}password',
};
const UNSUPPORTED = { yescrypt: '$y$j9T$salt$abc', nt: '$3$$8846f7eaee8fb117', crypt16: '{CRYPT16}x', locked: '!' };

function lines(users: Readonly<Record<string, string>>): string {
  return Object.entries(users)
    .map(([user, hash]) => `${user}:${hash}\n`)
    .join('');
}

describe('auth_basic', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      `server {
        listen 127.0.0.1:0;
        auth_basic "closed site";
        auth_basic_user_file %%DIR%%/users;
        location / { return 200 root; }
        location /open { auth_basic off; empty_gif; }
        location /file { empty_gif; }
        location /changing { auth_basic_user_file %%DIR%%/changing; empty_gif; }
        location /named { auth_basic_user_file %%DIR%%/$arg_f; empty_gif; }
        location /any { satisfy any; deny all; empty_gif; add_header X-User $remote_user; }
        location /delayed { auth_delay 300ms; empty_gif; }
      }`,
      {},
      {
        files: {
          users: lines({ ...HASHES, ...UNSUPPORTED, 'p\xe4ul': HASHES.plain }),
          changing: lines({ joe: HASHES.apr1 }),
          'a-directory/x': '',
        },
      },
    );
  });
  after(() => proxy.close());

  const ask = (path: string, ...fields: readonly string[]): Promise<Answer> => get(proxy.port, path, { fields });

  for (const [format, hash] of Object.entries(HASHES)) {
    test(`accepts the password of a ${format} hash, and no other`, async () => {
      assert.equal((await ask('/file', basic(format, 'password'))).status, 200);
      assert.equal((await ask('/file', basic(format, 'password'))).status, 200);
      for (const wrong of ['Password', 'passwor1', '', hash]) {
        assert.equal((await ask('/file', basic(format, wrong))).status, 401, wrong);
      }
    });
  }

  test('challenges clients without credentials', async () => {
    const answer = await ask('/file');
    assert.equal(answer.status, 401);
    assert.equal(answer.field('www-authenticate'), 'Basic realm="closed site"');
    assert.match(proxy.messages('info').join('\n'), /no user\/password was provided for basic authentication, client:/);
    assert.equal((await ask('/open')).status, 200);
  });

  test('logs in nginx words why credentials were refused, and never the password', async () => {
    await ask('/file', basic('nobody', 'tell-me'));
    await ask('/file', basic('plain', 'tell-me'));
    const messages = proxy.messages('error').join('\n');
    assert.match(messages, /user "nobody" was not found in "\S+\/users", client: /);
    assert.match(messages, /user "plain": password mismatch, client: /);
    assert.doesNotMatch(proxy.messages().join('\n'), /tell-me/);
  });

  for (const [user, hash] of Object.entries(UNSUPPORTED)) {
    test(`names the unsupported format of ${user} with file and line`, async () => {
      for (const password of ['password', '', hash]) {
        assert.equal((await ask('/file', basic(user, password))).status, 401);
      }
      const line = [...Object.keys(HASHES), ...Object.keys(UNSUPPORTED)].indexOf(user) + 1;
      const message = proxy.messages('crit').find((each) => each.includes(`"${user}"`)) ?? '';
      assert.match(message, /^\*\d+ crypt\(\) failed: unsupported password format "[^"]+" of user/);
      assert.ok(message.includes(`/users:${line}, client`), message);
      assert.ok(!message.includes(hash) || hash.length === 1, message);
    });
  }

  test('compares names and passwords as bytes', async () => {
    assert.equal((await ask('/file', basic('p\xe4ul', 'password'))).status, 200);
    assert.equal((await ask('/file', basic('p\xc3\xa4ul', 'password'))).status, 401);
  });

  test('reads a file again when it has changed, and forgets verified passwords', async () => {
    const file = join(proxy.directory, 'changing');
    assert.equal((await ask('/changing', basic('joe', 'password'))).status, 200);
    for (let i = 0; i < 5; i++) {
      writeFileSync(file, lines({ ann: HASHES.apr1 }));
      assert.equal((await ask('/changing', basic('joe', 'password'))).status, 401);
      assert.equal((await ask('/changing', basic('ann', 'password'))).status, 200);
      writeFileSync(file, lines({ joe: HASHES.apr1 }));
      assert.equal((await ask('/changing', basic('ann', 'password'))).status, 401);
      assert.equal((await ask('/changing', basic('joe', 'password'))).status, 200);
    }
    rmSync(file);
    assert.equal((await ask('/changing', basic('joe', 'password'))).status, 403);
    mkdirSync(file);
    assert.equal((await ask('/changing', basic('joe', 'password'))).status, 500);
  });

  test('ignores a malformed line written later, and logs it with its number', async () => {
    writeFileSync(join(proxy.directory, 'later'), `# users\nnonsense\n:x\n${lines({ joe: HASHES.sha })}`);
    assert.equal((await ask('/named?f=later', basic('joe', 'password'))).status, 200);
    assert.equal((await ask('/named?f=later', basic('nonsense', ''))).status, 401);
    assert.match(proxy.messages('error').join('\n'), /malformed line, not "user:hash", in password file \S+\/later:2,/);
  });

  test('keeps the users of a file that is replaced by something else', async () => {
    const file = join(proxy.directory, 'replaced');
    writeFileSync(file, lines({ joe: HASHES.sha }));
    assert.equal((await ask('/named?f=replaced', basic('joe', 'password'))).status, 200);
    writeFileSync(file, '\0\x01 not a password file\n');
    assert.equal((await ask('/named?f=replaced', basic('joe', 'password'))).status, 200);
    assert.equal((await ask('/named?f=replaced', basic('joe', 'x'))).status, 401);
    assert.match(proxy.messages('error').join('\n'), /in password file \S+\/replaced:1,/);
    writeFileSync(file, '# nobody\n');
    assert.equal((await ask('/named?f=replaced', basic('joe', 'password'))).status, 401);
  });

  test('closes a location without a usable file', async () => {
    assert.equal((await ask('/named?f=none', basic('joe', 'password'))).status, 403);
    assert.equal((await ask('/named?f=none')).status, 401);
    assert.equal((await ask('/named?f=a-directory', basic('joe', 'password'))).status, 500);
    assert.match(proxy.messages('error').join('\n'), /open\(\) "\S+\/none" failed \(2: No such file or directory\)/);
    assert.match(proxy.messages('crit').join('\n'), /"\S+\/a-directory" failed \(21: Is a directory\)/);
  });

  test('with "satisfy any", grants access without a challenge', async () => {
    const answer = await ask('/any', basic('apr1', 'password'));
    assert.equal(answer.status, 200);
    assert.equal(answer.field('x-user'), 'apr1');
    assert.equal(answer.field('www-authenticate'), undefined);
    assert.equal((await ask('/any')).status, 401);
  });

  test('delays 401 by auth_delay, and nothing else', async () => {
    const began = performance.now();
    assert.equal((await ask('/delayed', basic('sha', 'password'))).status, 200);
    const granted = performance.now();
    assert.equal((await ask('/delayed', basic('sha', 'x'))).status, 401);
    assert.ok(performance.now() - granted >= 295);
    assert.ok(granted - began < 295 || performance.now() - began > 590);
    assert.match(proxy.messages('info').join('\n'), /delaying unauthorized request, client: /);
  });

  test('a client that leaves during the delay ends its request', async () => {
    const connection = await connect(proxy.port);
    connection.send(`GET /delayed?gone HTTP/1.1\r\nHost: x\r\n${basic('sha', 'gone')}\r\n\r\n`);
    const logged = () => proxy.messages('info').some((line) => /delaying.*\?gone/.test(line));
    await until('the delay', logged);
    connection.close();
    await until('the end', () => proxy.proxy.status.active === 0);
  });

  test('curl authenticates', { skip: noCurl }, async () => {
    const url = `http://127.0.0.1:${proxy.port}/file`;
    const status = async (...options: readonly string[]) =>
      (await run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', ...options, url])).stdout;
    assert.equal(await status('-u', 'bcrypt:password'), '200');
    assert.equal(await status('--anyauth', '-u', 'sha512:password'), '200');
    assert.equal(await status('-u', 'bcrypt:wrong'), '401');
    assert.equal(await status(), '401');
  });
});

describe('a malformed password file', () => {
  const CONFIGURATION = `server {
    listen 127.0.0.1:0;
    location / { auth_basic closed; auth_basic_user_file %%DIR%%/%%FILE%%; empty_gif; }
  }`;
  const files = { good: lines({ joe: HASHES.sha }), bad: `${lines({ joe: HASHES.sha })}\n# x\njoe\n` };

  test('prevents a start, with file and line', async () => {
    await assert.rejects(startProxy(CONFIGURATION, { FILE: 'bad' }, { files }), /in password file \S+\/bad:4/);
  });

  test('leaves the running configuration untouched at a reload', async (t) => {
    const proxy = await startProxy(CONFIGURATION, { FILE: 'good' }, { files });
    t.after(() => proxy.close());
    await assert.rejects(proxy.reload(CONFIGURATION, { FILE: 'bad' }), /in password file \S+\/bad:4/);
    assert.equal((await get(proxy.port, '/', { fields: [basic('joe', 'password')] })).status, 200);
    assert.equal((await get(proxy.port, '/')).status, 401);
  });
});

/** CPU time of this thread, ms, which does not depend on the load; elapsed time where it is unknown. */
function ownTime(): number {
  if (!existsSync('/proc/self/schedstat')) return performance.now();
  return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[0]) / 1e6;
}

describe('slow hashes', () => {
  test('do not delay other requests, and are answered with 503 while too many wait', async (t) => {
    const proxy = await startProxy(
      `server {
        listen 127.0.0.1:0;
        location / { auth_basic closed; auth_basic_user_file %%DIR%%/users; empty_gif; }
        location /open { empty_gif; }
      }`,
      {},
      { files: { users: `joe:$2y$10$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm\n` } },
    );
    t.after(() => proxy.close());
    const guesses: Promise<Answer>[] = [];
    let answered = 0;
    for (let i = 0; i < 300; i++) {
      const field = basic('joe', `guess ${i}`);
      const guess = get(proxy.port, '/', { fields: [field] }).catch(() => ({ status: 0 }) as Answer);
      void guess.then(() => answered++);
      guesses.push(guess);
    }
    const overloaded = Promise.race(guesses.slice(290));
    assert.equal((await overloaded).status, 503);
    const before = ownTime();
    for (let i = 0; i < 50; i++) assert.equal((await get(proxy.port, '/open')).status, 200);
    // One hash alone takes some 80 ms of a processor; the requests, and their clients, take less than 1 ms each.
    const spent = ownTime() - before;
    assert.ok(spent < 50 * 40, `${spent} ms`);
    assert.ok(answered < guesses.length, 'the requests have waited for all hashes');
    assert.match(proxy.messages('error').join('\n'), /too many passwords are waiting for verification/);
  });
});
