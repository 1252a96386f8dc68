/** Canonical XML: https://www.w3.org/TR/xml-c14n/ and https://www.w3.org/TR/xml-exc-c14n/. */
import { type XmlAttribute, XmlElement, type XmlLeaf, type XmlNode, type XmlTree } from './xml-tree.js';

export interface CanonicalOptions {
  readonly exclusive: boolean;
  readonly comments: boolean;
  /** An element that is omitted. */
  readonly excluded: XmlElement | null;
  /** Prefixes that exclusive canonicalization treats as the inclusive one does; empty: the default namespace. */
  readonly prefixes: ReadonlySet<string>;
}

/** Namespaces by prefix. */
type Namespaces = ReadonlyMap<string, string>;

const XML = 'http://www.w3.org/XML/1998/namespace';
const NONE: Namespaces = new Map();

/** Serializes a document. */
export function canonicalTree({ root, before, after }: XmlTree, options: CanonicalOptions): string {
  const outside = (leaf: XmlLeaf): string[] => {
    const text = leafOf(leaf, options);
    return text === '' ? [] : [text];
  };
  return [...before.flatMap(outside), canonicalElement(root, options), ...after.flatMap(outside)].join('\n');
}

/** Serializes an element with its descendants. */
export function canonicalElement(element: XmlElement, options: CanonicalOptions): string {
  return new Canonicalizer(element, options).run();
}

function leafOf({ kind, value }: XmlLeaf, { comments }: CanonicalOptions): string {
  if (kind === 'text') return escapeText(value);
  if (kind === 'instruction') return `<?${value}?>`;
  return comments ? `<!--${value}-->` : '';
}

class Canonicalizer {
  private readonly parts: string[] = [];

  constructor(
    private readonly apex: XmlElement,
    private readonly options: CanonicalOptions,
  ) {}

  run(): string {
    this.element(this.apex, inScope(this.apex.parent), NONE);
    return this.parts.join('');
  }

  private node(node: XmlNode, scope: Namespaces, rendered: Namespaces): void {
    if (node instanceof XmlElement) this.element(node, scope, rendered);
    else this.parts.push(leafOf(node, this.options));
  }

  /** `rendered`: namespaces that the output declares for the element. */
  private element(element: XmlElement, outer: Namespaces, rendered: Namespaces): void {
    if (element === this.options.excluded) return;
    const scope = element.declared.size === 0 ? outer : new Map([...outer, ...element.declared]);
    const declarations = this.declarations(element, scope, rendered);
    const name = qualified(element);
    this.parts.push(`<${name}`);
    for (const [prefix, ns] of declarations) {
      this.parts.push(` xmlns${prefix === '' ? '' : `:${prefix}`}="${escapeValue(ns)}"`);
    }
    for (const attribute of this.attributes(element)) {
      this.parts.push(` ${qualified(attribute)}="${escapeValue(attribute.value)}"`);
    }
    this.parts.push('>');
    const next = declarations.length === 0 ? rendered : new Map([...rendered, ...declarations]);
    for (const child of element.children) this.node(child, scope, next);
    this.parts.push(`</${name}>`);
  }

  /** Namespace declarations of an element that its ancestors in the output do not have, in canonical order. */
  private declarations(element: XmlElement, scope: Namespaces, rendered: Namespaces): [string, string][] {
    const { exclusive, prefixes } = this.options;
    const used = new Set(exclusive ? usedPrefixes(element) : scope.keys());
    if (exclusive) for (const prefix of prefixes) if (scope.has(prefix)) used.add(prefix);
    if (!scope.has('') && rendered.has('') && (!exclusive || element.prefix === '')) used.add('');
    const declarations: [string, string][] = [];
    for (const prefix of used) {
      if (prefix === 'xml') continue;
      const ns = scope.get(prefix) ?? '';
      if (ns !== (rendered.get(prefix) ?? '')) declarations.push([prefix, ns]);
    }
    return declarations.sort(([a], [b]) => compare(a, b));
  }

  private attributes(element: XmlElement): XmlAttribute[] {
    const attributes = [...element.attributes];
    if (!this.options.exclusive && element === this.apex) attributes.push(...inheritedXmlAttributes(element));
    return attributes.sort((a, b) => compare(a.ns, b.ns) || compare(a.name, b.name));
  }
}

/** Prefixes that an element and its attributes have. */
function usedPrefixes({ prefix, attributes }: XmlElement): string[] {
  return [prefix, ...attributes.flatMap((each) => (each.prefix === '' ? [] : [each.prefix]))];
}

/** Namespaces in scope of an element. */
function inScope(element: XmlElement | null): Namespaces {
  return element === null ? NONE : new Map([...inScope(element.parent), ...element.declared]);
}

/** Attributes such as `xml:lang` of the ancestors, of which the nearest counts. */
function inheritedXmlAttributes(element: XmlElement): XmlAttribute[] {
  const names = new Set(element.attributes.filter(({ ns }) => ns === XML).map(({ name }) => name));
  const inherited: XmlAttribute[] = [];
  for (let { parent } = element; parent !== null; { parent } = parent) {
    for (const attribute of parent.attributes) {
      if (attribute.ns !== XML || names.has(attribute.name)) continue;
      names.add(attribute.name);
      inherited.push(attribute);
    }
  }
  return inherited;
}

function qualified({ prefix, name }: { readonly prefix: string; readonly name: string }): string {
  return prefix === '' ? name : `${prefix}:${name}`;
}

/** Order of code points. */
function compare(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const TEXT: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };
const VALUE: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>\r]/g, (c) => TEXT[c] ?? c);
}

function escapeValue(text: string): string {
  return text.replace(/[&<"\t\n\r]/g, (c) => VALUE[c] ?? c);
}
