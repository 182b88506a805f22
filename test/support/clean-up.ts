import { afterAll, afterEach } from 'vitest';
import { stopPrivateBrokers } from './broker.ts';
import { closeRemoval } from './task-removal.ts';
import { closeObservers, closeTasks } from './tasks.ts';

// Here, as this runs for each test file; the modules run once for all files of a worker.
afterEach(closeTasks);
afterAll(stopPrivateBrokers);
afterAll(closeObservers);
afterAll(closeRemoval);
