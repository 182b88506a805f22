#!/usr/bin/env node
// Compiled code is kept for the next time, where Node can (from 22.8 on).
require('node:module').enableCompileCache?.();

// Node 20 aborts at its end, and leaves a core file, if it cannot restore a terminal that has been closed.
const { isatty } = require('node:tty');
const terminals = [0, 1, 2].filter(isatty);
process.once('exit', () => {
  for (const terminal of terminals) if (!isatty(terminal)) require('node:fs').closeSync(terminal);
});

const { main } = require('../dist/cli/main.cjs');
main(process.argv).then((status) => {
  process.exitCode = status;
});
