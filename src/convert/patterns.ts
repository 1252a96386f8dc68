/** Regular expressions (PCRE) of literals and tests, and their groups. */
import type { Test } from './conditions.js';

/** Escapes a literal for PCRE. */
export function escapePattern(literal: string): string {
  return literal.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}

/** A test as PCRE. */
export function regexOf({ how, value }: { readonly how: Test; readonly value: string }): string {
  switch (how) {
    case 'regex':
      return value;
    case 'exact':
      return `^${escapePattern(value)}$`;
    case 'prefix':
      return `^${escapePattern(value)}`;
    case 'suffix':
      return `${escapePattern(value)}$`;
    case 'part':
      return escapePattern(value);
  }
}

/** Escaped characters and classes, in which a parenthesis is text, and the beginnings of unnamed groups. */
const GROUPS = /\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|\((?!\?)/g;

/** Number of unnamed groups of a pattern. */
export function groupsIn(pattern: string): number {
  return [...pattern.matchAll(GROUPS)].filter(([part]) => part === '(').length;
}

/** Replaces the unnamed groups of a pattern by named ones. */
export function withNamedGroups(pattern: string, name: (group: number) => string): string {
  let group = 0;
  return pattern.replace(GROUPS, (part) => (part === '(' ? `(?<${name(++group)}>` : part));
}
