/**
 * Objects that are kept alive to preserve code that V8 has optimized for their hidden classes.
 *
 * A full collection of V8 that finds no object of a hidden class discards the class, and with it all optimized code that depends
 * on it. The collections that follow a peak (`src/process/garbage.ts`) run while the worker is idle, possibly without any request:
 * the worker then had to compile 144 functions again, which took more than a second of CPU time, and up to twice the CPU time for
 * the next tens of thousands of requests. One object of each class prevents that.
 */
import { now } from './deadlines.js';

let enabled = false;
/** Generation of the configuration in force: objects of others are not kept, because they refer to it. */
let generation = -1;
const slots: ShapeSlot[] = [];

/** Keeps the last object of a kind with the objects to which it refers; replaces it at most once per tick of the coarse clock. */
export class ShapeSlot {
  private object: object | null = null;
  private keptAt = -1;

  constructor() {
    slots.push(this);
  }

  /** Called with objects that have ended, and so are small. `of`: generation of their configuration. */
  keep(object: object, of: number): void {
    if (!enabled || this.keptAt === now() || of !== generation) return;
    this.keptAt = now();
    this.object = object;
  }

  get kept(): object | null {
    return this.object;
  }

  forget(): void {
    this.object = null;
    this.keptAt = -1;
  }
}

/** Objects are kept from now on: for processes that request full collections. */
export function keepShapes(): void {
  enabled = true;
}

/** A configuration is in force. The objects of the previous one are released, because they would keep it alive. */
export function forgetShapes(current: number): void {
  generation = current;
  for (const slot of slots) slot.forget();
}

/** The kept objects, for tests. */
export function keptObjects(): object[] {
  return slots.map(({ kept }) => kept).filter((object) => object !== null);
}
