import { inject, TestRunner } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The run is `npm run test:faults`, which takes its time. */
    isLong: boolean;
  }
  interface TaskMeta {
    /** What was measured, for a table. */
    figures?: [what: string, value: string | number][];
  }
}

/** How much of something: a few seconds' worth in `npm test`, all of it in `npm run test:faults`. */
export function extent(short: number, long: number): number {
  return inject('isLong') ? long : short;
}

/** Notes what the test has measured. `npm run test:faults` prints it. */
export function noteFigures(figures: { [what: string]: string | number }): void {
  const meta = TestRunner.getCurrentTest()?.meta;
  if (meta === undefined) throw new Error('Not in a test');
  meta.figures = [...(meta.figures ?? []), ...Object.entries(figures)];
}

/** As a person says it: 350 ms, 4.2 s. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
