/** Trees of XML documents (https://www.w3.org/TR/xml/, https://www.w3.org/TR/xml-names/) for njs's module `xml`. */
import { SaxesParser } from 'saxes';

export interface XmlAttribute {
  readonly prefix: string;
  readonly name: string;
  /** Namespace; empty: none. */
  readonly ns: string;
  value: string;
}

export class XmlElement {
  children: XmlNode[] = [];
  attributes: XmlAttribute[] = [];
  /** Namespaces declared here, by prefix; empty: the default namespace. */
  readonly declared = new Map<string, string>();

  constructor(
    readonly prefix: string,
    readonly name: string,
    /** Namespace; empty: none. */
    readonly ns: string,
    /** An element that was removed keeps its parent. */
    readonly parent: XmlElement | null,
  ) {}

  get elements(): XmlElement[] {
    return this.children.filter((each) => each instanceof XmlElement);
  }

  /** Its text and that of its descendants. */
  get text(): string {
    let text = '';
    for (const child of this.children) {
      if (child instanceof XmlElement) text += child.text;
      else if (child.kind === 'text') text += child.value;
    }
    return text;
  }

  /** The namespace of a prefix; undefined if it is not declared here or by an ancestor. */
  namespaceOf(prefix: string): string | undefined {
    return this.declared.get(prefix) ?? this.parent?.namespaceOf(prefix);
  }

  /** A copy of it with its descendants. */
  copy(parent: XmlElement | null): XmlElement {
    const copy = new XmlElement(this.prefix, this.name, this.ns, parent);
    for (const [prefix, ns] of this.declared) copy.declared.set(prefix, ns);
    copy.attributes = this.attributes.map((each) => ({ ...each }));
    copy.children = this.children.map((each) => (each instanceof XmlElement ? each.copy(copy) : each));
    return copy;
  }
}

/** `instruction`: the value is its target and its data, separated by a space. */
export interface XmlLeaf {
  readonly kind: 'text' | 'comment' | 'instruction';
  readonly value: string;
}

export type XmlNode = XmlElement | XmlLeaf;

/** The children of a document: one element, and comments and instructions around it. */
export interface XmlTree {
  readonly root: XmlElement;
  readonly before: readonly XmlLeaf[];
  readonly after: readonly XmlLeaf[];
}

/** Maximum depth of a document: trees are processed recursively. The limit of libxml2. */
const MAX_DEPTH = 256;

/** Throws an error with the position of the mistake. */
export function parseXml(text: string): XmlTree {
  const parser = new SaxesParser({ xmlns: true });
  let root: XmlElement | null = null;
  let current: XmlElement | null = null;
  let depth = 0;
  const before: XmlLeaf[] = [];
  const after: XmlLeaf[] = [];
  const add = (leaf: XmlLeaf): void => {
    if (current !== null) current.children.push(leaf);
    else if (leaf.kind !== 'text') (root === null ? before : after).push(leaf);
  };
  parser.on('error', ({ message }) => {
    const [, line = '1', column = '0', reason = message] = /^(\d+):(\d+): (.*)$/s.exec(message) ?? [];
    throw new Error(`failed to parse XML ("${reason}" at ${line}:${column})`);
  });
  parser.on('doctype', (declaration) => {
    // Entities are not expanded: internal ones could be made to fill the memory, external ones to read files.
    for (const [, name = ''] of declaration.matchAll(/<!ENTITY\s+([^\s%]+)\s/g)) parser.ENTITIES[name] ??= '';
  });
  parser.on('opentag', (tag) => {
    if (++depth > MAX_DEPTH) parser.fail('Excessive depth in document');
    const element = new XmlElement(tag.prefix, tag.local, tag.uri, current);
    for (const attribute of Object.values(tag.attributes)) {
      const { prefix, local, uri, value } = attribute;
      if (prefix === 'xmlns') element.declared.set(local === 'xmlns' ? '' : local, value);
      else if (attribute.name === 'xmlns') element.declared.set('', value);
      else element.attributes.push({ prefix, name: local, ns: uri, value });
    }
    current?.children.push(element);
    root ??= element;
    current = element;
  });
  parser.on('closetag', () => {
    depth--;
    current = current?.parent ?? null;
  });
  parser.on('text', (value) => add({ kind: 'text', value }));
  parser.on('cdata', (value) => add({ kind: 'text', value }));
  parser.on('comment', (value) => add({ kind: 'comment', value }));
  parser.on('processinginstruction', ({ target, body }) => {
    add({ kind: 'instruction', value: body === '' ? target : `${target} ${body}` });
  });
  parser.write(text).close();
  // A document without an element is an error of the parser.
  if (root === null) throw new Error('failed to parse XML ("Start tag expected" at 1:1)');
  return { root, before, after };
}
