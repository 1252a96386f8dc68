/** `split_clients`: nginx's `ngx_http_split_clients_module`, variables for A/B testing. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import { definedVariable } from '../config/assignment-argument.js';
import type { ArgumentContext, WithEntries } from '../config/directive.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { type Compiler, defineModule } from '../program/module.js';

interface Source {
  readonly source: TemplateData;
  /** Variable that is defined. */
  readonly variable: string;
}

interface Part {
  /** Hundredths of a percent; 0 for the rest (`*`). */
  readonly share: number;
  readonly value: string;
}

/** 100%, in hundredths of a percent. */
const WHOLE = 10000;

function parseSource(words: readonly Word[], c: ArgumentContext): Source {
  const [source, name] = words as readonly [Word, Word]; // two words: `min` and `max`
  const variable = definedVariable(name, c);
  return { source: parseTemplate(source, c), variable };
}

function parseParts(statements: readonly Statement[], c: ArgumentContext): readonly Part[] {
  const parts: Part[] = [];
  let sum = 0;
  for (const statement of statements) {
    const { name, args } = statement;
    const [value, extra] = args;
    if (value === undefined) {
      c.report(statement, 'argument-count', `invalid number of arguments in "${c.directive}" directive`, {
        help: 'each line is a share and a value: 50% value;',
      });
      continue;
    }
    const share = name.text === '*' ? 0 : parsePercent(name.text);
    if (share === null) {
      c.report(name, 'invalid-value', `invalid percent value "${name.text}"`, {
        help: 'a share is a number with at most two decimals and "%", such as 0.5%, or "*" for the rest',
      });
      continue;
    }
    if (extra !== undefined) reportExtra(statement, value, extra, c);
    sum = share === 0 ? WHOLE : sum + share;
    if (sum > WHOLE) c.fail(name, 'invalid-value', 'percent total is greater than 100%');
    parts.push({ share: sum === WHOLE ? 0 : share, value: value.text });
  }
  return parts;
}

/** Warns about further words in a line, which nginx ignores. */
function reportExtra({ source }: Statement, value: Word, extra: Word, c: ArgumentContext): void {
  const isNextLine = source.text.slice(value.end, extra.start).includes('\n');
  const gap = { source, start: value.end, end: value.end };
  if (isNextLine) {
    c.report(gap, 'missing-semicolon', `"${extra.text}" is read as part of the line above`, {
      severity: 'warning',
      help: 'a ";" is missing here: nginx ignores the rest of the statement',
      fix: { title: 'insert ;', guess: true, edits: [{ at: gap, text: ';' }] },
    });
  } else {
    c.report(extra, 'argument-count', `"${extra.text}" is ignored`, {
      severity: 'warning',
      help: 'each line is a share and a value: 50% value;',
    });
  }
}

/** Parses a percentage into hundredths of a percent; null if it is invalid. */
function parsePercent(text: string): number | null {
  const match = /^(\d*)(?:\.(\d{0,2}))?%$/.exec(text);
  if (match === null || text === '%') return null;
  const share = Number(match[1] ?? '') * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return share === 0 ? null : share;
}

/** MurmurHash2 of a byte string. As in nginx, the seed is derived from the length. */
export function murmurHash2(text: string): number {
  const M = 0x5bd1e995;
  let length = text.length;
  let h = length;
  let i = 0;
  for (; length >= 4; length -= 4, i += 4) {
    let k =
      text.charCodeAt(i) |
      (text.charCodeAt(i + 1) << 8) |
      (text.charCodeAt(i + 2) << 16) |
      (text.charCodeAt(i + 3) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    h = Math.imul(h, M) ^ k;
  }
  if (length >= 3) h ^= text.charCodeAt(i + 2) << 16;
  if (length >= 2) h ^= text.charCodeAt(i + 1) << 8;
  if (length >= 1) h = Math.imul(h ^ text.charCodeAt(i), M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return (h ^ (h >>> 15)) >>> 0;
}

function compile({ source, variable }: Source, parts: readonly Part[], compiler: Compiler): void {
  const from = compiler.template(source);
  let bound = 0;
  const limits = parts.map(({ share, value }) => {
    if (share === 0) return { below: 2 ** 32, value };
    bound = (bound + Math.floor((share * 0xffffffff) / WHOLE)) % 2 ** 32;
    return { below: bound, value };
  });
  compiler.define(
    variable,
    (x) => {
      const hash = murmurHash2(from.of(x));
      for (let i = 0; i < limits.length; i++) {
        const part = limits[i] as (typeof limits)[number];
        if (hash < part.below) return part.value;
      }
      return '';
    },
    true,
  );
}

export default defineModule({
  name: 'split_clients',
  doc: 'Defines variables for A/B testing: different values for given shares of the clients.',
  directives: {
    split_clients: {
      contexts: ['http'],
      takes: custom('string $variable', 2, 2, parseSource),
      body: { entries: parseParts },
      links: ({ argument }: WithEntries<Source, unknown>) => ({ name: `$${argument.variable}` }),
      repeat: true,
      doc: 'Defines a variable whose value depends on a hash (MurmurHash2) of the string. Each line of the block is a share in percent and its value; `*` is the rest. The same string always gets the same value.',
      example: 'split_clients "${remote_addr}AAA" $variant {\n    0.5%  .one;\n    2.0%  .two;\n    *     "";\n}',
    },
  },
  async http(conf, _block, compiler) {
    const { slice } = compiler;
    for (const { argument, entries } of conf.split_clients) {
      compile(argument, entries, compiler);
      if (slice.over) await slice.next();
    }
  },
});
