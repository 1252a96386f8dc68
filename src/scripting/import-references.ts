/** References to imported names in a module, found by scope analysis. */
import type { AnyNode, Identifier, Pattern, Program } from 'acorn';

/** A use of an imported name. */
interface ImportReference {
  readonly node: Identifier;
  /** Shorthand property `{ name }`: rewriting the value must keep the name of the property. */
  readonly shorthand: boolean;
  /** `name(…)`: a call must not pass the object of the rewritten value as `this`. */
  readonly called: boolean;
  /** Whether it begins a statement: the previous line may end without a semicolon. */
  readonly begins: boolean;
}

/** Names declared in a scope, except those of the module itself. */
interface Scope {
  readonly names: Set<string>;
  readonly outer: Scope | null;
}

/** Finds the references to `names`, which are imported, in the order of the text. */
export function importReferences(program: Program, names: ReadonlySet<string>): ImportReference[] {
  if (names.size === 0) return [];
  const search = new Search(names);
  search.visitList(program.body as readonly AnyNode[], null);
  return search.found;
}

type NodeOf<T extends AnyNode['type']> = Extract<AnyNode, { readonly type: T }>;

class Search {
  readonly found: ImportReference[] = [];
  private statementStart = -1;

  constructor(private readonly names: ReadonlySet<string>) {}

  visitList(statements: readonly AnyNode[], scope: Scope | null): void {
    for (const each of statements) {
      if (each.type === 'ExpressionStatement') this.statementStart = each.start;
      this.visit(each, scope);
    }
  }

  visit(node: AnyNode, scope: Scope | null): void {
    switch (node.type) {
      case 'Identifier':
        this.refer(node, scope, false, false);
        return;
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'MetaProperty':
      case 'BreakStatement':
      case 'ContinueStatement':
        return;
      case 'ExportNamedDeclaration':
        if (node.declaration) this.visit(node.declaration, scope);
        return;
      case 'LabeledStatement':
        this.visit(node.body, scope);
        return;
      case 'MemberExpression':
        this.visit(node.object, scope);
        if (node.computed) this.visit(node.property as AnyNode, scope);
        return;
      case 'CallExpression':
        if (node.callee.type === 'Identifier') this.refer(node.callee, scope, false, true);
        else this.visit(node.callee as AnyNode, scope);
        for (const each of node.arguments) this.visit(each, scope);
        return;
      case 'TaggedTemplateExpression':
        if (node.tag.type === 'Identifier') this.refer(node.tag, scope, false, true);
        else this.visit(node.tag, scope);
        this.visit(node.quasi, scope);
        return;
      case 'Property':
        if (node.computed) this.visit(node.key as AnyNode, scope);
        if (node.shorthand) this.visitShorthand(node.value as AnyNode, scope);
        else this.visit(node.value as AnyNode, scope);
        return;
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (node.computed) this.visit(node.key as AnyNode, scope);
        if (node.value) this.visit(node.value, scope);
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        this.visitFunction(node, scope);
        return;
      case 'ClassExpression':
        this.visitChildren(node, node.id ? scopeOf([node.id], scope) : scope);
        return;
      case 'CatchClause':
        this.visitChildren(node, scopeWith(node.param ? boundNames(node.param) : [], scope));
        return;
      case 'BlockStatement':
      case 'StaticBlock':
        this.visitList(node.body, scopeWith(blockNames(node.body, node.type === 'StaticBlock'), scope));
        return;
      case 'SwitchStatement':
        this.visit(node.discriminant, scope);
        this.visitCases(node, scope);
        return;
      case 'ForStatement':
        this.visitChildren(node, scopeWith(node.init ? lexicalNames(node.init as AnyNode) : [], scope));
        return;
      case 'ForInStatement':
      case 'ForOfStatement':
        this.visitChildren(node, scopeWith(lexicalNames(node.left as AnyNode), scope));
        return;
      default:
        this.visitChildren(node, scope);
    }
  }

  private visitShorthand(value: AnyNode, scope: Scope | null): void {
    if (value.type === 'Identifier') this.refer(value, scope, true, false);
    else if (value.type === 'AssignmentPattern' && value.left.type === 'Identifier') {
      this.refer(value.left, scope, true, false);
      this.visit(value.right, scope);
    } else this.visit(value, scope);
  }

  private visitFunction(
    node: NodeOf<'FunctionDeclaration'> | NodeOf<'FunctionExpression'> | NodeOf<'ArrowFunctionExpression'>,
    scope: Scope | null,
  ): void {
    const names = node.params.flatMap((each) => boundNames(each));
    if (node.type === 'FunctionExpression' && node.id) names.push(node.id.name);
    if (node.type !== 'ArrowFunctionExpression') names.push('arguments');
    if (node.body.type === 'BlockStatement') names.push(...blockNames(node.body.body, true));
    const inner = scopeWith(names, scope);
    for (const each of node.params) this.visit(each as AnyNode, inner);
    if (node.body.type === 'BlockStatement') this.visitList(node.body.body, inner);
    else this.visit(node.body, inner);
  }

  private visitCases({ cases }: NodeOf<'SwitchStatement'>, scope: Scope | null): void {
    const inner = scopeWith(
      cases.flatMap((each) => blockNames(each.consequent, false)),
      scope,
    );
    for (const { test, consequent } of cases) {
      if (test) this.visit(test, inner);
      this.visitList(consequent, inner);
    }
  }

  private visitChildren(node: AnyNode, scope: Scope | null): void {
    for (const child of children(node)) this.visit(child, scope);
  }

  private refer(node: Identifier, scope: Scope | null, shorthand: boolean, called: boolean): void {
    if (!this.names.has(node.name)) return;
    for (let at = scope; at !== null; at = at.outer) if (at.names.has(node.name)) return;
    this.found.push({ node, shorthand, called, begins: node.start === this.statementStart });
  }
}

function scopeOf(identifiers: readonly Identifier[], outer: Scope | null): Scope {
  return { names: new Set(identifiers.map(({ name }) => name)), outer };
}

function scopeWith(names: readonly string[], outer: Scope | null): Scope | null {
  return names.length === 0 ? outer : { names: new Set(names), outer };
}

/** Child nodes in the order of the text. */
export function children(node: AnyNode): AnyNode[] {
  const found: AnyNode[] = [];
  for (const value of Object.values(node) as unknown[]) {
    if (Array.isArray(value)) found.push(...value.filter(isNode));
    else if (isNode(value)) found.push(value);
  }
  return found.sort((a, b) => a.start - b.start);
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

/** Names that a pattern binds. */
export function boundNames(pattern: Pattern | AnyNode): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((each) =>
        boundNames(each.type === 'RestElement' ? each.argument : (each.value as Pattern)),
      );
    case 'ArrayPattern':
      return pattern.elements.flatMap((each) => (each === null ? [] : boundNames(each)));
    case 'AssignmentPattern':
      return boundNames(pattern.left);
    case 'RestElement':
      return boundNames(pattern.argument);
    default:
      return [];
  }
}

/** Names that the statements of a block declare; with `withVar` also those of `var`, at any depth. */
function blockNames(statements: readonly AnyNode[], withVar: boolean): string[] {
  const names = statements.flatMap((each) => lexicalNames(each));
  if (withVar) for (const each of statements) names.push(...varNames(each));
  return names;
}

function lexicalNames(statement: AnyNode): string[] {
  if (statement.type === 'VariableDeclaration' && statement.kind !== 'var') {
    return statement.declarations.flatMap(({ id }) => boundNames(id));
  }
  if (statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration') {
    return statement.id ? [statement.id.name] : [];
  }
  return [];
}

function varNames(node: AnyNode): string[] {
  switch (node.type) {
    case 'VariableDeclaration':
      return node.kind === 'var' ? node.declarations.flatMap(({ id }) => boundNames(id)) : [];
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ClassDeclaration':
    case 'ClassExpression':
      return [];
    default:
      return children(node).flatMap(varNames);
  }
}
