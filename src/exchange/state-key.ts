/** A key for what a module remembers during one exchange: `x.setState(key, value)`, `x.state(key)`. */
export class StateKey<T> {
  declare readonly type: T;
  constructor(readonly name: string) {}
}
