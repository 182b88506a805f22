import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type ServerProcess, TestClient } from './mcp-server.ts';

/**
 * A client as behind a load balancer, without sessions: each of its messages goes to the process that `route` names.
 * @param route by the method of the message; answers have none
 * @param onAccepted called when a server has taken a message and answered the HTTP request
 */
export function connectRouted(
  route: (method: string | undefined) => ServerProcess | undefined,
  onAccepted: (method: string | undefined) => void = () => {},
): Promise<TestClient> {
  const routed = async (_url: string | URL, init?: RequestInit) => {
    const { method } = typeof init?.body === 'string' ? JSON.parse(init.body) : { method: 'GET' };
    const response = await fetch(route(method)?.url as URL, init);
    onAccepted(method);
    return response;
  };
  return TestClient.connect(
    new StreamableHTTPClientTransport(new URL('http://127.0.0.1/mcp'), { fetch: routed }),
  );
}
