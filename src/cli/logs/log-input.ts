/** Pieces of a log: of a file, of a file that grows and is rotated, or of standard input. Memory does not depend on its size. */
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** The pieces are valid until the next one is requested. */
export type LogInput = AsyncIterable<Buffer>;

const PIECE = 65_536;
/** ms between two checks of a followed file. */
const INTERVAL = 200;

const LINE_FEED = 0x0a;

/** Offset of the last lines of a file. Throws the system's error. */
export function lastLines(name: string, count: number): number {
  const file = openSync(name, 'r');
  try {
    let at = fstatSync(file).size;
    // The last line break ends the last line.
    let breaks = -1;
    const piece = Buffer.allocUnsafe(PIECE);
    while (at > 0) {
      const start = Math.max(0, at - PIECE);
      const length = readSync(file, piece, 0, at - start, start);
      for (let i = length - 1; i >= 0; i--) {
        if (piece[i] === LINE_FEED) breaks++;
        // A last line without a line break counts as well.
        else if (breaks < 0) breaks = 0;
        if (breaks === count) return start + i + 1;
      }
      at = start;
    }
    return 0;
  } finally {
    closeSync(file);
  }
}

export async function* readFile(name: string, start: number): LogInput {
  const file = new OpenLog(name, start);
  try {
    yield* file.rest();
  } finally {
    file.close();
  }
}

/** Continues with appended data. If another file replaces the one being read, it is read from its beginning. */
export async function* readFollowed(name: string, start: number): LogInput {
  let file = new OpenLog(name, start);
  // The writer of the log may continue to write for a moment after its file was renamed.
  let isReplaced = false;
  for (;;) {
    const before = file.position;
    yield* file.rest();
    const next = isReplaced && file.position === before ? openAgain(name) : null;
    if (next !== null) {
      file.close();
      file = next;
      isReplaced = false;
      continue;
    }
    await pause(INTERVAL);
    const found = statusOf(name);
    isReplaced = found !== null && !file.is(found);
    if (!isReplaced && found !== null && found.size < file.position) file.position = 0;
  }
}

export async function* readStandardInput(): LogInput {
  for await (const piece of process.stdin) yield piece as Buffer;
}

/** Null: there is no file at the moment. */
function statusOf(name: string): Stats | null {
  try {
    return statSync(name);
  } catch {
    return null;
  }
}

/** Null: it was removed in the meantime. */
function openAgain(name: string): OpenLog | null {
  try {
    return new OpenLog(name, 0);
  } catch {
    return null;
  }
}

class OpenLog {
  private readonly descriptor: number;
  private readonly piece = Buffer.allocUnsafe(PIECE);

  constructor(
    name: string,
    /** Offset of the first byte that was not read. */
    public position: number,
  ) {
    this.descriptor = openSync(name, 'r');
  }

  *rest(): Iterable<Buffer> {
    for (;;) {
      const length = readSync(this.descriptor, this.piece, 0, PIECE, this.position);
      if (length === 0) return;
      this.position += length;
      yield this.piece.subarray(0, length);
    }
  }

  is({ dev, ino }: Stats): boolean {
    const own = fstatSync(this.descriptor);
    return own.dev === dev && own.ino === ino;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
