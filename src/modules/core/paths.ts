/** `root` and `alias`: mapping of URIs to files. */

import type { Word } from '../../../grammar/syntax-tree.js';
import { word } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import { enclosingBlocks } from '../../config/enclosing.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { FILE_PATHS } from '../../exchange/file-path.js';
import type { Scope } from '../../program/module.js';
import { locationOf } from './blocks.js';

function parsePath(w: Word, c: ArgumentContext, end = w.text.length): TemplateData {
  const circular = /\$\{?(document_root|realpath_root)\b/.exec(w.text)?.[1];
  if (circular !== undefined) {
    c.fail(w, 'invalid-variable', `the $${circular} variable cannot be used in the "${c.directive}" directive`);
  }
  const template = parseTemplate(w, c, 0, end);
  // A path that begins with a variable may be absolute; this is known only for each request.
  if (w.text.startsWith('/') || w.text.startsWith('$')) return template;
  return typeof template === 'string' ? c.path(template, 'prefix') : [c.path('', 'prefix'), ...template];
}

export const pathDirectives = {
  root: {
    contexts: ['http', 'server', 'location', 'if in location'],
    takes: word('path', (w, c) => {
      const slash = w.text.length > 1 && w.text.endsWith('/');
      return parsePath(w, c, w.text.length - (slash ? 1 : 0));
    }),
    default: 'html',
    doc: 'Root directory for files: the URI is appended to it. The value may contain variables; a relative path is resolved against the prefix.',
    example: 'root /var/www/example;',
  },
  alias: {
    contexts: ['location'],
    takes: word('path', (w, c) => parsePath(w, c)),
    doc: 'Replaces the part of the URI that is the prefix of the location; the rest of the URI is appended. In a location with a regular expression, it is the whole path and should refer to captures.',
    example: 'alias /var/www/pictures/;',
  },
} as const satisfies Directives;

export function applyPaths(conf: ConfOf<typeof pathDirectives>, at: Scope): void {
  const { settings } = at.program;
  const { prefix } = at.compiler;
  const owner = ownerOf(at);
  if (owner === null || conf.alias === undefined) {
    settings.set(FILE_PATHS, { root: at.compiler.template(conf.root), alias: null, aliasLength: 0, prefix });
    return;
  }
  const { kind, name } = locationOf(owner);
  const aliasLength = kind === 'regex' ? -1 : name.length;
  settings.set(FILE_PATHS, { root: null, alias: at.compiler.template(conf.alias), aliasLength, prefix });
}

/** The location whose `alias` applies here; null if a `root` applies. */
function ownerOf(at: Scope): CheckedBlock | null {
  if (at.block.values.alias === undefined) return null;
  const enclosing = enclosingBlocks(at.compiler.config);
  for (let block: CheckedBlock | undefined = at.block; block !== undefined; block = enclosing.get(block)) {
    if (block.own.includes('alias')) return block;
    if (block.own.includes('root')) return null;
  }
  return null;
}

/** Checks that a block does not have both, and that a named location has no alias. */
export function checkPaths(block: CheckedBlock, c: CheckContext): void {
  const [alias] = c.statements('alias');
  if (alias === undefined) return;
  const [root] = c.statements('root');
  if (root !== undefined) {
    const aliasFirst = block.own.indexOf('alias') < block.own.indexOf('root');
    const [first, second] = aliasFirst ? [alias, root] : [root, alias];
    const message = `"${second.name.text}" directive is duplicate, "${first.name.text}" directive was specified earlier`;
    c.report(second.name, 'conflicting-directives', message, {
      help: 'root appends the whole URI to the path, alias removes the prefix of the location first; choose one',
      related: [{ at: first.name, message: 'specified here' }],
    });
  }
  if (block.argument !== undefined && block.argument !== null && locationOf(block).kind === 'named') {
    c.report(alias.name, 'wrong-context', 'the "alias" directive cannot be used inside the named location');
  }
}
