import { defineLint } from './engine/lint.js';
import { enclosingLocation } from './engine/location.js';
import { passesOfLocations, upstreamOf } from './engine/pass.js';

/** Applications that put paths and names into one segment of a path, with `%2F` for the slashes in it. */
const KEEPS_ENCODED =
  /gitlab|gitea|forgejo|jenkins|artifactory|nexus|rabbit|registry|npm|verdaccio|sonar|minio|s3|kibana|elastic|couch|matrix|synapse|collabora|onlyoffice|vault|consul|airflow|argocd|keycloak/i;

export default defineLint({
  code: 'proxy-pass-normalizes',
  severity: 'hint',
  on: 'proxy_pass',
  story:
    'A `proxy_pass` with a path gets the path of the request decoded, with `..` and double slashes taken out (`merge_slashes`), and encoded anew: `%2F` has become `/` then, and what two parsers make of one path may differ, also for rules that protect it. Applications that carry names with slashes in one segment answer 404. Without a path in `proxy_pass` the request goes on as it came; `rewrite` is not needed where the application knows its own prefix.',
  check(c) {
    for (const { scope, statement, word, host, uri } of passesOfLocations(c)) {
      if (uri === '' || statement.name.text !== 'proxy_pass' || word.text.includes('$')) continue;
      const prefix = enclosingLocation(scope)?.name ?? '';
      const off = scope.effective('merge_slashes')[0];
      if (off?.args[0]?.text === 'off') {
        c.report(word, `the path "${uri}" has the request decoded and encoded anew, slashes and all`, {
          help: 'merge_slashes off keeps double slashes for the choice of a location; they reach the upstream decoded from %2F too',
          related: [{ at: off, message: 'slashes seem to matter here' }],
        });
        continue;
      }
      // Names below are registered (RFC 8615), and none has a slash in a segment.
      if (prefix.startsWith('/.well-known/')) continue;
      const servers =
        upstreamOf(c.main, host)
          ?.own('server')
          .map(({ args }) => args[0]?.text ?? '') ?? [];
      const application = [prefix, host, ...servers]
        .map((name) => KEEPS_ENCODED.exec(name)?.[0])
        .find((name) => name !== undefined);
      if (application === undefined) continue;
      c.report(word, `"%2F" in a request reaches "${host}" as "/"`, {
        help: `${application} puts names with slashes into paths; leave the path "${uri}" away here, so that requests go on as they came`,
      });
    }
  },
});
