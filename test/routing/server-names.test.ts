import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Matcher, ServerNames } from '../../src/routing/server-names.js';
import { WildcardNames } from '../../src/routing/wildcard-names.js';

/** Leaves the match on `x`, as a compiled pattern does. */
class Pattern implements Matcher<{ captures: RegExpExecArray | null }> {
  constructor(private readonly regexp: RegExp) {}
  test(x: { captures: RegExpExecArray | null }, subject: string): boolean {
    const match = this.regexp.exec(subject);
    if (match !== null) x.captures = match;
    return match !== null;
  }
}

function names(...list: (string | RegExp)[]) {
  return new ServerNames(
    list.map((name) => ({
      name: typeof name === 'string' ? name : new Pattern(name),
      server: String(name),
    })),
  );
}

function found(servers: ReturnType<typeof names>, host: string): string | null {
  return servers.find(host, { captures: null });
}

test('an exact name wins over wildcards and expressions', () => {
  const servers = names(/^www/, 'www.example.*', '*.example.com', 'www.example.com');
  assert.equal(found(servers, 'www.example.com'), 'www.example.com');
});

test('the longest leading wildcard wins over a shorter one and over trailing ones', () => {
  const servers = names('a.b.*', '*.com', '*.b.com', /./);
  assert.equal(found(servers, 'a.b.com'), '*.b.com');
  assert.equal(found(servers, 'a.x.com'), '*.com');
  assert.equal(found(servers, 'b.com'), '*.com');
  assert.equal(found(servers, 'a.b.org'), 'a.b.*');
});

test('the longest trailing wildcard wins', () => {
  const servers = names('www.*', 'www.example.*');
  assert.equal(found(servers, 'www.example.org'), 'www.example.*');
  assert.equal(found(servers, 'www.other.org'), 'www.*');
  assert.equal(found(servers, 'www.example'), 'www.*');
  assert.equal(found(servers, 'www'), null);
});

test('*.example.com holds below the name, .example.com for the name as well', () => {
  const star = names('*.example.com');
  assert.equal(found(star, 'example.com'), null);
  assert.equal(found(star, 'a.b.example.com'), '*.example.com');
  assert.equal(found(star, 'badexample.com'), null);
  const dot = names('.example.com', '*.www.example.com');
  assert.equal(found(dot, 'example.com'), '.example.com');
  assert.equal(found(dot, 'www.example.com'), '.example.com');
  assert.equal(found(dot, 'x.www.example.com'), '*.www.example.com');
});

test('expressions are tried in order, after all names, and keep their captures', () => {
  const servers = names(/^(?<user>.+)\.example\.com$/, /example/, 'plain.example.com');
  const x = { captures: null as RegExpExecArray | null };
  assert.equal(servers.find('joe.example.com', x), String(/^(?<user>.+)\.example\.com$/));
  assert.equal(x.captures?.groups?.user, 'joe');
  assert.equal(found(servers, 'plain.example.com'), 'plain.example.com');
  assert.equal(found(servers, 'example.org'), String(/example/));
});

test('the empty name holds for requests without a host, expressions do not', () => {
  assert.equal(found(names(/.*/), ''), null);
  assert.equal(found(names('', /.*/), ''), '');
});

test('names are compared without regard to the case of ASCII letters only', () => {
  assert.equal(found(names('WWW.Example.COM'), 'www.example.com'), 'WWW.Example.COM');
  assert.equal(found(names('\u00c0.com'), '\u00c0.com'), '\u00c0.com');
  assert.equal(found(names('\u00c0.com'), '\u00e0.com'), null);
});

test('a name that conflicts is reported and the first server keeps it', () => {
  const refused: string[] = [];
  const list = ['a.com', 'A.com', '.b.com', '*.b.com', 'b.com', 'c.com', '.c.com', 'w.*', 'w.*'];
  const servers = new ServerNames(
    list.map((name, server) => ({ name, server })),
    (name, why) => refused.push(`${why} ${name}`),
  );
  assert.deepEqual(refused, [
    'conflicting A.com',
    'conflicting *.b.com',
    'conflicting b.com',
    'conflicting .c.com',
    'conflicting w.*',
  ]);
  assert.equal(servers.find('a.com', null), 0);
  assert.equal(servers.find('x.c.com', null), null);
});

test('names that nginx calls invalid are refused', () => {
  const wildcards = new WildcardNames<number>();
  for (const name of ['*', '*.a.*', 'a.*.com', '*a.com', 'a..com', 'a*', '**.com', 'a\0b']) {
    assert.equal(wildcards.add(name, 1), 'invalid', name);
  }
  assert.equal(wildcards.isEmpty, true);
});

test('a host with thousands of labels is answered at once', () => {
  const wildcards = new WildcardNames<number>();
  wildcards.add('*.example.com', 1);
  assert.equal(wildcards.find(`${'a.'.repeat(50_000)}example.com`), 1);
  assert.equal(wildcards.find('.example.com'), 1);
  assert.equal(wildcards.find('.'.repeat(5)), undefined);
});
