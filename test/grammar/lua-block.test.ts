import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatement, parse } from '../../grammar/index.js';

function parseText(text: string) {
  return parse({ name: 'test.conf', text });
}

/** Content of the first statement's block, and the number of statements. */
function foreign(text: string): [string | undefined, number, string[]] {
  const { items, mistakes } = parseText(text);
  const first = items.find(isStatement);
  return [first?.block?.foreign, items.filter(isStatement).length, mistakes.map(({ message }) => message)];
}

const BODIES: readonly (readonly [fact: string, body: string])[] = [
  ['braces that are balanced', ' local t = { a = { 1 } } '],
  ['braces in strings', ` s = "}" .. '{' .. "\\"}" `],
  ['an apostrophe in a comment', " -- it's }\n x() "],
  ['braces in a long comment', ' --[[ } \n } ]] x() '],
  ['braces in a long string', ' s = [==[ } ]] } ]==] '],
  ['a length and an index', ' n = #t + t[t[1]] '],
  ['a string that is not closed on its line', ' s = "it\n '],
  ['nothing', ''],
];
for (const [fact, body] of BODIES) {
  test(`a block of Lua holds ${fact}`, () => {
    assert.deepEqual(foreign(`content_by_lua_block {${body}}\nb;`), [body, 2, []]);
  });
}

test('a block of Lua may follow an argument and a comment', () => {
  assert.deepEqual(foreign('set_by_lua_block $a # b\n{ return "{" }'), [' return "{" ', 1, []]);
});

test('the name of a block of Lua may stand in quotes', () => {
  assert.deepEqual(foreign(`"content_by_lua_block" { a = { 1, "}" } }\nb;`), [' a = { 1, "}" } ', 2, []]);
  assert.deepEqual(foreign("'x_by_lua_block' { return '{' }"), [" return '{' ", 1, []]);
});

test('only the name of its own statement makes a block one of Lua', () => {
  assert.deepEqual(foreign('a x_by_lua_block { b; }'), [undefined, 1, []]);
  assert.deepEqual(foreign('x_by_lua_block; a { b; }'), [undefined, 2, []]);
});

test('a block of Lua that is not closed is a mistake, and many take no longer than one', () => {
  const [, , mistakes] = foreign('content_by_lua_block { b; ');
  assert.deepEqual(mistakes, ['unexpected end of file, expecting "}"']);
  const started = performance.now();
  parseText('a_by_lua_block { '.repeat(50_000));
  assert.ok(performance.now() - started < 10_000);
});
