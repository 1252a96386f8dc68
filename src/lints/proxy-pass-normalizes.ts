import { defineLint } from './engine/lint.js';
import { passesOfLocations, upstreamOf } from './engine/pass.js';
import { enclosingLocation } from './engine/scope.js';

/** Applications that encode paths and names in one path segment, with `%2F` for their slashes. */
const KEEPS_ENCODED =
  /gitlab|gitea|forgejo|jenkins|artifactory|nexus|rabbit|registry|npm|verdaccio|sonar|minio|s3|kibana|elastic|couch|matrix|synapse|collabora|onlyoffice|vault|consul|airflow|argocd|keycloak/i;

export default defineLint({
  code: 'proxy-pass-normalizes',
  severity: 'hint',
  on: 'proxy_pass',
  story:
    'With a path in `proxy_pass`, the request path is decoded, `..` and double slashes are removed (`merge_slashes`), and it is encoded again: `%2F` becomes `/`, and the back end may interpret the path differently from the access rules in front of it. Applications that use names with slashes in one segment answer 404. Without a path in `proxy_pass` the request URI is forwarded unchanged; `rewrite` is not needed if the application knows its own prefix.',
  check(c) {
    for (const { scope, statement, word, host, uri } of passesOfLocations(c)) {
      if (uri === '' || statement.name.text !== 'proxy_pass' || word.text.includes('$')) continue;
      const prefix = enclosingLocation(scope)?.name ?? '';
      const off = scope.effective('merge_slashes')[0];
      if (off?.args[0]?.text === 'off') {
        c.report(word, `the path "${uri}" causes the request path to be decoded and encoded again, including slashes`, {
          help: 'merge_slashes off keeps double slashes when a location is chosen; those decoded from %2F reach the upstream server as well',
          related: [{ at: off, message: 'slashes seem to be significant here' }],
        });
        continue;
      }
      // Well-known URIs are registered (RFC 8615), and none has a slash in a segment.
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
        help: `${application} uses names with slashes in paths; remove the path "${uri}" here, so that request URIs are forwarded unchanged`,
      });
    }
  },
});
