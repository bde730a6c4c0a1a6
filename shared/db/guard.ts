/** An SQL condition with its values: for statements of a batch whose first one may have changed nothing. */
export interface Guard {
  sql: string;
  values: (string | number)[];
}
export const ALWAYS: Guard = { sql: "1", values: [] };
