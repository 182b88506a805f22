#!/usr/bin/env node
// Compiled code is kept for the next time, where Node can (from 22.8 on).
require('node:module').enableCompileCache?.();

const { leaveTerminals, main } = require('../dist/cli/main.cjs');
process.once('exit', leaveTerminals);
main(process.argv).then((status) => {
  process.exitCode = status;
});
