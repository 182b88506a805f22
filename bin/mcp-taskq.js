#!/usr/bin/env node
// Compiled code is kept for the next time; elsewhere, if not in the user's folder, by Node (from 22.8 on).
if (!require('./code-cache.js')(`${__dirname}/../dist/cli`, process.argv[2])) {
  require('node:module').enableCompileCache?.();
}

const { leaveTerminals, main } = require('../dist/cli/main.cjs');
process.once('exit', leaveTerminals);
main(process.argv).then((status) => {
  process.exitCode = status;
});
