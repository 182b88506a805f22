import { editDistance } from '../../cli-shared.ts';

/** The names that a mistyped one may stand for: those that differ in a few characters, closest first. */
export function closest(written: string, names: Iterable<string>, most = 3): string[] {
  const bound = Math.max(1, Math.min(3, Math.floor(written.length / 4)));
  const found: { name: string; distance: number }[] = [];
  for (const name of names) {
    const distance = editDistance(written, name, bound);
    if (distance <= bound) found.push({ name, distance });
  }
  return found
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({ name }) => name);
}
