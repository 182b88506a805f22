/**
 * The optimal string alignment distance: how many characters have to be inserted, deleted, replaced or swapped with
 * their neighbour. Returns `bound + 1` for any distance above `bound`.
 */
export function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) > bound) return bound + 1;
  let twoBefore: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let value = Math.min(
        (before[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (before[column - 1] as number) + cost,
      );
      const isSwapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwapped) value = Math.min(value, (twoBefore[column - 2] as number) + 1);
      current.push(value);
      least = Math.min(least, value);
    }
    if (least > bound) return bound + 1;
    [twoBefore, before] = [before, current];
  }
  return before[b.length] as number;
}
