/** Receives the fields of a header block in their order. */
export interface FieldReceiver {
  /**
   * A field; names and values are byte strings, not validated. The strings of an indexed field are the same objects each time.
   * `number`: of `Field` (`src/http/field-names.ts`) if the name is known, else 0.
   */
  field(name: string, value: string, number: number): void;
}
