import { defineLint } from './engine/lint.js';

const WEAK = new Set(['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1']);

export default defineLint({
  code: 'weak-tls-protocols',
  severity: 'warning',
  on: 'ssl_protocols proxy_ssl_protocols grpc_ssl_protocols uwsgi_ssl_protocols',
  story:
    'Obsolete TLS versions are enabled. SSL 2 and 3 are broken (RFC 6176, 7568), TLS 1.0 and 1.1 rely on SHA-1 and MD5 and must no longer be used (RFC 8996); browsers dropped them in 2020. `ssl_protocols TLSv1.2 TLSv1.3` is the default since nginx 1.23.4.',
  check(c) {
    for (const directive of ['ssl_protocols', 'proxy_ssl_protocols', 'grpc_ssl_protocols', 'uwsgi_ssl_protocols']) {
      for (const {
        statement: { args },
      } of c.written(directive)) {
        const weak = args.filter(({ text }) => WEAK.has(text));
        const [first] = weak;
        const last = args.at(-1);
        const start = args[0];
        if (first === undefined || last === undefined || start === undefined) continue;
        const strong = args.filter(({ text }) => !WEAK.has(text)).map(({ text }) => text);
        const upstream = directive !== 'ssl_protocols';
        // Alongside newer versions they serve old clients only, and most current libraries reject them.
        const alongside = weak.every(({ text }) => text.startsWith('TLS')) && strong.length > 0;
        c.report(first, `"${directive}" enables ${weak.map(({ text }) => text).join(', ')}`, {
          // Upstream they are only offered, and an old back end may support nothing else.
          ...((upstream || alongside) && { severity: 'hint' as const }),
          help: 'must no longer be used (RFC 8996); use TLSv1.2 TLSv1.3',
          fix: {
            title: 'keep TLS 1.2 and newer',
            guess: true,
            edits: [
              {
                at: { source: start.source, start: start.start, end: last.end },
                text: strong.length === 0 ? 'TLSv1.2 TLSv1.3' : strong.join(' '),
              },
            ],
          },
        });
      }
    }
  },
});
