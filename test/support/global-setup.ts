import type { TestProject } from 'vitest/node';
import { startBroker } from '../../src/local-broker/start-broker.ts';
import { installation } from './installation.ts';
import { slowNetworkTo } from './slow-network.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** AMQP URL of the broker that all tests share. */
    url: string;
    /** Of its management API. */
    apiUrl: string;
  }
}

/**
 * One broker for the whole run; TASKQ_TEST_URL and TASKQ_TEST_API_URL name one that is there already. With
 * TASKQ_TEST_NETWORK=slow, bytes from and to it come late and in pieces.
 */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { TASKQ_TEST_URL: url, TASKQ_TEST_API_URL: apiUrl } = process.env;
  if (url) {
    if (!apiUrl) throw new Error('TASKQ_TEST_URL needs TASKQ_TEST_API_URL beside it');
    provide('url', url);
    provide('apiUrl', apiUrl);
    return async () => {};
  }
  const broker = await startBroker({
    install: true,
    management: true,
    config: [
      // Tests that wait for statistics wait one second, not five.
      'collect_statistics_interval = 1000',
      `max_message_size = ${20 * 1024 * 1024}`,
      // Three lines for each connection cost it a tenth of its CPU time.
      'log.console.level = warning',
    ],
    ...installation,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  });
  const isSlow = process.env.TASKQ_TEST_NETWORK === 'slow';
  const reached = (address: string) => (isSlow ? slowNetworkTo(address) : address);
  // For the next project of the same run.
  process.env.TASKQ_TEST_URL = await reached(broker.url);
  process.env.TASKQ_TEST_API_URL = await reached(broker.apiUrl as string);
  provide('url', process.env.TASKQ_TEST_URL);
  provide('apiUrl', process.env.TASKQ_TEST_API_URL);
  return () => broker.stop();
}
