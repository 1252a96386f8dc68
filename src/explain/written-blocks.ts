/** Blocks and statements of a checked configuration, with their text and positions. */
import type { Statement } from '../../grammar/syntax-tree.js';
import type { BlockRecord } from '../config/block-checker.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Place } from '../config/place.js';
import { placeOf } from '../config/place.js';
import { headOf } from '../config/statement.js';
import type { Written } from './explanation.js';

/** Maximum length of a displayed statement. */
const MAX_LENGTH = 400;

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

  records(): Iterable<BlockRecord> {
    return this.byBlock.values();
  }

  /** The block and its enclosing blocks, the innermost first. */
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
    // Line breaks and repeated blanks between words are normalized.
    const text = source.text.slice(start, end).replace(/\s+/g, ' ');
    return {
      text: text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text,
      at: placeOf(statement),
    };
  }

  /** The statement at a position; `name` if it is unknown. */
  at(place: Place | null, name: string): Written {
    const statement = place === null ? undefined : this.byPlace.get(keyOf(place));
    return statement === undefined ? { text: name, at: place } : this.statement(statement);
  }
}

function keyOf({ file, line, column }: Place): string {
  return `${line}:${column}:${file}`;
}
