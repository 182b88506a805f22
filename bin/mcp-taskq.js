#!/usr/bin/env node
import * as nodeModule from 'node:module';

// Compiled code is kept for the next time, where Node can (from 22.8 on).
nodeModule.enableCompileCache?.();

const { main } = await import('../dist/cli/main.js');
process.exitCode = await main(process.argv);
