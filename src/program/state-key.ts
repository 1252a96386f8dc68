/** Key of module state stored in an exchange: `x.setState(key, value)`, `x.state(key)`. */
export class StateKey<T> {
  declare readonly type: T;
  constructor(
    readonly name: string,
    /**
     * Lifetime. `pass`: until the next internal redirect; nginx: a module's ctx. `request`: that of the client's
     * request, shared with its subrequests; nginx: a field of `r->main`.
     */
    readonly scope: 'pass' | 'request' = 'pass',
  ) {}
}
