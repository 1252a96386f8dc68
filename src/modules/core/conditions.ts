/** Conditions that are lists of strings: true if one of them is neither empty nor `0`. nginx: ngx_http_test_predicates. */
import type { TemplateData } from '../../config/template.js';
import type { Scope } from '../../program/module.js';
import { Template } from '../../program/template.js';

/** Whether the value of a condition is true. */
export function isTrue(value: string): boolean {
  return value !== '' && value !== '0';
}

/** Template whose value is true if that of one of these is. */
export function anyOf(data: readonly TemplateData[], at: Scope): Template {
  const { compiler } = at;
  const templates = data.map((each) => compiler.template(each));
  const [only] = templates;
  if (only !== undefined && templates.length === 1) return only;
  // This name cannot occur in a configuration.
  const variable = compiler.define(`any of ${JSON.stringify(data)}`, (x) =>
    templates.some((each) => isTrue(each.of(x))) ? '1' : '',
  );
  return new Template(null, [variable]);
}
