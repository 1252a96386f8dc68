/** Reference data of a directive, shared by `docs/directives/` and `tsproxy help`. */
import type { Context, DirectiveSpec } from './directive.js';
import { knownDirectives } from './foreign/known-directives.js';
import { nginxVersionOf } from './nginx-versions.js';
import { installCommand } from './optional-package.js';

export interface DirectiveFacts {
  /** `root path;`, `map string $variable { ... }`. */
  readonly syntax: string;
  /** As written in a configuration; null if there is none. */
  readonly default: string | null;
  readonly contexts: readonly Context[];
  /** May be repeated in one block. */
  readonly repeat: boolean;
  /** Origin: `nginx 1.3.13`; `nginx` if the version is unknown; null for a directive that nginx does not have. */
  readonly since: string | null;
  readonly doc: string;
  /** Differences from nginx, with their headings. */
  readonly remarks: readonly { readonly heading: string; readonly text: string }[];
  /** Includes the directives that it depends on. */
  readonly example: string;
}

/** @param module name of the declaring module */
export function factsOf(module: string, name: string, spec: DirectiveSpec): DirectiveFacts {
  const { takes, packages, noEffect, noEffectParameters = {}, differs } = spec;
  const ineffective = Object.entries(noEffectParameters);
  const remarks = [
    ...(packages === undefined ? [] : [{ heading: 'Needs', text: `\`${installCommand(packages)}\`` }]),
    ...(noEffect === undefined ? [] : [{ heading: 'Accepted without effect.', text: noEffect }]),
    ...(ineffective.length === 0 ? [] : [{ heading: 'Parameters without effect.', text: parametersText(ineffective) }]),
    ...(differs === undefined ? [] : [{ heading: 'Differs from nginx.', text: differs }]),
  ];
  return {
    syntax: `${name}${takes.syntax === '' ? '' : ` ${takes.syntax}`}${spec.body === undefined ? ';' : ' { ... }'}`,
    default: spec.default === undefined ? null : `${name} ${spec.default};`,
    contexts: spec.contexts,
    repeat: spec.repeat === true,
    since: sinceOf(module, name),
    doc: spec.doc,
    remarks,
    example: [spec.exampleNeeds, spec.example].filter((text) => text !== undefined).join('\n'),
  };
}

function sinceOf(module: string, name: string): string | null {
  if (!knownDirectives(name).some(({ maker }) => maker === 'nginx')) return null;
  const version = nginxVersionOf(name, module);
  return version === null ? 'nginx' : `nginx ${version}`;
}

/** A family of variables is shown with a placeholder for the rest of its name. */
export function variableName(name: string): string {
  return `$${name.endsWith('*') ? `${name.slice(0, -1)}NAME` : name}`;
}

/** Parameters by reason: "`a`, `b`: Reason. `c`: Another reason." */
function parametersText(parameters: readonly (readonly [name: string, reason: string])[]): string {
  const reasons = [...new Set(parameters.map(([, reason]) => reason))];
  return reasons
    .map((reason) => {
      const names = parameters.filter((each) => each[1] === reason).map(([name]) => `\`${name}\``);
      return `${names.join(', ')}: ${reason}`;
    })
    .join(' ');
}
