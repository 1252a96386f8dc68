/** A JavaScript or TypeScript file as literals. Nothing of it is executed. */
import { createRequire } from 'node:module';
import type { AnyNode, Expression, Function as FunctionNode, Program, SpreadElement } from 'acorn';
import { ModuleError } from '../../scripting/module-error.js';
import { withoutTypes } from '../../scripting/type-stripping.js';
import { SourceMistake } from '../model.js';
import {
  type FunctionValue,
  isList,
  isObject,
  isPattern,
  isUnknown,
  type ObjectValue,
  type Property,
  settingOf,
  type Value,
} from './values.js';

/** Maximum depth of nested values. */
const MAX_DEPTH = 100;

/** A call of a function by its name. */
export interface Call {
  /** Last part of the function's name. */
  readonly name: string;
  readonly line: number;
  readonly args: readonly Value[];
  /** Name of the variable that has its result, or empty. */
  readonly assignedTo: string;
  /** The call of which it is an argument, if there is one. */
  readonly within: { readonly name: string; readonly args: readonly Value[] } | null;
}

/** Parses a file; throws SourceMistake. */
export class LiteralProgram {
  private readonly program: Program;
  private readonly text: string;
  private readonly constants = new Map<string, Expression>();
  private readonly resolving = new Set<string>();

  constructor(name: string, text: string) {
    ({ program: this.program, text: this.text } = parseScript(name, text));
    for (const node of this.nodes()) {
      if (node.type !== 'VariableDeclarator' || node.id.type !== 'Identifier' || !node.init) continue;
      this.constants.set(node.id.name, node.init);
    }
  }

  /** The value of `export default` or `module.exports`; null if there is none. */
  exported(): Value | null {
    for (const node of this.nodes()) {
      if (node.type === 'ExportDefaultDeclaration') return this.value(node.declaration as AnyNode, 0);
      if (node.type !== 'AssignmentExpression' || node.left.type !== 'MemberExpression') continue;
      if (this.source(node.left) === 'module.exports') return this.value(node.right, 0);
    }
    return null;
  }

  /** All calls, in the order of the text. */
  calls(): readonly Call[] {
    const calls: Call[] = [];
    const visit = (node: AnyNode, assignedTo: string, within: Call['within']): void => {
      if (node.type === 'VariableDeclarator' && node.init && node.id.type === 'Identifier') {
        visit(node.init, node.id.name, null);
        return;
      }
      if (node.type === 'AssignmentExpression' && node.left.type === 'Identifier') {
        visit(node.right, node.left.name, null);
        return;
      }
      if (node.type !== 'CallExpression') {
        for (const child of children(node)) visit(child, '', null);
        return;
      }
      const name = /[\w$]+$/.exec(this.source(node.callee))?.[0] ?? '';
      const args = node.arguments.map((each) => this.value(each, 0));
      const line = node.loc?.start.line ?? 0;
      calls.push({ name, line, args, assignedTo, within });
      for (const child of node.arguments) visit(child as AnyNode, '', { name, args });
      visit(node.callee as AnyNode, '', null);
    };
    visit(this.program, '', null);
    return calls;
  }

  private *nodes(): Generator<AnyNode, undefined> {
    const waiting: AnyNode[] = [this.program];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      yield node;
      waiting.push(...children(node).reverse());
    }
  }

  private source({ start, end }: { readonly start: number; readonly end: number }): string {
    return this.text.slice(start, end);
  }

  /** The value of an expression. */
  private value(node: AnyNode, depth: number): Value {
    const known = depth > MAX_DEPTH ? undefined : this.known(node, depth + 1);
    if (known !== undefined) return known;
    const text = this.source(node).replace(/\s+/g, ' ');
    const line = node.loc?.start.line ?? 0;
    return { kind: 'unknown', line, text: text.length > 60 ? `${text.slice(0, 57)}...` : text };
  }

  private known(node: AnyNode, depth: number): Value | undefined {
    switch (node.type) {
      case 'Literal':
        if (node.regex) return { kind: 'pattern', source: node.regex.pattern, flags: node.regex.flags };
        return typeof node.value === 'bigint' ? undefined : (node.value as string | number | boolean | null);
      case 'TemplateLiteral':
        return this.template(
          node.quasis.map(({ value }) => value.cooked ?? ''),
          node.expressions,
          depth,
        );
      case 'UnaryExpression': {
        const argument = this.value(node.argument, depth);
        if (node.operator === '-' && typeof argument === 'number') return -argument;
        return node.operator === '!' && typeof argument === 'boolean' ? !argument : undefined;
      }
      case 'BinaryExpression':
        return node.operator === '+'
          ? this.template(['', '', ''], [node.left as Expression, node.right], depth)
          : undefined;
      case 'LogicalExpression':
        // Settings of the environment usually have a default.
        return node.operator === '&&' ? undefined : this.either(node.left, node.right, depth);
      case 'ObjectExpression':
        return this.object(node, depth);
      case 'ArrayExpression':
        return node.elements.flatMap((each) => (each === null ? [] : this.element(each, depth)));
      case 'Identifier':
        return node.name === 'undefined' ? undefined : this.constant(node.name, depth);
      case 'MemberExpression':
        return this.member(node, depth);
      case 'NewExpression': {
        const [source, flags = ''] = node.arguments.map((each) => this.value(each as AnyNode, depth));
        const name = this.source(node.callee);
        if (typeof source !== 'string') return undefined;
        if (name === 'RegExp' && typeof flags === 'string') return { kind: 'pattern', source, flags };
        return name === 'URL' ? source : undefined;
      }
      case 'CallExpression': {
        // `defineConfig(…)` and others return their argument.
        const [argument] = node.arguments;
        const isIdentity = /^(?:define\w*|RegExp)$/.test(this.source(node.callee));
        return isIdentity && argument ? this.value(argument as AnyNode, depth) : undefined;
      }
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
      case 'FunctionDeclaration':
        return this.functionValue(node, depth);
      case 'AwaitExpression':
        return this.value(node.argument, depth);
      default:
        return undefined;
    }
  }

  private either(left: AnyNode, right: AnyNode, depth: number): Value {
    const value = this.value(left, depth);
    return isUnknown(value) ? this.value(right, depth) : value;
  }

  private element(each: Expression | SpreadElement, depth: number): readonly Value[] {
    if (each.type !== 'SpreadElement') return [this.value(each, depth)];
    const list = this.value(each.argument, depth);
    return isList(list) ? list : [this.value(each, depth)];
  }

  private template(texts: readonly string[], expressions: readonly Expression[], depth: number): Value | undefined {
    let text = texts[0] ?? '';
    for (const [index, each] of expressions.entries()) {
      const value = this.value(each, depth);
      if (typeof value !== 'string' && typeof value !== 'number') return undefined;
      text += `${value}${texts[index + 1] ?? ''}`;
    }
    return text;
  }

  private constant(name: string, depth: number): Value | undefined {
    const node = this.constants.get(name);
    if (node === undefined || this.resolving.has(name)) return undefined;
    this.resolving.add(name);
    const value = this.known(node, depth);
    this.resolving.delete(name);
    return value;
  }

  private member(node: Extract<AnyNode, { type: 'MemberExpression' }>, depth: number): Value | undefined {
    const object = this.value(node.object as AnyNode, depth);
    const name = node.computed ? this.value(node.property as AnyNode, depth) : this.source(node.property);
    return isObject(object) && typeof name === 'string' ? settingOf(object, name) : undefined;
  }

  private object(node: Extract<AnyNode, { type: 'ObjectExpression' }>, depth: number): ObjectValue {
    const line = node.loc?.start.line ?? 0;
    const properties = node.properties.flatMap((each): readonly Property[] => {
      const at = each.loc?.start.line ?? 0;
      if (each.type === 'SpreadElement') {
        const value = this.value(each.argument, depth);
        return isObject(value) ? value.properties : [{ name: `...${this.source(each.argument)}`, line: at, value }];
      }
      const key = each.computed
        ? this.value(each.key, depth)
        : each.key.type === 'Literal'
          ? String(each.key.value)
          : this.source(each.key);
      const name = typeof key === 'string' || typeof key === 'number' ? String(key) : `[${this.source(each.key)}]`;
      return [{ name, line: at, value: this.value(each.value, depth) }];
    });
    return { kind: 'object', line, properties };
  }

  /** A function; one that only returns an object is that object. */
  private functionValue(node: FunctionNode & { readonly loc?: AnyNode['loc'] }, depth: number): Value {
    const returned = returnedBy(node);
    if (returned?.type === 'ObjectExpression') return this.object(returned, depth);
    const [first] = node.params;
    const parameter = first?.type === 'Identifier' ? first.name : null;
    const isOnlyReturn = node.body.type !== 'BlockStatement' || node.body.body.length === 1;
    const replacements =
      returned === null || parameter === null || !isOnlyReturn ? null : this.replacements(returned, parameter, depth);
    return { kind: 'function', line: node.loc?.start.line ?? 0, replacements };
  }

  /** `path.replace(a, b).replace(c, d)` */
  private replacements(node: AnyNode, parameter: string, depth: number): FunctionValue['replacements'] {
    if (node.type === 'Identifier' && node.name === parameter) return [];
    if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return null;
    if (this.source(node.callee.property) !== 'replace' || node.arguments.length !== 2) return null;
    const before = this.replacements(node.callee.object as AnyNode, parameter, depth);
    const [pattern, to] = node.arguments.map((each) => this.value(each as AnyNode, depth));
    if (before === null || typeof to !== 'string' || !(typeof pattern === 'string' || isPattern(pattern))) return null;
    return [...before, { pattern, to }];
  }
}

/** Parses JavaScript, or TypeScript without its types, which become blanks, so that positions stay. */
function parseScript(name: string, text: string): { readonly program: Program; readonly text: string } {
  const acorn = createRequire(import.meta.url)('acorn') as typeof import('acorn');
  const parse = (source: string): { program: Program; text: string } => {
    const program = acorn.parse(source, {
      ecmaVersion: 'latest',
      sourceType: 'module',
      allowHashBang: true,
      allowReturnOutsideFunction: true,
      locations: true,
    });
    return { program, text: source };
  };
  try {
    return parse(text);
  } catch (error) {
    if (/\.(?:[cm]?jsx?|json)$/.test(name)) throw syntaxMistake(error);
  }
  try {
    return parse(withoutTypes(/\.[cm]?ts$/.test(name) ? name : `${name}.ts`, text));
  } catch (error) {
    throw error instanceof ModuleError
      ? new SourceMistake(error.message, error.position?.line ?? 0)
      : syntaxMistake(error);
  }
}

function syntaxMistake(error: unknown): SourceMistake {
  const { loc, message } = error as { loc?: { line: number }; message: string };
  return new SourceMistake(`SyntaxError: ${message.replace(/ \(\d+:\d+\)$/, '')}`, loc?.line ?? 0);
}

/** The expression that a function returns, if it is all that it does. */
function returnedBy({ body }: FunctionNode): AnyNode | null {
  if (body.type !== 'BlockStatement') return body;
  const last = body.body.at(-1);
  return last?.type === 'ReturnStatement' && last.argument ? last.argument : null;
}

function children(node: AnyNode): AnyNode[] {
  return Object.values(node)
    .flatMap((value: unknown) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
