import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DirectoryEntry, htmlListing, jsonListing, xmlListing } from '../../src/files/directory-listing.js';

const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const MODIFIED = 536407200; // Wed, 31 Dec 1986 10:00:00 GMT
const OPTIONS = { exactSize: true, localTime: false, utf8: false };
const file = (name: string, size = 5): DirectoryEntry => ({ name, kind: 'file', modified: MODIFIED, size });
const directory: DirectoryEntry = { name: 'd', kind: 'directory', modified: MODIFIED, size: 4096 };

function row(entry: DirectoryEntry, options: Partial<typeof OPTIONS> = {}): string {
  return htmlListing('/', [entry], { ...OPTIONS, ...options }).split('\r\n')[4] ?? '';
}

test('an HTML listing is a page of links in columns', () => {
  assert.equal(
    htmlListing('/a<b/', [directory, file('x')], OPTIONS),
    [
      '<html>',
      '<head><title>Index of /a&lt;b/</title></head>',
      '<body>',
      '<h1>Index of /a&lt;b/</h1><hr><pre><a href="../">../</a>',
      `<a href="d/">d/</a>${' '.repeat(48)} 31-Dec-1986 10:00                   -`,
      `<a href="x">x</a>${' '.repeat(49)} 31-Dec-1986 10:00                   5`,
      '</pre><hr></body>',
      '</html>',
      '',
    ].join('\r\n'),
  );
});

test('a name of more than 50 characters is cut in what is shown, not in the link', () => {
  const long = 'n'.repeat(51);
  assert.match(row(file(long)), new RegExp(`^<a href="${long}">${'n'.repeat(47)}\\.\\.&gt;</a> 31`));
  assert.match(row(file('n'.repeat(50))), /n{50}<\/a> 31/);
});

test('characters of UTF-8 are counted as one column', () => {
  assert.match(row(file(utf8('ж')), { utf8: true }), /<\/a> {49} 31/);
  assert.match(row(file(utf8('ж'))), /<\/a> {48} 31/);
  assert.ok(row(file(utf8('ж'.repeat(51))), { utf8: true }).includes(`>${utf8('ж'.repeat(47))}..&gt;`));
});

test('what means something in HTML or in a URI is escaped', () => {
  assert.match(row(file('<a&"b> c')), /^<a href="%3Ca%26%22b%3E%20c">&lt;a&amp;&quot;b&gt; c<\/a>/);
});

test('sizes that are not exact are rounded to a unit', () => {
  const sizes: [number, string][] = [
    [9999, '   9999'],
    [10000, '    10K'],
    [10751, '    10K'],
    [10752, '    11K'],
    [1024 * 1024 - 1, '  1024K'],
    [1024 * 1024, '     1M'],
    [1536 * 1024, '     2M'],
    [3 * 2 ** 30, '     3G'],
  ];
  for (const [size, shown] of sizes) {
    assert.ok(row(file('x', size), { exactSize: false }).endsWith(`10:00 ${shown}`), `${size}`);
  }
  assert.ok(row(directory, { exactSize: false }).endsWith('10:00       -'));
});

test('a JSON listing parses, and is wrapped where a callback is named', () => {
  const entries = [directory, file('a"\\\n\x01'), { ...file('s'), kind: 'other' as const }];
  const json = jsonListing(entries, '');
  assert.deepEqual(JSON.parse(json), [
    { name: 'd', type: 'directory', mtime: 'Wed, 31 Dec 1986 10:00:00 GMT' },
    { name: 'a"\\\n\x01', type: 'file', mtime: 'Wed, 31 Dec 1986 10:00:00 GMT', size: 5 },
    { name: 's', type: 'other', mtime: 'Wed, 31 Dec 1986 10:00:00 GMT' },
  ]);
  assert.equal(jsonListing([], 'f'), '/* callback */\r\nf([\r\n]);');
});

test('an XML listing names kinds, times and sizes', () => {
  assert.equal(
    xmlListing([directory, file('a&b')]),
    '<?xml version="1.0"?>\r\n<list>\r\n' +
      '<directory mtime="1986-12-31T10:00:00Z">d</directory>\r\n' +
      '<file mtime="1986-12-31T10:00:00Z" size="5">a&amp;b</file>\r\n</list>\r\n',
  );
});
