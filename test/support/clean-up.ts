import { afterAll, afterEach } from 'vitest';
import { stopPrivateBrokers } from './broker.ts';
import { closeTasks } from './tasks.ts';

// Here, as this runs for each test file; the modules run once for all files of a worker.
afterEach(closeTasks);
afterAll(stopPrivateBrokers);
