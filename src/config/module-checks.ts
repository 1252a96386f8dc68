/** Runs the modules' own checks on the blocks that contain their directives. */
import { isStatement, type Span, type Statement } from '../../grammar/syntax-tree.js';
import type { Code } from '../diagnostics/codes.js';
import type { BlockRecord } from './block-checker.js';
import type { CheckState } from './check-state.js';
import type { CheckedBlock, CheckedConfig } from './checked-config.js';
import type { FindingOptions } from './directive.js';
import { knownDirectives } from './foreign/known-directives.js';
import { type CheckContext, type GivenScripts, givenScripts, type ModuleDeclaration } from './module-declaration.js';
import type { ConfigReader } from './reader.js';

/** Yields after each block. */
export function* runModuleChecks(
  modules: readonly ModuleDeclaration[],
  config: CheckedConfig,
  records: readonly BlockRecord[],
  state: CheckState,
  reader: ConfigReader,
): Generator<void, void> {
  const whole = new WholeConfig(config, records, state, reader, givenScripts(modules));
  const checking = modules.filter(({ check }) => check !== undefined);
  for (const record of records) {
    const view = new BlockView(whole, record);
    for (const module of checking) {
      if (record.modules.has(module.name)) module.check?.(record.block, view);
    }
    yield;
  }
}

/** Data shared by all checks of one configuration. */
class WholeConfig {
  readonly byBlock = new Map<CheckedBlock, BlockRecord>();
  readonly byDirective = new Map<string, CheckedBlock[]>();

  constructor(
    readonly config: CheckedConfig,
    records: readonly BlockRecord[],
    readonly state: CheckState,
    readonly reader: ConfigReader,
    readonly scripts: GivenScripts,
  ) {
    for (const record of records) {
      const { block } = record;
      this.byBlock.set(block, record);
      const others = this.byDirective.get(block.directive);
      if (others === undefined) {
        this.byDirective.set(block.directive, [block]);
      } else {
        others.push(block);
      }
    }
  }
}

class BlockView implements CheckContext {
  constructor(
    private readonly whole: WholeConfig,
    private readonly record: BlockRecord,
  ) {}

  get config(): CheckedConfig {
    return this.whole.config;
  }
  get reader(): ConfigReader {
    return this.whole.reader;
  }
  get scripts(): GivenScripts {
    return this.whole.scripts;
  }
  get enclosing(): CheckedBlock | null {
    return this.record.around;
  }
  get opener(): Statement | null {
    return this.record.opener;
  }
  all(directive: string): readonly CheckedBlock[] {
    return this.whole.byDirective.get(directive) ?? [];
  }
  statements(directive: string): readonly Statement[] {
    return this.record.statements.get(directive) ?? [];
  }
  around(block: CheckedBlock): CheckedBlock | null {
    return this.whole.byBlock.get(block)?.around ?? null;
  }
  openerOf(block: CheckedBlock): Statement | null {
    return this.whole.byBlock.get(block)?.opener ?? null;
  }
  hasForeign(block: CheckedBlock): boolean {
    const written = this.openerOf(block)?.block?.items.filter(isStatement) ?? [];
    return written.some(({ name }) => {
      const known = knownDirectives(name.text);
      return known.length > 0 && known.every(({ maker }) => maker !== 'nginx');
    });
  }
  report(at: Span, code: Code, message: string, options?: FindingOptions): void {
    this.whole.state.report(at, code, message, options);
  }
}
