/** Patterns of glob(3), matched segment by segment: `*`, `?`, `[a-z]`, `[!a-z]`, and `\` to escape a character. */

/** True if nginx treats the text as a pattern. */
export function hasWildcard(pattern: string): boolean {
  return /[*?[]/.test(pattern);
}

/** Whether a name matches; a leading dot must be matched explicitly. */
export function matchSegment(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.') && !pattern.startsWith('\\.')) {
    return false;
  }
  return toRegExp(pattern).test(name);
}

/** Whether a path matches a pattern, segment by segment. */
export function matchPath(pattern: string, path: string): boolean {
  const patterns = pattern.split('/');
  const names = path.split('/');
  return patterns.length === names.length && patterns.every((each, i) => matchSegment(each, names[i] ?? ''));
}

function toRegExp(pattern: string): RegExp {
  let source = '';
  let at = 0;
  while (at < pattern.length) {
    const char = pattern.charAt(at++);
    if (char === '*') {
      source += '[^]*';
    } else if (char === '?') {
      source += '[^]';
    } else if (char === '[') {
      const set = /^([!^]?)(\]?[^\]]*)\]/.exec(pattern.slice(at));
      if (set === null) {
        source += '\\[';
      } else {
        source += `[${set[1] === '' ? '' : '^'}${(set[2] ?? '').replace(/[\]\\[^]/g, '\\$&')}]`;
        at += set[0].length;
      }
    } else {
      const literal = char === '\\' && at < pattern.length ? pattern.charAt(at++) : char;
      source += literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`);
}
