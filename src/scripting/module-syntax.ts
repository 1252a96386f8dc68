/**
 * Rewrites a module to a script. Node never unloads ES modules, so that each reload would add to its memory; a script is
 * collected with the functions that it has created.
 */
import { createRequire } from 'node:module';
import type { AnyNode, ExportSpecifier, Literal, ModuleDeclaration, Program } from 'acorn';
import { type EditedText, Edits } from './edits.js';
import { boundNames, children, importReferences } from './import-references.js';
import { ModuleError } from './module-error.js';

/** A module from which names are imported. */
export interface ModuleRequest {
  readonly specifier: string;
  /** Offset of the specifier in the text. */
  readonly at: number;
  /** Names that must exist in it, with the offsets where they are requested. */
  readonly names: readonly { readonly name: string; readonly at: number }[];
}

export interface ModuleExport {
  readonly name: string;
  /** Expression that has its value, in the body of the module; null for one of another module. */
  readonly value: string | null;
  /** For a name of another module: index of the request, and its name there (`*`: the module itself). */
  readonly from: { readonly request: number; readonly name: string } | null;
}

/** A module after parsing. */
export interface ParsedModule {
  readonly requests: readonly ModuleRequest[];
  readonly exports: readonly ModuleExport[];
  /** Requests of `export * from`. */
  readonly exportsAll: readonly number[];
  readonly script: EditedText;
  readonly program: Program;
  /** Whether it has an `await` outside of functions. */
  readonly awaits: boolean;
  /** Whether it uses `fetch` or timers: a request waits for those that its handler starts, also after an `await`. */
  readonly waits: boolean;
}

/** Names of values that the script of a module receives; a module's own declarations take precedence over the others. */
const INTERNAL = {
  exports: '$tsproxy_exports',
  modules: '$tsproxy_modules',
  import: '$tsproxy_import',
  meta: '$tsproxy_meta',
  default: '$tsproxy_default',
} as const;

/** Loaded with the first module: every worker loads this file, and the parser takes 1.3 MiB. */
let parser: typeof import('acorn') | null = null;

/**
 * Parses and rewrites a module. The script is the body of a function that returns an object: `load` is `import()` relative to
 * the file, `run` executes the module with the internal values and `globals`.
 *
 * @param source JavaScript; as `text`, but without types
 */
export function parseModule(path: string, source: string, text: string, globals: readonly string[]): ParsedModule {
  parser ??= createRequire(import.meta.url)('acorn') as typeof import('acorn');
  let program: Program;
  try {
    program = parser.parse(source, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true });
  } catch (error) {
    const { loc, message } = error as { loc?: { line: number; column: number }; message: string };
    const position = loc === undefined ? null : { line: loc.line, column: loc.column + 1 };
    throw new ModuleError('syntax', `SyntaxError: ${message.replace(/ \(\d+:\d+\)$/, '')}`, path, position, text);
  }
  return new Rewriter(source, program).rewrite(globals);
}

/** Names of functions for which a request waits without a promise of its own. */
const WAITING: ReadonlySet<string> = new Set(['fetch', 'setTimeout', 'setImmediate']);

interface Binding {
  readonly request: number;
  readonly name: string;
}

class Rewriter {
  private readonly edits: Edits;
  private readonly requests: { specifier: string; at: number; names: { name: string; at: number }[] }[] = [];
  private readonly imported = new Map<string, Binding>();
  private readonly exports: ModuleExport[] = [];
  private readonly exportsAll: number[] = [];
  private awaits = false;
  private waits = false;

  constructor(
    private readonly source: string,
    private readonly program: Program,
  ) {
    this.edits = new Edits(source);
  }

  rewrite(globals: readonly string[]): ParsedModule {
    const { program, edits } = this;
    for (const statement of program.body) if (statement.type === 'ImportDeclaration') this.rewriteImport(statement);
    for (const statement of program.body) {
      if (/^Export/.test(statement.type)) this.rewriteExport(statement as ModuleDeclaration);
    }
    for (const { node, shorthand, called, begins } of importReferences(program, new Set(this.imported.keys()))) {
      const value = this.valueOf(node.name);
      const text = shorthand ? `${node.name}:${value}` : called ? `${begins ? ';' : ''}(0,${value})` : value;
      edits.replace(node.start, node.end, text);
    }
    for (const statement of program.body) this.rewriteInside(statement as AnyNode, true);
    if (this.source.startsWith('#!')) edits.replace(0, 2, '//');
    return {
      requests: this.requests,
      exports: this.exports,
      exportsAll: this.exportsAll,
      script: this.enclosed(globals),
      program,
      awaits: this.awaits,
      waits: this.waits,
    };
  }

  /** The body in a function, whose own declarations may have the names of the values that the outer function receives. */
  private enclosed(globals: readonly string[]): EditedText {
    const { edits, exports, source } = this;
    const given = [INTERNAL.exports, INTERNAL.modules, INTERNAL.import, INTERNAL.meta, ...globals].join(',');
    const getters = exports.flatMap(({ name, value }) =>
      value === null ? [] : [`${JSON.stringify(name)}:()=>${value}`],
    );
    const body = this.awaits ? 'async function' : 'function';
    edits.insertFirst(
      `return({load:s=>import(s),run:function(${given}){"use strict";return(${body}(){${INTERNAL.exports}({${getters.join(',')}});`,
    );
    // On a line of its own: the last line may be a comment.
    edits.insert(source.length, '\n}).call(undefined)}})');
    return edits.result();
  }

  private request(literal: Literal): number {
    const specifier = String(literal.value);
    const known = this.requests.findIndex((each) => each.specifier === specifier);
    if (known >= 0) return known;
    return this.requests.push({ specifier, at: literal.start, names: [] }) - 1;
  }

  private needs(request: number, name: string, at: number): void {
    if (name !== '*') this.requests[request]?.names.push({ name, at });
  }

  /** Expression of an imported name. */
  private valueOf(local: string): string {
    const binding = this.imported.get(local);
    if (binding === undefined) return local;
    const namespace = `${INTERNAL.modules}[${binding.request}]`;
    return binding.name === '*' ? namespace : `${namespace}[${JSON.stringify(binding.name)}]`;
  }

  private rewriteImport(node: Extract<ModuleDeclaration, { type: 'ImportDeclaration' }>): void {
    const request = this.request(node.source);
    for (const each of node.specifiers) {
      const name =
        each.type === 'ImportDefaultSpecifier'
          ? 'default'
          : each.type === 'ImportNamespaceSpecifier'
            ? '*'
            : nameOf(each.imported);
      this.imported.set(each.local.name, { request, name });
      this.needs(request, name, each.start);
    }
    this.edits.blank(node.start, node.end);
  }

  private rewriteExport(node: ModuleDeclaration): void {
    const { edits, exports } = this;
    if (node.type === 'ExportAllDeclaration') {
      const request = this.request(node.source);
      if (node.exported === null || node.exported === undefined) this.exportsAll.push(request);
      else exports.push({ name: nameOf(node.exported), value: null, from: { request, name: '*' } });
      edits.blank(node.start, node.end);
    } else if (node.type === 'ExportNamedDeclaration') {
      if (node.declaration) {
        for (const name of declaredNames(node.declaration as AnyNode)) exports.push({ name, value: name, from: null });
        edits.blank(node.start, node.declaration.start);
      } else {
        const request = node.source ? this.request(node.source) : null;
        for (const each of node.specifiers) this.exportName(each, request);
        edits.blank(node.start, node.end);
      }
    } else if (node.type === 'ExportDefaultDeclaration') this.rewriteDefault(node);
  }

  private exportName(each: ExportSpecifier, request: number | null): void {
    const name = nameOf(each.exported);
    const local = nameOf(each.local);
    if (request !== null) {
      this.exports.push({ name, value: null, from: { request, name: local } });
      this.needs(request, local, each.start);
    } else this.exports.push({ name, value: this.valueOf(local), from: null });
  }

  private rewriteDefault(node: Extract<ModuleDeclaration, { type: 'ExportDefaultDeclaration' }>): void {
    const { edits, source } = this;
    const { declaration } = node;
    const isDeclaration = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration';
    const name = isDeclaration && declaration.id ? declaration.id.name : INTERNAL.default;
    this.exports.push({ name: 'default', value: name, from: null });
    const value = source.indexOf('default', node.start) + 'default'.length;
    if (!isDeclaration) edits.replace(node.start, value, `const ${name}=`);
    else {
      edits.blank(node.start, value);
      if (!declaration.id) {
        const keyword = /^(?:async\s+)?(?:function\s*\*?|class)/.exec(source.slice(declaration.start))?.[0].length ?? 0;
        edits.insert(declaration.start + keyword, ` ${name} `);
      }
    }
  }

  /** Rewrites `import()` and `import.meta`, and notes `await` outside of functions. */
  private rewriteInside(node: AnyNode, outside: boolean): void {
    const { edits } = this;
    switch (node.type) {
      case 'ImportExpression':
        edits.replace(node.start, node.start + 'import'.length, INTERNAL.import);
        break;
      case 'MetaProperty':
        if (node.meta.name === 'import') edits.replace(node.start, node.end, INTERNAL.meta);
        return;
      case 'AwaitExpression':
        if (outside) this.awaits = true;
        break;
      case 'ForOfStatement':
        if (outside && node.await) this.awaits = true;
        break;
      case 'Identifier':
        if (WAITING.has(node.name)) this.waits = true;
        return;
    }
    const isFunction = /Function/.test(node.type) || node.type === 'PropertyDefinition' || node.type === 'StaticBlock';
    for (const child of children(node)) this.rewriteInside(child, outside && !isFunction);
  }
}

function nameOf(node: { type: string; name?: string; value?: unknown }): string {
  return node.type === 'Identifier' ? String(node.name) : String(node.value);
}

function declaredNames(declaration: AnyNode): string[] {
  if (declaration.type === 'VariableDeclaration') return declaration.declarations.flatMap(({ id }) => boundNames(id));
  return 'id' in declaration && declaration.id ? boundNames(declaration.id as AnyNode) : [];
}
