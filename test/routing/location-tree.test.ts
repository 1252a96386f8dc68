import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LocationEntry, LocationTree } from '../../src/routing/location-tree.js';

type Seen = { tested: string[] };

/** `= /x`, `/x`, `^~ /x`, `~ x`; a `!` at the end of a prefix flags it for the automatic redirect. */
function location(written: string, ...nested: LocationEntry<string, Seen>[]): LocationEntry<string, Seen> {
  const inner = nested.length === 0 ? null : new LocationTree(nested);
  const parts = written.split(' ');
  const name = (parts.at(-1) ?? '').replace('!', '');
  const autoRedirect = written.endsWith('!');
  if (written.startsWith('~')) {
    const regexp = new RegExp(name);
    const pattern = {
      test(x: Seen, subject: string) {
        x.tested.push(name);
        return regexp.test(subject);
      },
    };
    return { location: written, kind: 'regex', name, pattern, nested: inner };
  }
  const kind = written.startsWith('=') ? 'exact' : 'prefix';
  return { location: written, kind, name, noRegex: written.startsWith('^~'), autoRedirect, nested: inner };
}

function tree(...entries: (string | LocationEntry<string, Seen>)[]): LocationTree<string, Seen> {
  return new LocationTree(entries.map((entry) => (typeof entry === 'string' ? location(entry) : entry)));
}

function find(locations: LocationTree<string, Seen>, uri: string): string | null {
  return locations.find(uri, { tested: [] });
}

test('the longest prefix holds', () => {
  const locations = tree('/', '/images/', '/images/small/', '/img');
  assert.equal(find(locations, '/images/small/a.png'), '/images/small/');
  assert.equal(find(locations, '/images/smaller'), '/images/');
  assert.equal(find(locations, '/images'), '/');
  assert.equal(find(locations, '/imgs'), '/img');
  assert.equal(find(locations, '/zzz'), '/');
});

test('nothing holds where no prefix does', () => {
  const locations = tree('/a', '/b');
  assert.equal(find(locations, '/'), null);
  assert.equal(find(locations, '/c'), null);
  assert.equal(find(tree(), '/'), null);
});

test('an exact location ends the search, a prefix of the same name takes what is longer', () => {
  const locations = tree('= /', '/', '= /a', '/a', '~ .');
  assert.equal(find(locations, '/'), '= /');
  assert.equal(find(locations, '/a'), '= /a');
  assert.equal(find(tree('= /a', '/a'), '/ab'), '/a');
  assert.equal(find(tree('= /a', '/'), '/ab'), '/');
});

test('expressions are tried in order after a prefix, and not after ^~', () => {
  const locations = tree('/', '^~ /static/', '~ \\.png$', '~ ^/a');
  assert.equal(find(locations, '/a.png'), '~ \\.png$');
  assert.equal(find(locations, '/a'), '~ ^/a');
  assert.equal(find(locations, '/static/a.png'), '^~ /static/');
  assert.equal(find(locations, '/b'), '/');
});

test('expressions inside the prefix are tried before those outside', () => {
  const locations = tree(location('/app/', location('~ \\.php$'), location('/app/in/')), '~ \\.php$x|php|html', '/');
  const seen: Seen = { tested: [] };
  assert.equal(locations.find('/app/x.php', seen), '~ \\.php$');
  assert.deepEqual(seen.tested, ['\\.php$']);
  assert.equal(find(locations, '/app/x.html'), '~ \\.php$x|php|html');
  assert.equal(find(locations, '/app/in/x'), '/app/in/');
  assert.equal(find(locations, '/app/x'), '/app/');
});

test('^~ of an inner prefix does not keep outer expressions away, ^~ of the outer one does', () => {
  assert.equal(find(tree(location('/a/', location('^~ /a/b/'), location('~ c')), '~ x'), '/a/b/cx'), '~ x');
  assert.equal(find(tree(location('^~ /a/', location('/a/b/')), '~ x'), '/a/b/x'), '/a/b/');
});

test('an exact location inside a prefix ends the search', () => {
  assert.equal(find(tree(location('/a/', location('= /a/b')), '~ .'), '/a/b'), '= /a/b');
});

test('locations inside an expression are searched once it matched', () => {
  const locations = tree(location('~ ^/a', location('/a/b'), location('~ \\.x$')), '~ .');
  assert.equal(find(locations, '/a/b'), '/a/b');
  assert.equal(find(locations, '/a/b.x'), '~ \\.x$');
  assert.equal(find(locations, '/a'), '~ ^/a');
});

test('a name without its slash is redirected where the location asks for it', () => {
  const locations = tree('/', '/a/!', '/a-b', '~ .');
  assert.equal(find(locations, '/a'), '/a/!');
  assert.equal(locations.redirect, true);
  assert.equal(find(locations, '/a/'), '~ .');
  assert.equal(locations.redirect, false);
  const plain = tree('/', '/a/');
  assert.equal(find(plain, '/a'), '/');
  assert.equal(plain.redirect, false);
});

test('a location of that very name goes before the redirect', () => {
  for (const other of ['/a', '= /a']) {
    const locations = tree('/', '/a/!', other);
    assert.equal(find(locations, '/a'), other);
    assert.equal(locations.redirect, false);
  }
});

test('a redirect is found inside a prefix, and not carried out inside an expression', () => {
  const inPrefix = tree(location('/a/', location('/a/b/!')), '~ .');
  assert.equal(find(inPrefix, '/a/b'), '/a/b/!');
  assert.equal(inPrefix.redirect, true);
  const inRegex = tree(location('~ ^/a', location('/a/b/!')));
  assert.equal(find(inRegex, '/a/b'), '/a/b/!');
  assert.equal(inRegex.redirect, false);
});

test('two locations of one kind and name are refused', () => {
  assert.throws(() => tree('/a', '^~ /a'), /duplicate location "\/a"/);
});

test('the tree finds what a search of the whole list finds', () => {
  const segment = fc.constantFrom('a', 'b', 'ab', 'a-', '');
  const path = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
  fc.assert(
    fc.property(fc.uniqueArray(path), fc.uniqueArray(path), path, (prefixes, exact, uri) => {
      const locations = tree(...prefixes, ...exact.map((name) => `= ${name}`));
      const longest = prefixes.filter((p) => uri.startsWith(p)).sort((a, b) => b.length - a.length)[0] ?? null;
      assert.equal(find(locations, uri), exact.includes(uri) ? `= ${uri}` : longest);
    }),
  );
});
