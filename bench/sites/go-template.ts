/**
 * Go's template language (text/template), as far as templates of nginx configurations use it: variables, pipelines, `if`, `range`,
 * `with`, `define`, `template`, `block`, `break` and `continue`. A name without a function is an error; a field of nothing is nothing.
 */

/** Values of templates; a dictionary is a Map, as Go's maps are. */
export type Value = string | number | boolean | null | readonly Value[] | Dictionary;
export interface Dictionary extends Map<string, Value> {}
export type TemplateFunction = (...words: readonly Value[]) => Value;

type Expression =
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'call'; readonly name: string }
  | { readonly kind: 'path'; readonly from: string | Pipeline; readonly fields: readonly string[] };
/** Commands whose result is the last argument of the next one. */
type Pipeline = readonly (readonly Expression[])[];

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly pipeline: Pipeline }
  | { readonly kind: 'set'; readonly name: string; readonly declares: boolean; readonly pipeline: Pipeline }
  | { readonly kind: 'jump'; readonly jump: 'break' | 'continue' }
  | { readonly kind: 'template'; readonly name: string; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'range' | 'with';
      readonly names: readonly string[];
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

const ACTION = /\{\{(-(?=\s))?\s*(\/\*[\s\S]*?\*\/|(?:"(?:\\.|[^"\\])*"|`[^`]*`|[^"`}]|\}(?!\}))*?)\s*((?<=\s)-)?\}\}/g;
const TOKEN = /\s*("(?:\\.|[^"\\])*"|`[^`]*`|:=|[=|(),]|\$?[\w]*(?:\.\w+)+|\$\w*|\.|-?\d+|\w+)/y;

/** Text and actions, with the white space around trim markers removed. */
function split(text: string): string[][] {
  const parts: string[][] = [];
  let at = 0;
  let trim = false;
  const push = (literal: string, trimEnd: boolean) => {
    const start = trim ? literal.trimStart() : literal;
    parts.push(['text', trimEnd ? start.trimEnd() : start]);
  };
  for (const match of text.matchAll(ACTION)) {
    push(text.slice(at, match.index), match[1] !== undefined);
    const action = match[2] ?? '';
    if (!action.startsWith('/*')) parts.push(['action', action]);
    trim = match[3] !== undefined;
    at = match.index + match[0].length;
  }
  push(text.slice(at), false);
  return parts;
}

class Parser {
  readonly templates = new Map<string, readonly Node[]>();
  private at = 0;
  private tokens: string[] = [];

  constructor(private readonly parts: readonly (readonly string[])[]) {}

  /** Nodes up to one of the closing keywords, which is returned. */
  nodes(): [nodes: Node[], end: string] {
    const nodes: Node[] = [];
    while (this.at < this.parts.length) {
      const [kind, text = ''] = this.parts[this.at++] ?? [];
      if (kind === 'text') {
        nodes.push({ kind: 'text', text });
        continue;
      }
      this.tokens = tokenize(text);
      const keyword = this.tokens[0] ?? '';
      if (keyword === 'end' || keyword === 'else') return [nodes, text];
      nodes.push(...this.statement(keyword));
    }
    return [nodes, ''];
  }

  private statement(keyword: string): Node[] {
    switch (keyword) {
      case 'if':
      case 'range':
      case 'with':
        this.tokens.shift();
        return [this.block(keyword)];
      case 'break':
      case 'continue':
        return [{ kind: 'jump', jump: keyword }];
      case 'define':
      case 'block':
      case 'template': {
        this.tokens.shift();
        const name = JSON.parse(this.tokens.shift() ?? '""') as string;
        const pipeline = this.pipeline();
        if (keyword !== 'template') this.templates.set(name, this.nodes()[0]);
        return keyword === 'define' ? [] : [{ kind: 'template', name, pipeline }];
      }
    }
    const [name = '', sign] = this.tokens;
    if (sign !== ':=' && sign !== '=') return [{ kind: 'print', pipeline: this.pipeline() }];
    this.tokens.splice(0, 2);
    return [{ kind: 'set', name, declares: sign === ':=', pipeline: this.pipeline() }];
  }

  private block(kind: 'if' | 'range' | 'with'): Node {
    const declared = this.tokens.indexOf(':=');
    const names = declared < 0 ? [] : this.tokens.splice(0, declared + 1).filter((token) => token.startsWith('$'));
    const pipeline = this.pipeline();
    const [body, end] = this.nodes();
    let otherwise: readonly Node[] = [];
    if (end.startsWith('else')) {
      this.tokens = tokenize(end).slice(1);
      const next = this.tokens.shift();
      if (next === 'if' || next === 'with') otherwise = [this.block(next)];
      else otherwise = this.nodes()[0];
    }
    return { kind, names, pipeline, body, otherwise };
  }

  private pipeline(): Pipeline {
    const commands: Expression[][] = [[]];
    for (;;) {
      const token = this.tokens.shift();
      if (token === undefined || token === ')') break;
      const command = commands[commands.length - 1] as Expression[];
      if (token === '|') commands.push([]);
      else if (token === '(') {
        const inner = this.pipeline();
        // In these texts a field after a parenthesis belongs to it, and is no further argument.
        const fields = /^\.\w/.test(this.tokens[0] ?? '') ? fieldsOf(this.tokens.shift() ?? '') : [];
        command.push({ kind: 'path', from: inner, fields });
      } else command.push(operand(token));
    }
    return commands.filter((command) => command.length > 0);
  }
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) throw new Error(`cannot parse ${JSON.stringify(text.slice(at, at + 40))}`);
    tokens.push(token);
  }
  return tokens;
}

function fieldsOf(path: string): string[] {
  return path.split('.').filter((field) => field !== '');
}

function operand(token: string): Expression {
  if (token.startsWith('"')) return { kind: 'literal', value: JSON.parse(token) as string };
  if (token.startsWith('`')) return { kind: 'literal', value: token.slice(1, -1) };
  if (/^-?\d/.test(token)) return { kind: 'literal', value: Number(token) };
  if (token === 'true' || token === 'false') return { kind: 'literal', value: token === 'true' };
  if (token === 'nil') return { kind: 'literal', value: null };
  if (!/^[.$]/.test(token)) return { kind: 'call', name: token };
  const [name = ''] = /^\$\w*/.exec(token) ?? ['.'];
  return { kind: 'path', from: name, fields: fieldsOf(token.replace(/^\$\w*/, '')) };
}

/** Whether a condition holds: not for zero values and empty collections. */
export function truth(value: Value): boolean {
  if (value instanceof Map) return value.size > 0;
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && value !== false && value !== 0 && value !== '';
}

/** A value as Go prints it; nothing for an absent one. */
export function printed(value: Value): string {
  return value === null ? '' : String(value);
}

class Scope {
  private readonly values = new Map<string, Value>();
  constructor(private readonly outer: Scope | null) {}

  find(name: string): Value {
    const found = this.values.get(name);
    if (found !== undefined) return found;
    if (this.outer === null) throw new Error(`undefined variable ${name}`);
    return this.outer.find(name);
  }
  declare(name: string, value: Value): void {
    this.values.set(name, value);
  }
  assign(name: string, value: Value): void {
    if (this.values.has(name) || this.outer === null) this.values.set(name, value);
    else this.outer.assign(name, value);
  }
}

/** Renders a template. `data`: the dot. */
export function render(text: string, data: Value, functions: Readonly<Record<string, TemplateFunction>>): string {
  const parser = new Parser(split(text));
  const [nodes] = parser.nodes();
  const out: string[] = [];

  const evaluate = (pipeline: Pipeline, dot: Value, scope: Scope): Value => {
    let last: Value | undefined;
    for (const [head, ...rest] of pipeline) {
      const words = rest.map((each) => operandValue(each, dot, scope));
      if (last !== undefined) words.push(last);
      if (head === undefined) throw new Error('empty command');
      last = head.kind === 'call' ? call(head.name, words) : operandValue(head, dot, scope);
    }
    return last ?? null;
  };
  const call = (name: string, words: readonly Value[]): Value => {
    const found = functions[name];
    if (found === undefined) throw new Error(`unknown function ${name}`);
    return found(...words);
  };
  const operandValue = (expression: Expression, dot: Value, scope: Scope): Value => {
    if (expression.kind === 'literal') return expression.value;
    if (expression.kind === 'call') return call(expression.name, []);
    const { from, fields } = expression;
    let value = typeof from !== 'string' ? evaluate(from, dot, scope) : from === '.' ? dot : scope.find(from);
    for (const field of fields) value = value instanceof Map ? (value.get(field) ?? null) : null;
    return value;
  };

  /** Returns the jump that ended it, if any. */
  const run = (list: readonly Node[], dot: Value, scope: Scope): 'break' | 'continue' | null => {
    for (const node of list) {
      if (node.kind === 'text') out.push(node.text);
      else if (node.kind === 'print') out.push(printed(evaluate(node.pipeline, dot, scope)));
      else if (node.kind === 'set') {
        const value = evaluate(node.pipeline, dot, scope);
        if (node.declares) scope.declare(node.name, value);
        else scope.assign(node.name, value);
      } else if (node.kind === 'jump') return node.jump;
      else if (node.kind === 'template') {
        const body = parser.templates.get(node.name);
        if (body === undefined) throw new Error(`no template ${node.name}`);
        const argument = evaluate(node.pipeline, dot, scope);
        const inner = new Scope(null);
        inner.declare('$', argument);
        run(body, argument, inner);
      } else {
        const jump = node.kind === 'range' ? loop(node, dot, scope) : branch(node, dot, scope);
        if (jump !== null) return jump;
      }
    }
    return null;
  };
  type Block = Extract<Node, { body: unknown }>;
  const branch = (node: Block, dot: Value, outer: Scope): 'break' | 'continue' | null => {
    const scope = new Scope(outer);
    const value = evaluate(node.pipeline, dot, scope);
    for (const name of node.names) scope.declare(name, value);
    const inner = node.kind === 'with' && truth(value) ? value : dot;
    return run(truth(value) ? node.body : node.otherwise, inner, scope);
  };
  const loop = (node: Block, dot: Value, outer: Scope): null => {
    const value = evaluate(node.pipeline, dot, outer);
    const entries: [Value, Value][] =
      value instanceof Map ? [...value].sort(byKey) : Array.isArray(value) ? value.map((each, i) => [i, each]) : [];
    if (entries.length === 0) run(node.otherwise, dot, new Scope(outer));
    for (const [key, each] of entries) {
      const scope = new Scope(outer);
      const [first, second] = node.names;
      if (first !== undefined) scope.declare(first, second === undefined ? each : key);
      if (second !== undefined) scope.declare(second, each);
      if (run(node.body, each, scope) === 'break') break;
    }
    return null;
  };
  const scope = new Scope(null);
  scope.declare('$', data);
  run(nodes, data, scope);
  return out.join('');
}

/** Go visits maps in the order of their keys. */
function byKey([a]: readonly [string, Value], [b]: readonly [string, Value]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
