import { isIP } from 'node:net';
import { defineLint } from './engine/lint.js';
import { passesOfLocations, upstreamOf } from './engine/pass.js';

/** Names whose addresses change by design: load balancers and hosting platforms. */
const MOVES =
  /(?:^|\.)(?:amazonaws\.com(?:\.cn)?|elb\.[\w.]+|cloudfront\.net|herokuapp\.com|herokudns\.com|azurewebsites\.net|azure\.com|azureedge\.net|cloudapp\.net|trafficmanager\.net|windows\.net|googleapis\.com|appspot\.com|run\.app|a\.run\.app|vercel\.app|netlify\.app|fly\.dev|onrender\.com|akamaiedge\.net|fastly\.net|svc\.cluster\.local|svc|consul|elasticbeanstalk\.com)$/i;

export default defineLint({
  code: 'proxy-pass-stale-dns',
  severity: 'hint',
  on: 'proxy_pass grpc_pass server',
  story:
    'The host name is resolved once, when the configuration is loaded. Addresses in clouds and clusters change later, and requests are still sent to the old ones, which may belong to a different customer by then. Write `server NAME resolve;` in an `upstream` with a `zone` and a `resolver`, so that the name is resolved again when its DNS record expires.',
  check(c) {
    for (const { word, host, authority } of passesOfLocations(c)) {
      if (authority.includes('$') || !moves(host) || upstreamOf(c.main, host) !== undefined) continue;
      c.report(word, `"${host}" is resolved once, and its addresses change`, {
        help: 'declare it as "server NAME resolve;" in an upstream, with a resolver',
      });
    }
    for (const upstream of c.scopes('upstream')) {
      for (const { args } of upstream.own('server')) {
        const [address, ...parameters] = args;
        const host = address?.text.replace(/:\d+$/, '') ?? '';
        if (address === undefined || !moves(host) || parameters.some(({ text }) => text === 'resolve')) continue;
        c.report(address, `"${host}" is resolved once, and its addresses change`, {
          help: 'add the parameter "resolve", a "zone" to the upstream, and a resolver',
        });
      }
    }
  },
});

function moves(host: string): boolean {
  return MOVES.test(host) && isIP(host) === 0;
}
