/** `root` and `alias`: where files are. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { word } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import { enclosingBlocks } from '../../config/enclosing.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import type { Scope } from '../../exchange/module.js';
import { locationOf } from './blocks.js';

function parsePath(w: Word, c: ArgumentContext, end = w.text.length): TemplateData {
  const circular = /\$\{?(document_root|realpath_root)\b/.exec(w.text)?.[1];
  if (circular !== undefined) {
    c.fail(w, 'invalid-variable', `the $${circular} variable cannot be used in the "${c.directive}" directive`);
  }
  const template = parseTemplate(w, c, 0, end);
  // What begins with a variable may come out absolute; that shows with each request.
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
    doc: 'The directory for files: the URI is added to it. It may have variables; a relative path starts from the prefix.',
    example: 'root /var/www/example;',
  },
  alias: {
    contexts: ['location'],
    takes: word('path', (w, c) => parsePath(w, c)),
    doc: 'Stands in for the part of the URI that is the name of the location; what follows is added. In a location given by a regular expression it stands for the whole path, and refers to captures.',
    example: 'alias /var/www/pictures/;',
  },
} as const satisfies Directives;

export function applyPaths(conf: ConfOf<typeof pathDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.prefix = at.compiler.prefix;
  const owner = ownerOf(at);
  if (owner === null || conf.alias === undefined) {
    settings.root = at.compiler.template(conf.root);
    return;
  }
  const { kind, name } = locationOf(owner);
  settings.alias = at.compiler.template(conf.alias);
  settings.aliasLength = kind === 'regex' ? -1 : name.length;
}

/** The location whose `alias` holds here; null where a `root` does. */
function ownerOf(at: Scope): CheckedBlock | null {
  if (at.block.values.alias === undefined) return null;
  const around = enclosingBlocks(at.compiler.config);
  for (let block: CheckedBlock | undefined = at.block; block !== undefined; block = around.get(block)) {
    if (block.own.includes('alias')) return block;
    if (block.own.includes('root')) return null;
  }
  return null;
}

/** Not both in one block, and no alias in a named location. */
export function checkPaths(block: CheckedBlock, c: CheckContext): void {
  const [alias] = c.statements('alias');
  if (alias === undefined) return;
  const [root] = c.statements('root');
  if (root !== undefined) {
    const aliasFirst = block.own.indexOf('alias') < block.own.indexOf('root');
    const [first, second] = aliasFirst ? [alias, root] : [root, alias];
    const message = `"${second.name.text}" directive is duplicate, "${first.name.text}" directive was specified earlier`;
    c.report(second.name, 'conflicting-directives', message, {
      help: 'root adds the whole URI to the path, alias takes the name of the location off it; choose one',
      related: [{ at: first.name, message: 'specified here' }],
    });
  }
  if (block.argument !== undefined && block.argument !== null && locationOf(block).kind === 'named') {
    c.report(alias.name, 'wrong-context', 'the "alias" directive cannot be used inside the named location');
  }
}
