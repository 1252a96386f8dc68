/** Sentences with names between backticks. */
import { type Child, h } from './dom.js';

export function inlineCode(text: string): Child[] {
  return text.split('`').map((part, i) => (i % 2 === 1 ? h('code', {}, part) : part));
}
