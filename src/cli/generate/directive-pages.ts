/** Reference of directives as Markdown: a page per module, and a list of all directives. */
import type { Context, DirectiveSpec } from '../../config/directive.js';
import { factsOf, variableName } from '../../config/directive-facts.js';
import type { Module } from '../../program/module.js';

/** Pages by file name. */
export function directivePages(modules: readonly Module[]): Map<string, string> {
  const sorted = [...modules].sort((a, b) => (a.name < b.name ? -1 : 1));
  const pages = new Map(sorted.map((module) => [`${module.name}.md`, modulePage(module)]));
  pages.set('README.md', listPage(sorted));
  return pages;
}

function modulePage(module: Module): string {
  const directives = Object.entries(module.directives).sort(byName);
  const variables = Object.entries(module.variables ?? {}).sort(byName);
  return page([
    `# ${module.name}`,
    module.doc,
    ...(directives.length === 0
      ? []
      : ['## Directives', ...directives.flatMap(([name, spec]) => directive(module.name, name, spec))]),
    ...(variables.length === 0
      ? []
      : [
          '## Variables',
          variables
            .map(
              ([name, { doc, differs }]) =>
                `- \`${variableName(name)}\`: ${doc}${differs === undefined ? '' : ` *Differs from nginx:* ${differs}`}`,
            )
            .join('\n'),
        ]),
  ]);
}

function directive(module: string, name: string, spec: DirectiveSpec): string[] {
  const { syntax, default: byDefault, contexts, repeat, since, doc, remarks, example } = factsOf(module, name, spec);
  const facts = [
    `- Syntax: ${code(syntax)}`,
    `- Default: ${byDefault === null ? 'none' : code(byDefault)}`,
    `- Context: ${contexts.map((context) => code(context)).join(', ')}`,
    ...(repeat ? ['- May be given several times.'] : []),
    ...(since === null ? ['- Not in nginx.'] : since === 'nginx' ? [] : [`- Since: ${since}`]),
  ];
  return [
    `### ${name}`,
    facts.join('\n'),
    doc,
    ...remarks.map(({ heading, text }) => `**${heading}** ${text}`),
    `\`\`\`nginx\n${example}\n\`\`\``,
  ];
}

function listPage(modules: readonly Module[]): string {
  const rows = modules
    .flatMap((module) => Object.entries(module.directives).map(([name, spec]) => ({ module, name, spec })))
    .sort((a, b) => (a.name === b.name ? (a.module.name < b.module.name ? -1 : 1) : a.name < b.name ? -1 : 1))
    .map(({ module, name, spec }) => {
      const remark = spec.noEffect !== undefined ? 'without effect' : spec.differs !== undefined ? 'differs' : '';
      const link = `[${name.replaceAll('_', '\\_')}](${module.name}.md#${name})`;
      return `| ${link} | ${module.name} | ${contextsOf(spec.contexts)} | ${remark} |`;
    });
  return page([
    '# Directives',
    `${rows.length} directives of ${modules.length} modules. What nginx has and is not here is refused by name, with its own code.`,
    ['| Directive | Module | Context | |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  ]);
}

function contextsOf(contexts: readonly Context[]): string {
  return contexts.join(', ');
}

function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

function page(blocks: readonly string[]): string {
  const note = '<!-- Generated from the declarations in src/modules by `npm run generate`; do not edit. -->';
  return `${[note, ...blocks].join('\n\n')}\n`;
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
