/** Completion of changes. */
import { toText } from '../../diagnostics/byte-string.js';
import { StateFileError } from '../../files/state-file.js';
import { ApiError } from './result.js';
import type { ApiContext } from './route.js';

/** Waits until all workers have applied a change of `stored`, and its state file, if any, is written. Throws ApiError. */
export async function completeChange({ clients }: ApiContext, stored: { save(): Promise<void> }): Promise<void> {
  await Promise.all([clients.applied(), save(stored)]);
}

async function save(stored: { save(): Promise<void> }): Promise<void> {
  try {
    await stored.save();
  } catch (error) {
    if (!(error instanceof StateFileError)) throw error;
    throw new ApiError(507, 'StateNotSaved', `the change is in force, but was not saved: ${toText(error.message)}`);
  }
}
