/**
 * How nginx makes `$uri` of a target, byte after byte with its states, to compare with: a second reading of the same
 * rules (`ngx_http_parse_complex_uri`), written for likeness and not for speed.
 */
export function complexUri(target: string, mergeSlashes: boolean): { path: string; args: string } | null {
  let out = '';
  let state: 'usual' | 'slash' | 'dot' | 'dot dot' = 'usual';
  let i = 0;

  /** Takes the last segment and its dots off; false where there is none. */
  const up = (): boolean => {
    const before = out.length - 4;
    for (let u = before; u >= 0; u--) {
      if (out[u] === '/') {
        out = out.slice(0, u + 1);
        return true;
      }
    }
    return false;
  };
  const finish = (args: string): { path: string; args: string } | null => {
    if (state === 'dot') out = out.slice(0, -1);
    if (state === 'dot dot' && !up()) return null;
    return { path: out, args };
  };

  while (i < target.length) {
    let c = target[i++] as string;
    if (c === '%') {
      const digits = /^[0-9A-Fa-f]{2}/.exec(target.slice(i));
      if (digits === null) return null;
      i += 2;
      c = String.fromCharCode(Number.parseInt(digits[0], 16));
      if (c === '\0') return null;
      if (c === '%' || c === '#' || c === '?') {
        state = 'usual';
        out += c;
        continue;
      }
    } else if (c === '?') {
      const args = target.slice(i);
      return finish(args.includes('#') ? args.slice(0, args.indexOf('#')) : args);
    } else if (c === '#') return finish('');
    if (c === '/') {
      if (state === 'usual') out += c;
      else if (state === 'slash') out += mergeSlashes ? '' : c;
      else if (state === 'dot') out = out.slice(0, -1);
      else if (!up()) return null;
      state = 'slash';
    } else if (c === '.' && state !== 'usual') {
      out += c;
      state = state === 'slash' ? 'dot' : state === 'dot' ? 'dot dot' : 'usual';
    } else {
      out += c;
      state = 'usual';
    }
  }
  return finish('');
}
