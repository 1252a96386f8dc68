/** Values of exports as far as the text of a module shows them: functions that directives name are checked without running it. */
import type { AnyNode, Pattern } from 'acorn';
import { boundNames } from './import-references.js';
import type { UserModule } from './module-graph.js';

/** `unknown`: only running the module shows it. */
type StaticValue = 'function' | 'other' | 'missing' | 'unknown';

/** An expression in a module. */
interface Place {
  readonly module: UserModule;
  readonly node: AnyNode;
  /** Whether it is the value of a variable, whose properties other statements may change. */
  readonly named: boolean;
}

type Found = 'missing' | 'unknown' | Place;

/** Maximum number of steps from name to name. */
const MAX_STEPS = 50;

/** Value of a function's path below the module: of `main.auth.check` it is `auth`, `check`. */
export function staticValue(module: UserModule, path: readonly string[]): StaticValue {
  const search = new Search();
  const found = search.below(module, path);
  return typeof found === 'string' ? found : search.kind(found);
}

/** Offset of a function in the text of the module that defines it; null if it cannot be determined without running the module. */
export function definitionOf(
  module: UserModule,
  path: readonly string[],
): { readonly module: UserModule; readonly at: number } | null {
  const search = new Search();
  const found = search.below(module, path);
  if (typeof found === 'string' || search.kind(found) !== 'function') return null;
  return { module: found.module, at: found.node.start };
}

class Search {
  private steps = 0;

  below(module: UserModule, path: readonly string[]): Found {
    const [first = '', ...rest] = path;
    const byDefault = this.exported(module, 'default');
    let found = byDefault === 'missing' ? 'missing' : this.member(byDefault, first);
    if (found === 'missing') found = this.exported(module, first);
    for (const name of rest) found = this.member(found, name);
    return found;
  }

  private exported(module: UserModule, name: string): Found {
    if (this.steps++ > MAX_STEPS) return 'unknown';
    const found = module.parsed.exports.find((each) => each.name === name);
    if (found?.from) {
      const link = module.links[found.from.request];
      if (link?.kind !== 'module' || found.from.name === '*') return 'unknown';
      return this.exported(link.module, found.from.name);
    }
    if (found?.value === undefined || found.value === null) return this.exportedByOthers(module, name);
    if (name === 'default') {
      const declared = module.parsed.program.body.find((each) => each.type === 'ExportDefaultDeclaration');
      if (declared?.type === 'ExportDefaultDeclaration') {
        return this.value({ module, node: declared.declaration as AnyNode, named: false });
      }
    }
    return this.named(module, found.value);
  }

  private exportedByOthers(module: UserModule, name: string): Found {
    if (name === 'default') return 'missing';
    for (const request of module.parsed.exportsAll) {
      const link = module.links[request];
      if (link?.kind !== 'module') return 'unknown';
      const found = this.exported(link.module, name);
      if (found !== 'missing') return found;
    }
    return 'missing';
  }

  private member(found: Found, name: string): Found {
    if (typeof found === 'string') return found;
    const { module, node, named } = found;
    if (named) return 'unknown';
    if (node.type !== 'ObjectExpression') return this.kind(found) === 'other' ? 'missing' : 'unknown';
    let computed = false;
    for (let i = node.properties.length - 1; i >= 0; i--) {
      const property = node.properties[i];
      if (property === undefined) continue;
      if (property.type === 'SpreadElement' || property.computed) computed = true;
      else {
        const { key } = property;
        const written = key.type === 'Identifier' ? key.name : key.type === 'Literal' ? String(key.value) : null;
        if (written !== name) continue;
        if (computed || property.kind !== 'init') return 'unknown';
        return this.value({ module, node: property.value as AnyNode, named: false });
      }
    }
    return computed ? 'unknown' : 'missing';
  }

  /** Follows names to the expression that they stand for. */
  private value(place: Place): Found {
    const { module, node, named } = place;
    if (node.type === 'Identifier') return this.named(module, node.name);
    if (node.type === 'MemberExpression' && !node.computed && node.property.type === 'Identifier') {
      return this.member(this.value({ module, node: node.object as AnyNode, named }), node.property.name);
    }
    return place;
  }

  private named(module: UserModule, name: string): Found {
    if (this.steps++ > MAX_STEPS) return 'unknown';
    for (const statement of module.parsed.program.body) {
      if (statement.type === 'ImportDeclaration') {
        const specifier = statement.specifiers.find(({ local }) => local.name === name);
        if (specifier === undefined) continue;
        const request = module.parsed.requests.findIndex((each) => each.specifier === statement.source.value);
        const link = module.links[request];
        if (link?.kind !== 'module' || specifier.type === 'ImportNamespaceSpecifier') return 'unknown';
        const imported = specifier.type === 'ImportDefaultSpecifier' ? 'default' : nameOf(specifier.imported);
        return this.exported(link.module, imported);
      }
      const declaration =
        statement.type === 'ExportNamedDeclaration' || statement.type === 'ExportDefaultDeclaration'
          ? statement.declaration
          : statement;
      if (!declaration) continue;
      if (declaration.type === 'FunctionDeclaration' && declaration.id?.name === name) {
        return { module, node: declaration as AnyNode, named: true };
      }
      if (declaration.type === 'ClassDeclaration' && declaration.id?.name === name) return 'unknown';
      if (declaration.type !== 'VariableDeclaration') continue;
      for (const { id, init } of declaration.declarations) {
        if (!boundNames(id as Pattern).includes(name)) continue;
        if (declaration.kind !== 'const' || id.type !== 'Identifier' || !init) return 'unknown';
        return this.value({ module, node: init as AnyNode, named: true });
      }
    }
    return 'unknown';
  }

  kind({ node }: Place): StaticValue {
    switch (node.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return 'function';
      case 'ObjectExpression':
      case 'ArrayExpression':
      case 'Literal':
      case 'TemplateLiteral':
        return 'other';
      default:
        return 'unknown';
    }
  }
}

function nameOf(node: { readonly type: string; readonly name?: string; readonly value?: unknown }): string {
  return node.type === 'Identifier' ? String(node.name) : String(node.value);
}
