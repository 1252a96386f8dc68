/** nginx's rules for how the sizes of buffers and files of one family of directives (`proxy_…`) fit together. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { CheckContext } from '../../config/module-declaration.js';

/** What nginx takes where nothing is written: a memory page, on most machines. */
const PAGE = 4096;
const NUMBER = 8;

type Values = CheckedBlock['values'];

/** The names without the prefix. */
const NAMES = ['buffer_size', 'buffers', 'busy_buffers_size', 'temp_file_write_size', 'max_temp_file_size'] as const;
type Name = (typeof NAMES)[number];

interface Complaint {
  readonly about: Name;
  readonly message: string;
  readonly help: string;
}

/** Checks the sizes that hold in a block; reports them where one of them is written. nginx: ngx_http_proxy_merge_loc_conf. */
export function checkBufferSizes(prefix: string, block: CheckedBlock, c: CheckContext): void {
  const written = NAMES.filter((name) => c.statements(prefix + name).length > 0);
  const [first] = written;
  if (first === undefined) return;
  const complaint = complaintAt(prefix, block, c);
  if (complaint === null) return;
  const { about, message, help } = complaint;
  const name = written.includes(about) ? about : first;
  c.report(c.statements(prefix + name)[0] as Statement, 'conflicting-directives', message, { help }); // it is written
}

function complaintAt(prefix: string, block: CheckedBlock, c: CheckContext): Complaint | null {
  if (block.context === 'http') {
    // What stands here is never put together by itself, but with what each server says.
    const heirs = c.all('server').filter(({ own }) => !NAMES.some((name) => own.includes(prefix + name)));
    return heirs[0] === undefined ? null : complaintOf(prefix, heirs[0].values);
  }
  const { enclosing } = c;
  if (enclosing !== null && enclosing.context !== 'http' && complaintOf(prefix, enclosing.values) !== null) return null;
  return complaintOf(prefix, block.values);
}

function complaintOf(prefix: string, values: Values): Complaint | null {
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
    const own = value('busy_buffers_size') === undefined ? ' (where it is not written: twice the largest buffer)' : '';
    return {
      about: 'busy_buffers_size',
      message: `"${prefix}busy_buffers_size" must be less than the size of all "${prefix}buffers" minus one buffer`,
      help: `that size is ${busy}${own}, all buffers but one have ${(number - 1) * size}: set ${prefix}buffers as well`,
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
