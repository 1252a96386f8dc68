/** The directives that hold in a block: written there or inherited, and what they put aside. */
import type { Statement } from '../../grammar/syntax-tree.js';
import type { BlockRecord } from '../config/block-checker.js';
import type { Catalogue, Declared } from '../config/catalogue.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Context } from '../config/directive.js';
import type { DirectiveInForce, Written } from './explanation.js';
import type { WrittenBlocks } from './written-blocks.js';

/** Directives of other contexts say nothing about a request. */
const OF_REQUESTS: readonly Context[] = ['server', 'location', 'if in location', 'limit_except'];

/** What one block says of a directive. */
interface Level {
  readonly record: BlockRecord;
  readonly statements: readonly Statement[];
}

type Phases = DirectiveInForce['phases'];

/** `phasesOf`: where the module of a directive has something to do in the block because of it; null where it has nothing to do. */
export function directivesInForce(
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
      if (declared === undefined || !saysSomething(declared)) continue;
      const key = `${declared.module.name} ${name}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { declared, levels: [{ record, statements }] });
      else known.levels.push({ record, statements });
    }
  }
  const inForce: DirectiveInForce[] = [];
  for (const { declared, levels } of found.values()) {
    const reaching = levels.filter(({ record }) => reaches(declared, record, block, chain));
    const holding = holds(declared, reaching, block, chain, catalogue);
    const [first] = holding;
    if (first === undefined) continue;
    const over = reaching.filter((level) => !holding.includes(level));
    const phases = phasesOf(declared);
    inForce.push({
      directive: declared.name,
      module: declared.module.name,
      phases: phases ?? [],
      used: phases !== null,
      statements: allOf(holding, written),
      from: written.block(first.record.block),
      inherited: first.record.block !== block,
      overrides: allOf(over, written),
    });
  }
  return inForce;
}

function saysSomething({ spec }: Declared): boolean {
  if (spec.noEffect !== undefined) return false;
  // A block of directives is what a request is in, not what it meets; an `if` is among the steps of its script.
  if (spec.body !== undefined && 'context' in spec.body && spec.step !== true) return false;
  return spec.contexts.some((context) => OF_REQUESTS.includes(context));
}

/** Whether what is written in a block around would hold in this one, if nothing came between. */
function reaches(
  { spec }: Declared,
  { block: from }: BlockRecord,
  block: CheckedBlock,
  chain: readonly BlockRecord[],
): boolean {
  if (from === block) return true;
  if (spec.inherit === 'none') return false;
  if (spec.inherit === 'noname') {
    // Only the nameless blocks of the location have it.
    const between = chain.slice(
      0,
      chain.findIndex((record) => record.block === from),
    );
    return between.every(({ block: { context } }) => context === 'if in location' || context === 'limit_except');
  }
  return true;
}

/** Which of the levels hold, the innermost first. */
function holds(
  { name, module, spec }: Declared,
  levels: readonly Level[],
  block: CheckedBlock,
  chain: readonly BlockRecord[],
  catalogue: Catalogue,
): readonly Level[] {
  const nearest = levels.slice(0, 1);
  if (spec.inherit === 'append') return levels;
  if (spec.step === true) {
    // Steps of one module are one list (`allow` and `deny`): the innermost block that has any of them has all that hold.
    const owner = chain.find(({ statements, block: { context } }) =>
      [...statements.keys()].some((other) => {
        const declared = catalogue.find(other, context);
        return declared?.module === module && declared.spec.step === true && declared.spec.inherit !== 'none';
      }),
    );
    return nearest.filter(({ record }) => spec.inherit === 'none' || record === owner);
  }
  // nginx lets some lists be merged with those around, by a directive of their own.
  const rule = block.values[`${name}_inherit`];
  if (rule === 'off') return nearest.filter(({ record }) => record.block === block);
  if (rule === 'merge') return levels;
  return nearest;
}

function allOf(levels: readonly Level[], written: WrittenBlocks): Written[] {
  // The outer ones come first where several hold.
  return [...levels].reverse().flatMap(({ statements }) => statements.map((each) => written.statement(each)));
}
