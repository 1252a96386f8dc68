/** References to upstreams: in pass directives, and in values of variables that pass directives use as the host. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';
import { type Pass, passesIn } from '../../lints/engine/pass.js';
import type { Scope } from '../../lints/engine/scope.js';
import { contentOf, type Mention, partOf } from './mention.js';

/** @param defined names of upstreams in lower case */
export function* upstreamReferences(main: Scope, defined: ReadonlySet<string>): Generator<Mention> {
  const passes = [...passesIn(main), ...tunnelsIn(main)];
  for (const { word, host, statement } of passes) {
    const at = host.includes('$') ? null : partOf(word, host, word.text.indexOf(host));
    if (at !== null) yield reference(host, at, statement);
  }
  const hosts = new Set(passes.map(({ host }) => /^\$\{?(\w+)\}?$/.exec(host)?.[1]?.toLowerCase()));
  hosts.delete(undefined);
  if (hosts.size === 0) return;
  for (const scope of main.all()) {
    if (scope.kind === 'entries') {
      const variable = scope.opener?.args.at(-1);
      if (variable !== undefined && hosts.has(nameOf(variable))) yield* entries(scope, defined);
    } else {
      for (const statement of scope.own('set')) {
        const [variable, value] = statement.args;
        if (variable !== undefined && value !== undefined && hosts.has(nameOf(variable))) {
          if (defined.has(value.text.toLowerCase())) yield reference(value.text, contentOf(value), statement);
        }
      }
    }
  }
}

function* entries({ statements }: Scope, defined: ReadonlySet<string>): Generator<Mention> {
  for (const statement of statements) {
    const value = statement.args.at(-1);
    if (value !== undefined && defined.has(value.text.toLowerCase())) {
      yield reference(value.text, contentOf(value), statement);
    }
  }
}

function reference(name: string, at: Mention['at'], statement: Statement): Mention {
  return { kind: 'upstream', name: name.toLowerCase(), at, defines: false, server: null, statement };
}

function nameOf({ text }: Word): string {
  return text.replace(/^\$/, '').toLowerCase();
}

/** `tunnel_pass host:port`, which the lints do not examine. */
function tunnelsIn(main: Scope): readonly Pick<Pass, 'word' | 'host' | 'statement'>[] {
  return main.written('tunnel_pass').flatMap(({ statement }) => {
    const [word] = statement.args;
    return word === undefined ? [] : [{ word, host: word.text.replace(/:\d+$/, ''), statement }];
  });
}
