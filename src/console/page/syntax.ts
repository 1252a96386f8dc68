/** Syntax highlighting of configuration text: comments, names of directives, variables and quoted text. Line by line. */
import { h } from './dom.js';

const TOKEN = /(#.*$)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\$\{?\w+\}?)|([{};])|([^\s"'{};$#][^\s"'{};$]*)|(\s+|.)/g;

export class Highlighter {
  /** Whether the next word begins a statement. */
  private start = true;

  line(text: string): Node[] {
    const nodes: Node[] = [];
    let plain = '';
    const push = (name: string, token: string): void => {
      if (plain !== '') nodes.push(document.createTextNode(plain));
      plain = '';
      nodes.push(h('span', { class: name }, token));
    };
    for (const [token, comment, quoted, variable, mark, word] of text.matchAll(TOKEN)) {
      if (comment !== undefined) push('code-comment', token);
      else if (quoted !== undefined) push('code-quoted', token);
      else if (variable !== undefined) push('code-variable', token);
      else if (word !== undefined && this.start) push('code-name', token);
      else plain += token;
      if (mark !== undefined) this.start = true;
      else if (quoted !== undefined || variable !== undefined || word !== undefined) this.start = false;
    }
    if (plain !== '') nodes.push(document.createTextNode(plain));
    return nodes;
  }
}
