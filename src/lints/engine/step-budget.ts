/** Step budget per configuration, so that hostile patterns cannot stall the linter. */
export class StepBudget {
  constructor(private left: number) {}

  /** Consumes one step; false if the budget is exhausted, and the question remains undecided. */
  step(): boolean {
    if (this.left <= 0) return false;
    this.left--;
    return true;
  }
}
