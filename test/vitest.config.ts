import { fileURLToPath } from 'node:url';
import { defineConfig, type TestUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Short files that take long: without an earlier run vitest goes by size, and would end with one of them alone. */
const FIRST = [
  'package/readme-steps.slow',
  'faults/cluster.slow',
  'faults/memory-bounds.slow',
  'cli/demo.slow',
  'faults/broker-limits',
  'faults/broker-kill',
  'integration/sdk-end-to-end',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isFirst = ({ moduleId }: TestSpecification) =>
      FIRST.some((name) => moduleId.endsWith(`/test/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))];
  }
}

/** What takes long alone: `npm test` leaves it out, and `npm run test:slow` runs nothing else. */
const SLOW = ['test/**/*.slow.test.ts'];

/** It counts round trips on a network of its own, which must not be slow in another way. */
const OWN_NETWORK = process.env.TASKQ_TEST_NETWORK === 'slow' ? ['test/cli/far-broker.slow.test.ts'] : [];

// `npm run test:faults` has the mode "long": the faults for longer, and a table of what was measured.
export default defineConfig(({ mode }) => {
  const isLong = mode === 'long';
  const root = fileURLToPath(new URL('..', import.meta.url));
  const shared = {
    root,
    // As the build does it, for the topics of the help.
    plugins: [{ name: 'markdown-as-text', transform: markdownAsText }],
    // The examples name the package as its users do.
    resolve: {
      alias: [
        { find: /^mcp-taskq$/, replacement: fileURLToPath(new URL('../src/index.ts', import.meta.url)) },
        {
          find: /^mcp-taskq\/(local-broker|replicas)$/,
          replacement: fileURLToPath(new URL('../src/$1/index.ts', import.meta.url)),
        },
      ],
    },
    test: {
      // Most of a test's time is waiting for brokers and processes, so one worker a core leaves two cores idle; six take as
      // long as four, and each test half as long again. A long form measures, and is alone.
      maxWorkers: isLong ? 1 : 4,
      pool: 'forks' as const,
      // The files of a worker share its modules: loading them anew for each file took a third of the time of all tests.
      isolate: false,
      // One second, the default, is less than a machine may stall that is busy with other things.
      expect: { poll: { timeout: 90_000, interval: 100 } },
      // For what hangs: no test is about this time. What takes three seconds alone took 60 beside others on a machine in a
      // slow phase, and says nothing when it is ended then.
      testTimeout: 300_000,
      hookTimeout: 300_000,
    },
  };
  // Not by `extends`, which reads this file again, without the mode.
  const project = (test: TestUserConfig) => ({ ...shared, test: { ...shared.test, ...test } });
  const onBroker = (test: TestUserConfig) =>
    project({
      globalSetup: ['test/support/global-setup.ts'],
      setupFiles: ['test/support/clean-up.ts'],
      provide: { isLong },
      ...test,
    });
  return {
    root,
    test: {
      sequence: { sequencer: LongestFirst },
      ...(isLong && { reporters: ['default', './test/support/figures-reporter.ts'] }),
      projects: [
        project({ name: 'unit', include: ['test/unit/**/*.test.ts'] }),
        onBroker({ name: 'broker', include: ['test/**/*.test.ts'], exclude: ['test/unit/**', ...SLOW] }),
        onBroker({ name: 'slow', include: SLOW, exclude: OWN_NETWORK }),
      ],
    },
  };
});

function markdownAsText(code: string, id: string) {
  return id.endsWith('.md') ? { code: `export default ${JSON.stringify(code)};`, map: null } : undefined;
}
