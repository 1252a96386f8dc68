/** How much work may still be done on one configuration: what is looked at is written by anybody. */
export class StepBudget {
  constructor(private left: number) {}

  /** Takes one step; false where none is left, and then what was not found out is left open. */
  step(): boolean {
    if (this.left <= 0) return false;
    this.left--;
    return true;
  }
}
