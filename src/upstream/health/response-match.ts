/** Conditions that the response to a health check must satisfy: a `match` block. */
import type { HttpExchange } from '../../exchange/exchange.js';
import type { HeaderBlock } from '../../http/header-block.js';
import type { CompiledPattern, Compiler } from '../../program/module.js';
import type { Template } from '../../program/template.js';
import type { FieldTestData, MatchData, StatusTest } from './settings.js';

/** Bytes of a body that are read and examined, as in nginx Plus. */
export const EXAMINED = 256 << 10;

interface FieldCondition extends FieldTestData {
  /** Name of the field in lower case. */
  readonly lower: string;
  readonly compiled: CompiledPattern | null;
}

/** Test if there is no `match` block: 2xx or 3xx. */
const DEFAULT_STATUS: StatusTest = { negated: false, ranges: [[200, 399]] };

export class ResponseMatch {
  private readonly statuses: readonly StatusTest[];
  private readonly fields: readonly FieldCondition[];
  private readonly bodies: readonly { readonly negated: boolean; readonly pattern: CompiledPattern }[];
  private readonly required: readonly Template[];

  /** `data` null: the default conditions. */
  constructor(data: MatchData | null, compiler: Compiler) {
    this.statuses = data?.status ?? [DEFAULT_STATUS];
    this.fields = (data?.header ?? []).map((test) => ({
      ...test,
      lower: test.name.toLowerCase(),
      compiled: test.pattern === null ? null : compiler.pattern(test.pattern),
    }));
    this.bodies = (data?.body ?? []).map(({ negated, pattern }) => ({ negated, pattern: compiler.pattern(pattern) }));
    this.required = (data?.require ?? []).map((each) => compiler.template(each));
  }

  /** Whether a condition examines the body. */
  get examinesBody(): boolean {
    return this.bodies.length > 0;
  }

  /**
   * Returns the activity that failed, in nginx's words, and the reason; null if the response satisfies all conditions.
   * May throw MatchFailed. `body`: a byte string.
   */
  failure(x: HttpExchange, status: number, headers: HeaderBlock, body: string): string | null {
    if (this.statuses.some((test) => inRanges(status, test) === test.negated))
      return `checking status code (the status is ${status})`;
    for (const condition of this.fields) {
      if (!fieldPasses(x, headers, condition)) return `checking "${condition.name}" header`;
    }
    if (this.bodies.some(({ negated, pattern }) => pattern.test(x, body) === negated)) return 'checking response body';
    for (const template of this.required) {
      const value = template.of(x);
      if (value === '' || value === '0') return 'checking required variables';
    }
    return null;
  }
}

function inRanges(status: number, { ranges }: StatusTest): boolean {
  return ranges.some(([from, to]) => status >= from && status <= to);
}

/** As in nginx Plus, a field that is compared must be present. */
function fieldPasses(x: HttpExchange, headers: HeaderBlock, condition: FieldCondition): boolean {
  const { lower, test, negated, value, compiled } = condition;
  const values = headers.all(lower);
  if (test === 'present') return values.length > 0 !== negated;
  if (values.length === 0) return false;
  const matches = values.some((each) => (compiled === null ? each === value : compiled.test(x, each)));
  return matches !== negated;
}
