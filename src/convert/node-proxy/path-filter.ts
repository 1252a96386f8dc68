/** Selections of paths: prefixes, and the globs of micromatch. */
import { ALWAYS, all, any, type Condition, not } from '../conditions.js';
import { isList, type Value } from '../javascript/values.js';
import { escapePattern } from '../patterns.js';

/** The condition of a `pathFilter` or `context`; null if it is a function or something else that has no equivalent. */
export function filterCondition(value: Value | undefined, mount: string): Condition | null {
  if (value === undefined) return ALWAYS;
  if (typeof value === 'string') return isGlob(value) ? globs([value], mount) : prefix(mount, value);
  if (!isList(value) || !value.every((each) => typeof each === 'string')) return null;
  const list = value as readonly string[];
  return list.some(isGlob) ? globs(list, mount) : any(list.map((each) => prefix(mount, each)));
}

function prefix(mount: string, value: string): Condition {
  if (value === '' || value === '/') return ALWAYS;
  return { is: 'path', how: 'prefix', value: mount + value };
}

function isGlob(text: string): boolean {
  return /[*?![\]{}()]/.test(text);
}

function globs(list: readonly string[], mount: string): Condition | null {
  if (list.some((glob) => /[@+?*!]\(/.test(glob))) return null;
  const included = list.filter((glob) => !glob.startsWith('!')).map((glob) => globCondition(glob, mount));
  const excluded = list.filter((glob) => glob.startsWith('!')).map((glob) => not(globCondition(glob.slice(1), mount)));
  return all([included.length === 0 ? ALWAYS : any(included), ...excluded]);
}

function globCondition(glob: string, mount: string): Condition {
  if (glob === '**' || glob === '/**') return ALWAYS;
  if (!isGlob(glob)) return { is: 'path', how: 'exact', value: mount + glob };
  const below = /^([^*?![\]{}()]*)\/\*\*$/.exec(glob)?.[1];
  if (below !== undefined) {
    const value = mount + below;
    return any([
      { is: 'path', how: 'exact', value },
      { is: 'path', how: 'prefix', value: `${value}/` },
    ]);
  }
  return { is: 'path', how: 'regex', value: `^${escapePattern(mount)}${globPattern(glob)}$` };
}

/** A glob as PCRE, without its anchors. */
function globPattern(glob: string): string {
  let pattern = '';
  let depth = 0;
  for (const [part] of glob.matchAll(/\*\*\/|\/\*\*$|\*\*|\[[^\]]*\]|[\s\S]/g)) {
    if (part === '**/') pattern += '(?:.*/)?';
    else if (part === '/**') pattern += '(?:/.*)?';
    else if (part === '**') pattern += '.*';
    else if (part === '*') pattern += '[^/]*';
    else if (part === '?') pattern += '[^/]';
    else if (part === '{') {
      depth++;
      pattern += '(?:';
    } else if (part === '}' && depth > 0) {
      depth--;
      pattern += ')';
    } else if (part === ',' && depth > 0) pattern += '|';
    else if (part.length > 1) pattern += part.replace(/^\[!/, '[^');
    else pattern += escapePattern(part);
  }
  return pattern;
}
