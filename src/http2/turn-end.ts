/**
 * Calls at the end of the event loop's turn, after the callbacks of all sockets: frames that several streams have written
 * in one turn then leave in one write. One immediate serves all callers of the turn.
 */

/** Called once per `atTurnEnd`. */
export interface TurnEndListener {
  turnEnded(): void;
}

let waiting: TurnEndListener[] = [];
let spare: TurnEndListener[] = [];

/** Calls `listener.turnEnded` at the end of this turn, once for each call. */
export function atTurnEnd(listener: TurnEndListener): void {
  if (waiting.push(listener) === 1) setImmediate(callAll);
}

function callAll(): void {
  const due = waiting;
  waiting = spare;
  for (let i = 0; i < due.length; i++) {
    try {
      (due[i] as TurnEndListener).turnEnded();
    } catch (error) {
      // The others are called nevertheless.
      process.nextTick(() => {
        throw error;
      });
    }
  }
  due.length = 0;
  spare = due;
}
