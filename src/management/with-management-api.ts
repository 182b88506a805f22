import type { ManagementApi, ManagementApiOptions } from './management-api.ts';

/**
 * Does something with a management API, and closes it.
 * @throws TaskQueueError `INVALID_ARGUMENT`, and what the work throws
 */
export async function withManagementApi<T>(
  options: ManagementApiOptions | undefined,
  work: (api: ManagementApi) => Promise<T>,
): Promise<T> {
  // Loaded here: Node's HTTP client takes a tenth of a command's time, and most commands do not need it.
  const { ManagementApi } = await import('./management-api.ts');
  const api = new ManagementApi(options);
  try {
    return await work(api);
  } finally {
    api.close();
  }
}
