import { stat } from 'node:fs/promises';
import { defineLint } from './engine/lint.js';

const READABLE_BY_OTHERS = 0o004;

export default defineLint({
  code: 'private-key-readable',
  severity: 'warning',
  on: 'ssl_certificate_key proxy_ssl_certificate_key',
  story:
    'Every user of the machine can read a private key, and impersonate the server with it. Only the user that starts the server needs access: the master process reads keys, as in nginx. Use `chmod 600`.',
  async probe(c) {
    const seen = new Set<string>();
    for (const directive of ['ssl_certificate_key', 'proxy_ssl_certificate_key']) {
      for (const { statement } of c.written(directive)) {
        const [word] = statement.args;
        if (word === undefined || /\$|^(?:data|engine|store):|^$/.test(word.text) || seen.has(word.text)) continue;
        seen.add(word.text);
        const mode = await modeOf(c.path(word.text));
        if (mode === null || (mode & READABLE_BY_OTHERS) === 0) continue;
        c.report(word, `the private key "${word.text}" is readable by all users`, {
          help: `its mode is ${(mode & 0o777).toString(8)}; chmod 600 is sufficient`,
        });
      }
    }
  },
});

/** Mode of a file; null if it cannot be examined. */
async function modeOf(path: string): Promise<number | null> {
  try {
    return (await stat(Buffer.from(path, 'latin1'))).mode;
  } catch {
    return null;
  }
}
