/** `disable_symlinks`: whether files are accessible through symbolic links. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { SYMLINKS } from '../../exchange/file-settings.js';
import { canRestrict } from '../../files/restricted-open.js';
import type { Scope } from '../../program/module.js';

export interface SymlinksData {
  readonly mode: 'off' | 'on' | 'if_not_owner';
  readonly from: TemplateData | null;
}

const FROM = 'from=';

function parse(words: readonly Word[], c: ArgumentContext): SymlinksData {
  let mode: SymlinksData['mode'] | null = null;
  let from: TemplateData | null = null;
  for (const w of words) {
    const { text } = w;
    if (text === 'off' || text === 'on' || text === 'if_not_owner') mode = text;
    else if (text.startsWith(FROM)) from = parseTemplate(w, c, FROM.length);
    else c.fail(w, 'invalid-value', `invalid parameter "${text}"`);
  }
  const { statement } = c;
  if (mode === null) {
    return c.fail(statement, 'invalid-value', `"${c.directive}" must have "off", "on" or "if_not_owner" parameter`);
  }
  if (words.length === 2 && from === null) {
    const [first, second] = words.map(({ text }) => text);
    c.fail(statement, 'conflicting-directives', `duplicate parameters "${first} ${second}"`);
  }
  if (mode === 'off' && from !== null) {
    c.fail(statement, 'conflicting-directives', '"from=" cannot be used with "off" parameter');
  }
  if (mode !== 'off' && !canRestrict) {
    c.fail(statement, 'nginx-only-directive', `"${c.directive} ${mode}" is not supported on this platform`, {
      help: 'it requires Linux; only "off" is accepted',
    });
  }
  return { mode, from };
}

export const symlinkDirectives = {
  disable_symlinks: {
    contexts: ['http', 'server', 'location'],
    takes: custom('off | on [from=part] | if_not_owner [from=part]', 1, 2, parse),
    default: 'off',
    doc: 'Denies access to files through symbolic links: with `on` through any link in the path, with `if_not_owner` through links whose owner is not that of their target. Links in the part of the path given by `from` are followed, if the path begins with it. It applies to static and precompressed files, `index`, `try_files`, and conditions of `if` on files. Each component of the path is opened separately and without a race. Requires Linux and a mounted `/proc`.',
    example: 'disable_symlinks if_not_owner from=$document_root;',
    differs: 'It does not apply to the paths of access logs with variables, which have rules of their own.',
    differsFor: () => false,
  },
} as const satisfies Directives;

export function applySymlinks({ disable_symlinks }: ConfOf<typeof symlinkDirectives>, at: Scope): void {
  const { mode, from } = disable_symlinks;
  if (mode === 'off') return;
  const beginning = from === null ? null : at.compiler.template(from);
  at.program.settings.set(SYMLINKS, { sameOwner: mode === 'if_not_owner', from: beginning });
}
