/** What was written: blocks and statements of a checked configuration with their words and places. */
import type { Statement } from '../../grammar/syntax-tree.js';
import type { BlockRecord } from '../config/block-checker.js';
import type { CheckedBlock, Place } from '../config/checked-config.js';
import { placeOf } from '../config/place.js';
import { headOf } from '../config/statement.js';
import type { Written } from './explanation.js';

/** A statement is shown up to here. */
const LONGEST = 400;

export class WrittenBlocks {
  private readonly byBlock = new Map<CheckedBlock, BlockRecord>();
  private readonly byPlace = new Map<string, Statement>();

  constructor(records: readonly BlockRecord[]) {
    for (const record of records) {
      this.byBlock.set(record.block, record);
      for (const statements of record.statements.values()) {
        for (const statement of statements) this.byPlace.set(keyOf(placeOf(statement)), statement);
      }
    }
  }

  recordOf(block: CheckedBlock): BlockRecord | undefined {
    return this.byBlock.get(block);
  }

  /** The block and those around it, the innermost first. */
  chain(block: CheckedBlock): BlockRecord[] {
    const chain: BlockRecord[] = [];
    for (let at: CheckedBlock | null = block; at !== null; ) {
      const record = this.byBlock.get(at);
      if (record === undefined) break;
      chain.push(record);
      at = record.around;
    }
    return chain;
  }

  /** The head of a block: `location ^~ /ws/`. */
  block(block: CheckedBlock): Written {
    const opener = this.byBlock.get(block)?.opener ?? null;
    return opener === null ? { text: block.directive || 'main', at: null } : this.statement(opener);
  }

  statement(statement: Statement): Written {
    const { source, start, end } = headOf(statement);
    // `location ^~/x{` and line breaks between words are the same to who reads it.
    const text = source.text.slice(start, end).replace(/\s+/g, ' ');
    return {
      text: text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text,
      at: placeOf(statement),
    };
  }

  /** The statement at a place; `name` where it is not known. */
  at(place: Place | null, name: string): Written {
    const statement = place === null ? undefined : this.byPlace.get(keyOf(place));
    return statement === undefined ? { text: name, at: place } : this.statement(statement);
  }
}

function keyOf({ file, line, column }: Place): string {
  return `${line}:${column}:${file}`;
}
