/** `proxy_forwarded`: the field `Forwarded` (RFC 7239) of requests to upstreams. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ArgumentContext } from '../../config/directive.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { forwardedNode, forwardedValue, parseForwarded } from '../../http/forwarded.js';
import type { Exchange } from '../../program/exchange.js';
import type { Compiler } from '../../program/module.js';
import type { Template } from '../../program/template.js';

const NAMES = ['by', 'for', 'host', 'proto'] as const;
type Name = (typeof NAMES)[number];

export interface ForwardedData {
  /** Whether the elements of the client's field are kept before the new one. */
  readonly append: boolean;
  readonly parameters: Readonly<Record<Name, TemplateData>>;
}

const DEFAULTS: ForwardedData['parameters'] = {
  by: '',
  for: [{ variable: 'remote_addr' }],
  host: [{ variable: 'http_host' }],
  proto: [{ variable: 'scheme' }],
};

export const forwardedArgument = custom(
  'off | on | append [by=string] [for=string] [host=string] [proto=string]',
  1,
  5,
  (words: readonly Word[], c: ArgumentContext): ForwardedData | null => {
    const [mode, ...rest] = words as readonly [Word, ...Word[]]; // one word at least: `min`
    if (mode.text !== 'off' && mode.text !== 'on' && mode.text !== 'append') {
      c.fail(mode, 'invalid-value', `invalid value "${mode.text}"`, { help: 'it must be off, on or append' });
    }
    const given = new Map<Name, TemplateData>();
    for (const each of rest) {
      const name = NAMES.find((known) => each.text.startsWith(`${known}=`));
      if (name === undefined || given.has(name) || mode.text === 'off') {
        return c.fail(each, 'invalid-value', `invalid parameter "${each.text}"`, {
          help:
            mode.text === 'off' ? '"off" takes no parameters' : 'valid parameters, once each: by=, for=, host=, proto=',
        });
      }
      given.set(name, parseTemplate(each, c, name.length + 1));
    }
    if (mode.text === 'off') return null;
    for (const name of NAMES) {
      const value = DEFAULTS[name];
      if (!given.has(name) && typeof value !== 'string') {
        for (const piece of value) if (typeof piece === 'object') c.uses(piece.variable, mode);
      }
    }
    return { append: mode.text === 'append', parameters: { ...DEFAULTS, ...Object.fromEntries(given) } };
  },
);

/** Formats the field of a location's requests. */
export class Forwarded {
  private readonly append: boolean;
  private readonly templates: Readonly<Record<Name, Template>>;

  constructor({ append, parameters }: ForwardedData, compiler: Compiler) {
    this.append = append;
    const of = (name: Name): Template => compiler.template(parameters[name]);
    this.templates = { by: of('by'), for: of('for'), host: of('host'), proto: of('proto') };
  }

  /** Value of the field; empty: the request has none. */
  value(x: Exchange): string {
    const { by, for: client, host, proto } = this.templates;
    const pairs: string[] = [];
    const add = (name: Name, value: string | null): void => {
      if (value !== null) pairs.push(`${name}=${value}`);
    };
    const node = (value: string): string | null => (value === '' ? null : forwardedNode(value));
    add('by', node(by.of(x)));
    add('for', node(client.of(x)));
    add('host', forwardedValue(host.of(x)));
    add('proto', forwardedValue(proto.of(x)));
    const own = pairs.join(';');
    if (!this.append) return own;
    const received = x.headers.all('forwarded');
    // An element appended to a malformed field could become part of a quoted string.
    if (received.some((line) => parseForwarded(line) === null)) return own;
    return [...received, own].filter((line) => line !== '').join(', ');
  }
}

/** A value of `proxy_set_header`. */
interface SetField {
  readonly name: string;
  readonly value: TemplateData;
}

/** Reports fields of `proxy_set_header` with which the upstream would receive contradictory addresses. */
export function checkForwarded(block: CheckedBlock, c: CheckContext): void {
  const data = block.values.proxy_forwarded as ForwardedData | null | undefined;
  const at = c.statements('proxy_forwarded')[0] ?? c.statements('proxy_set_header')[0];
  if (data === undefined || data === null || at === undefined) return;
  const fields = (block.values.proxy_set_header as readonly SetField[] | undefined) ?? [];
  const fieldOf = (name: string): TemplateData | undefined =>
    fields.find((each) => each.name.toLowerCase() === name)?.value;
  const report = (message: string, help: string): void =>
    c.report(at, 'conflicting-directives', message, { severity: 'warning', help });
  if (fieldOf('forwarded') !== undefined) {
    report('"proxy_forwarded" has no effect: "proxy_set_header Forwarded" replaces the field', 'remove one of them');
    return;
  }
  const list = fieldOf('x-forwarded-for');
  const appends = JSON.stringify(list ?? '').includes('"proxy_add_x_forwarded_for"');
  if (list !== undefined && list !== '' && appends !== data.append) {
    report(
      appends
        ? 'X-Forwarded-For contains the addresses that the client sent, but Forwarded does not'
        : 'Forwarded contains the addresses that the client sent, but X-Forwarded-For does not',
      appends
        ? 'use "proxy_forwarded append", or "proxy_set_header X-Forwarded-For $remote_addr"'
        : 'use "proxy_forwarded on", or "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for"',
    );
  }
  for (const [field, name] of [
    ['X-Forwarded-Proto', 'proto'],
    ['X-Forwarded-Host', 'host'],
  ] as const) {
    const value = fieldOf(field.toLowerCase());
    const own = data.parameters[name];
    if (value === undefined || value === '' || own === '') continue;
    if (JSON.stringify(value) === JSON.stringify(own) || sameHost(name, value, own)) continue;
    report(
      `${field} and "${name}" of Forwarded have different values`,
      `set "${name}=" of proxy_forwarded to the same value`,
    );
  }
}

/** Whether two values are variables that name the requested host. */
function sameHost(name: Name, ...values: readonly TemplateData[]): boolean {
  return (
    name === 'host' && values.every((value) => /^\[\{"variable":"(?:http_)?host"\}\]$/.test(JSON.stringify(value)))
  );
}
