/** Errors in user modules that are found before they run. Texts are UTF-8. */

interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

export class ModuleError extends Error {
  constructor(
    readonly kind: 'missing' | 'package' | 'syntax' | 'export' | 'failed',
    message: string,
    /** File of the position. */
    readonly path: string,
    readonly position: Position | null,
    /** Text of that file, if it was read. */
    readonly text: string | null,
  ) {
    super(message);
  }

  /** The message with its place: `SyntaxError: … in /etc/nginx/njs/main.js:3:7`. */
  get withPlace(): string {
    const { message, path, position } = this;
    return position === null ? message : `${message} in ${path}:${position.line}:${position.column}`;
  }
}
