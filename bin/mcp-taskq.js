#!/usr/bin/env node
// Compiled code is kept for the next time, where Node can (from 22.8 on).
require('node:module').enableCompileCache?.();

const { main } = require('../dist/cli/main.cjs');
main(process.argv).then((status) => {
  process.exitCode = status;
});
