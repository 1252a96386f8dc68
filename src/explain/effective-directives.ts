/** Directives in effect in a block, written there or inherited, and the ones they override. */

import type { Statement } from '../../grammar/syntax-tree.js';
import type { BlockRecord } from '../config/block-checker.js';
import type { Catalogue, Declared } from '../config/catalogue.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Context } from '../config/directive.js';
import { isInherited } from '../config/inheritance.js';
import type { DirectiveInForce, Written } from './explanation.js';
import type { WrittenBlocks } from './written-blocks.js';

/** Contexts whose directives concern requests. */
const REQUEST_CONTEXTS: readonly Context[] = ['server', 'location', 'if in location', 'limit_except'];

/** Statements of a directive in one block. */
interface Level {
  readonly record: BlockRecord;
  readonly statements: readonly Statement[];
}

type Phases = DirectiveInForce['phases'];

/** @param phasesOf phases in which the module of a directive runs in the block because of it; null if it does not run */
export function effectiveDirectives(
  block: CheckedBlock,
  written: WrittenBlocks,
  catalogue: Catalogue,
  phasesOf: (declared: Declared) => Phases | null,
): DirectiveInForce[] {
  const chain = written.chain(block);
  const found = new Map<string, { declared: Declared; levels: Level[] }>();
  for (const record of chain) {
    for (const [name, statements] of record.statements) {
      const declared = catalogue.find(name, record.block.context);
      if (declared === undefined || !isRelevant(declared)) continue;
      const key = `${declared.module.name} ${name}`;
      const entry = found.get(key);
      if (entry === undefined) found.set(key, { declared, levels: [{ record, statements }] });
      else entry.levels.push({ record, statements });
    }
  }
  const inForce: DirectiveInForce[] = [];
  for (const { declared, levels } of found.values()) {
    const inheritable = levels.filter(({ record }) => isInheritable(declared, record, chain));
    const effective = effectiveLevels(declared, inheritable, block, chain, catalogue);
    const [first] = effective;
    if (first === undefined) continue;
    const overridden = inheritable.filter((level) => !effective.includes(level));
    const phases = phasesOf(declared);
    inForce.push({
      directive: declared.name,
      module: declared.module.name,
      phases: phases ?? [],
      used: phases !== null,
      statements: allOf(effective, written),
      from: written.block(first.record.block),
      inherited: first.record.block !== block,
      overrides: allOf(overridden, written),
    });
  }
  return inForce;
}

function isRelevant({ spec }: Declared): boolean {
  if (spec.noEffect !== undefined) return false;
  // A block of directives contains the request and is not applied to it; an `if` is a step of the rewrite script.
  if (spec.body !== undefined && 'context' in spec.body && spec.step !== true) return false;
  return spec.contexts.some((context) => REQUEST_CONTEXTS.includes(context));
}

/** Whether a directive of an enclosing block would apply to this one if no block in between overrides it. */
function isInheritable({ spec }: Declared, { block: from }: BlockRecord, chain: readonly BlockRecord[]): boolean {
  const end = chain.findIndex((record) => record.block === from);
  return chain
    .slice(0, end)
    .every(({ block: { context } }, i) => isInherited(spec, (chain[i + 1]?.block ?? from).context, context));
}

/** The levels in effect, the innermost first. */
function effectiveLevels(
  { name, module, spec }: Declared,
  levels: readonly Level[],
  block: CheckedBlock,
  chain: readonly BlockRecord[],
  catalogue: Catalogue,
): readonly Level[] {
  const nearest = levels.slice(0, 1);
  if (spec.inherit === 'append') return levels;
  if (spec.step === true) {
    // The steps of one module form one list (`allow` and `deny`): only the innermost block with any of them applies.
    const owner = chain.find(({ statements, block: { context } }) =>
      [...statements.keys()].some((other) => {
        const declared = catalogue.find(other, context);
        return declared?.module === module && declared.spec.step === true && declared.spec.inherit !== 'none';
      }),
    );
    return nearest.filter(({ record }) => spec.inherit === 'none' || record === owner);
  }
  // In nginx a separate directive (`…_inherit`) merges some lists with those of enclosing blocks.
  const rule = block.values[`${name}_inherit`];
  if (rule === 'off') return nearest.filter(({ record }) => record.block === block);
  if (rule === 'merge') return levels;
  return nearest;
}

function allOf(levels: readonly Level[], written: WrittenBlocks): Written[] {
  // If several apply, the outer ones come first.
  return [...levels].reverse().flatMap(({ statements }) => statements.map((each) => written.statement(each)));
}
