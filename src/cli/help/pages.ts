/** Reference pages as text for a terminal. */

import { factsOf, variableName } from '../../config/directive-facts.js';
import { CONSEQUENCES } from '../../config/foreign/findings.js';
import { gravestOf, type KnownDirective, titleOfModule } from '../../config/foreign/known-directives.js';
import { nginxVersionOf } from '../../config/nginx-versions.js';
import type { Style } from '../../diagnostics/style.js';
import type { Module } from '../../program/module.js';
import type { VariableSpec } from '../../program/variable-spec.js';
import { indented, wrapped } from '../paragraph.js';

const INDENT = '  ';

export class Pages {
  constructor(
    private readonly style: Style,
    /** Line width in columns. */
    private readonly width: number,
  ) {}

  /**
   * A directive as declared by each of the modules.
   *
   * @param beside sentences about other things of the same name
   */
  directive(name: string, declaring: readonly Module[], beside: readonly string[]): string {
    const pages = declaring.map((module) => this.directiveOf(module, name));
    const notes = beside.map((one) => `${this.paragraph(one)}\n`);
    return [...pages, ...notes].join('\n');
  }

  private directiveOf(module: Module, name: string): string {
    const spec = module.directives[name];
    if (spec === undefined) return '';
    const facts = factsOf(module.name, name, spec);
    const table: [string, string][] = [
      ['Syntax', facts.syntax],
      ['Default', facts.default ?? 'none'],
      ['Context', facts.contexts.join(', ')],
      ...(facts.since === 'nginx' ? [] : [['Since', facts.since ?? 'not in nginx'] satisfies [string, string]]),
      ...(facts.repeat ? [['Repeat', 'may be given several times'] satisfies [string, string]] : []),
    ];
    return this.page(`${name}`, `module ${module.name}`, [
      table.map(([key, value]) => this.fact(key, value)).join('\n'),
      this.paragraph(facts.doc),
      ...facts.remarks.map(({ heading, text }) => this.paragraph(`${heading} ${text}`, heading)),
      `${INDENT}${this.style.faint('Example:')}\n${indented(facts.example, `${INDENT}    `)}`,
    ]);
  }

  variable(name: string, { doc, changeable = false }: VariableSpec, module: Module): string {
    return this.page(variableName(name), `variable of module ${module.name}`, [
      this.paragraph(doc),
      ...(changeable ? [this.paragraph('A configuration may redefine it with `set` or `map`.')] : []),
    ]);
  }

  module({ name, doc, directives, variables = {} }: Module): string {
    const names = Object.keys(directives).sort();
    const given = Object.keys(variables).sort().map(variableName);
    return this.page(name, 'module', [
      this.paragraph(doc),
      ...(names.length === 0 ? [] : [this.names('Directives:', names)]),
      ...(given.length === 0 ? [] : [this.names('Variables:', given)]),
    ]);
  }

  /** All modules with their directives. */
  overview(all: readonly Module[]): string {
    const count = all.reduce((sum, { directives }) => sum + Object.keys(directives).length, 0);
    const intro = `${count} directives of ${all.length} modules. "tsproxy help NAME" explains a directive, a module, or a variable ('$host'); "tsproxy -h" lists the options and commands.`;
    const list = all
      .filter(({ directives }) => Object.keys(directives).length > 0)
      .map(({ name, directives }) => {
        return `${this.style.strong(name)}\n${wrapped(Object.keys(directives).sort().join(' '), INDENT, this.width)}\n`;
      });
    return [`${wrapped(intro, '', this.width)}\n`, ...list].join('\n');
  }

  /** A directive of nginx, or of a third-party module for it, that tsproxy does not have. */
  missingDirective(name: string, known: readonly KnownDirective[]): string {
    const owners = [...new Set(known.map(titleOfModule))].join(', ');
    const contexts = [...new Set(known.flatMap((one) => one.contexts ?? []))].join(', ');
    const version = known.some(({ maker }) => maker === 'nginx') ? nginxVersionOf(name) : null;
    const consequence = CONSEQUENCES[gravestOf(known)];
    return this.page(name, 'not in tsproxy', [
      [
        this.fact('Module', owners),
        ...(contexts === '' ? [] : [this.fact('Context', contexts)]),
        ...(version === null ? [] : [this.fact('Since', `nginx ${version}`)]),
      ].join('\n'),
      this.paragraph(
        `tsproxy does not support it (yet). A configuration that uses it is refused, because the directive would have no effect. With \`allow_unsupported\`, ${consequence}.`,
      ),
    ]);
  }

  missingVariable(name: string, owner: Pick<KnownDirective, 'module' | 'maker'>): string {
    return this.page(`$${name}`, 'not in tsproxy', [
      this.paragraph(`It is a variable of ${titleOfModule(owner)}, which tsproxy does not have (yet).`),
    ]);
  }

  private page(title: string, kind: string, blocks: readonly string[]): string {
    return `${this.style.strong(title)}  ${this.style.faint(`(${kind})`)}\n\n${blocks.join('\n\n')}\n`;
  }

  private fact(key: string, value: string): string {
    const label = `${key}:`.padEnd(10);
    const text = wrapped(value, ' '.repeat(INDENT.length + label.length), this.width).trimStart();
    return `${INDENT}${this.style.faint(label)}${text}`;
  }

  /** @param heading start of the text, formatted as a heading */
  private paragraph(text: string, heading = ''): string {
    const lines = wrapped(text, INDENT, this.width);
    const painted = heading === '' ? lines : lines.replace(heading, (found) => this.style.warning(found));
    return painted.replace(/`([^`]+)`/g, (quoted, inner: string) => {
      const shown = this.style.hint(inner);
      // Without colours, quotation marks distinguish code.
      return shown === inner ? quoted : shown;
    });
  }

  private names(heading: string, names: readonly string[]): string {
    return `${INDENT}${this.style.faint(heading)}\n${wrapped(names.join(' '), `${INDENT}${INDENT}`, this.width)}`;
  }
}
