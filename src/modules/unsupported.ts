/** `allow_unsupported`: starting with features of nginx that tsproxy lacks. */
import { flag } from '../config/argument-types.js';
import { answerClosed } from '../exchange/closed.js';
import { defineModule } from '../program/module.js';

/** Before the script of the location, which could respond. */
const FIRST = Number.NEGATIVE_INFINITY;

export default defineModule({
  name: 'unsupported',
  doc: 'Starts configurations with features of nginx that tsproxy does not support.',
  directives: {
    allow_unsupported: {
      contexts: ['main'],
      takes: flag,
      default: 'off',
      again: 'overrides',
      doc: 'Whether a configuration with features of nginx and of well-known modules that tsproxy does not support is accepted, with warnings instead of errors. Features that affect only speed or size are ignored. Requests are answered with 501, and a page that names the feature and its line, if the response would be different (`fastcgi_pass`), if the feature restricts access or may do so (`auth_jwt`, `access_by_lua_block`), or if they depend on a variable, zone or upstream that it provides (`if ($geoip_country_code = XX)`); this is inherited by nested blocks unless they turn the feature off. Unknown directives and invalid arguments are still errors. The option `--allow-unsupported` has the same effect. This is an extension of tsproxy; nginx has no such directive.',
      example: 'allow_unsupported on;',
    },
  },
  phases: {
    rewrite: {
      order: FIRST,
      compile: (_conf, { block }) => (block.closed === undefined ? null : answerClosed(block.closed)),
    },
  },
});
