import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** Prints, at the end of a run, a Markdown table of what the tests have measured. */
export default class FiguresReporter implements Reporter {
  readonly #rows: string[] = [];

  onTestCaseResult(test: TestCase): void {
    const { figures = [] } = test.meta();
    if (figures.length === 0) return;
    const measured = figures.map(([what, value]) => `${what} ${value}`).join(' · ');
    const mark = test.result().state === 'passed' ? '' : ' **failed**';
    this.#rows.push(`| ${test.fullName.replaceAll(' > ', ' ')}${mark} | ${measured} |`);
  }

  onTestRunEnd(_modules: readonly TestModule[]): void {
    process.stdout.write(`\n| test | figures |\n|---|---|\n${this.#rows.join('\n')}\n`);
  }
}
