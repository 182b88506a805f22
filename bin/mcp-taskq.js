#!/usr/bin/env node
// npm installs this with an older Node, too, and only warns.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 5)) {
  process.stderr.write(`error: mcp-taskq needs Node 20.5 or newer; this is Node ${process.versions.node}\n`);
  process.exit(1);
}

// Compiled code is kept for the next time; elsewhere, if not in the user's folder, by Node (from 22.8 on).
if (!require('./code-cache.js')(`${__dirname}/../dist/cli`, process.argv[2])) {
  require('node:module').enableCompileCache?.();
}

const { leaveTerminals, main } = require('../dist/cli/main.cjs');
process.once('exit', leaveTerminals);
main(process.argv).then((status) => {
  process.exitCode = status;
});
