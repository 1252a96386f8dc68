/** A key for what a module remembers during one exchange: `x.setState(key, value)`, `x.state(key)`. */
export class StateKey<T> {
  declare readonly type: T;
  constructor(
    readonly name: string,
    /**
     * `pass`: until the next internal redirect; nginx: a module's ctx. `request`: as long as the client's request, and for
     * its subrequests as well; nginx: a field of `r->main`.
     */
    readonly scope: 'pass' | 'request' = 'pass',
  ) {}
}
