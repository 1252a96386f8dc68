/** nginx's consistency rules for buffer and file sizes of one family of directives (`proxy_…`). */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { CheckContext } from '../../config/module-declaration.js';

/** nginx's default: a memory page on most machines, in bytes. */
const PAGE = 4096;
const NUMBER = 8;

type Values = CheckedBlock['values'];

/** Directive names without the prefix. */
const NAMES = ['buffer_size', 'buffers', 'busy_buffers_size', 'temp_file_write_size', 'max_temp_file_size'] as const;
type Name = (typeof NAMES)[number];

interface Conflict {
  readonly about: Name;
  readonly message: string;
  readonly help: string;
}

/** Checks the sizes that apply in a block; reports conflicts at a directive of the block. nginx: ngx_http_proxy_merge_loc_conf. */
export function checkBufferSizes(prefix: string, block: CheckedBlock, c: CheckContext): void {
  const written = NAMES.filter((name) => c.statements(prefix + name).length > 0);
  const [first] = written;
  if (first === undefined) return;
  const conflict = conflictIn(prefix, block, c);
  if (conflict === null) return;
  const { about, message, help } = conflict;
  const name = written.includes(about) ? about : first;
  c.report(c.statements(prefix + name)[0] as Statement, 'conflicting-directives', message, { help }); // `first` or `about` is in the block
}

function conflictIn(prefix: string, block: CheckedBlock, c: CheckContext): Conflict | null {
  if (block.context === 'http') {
    // Values of http are not checked by themselves, but merged into servers that set none.
    const inheriting = c.all('server').filter(({ own }) => !NAMES.some((name) => own.includes(prefix + name)));
    return inheriting[0] === undefined ? null : conflictOf(prefix, inheriting[0].values);
  }
  const { enclosing } = c;
  if (enclosing !== null && enclosing.context !== 'http' && conflictOf(prefix, enclosing.values) !== null) return null;
  return conflictOf(prefix, block.values);
}

function conflictOf(prefix: string, values: Values): Conflict | null {
  const value = (name: Name): number | undefined => values[prefix + name] as number | undefined;
  const [number, size] = (values[`${prefix}buffers`] as readonly [number, number] | undefined) ?? [NUMBER, PAGE];
  const largest = Math.max(value('buffer_size') ?? PAGE, size);
  const maximum = `the maximum of the value of "${prefix}buffer_size" and one of the "${prefix}buffers"`;
  const busy = value('busy_buffers_size') ?? 2 * largest;
  if (busy < largest) {
    return {
      about: 'busy_buffers_size',
      message: `"${prefix}busy_buffers_size" must be equal to or greater than ${maximum}`,
      help: `at least ${largest} bytes`,
    };
  }
  if (busy > (number - 1) * size) {
    const own = value('busy_buffers_size') === undefined ? ' (default: twice the largest buffer)' : '';
    return {
      about: 'busy_buffers_size',
      message: `"${prefix}busy_buffers_size" must be less than the size of all "${prefix}buffers" minus one buffer`,
      help: `its value is ${busy}${own}, all buffers but one have ${(number - 1) * size} bytes: set ${prefix}buffers as well`,
    };
  }
  const writing = value('temp_file_write_size') ?? 2 * largest;
  if (writing < largest) {
    return {
      about: 'temp_file_write_size',
      message: `"${prefix}temp_file_write_size" must be equal to or greater than ${maximum}`,
      help: `at least ${largest} bytes`,
    };
  }
  const file = value('max_temp_file_size');
  if (file !== undefined && file !== 0 && file < largest) {
    return {
      about: 'max_temp_file_size',
      message: `"${prefix}max_temp_file_size" must be equal to zero to disable temporary files usage or must be equal to or greater than ${maximum}`,
      help: `0, or at least ${largest} bytes`,
    };
  }
  return null;
}
