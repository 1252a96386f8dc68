/**
 * njs's module `xml`: documents as objects. `doc.$root` and `doc.NAME` are the root element; of an element, `$name`, `$ns`,
 * `$parent`, `$text`, `$attrs`, `$attr$NAME`, `$tags`, `$tag$NAME` (or `NAME`) and `$tags$NAME`.
 */
import { textOf } from './bytes.js';
import { type CanonicalOptions, canonicalElement, canonicalTree } from './xml-canonical.js';
import { parseXml, XmlElement, type XmlTree } from './xml-tree.js';

/** Objects exposed to scripts, with the nodes that they represent. */
const elements = new WeakMap<object, XmlElement>();
const documents = new WeakMap<object, XmlTree>();
const nodes = new WeakMap<XmlElement, object>();

/** A name without namespace: https://www.w3.org/TR/xml-names/#NT-NCName, or with a prefix. */
const NAME = /^(?:[\p{L}_][\p{L}\p{N}\p{M}_.\u00b7-]*:)?[\p{L}_][\p{L}\p{N}\p{M}_.\u00b7-]*$/u;

/** The object of an element for scripts. */
function nodeOf(element: XmlElement): object {
  const known = nodes.get(element);
  if (known !== undefined) return known;
  const node = new Proxy(Object.create(METHODS) as object, new NodeHandler(element));
  nodes.set(element, node);
  elements.set(node, element);
  return node;
}

/** The element of a script's argument: a node, or the root of a document. */
function elementOf(value: unknown, what: string): XmlElement {
  if (typeof value === 'object' && value !== null) {
    const element = elements.get(value) ?? documents.get(value)?.root;
    if (element !== undefined) return element;
  }
  throw new TypeError(`${what} is not a XMLNode object`);
}

/** Methods of nodes. */
const METHODS = {
  addChild(this: object, node: unknown): void {
    const element = elementOf(this, '"this"');
    element.children.push(adopted(elementOf(node, '"node"'), element));
  },
  removeAllAttributes(this: object): void {
    elementOf(this, '"this"').attributes = [];
  },
  removeAttribute(this: object, name: unknown): void {
    setAttribute(elementOf(this, '"this"'), textOf(name), null);
  },
  removeChildren(this: object, name?: unknown): void {
    removeElements(elementOf(this, '"this"'), name === undefined ? null : textOf(name));
  },
  removeText(this: object): void {
    setText(elementOf(this, '"this"'), null);
  },
  setAttribute(this: object, name: unknown, value: unknown): void {
    setAttribute(elementOf(this, '"this"'), textOf(name), value);
  },
  setText(this: object, text: unknown): void {
    setText(elementOf(this, '"this"'), text);
  },
};

/** A copy of an element for another parent, which declares its namespaces as far as possible. */
function adopted(element: XmlElement, parent: XmlElement): XmlElement {
  const copy = element.copy(parent);
  const scope = new Map(copy.declared);
  for (let outer = element.parent; outer !== null; outer = outer.parent) {
    for (const [prefix, ns] of outer.declared) if (!scope.has(prefix)) scope.set(prefix, ns);
  }
  for (const [prefix, ns] of scope) {
    const known = parent.namespaceOf(prefix);
    if (known === undefined && prefix !== '') parent.declared.set(prefix, ns);
    if (known === ns || (known === undefined && prefix !== '')) copy.declared.delete(prefix);
    else copy.declared.set(prefix, ns);
  }
  return copy;
}

function setText(element: XmlElement, text: unknown): void {
  element.children = [];
  if (text === null || text === undefined) return;
  const value = textOf(text);
  if (value !== '') element.children.push({ kind: 'text', value });
}

/** Null or undefined removes the attribute. */
function setAttribute(element: XmlElement, qualified: string, value: unknown): void {
  if (!NAME.test(qualified)) throw new TypeError(`attribute name "${qualified}" is not valid`);
  const [name = '', prefix = ''] = qualified.split(':').reverse();
  const ns = prefix === 'xml' ? XML : prefix === '' ? '' : (element.namespaceOf(prefix) ?? '');
  const found = element.attributes.find((each) => each.name === name && (prefix === '' || each.prefix === prefix));
  if (value === null || value === undefined) {
    element.attributes = element.attributes.filter((each) => each !== found);
  } else if (found !== undefined) found.value = textOf(value);
  else element.attributes.push({ prefix, name, ns, value: textOf(value) });
}

const XML = 'http://www.w3.org/XML/1998/namespace';

/** Removes child elements of that name; null: all. */
function removeElements(element: XmlElement, name: string | null): void {
  element.children = element.children.filter(
    (each) => !(each instanceof XmlElement && (name === null || each.name === name)),
  );
}

function attributesOf(element: XmlElement): object | undefined {
  if (element.attributes.length === 0) return undefined;
  // Later changes of the element are visible in it.
  return new Proxy(Object.create(null) as object, {
    get: (_, key) => element.attributes.find(({ name }) => name === key)?.value,
    has: (_, key) => element.attributes.some(({ name }) => name === key),
    ownKeys: () => [...new Set(element.attributes.map(({ name }) => name))],
    getOwnPropertyDescriptor(_, key) {
      const value = element.attributes.find(({ name }) => name === key)?.value;
      return value === undefined ? undefined : { value, enumerable: true, configurable: true };
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}

/** Name after a prefix of a property; null if it has another one. */
function after(prefix: string, key: string): string | null {
  return key.startsWith(prefix) ? key.slice(prefix.length) : null;
}

class NodeHandler implements ProxyHandler<object> {
  constructor(private readonly element: XmlElement) {}

  get(target: object, key: string | symbol, receiver: unknown): unknown {
    if (typeof key === 'symbol' || key in target) return Reflect.get(target, key, receiver);
    return this.value(key);
  }

  private value(key: string): unknown {
    const { element } = this;
    switch (key) {
      case '$name':
        return element.name;
      case '$ns':
        return element.ns === '' ? undefined : element.ns;
      case '$parent':
        return element.parent === null ? undefined : nodeOf(element.parent);
      case '$text':
        return element.text;
      case '$attrs':
        return attributesOf(element);
      case '$tags':
        return element.elements.map(nodeOf);
    }
    const attribute = after('$attr$', key);
    if (attribute !== null) return element.attributes.find(({ name }) => name === attribute)?.value;
    const tags = after('$tags$', key);
    if (tags !== null) return element.elements.filter(({ name }) => name === tags).map(nodeOf);
    const tag = after('$tag$', key) ?? key;
    const child = element.elements.find(({ name }) => name === tag);
    return child === undefined ? undefined : nodeOf(child);
  }

  has(target: object, key: string | symbol): boolean {
    return key in target || (typeof key === 'string' && this.value(key) !== undefined);
  }

  ownKeys(): string[] {
    const { ns, attributes, children, elements: tags } = this.element;
    const [first] = children;
    const keys = ['$name'];
    if (ns !== '') keys.push('$ns');
    if (attributes.length > 0) keys.push('$attrs');
    if (first !== undefined && !(first instanceof XmlElement)) keys.push('$text');
    if (tags.length > 0) keys.push('$tags');
    return keys;
  }

  getOwnPropertyDescriptor(_target: object, key: string | symbol): PropertyDescriptor | undefined {
    const value = typeof key === 'string' ? this.value(key) : undefined;
    return value === undefined ? undefined : { value, enumerable: true, configurable: true, writable: true };
  }

  set(_target: object, key: string | symbol, value: unknown): boolean {
    if (typeof key === 'symbol') return false;
    const { element } = this;
    const attribute = after('$attr$', key);
    if (attribute !== null) setAttribute(element, attribute, value);
    else if (key === '$text') setText(element, value);
    else {
      const name = key === '$tags' ? '' : after('$tags$', key);
      if (name === null) return false;
      setTags(element, name === '' ? null : name, value);
    }
    return true;
  }

  defineProperty(): boolean {
    return false;
  }

  deleteProperty(_target: object, key: string | symbol): boolean {
    if (typeof key === 'symbol') return false;
    const attribute = after('$attr$', key);
    if (attribute !== null) setAttribute(this.element, attribute, null);
    else if (key === '$text') setText(this.element, null);
    else if (key === '$tags') removeElements(this.element, null);
    else removeElements(this.element, after('$tags$', key) ?? after('$tag$', key) ?? key);
    return true;
  }
}

/** Replaces the child elements, or those of a name, by copies of nodes. */
function setTags(element: XmlElement, name: string | null, value: unknown): void {
  if (!Array.isArray(value)) throw new TypeError('setter argument is not an array');
  const added = (value as readonly unknown[]).map((each) => elementOf(each, 'setter array element'));
  removeElements(element, name);
  for (const each of added) element.children.push(adopted(each, element));
}

/** A document for scripts: its own property is the root element by name. */
function documentOf(tree: XmlTree): object {
  const { root } = tree;
  const document = new Proxy(Object.create(null) as object, {
    get: (_, key) => (key === '$root' || key === root.name ? nodeOf(root) : undefined),
    has: (_, key) => key === '$root' || key === root.name,
    ownKeys: () => [root.name],
    getOwnPropertyDescriptor(_, key) {
      return key === root.name ? { value: nodeOf(root), enumerable: true, configurable: true } : undefined;
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
  documents.set(document, tree);
  return document;
}

function serialized(value: unknown, options: CanonicalOptions): string {
  const tree = typeof value === 'object' && value !== null ? documents.get(value) : undefined;
  if (tree !== undefined) return canonicalTree(tree, options);
  if (typeof value === 'object' && value !== null) {
    const element = elements.get(value);
    if (element !== undefined) return canonicalElement(element, options);
  }
  throw new TypeError('"this" is not XMLNode object');
}

const INCLUSIVE: CanonicalOptions = { exclusive: false, comments: false, excluded: null, prefixes: new Set() };

export const xml = {
  parse: (source: unknown): object => documentOf(parseXml(textOf(source))),
  c14n: (root: unknown): Buffer => Buffer.from(serialized(root, INCLUSIVE)),
  exclusiveC14n(root: unknown, excluding?: unknown, comments?: unknown, prefixes?: unknown): Buffer {
    const list = prefixes === undefined || prefixes === null ? '' : textOf(prefixes);
    return Buffer.from(
      serialized(root, {
        exclusive: true,
        comments: Boolean(comments),
        excluded: excluding === undefined || excluding === null ? null : elementOf(excluding, '"excluding" argument'),
        prefixes: new Set(
          list
            .split(/\s+/)
            .filter((each) => each !== '')
            .map((each) => (each === '#default' ? '' : each)),
        ),
      }),
    );
  },
  serialize: (root: unknown): Buffer => Buffer.from(serialized(root, INCLUSIVE)),
  serializeToString: (root: unknown): string => serialized(root, INCLUSIVE),
};
