/** Creates elements, and updates a displayed tree to match a new one. */

export type Child = Node | string | number | null | undefined | false | readonly Child[];

type Listener = (event: Event) => void;

/** Attributes; `on` holds listeners, `false` and null omit an attribute, `true` sets it without a value. */
export interface Attributes {
  readonly on?: Readonly<Record<string, Listener>>;
  readonly [name: string]: string | number | boolean | null | undefined | Readonly<Record<string, Listener>>;
}

function assign(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'object') {
      for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    } else element.setAttribute(name, value === true ? '' : String(value));
  }
}

function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.append(child instanceof Node ? child : String(child));
  }
}

/** An HTML element. Texts become text nodes, never markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  assign(element, attributes);
  append(element, children);
  return element;
}

/** An SVG element. */
export function svg(tag: string, attributes: Attributes = {}, ...children: readonly Child[]): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  assign(element, attributes);
  append(element, children);
  return element;
}

/** Replaces the children of an element. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** Sets the text of an element if it differs, so that an unchanged one costs no layout. */
export function setText(element: Element, text: string): void {
  const node = element.firstChild;
  if (node === null) {
    if (text !== '') element.append(text);
  } else if (node.nodeType === Node.TEXT_NODE && node.nextSibling === null) {
    if ((node as Text).data !== text) (node as Text).data = text;
  } else element.textContent = text;
}

/** Sets the class of an element if it differs. */
export function setClass(element: Element, name: string): void {
  if (element.getAttribute('class') !== name) element.setAttribute('class', name);
}

/**
 * Makes the children of `shown` equal to those of `wanted`, changing as little as possible: focus, selection and scroll
 * positions remain. Listeners of `wanted` are not taken over: use it for trees whose listeners are on an ancestor.
 * Elements with the attribute `data-key` are matched by it.
 */
export function morph(shown: Element, wanted: Element): void {
  const keyed = new Map<string, Element>();
  for (const child of shown.children) {
    const key = child.getAttribute('data-key');
    if (key !== null) keyed.set(key, child);
  }
  let place: ChildNode | null = shown.firstChild;
  for (const next of [...wanted.childNodes]) {
    const key = next instanceof Element ? next.getAttribute('data-key') : null;
    const same = key === null ? place : (keyed.get(key) ?? null);
    if (same === null || !isAlike(same, next)) {
      shown.insertBefore(next, place);
      continue;
    }
    if (same === place) place = place.nextSibling;
    else shown.insertBefore(same, place);
    if (same instanceof Element) {
      morphAttributes(same, next as Element);
      morph(same, next as Element);
    } else if (same.nodeValue !== next.nodeValue) same.nodeValue = next.nodeValue;
  }
  while (place !== null) {
    const rest: ChildNode | null = place.nextSibling;
    place.remove();
    place = rest;
  }
}

function isAlike(a: Node, b: Node): boolean {
  if (a.nodeType !== b.nodeType || a.nodeName !== b.nodeName) return false;
  if (!(a instanceof Element) || !(b instanceof Element)) return true;
  return a.getAttribute('data-key') === b.getAttribute('data-key');
}

function morphAttributes(shown: Element, wanted: Element): void {
  for (const { name, value } of wanted.attributes) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
  for (const { name } of [...shown.attributes]) {
    // The user opens and closes these, and code sets their sizes.
    if (!wanted.hasAttribute(name) && name !== 'open' && name !== 'style') shown.removeAttribute(name);
  }
}
