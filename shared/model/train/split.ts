/** Parts of a data set that never share a shopper. */
import { random } from "../../random.ts";

/** Which of `folds` parts each row is in: whole groups, as many rows in each as the groups allow; by seed. */
export function foldsOf(groups: Float64Array, folds: number, seed: number): Uint8Array {
  const sizes = new Map<number, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const order = random(seed).shuffle([...sizes.keys()]);
  const rows = new Array<number>(folds).fill(0);
  const foldOf = new Map<number, number>();
  for (const group of order) {
    let least = 0;
    for (let fold = 1; fold < folds; fold++) if (rows[fold]! < rows[least]!) least = fold;
    rows[least]! += sizes.get(group)!;
    foldOf.set(group, least);
  }
  return Uint8Array.from(groups, (group) => foldOf.get(group)!);
}

/** Row numbers whose fold is, or is not, this one. */
export function rowsOf(folds: Uint8Array, fold: number, inside: boolean): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < folds.length; row++) if ((folds[row] === fold) === inside) rows.push(row);
  return Int32Array.from(rows);
}
