/** Detection of the block that a part of a configuration belongs to. */
import { type Block, type Item, isStatement, type Statement } from '../../grammar/syntax-tree.js';
import { Catalogue } from '../config/catalogue.js';
import type { Context } from '../config/directive.js';
import { knownDirectives } from '../config/foreign/known-directives.js';
import type { ModuleDeclaration } from '../config/module-declaration.js';
import type { Enclosing } from './blocks.js';

/** Sections of a whole configuration. */
const SECTIONS: ReadonlySet<string> = new Set(['http', 'events', 'stream', 'mail']);

/** Whether the statements of a file's outermost level are those of a whole configuration: one of them is a section. */
export function isWhole(statements: readonly Statement[]): boolean {
  return statements.some(({ name, block }) => block !== null && SECTIONS.has(name.text));
}

/** Whether a file consists of includes: it belongs into the block that the included files belong into. */
export function hasOnlyIncludes(statements: readonly Statement[]): boolean {
  return statements.length > 0 && statements.every(({ name }) => name.text === 'include');
}

/** A line that begins with a section. */
const SECTION = /^[ \t]*(?:http|events|stream|mail)\s*\{/m;

/** Whether a text is a whole configuration, without parsing it. */
export function hasSection(text: string): boolean {
  return SECTION.test(text);
}

/** Contexts, the outermost first, which is preferred if several have the same count. */
const ORDER: readonly (Enclosing & Context)[] = ['main', 'http', 'server', 'location', 'upstream', 'events'];

/** Detects the blocks of parts. */
export class EnclosingDetector {
  private readonly catalogue: Catalogue;

  constructor(modules: readonly ModuleDeclaration[]) {
    this.catalogue = new Catalogue(modules);
  }

  /**
   * The block that most directives on a file's outermost level belong into; null if none of them is known. The content of
   * servers distinguishes HTTP from TCP.
   */
  enclosing(items: readonly Item[]): Enclosing | null {
    const statements = items.filter(isStatement);
    const counts = new Map<Context, number>();
    for (const statement of statements) {
      for (const context of this.contextsOf(statement)) counts.set(context, (counts.get(context) ?? 0) + 1);
    }
    let best: (Enclosing & Context) | null = null;
    for (const context of ORDER) {
      if ((counts.get(context) ?? 0) > (best === null ? 0 : (counts.get(best) ?? 0))) best = context;
    }
    if (best === 'http' && statements.some(passesStreams)) return 'stream';
    return best;
  }

  /** Share of a file's outermost directives that are known, from 0 to 1; 0 for a file without directives. */
  known(items: readonly Item[]): number {
    const statements = items.filter(isStatement);
    if (statements.length === 0) return 0;
    return statements.filter((each) => this.isKnown(each)).length / statements.length;
  }

  /** Whether nginx has the directive with or without such a block: other programs use some of its names differently. */
  private isKnown(statement: Statement): boolean {
    const { name, block } = statement;
    const isOwn = this.catalogue.all(name.text).length > 0;
    if (isOwn && block !== null && !this.catalogue.opensBlock(name.text)) return false;
    return this.contextsOf(statement).size > 0;
  }

  private contextsOf({ name, args, block }: Statement): ReadonlySet<Context> {
    // Only a server of an upstream has no block.
    if (name.text === 'server') return new Set(block !== null ? ['http'] : args.length > 0 ? ['upstream'] : []);
    // An include is allowed in every block.
    if (name.text === 'include') return new Set();
    if (name.text === 'if' && block !== null) return this.contextsOfIf(block);
    const known = [...this.catalogue.all(name.text).map(({ spec }) => spec), ...knownDirectives(name.text)];
    return new Set(known.flatMap(({ contexts }) => contexts ?? []));
  }

  /** An `if` in a location allows more directives than one in a server. */
  private contextsOfIf({ items }: Block): ReadonlySet<Context> {
    const inside = items.filter(isStatement).map((each) => this.contextsOf(each));
    const fits = (context: Context) => inside.every((each) => each.size === 0 || each.has(context));
    return new Set(fits('if in server') ? ['server', 'location'] : ['location']);
  }
}

/** Whether a server passes TCP connections: it has a `proxy_pass` without a scheme, and no location. */
function passesStreams({ name, block }: Statement): boolean {
  if (name.text !== 'server' || block === null) return false;
  const own = block.items.filter(isStatement);
  return (
    own.some(({ name, args }) => name.text === 'proxy_pass' && !/:\/\//.test(args[0]?.text ?? '://')) &&
    !own.some(({ name }) => name.text === 'location' || name.text === 'server_name')
  );
}
