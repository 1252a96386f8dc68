/** The request body of a client, in exchanges that the proxy creates for that request. */
import type { RequestBody } from '../program/body.js';

/** A view of a body that is owned by another exchange. */
export class BorrowedBody implements RequestBody {
  constructor(private readonly body: RequestBody) {}
  get length(): number {
    return this.body.length;
  }
  get memory(): Buffer | null {
    return this.body.memory;
  }
  get file(): string | null {
    return this.body.file;
  }
  read(into: Buffer, position: number): number {
    return this.body.read(into, position);
  }
  release(): void {}
}
