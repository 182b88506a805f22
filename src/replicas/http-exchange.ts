/** The HTTP request that is being handled, as far as it can be seen. */
export interface HttpExchange {
  /** Aborted when the client has gone, or the response is complete. */
  readonly gone: AbortSignal;
  /** False while nothing can have been written to the client. */
  readonly areHeadersSent: () => boolean;
  /** The client is back, and says what it has had: `Last-Event-ID`. */
  readonly isResumption: boolean;
}

/** An exchange that begins, and what has to become of what the transport returns. */
interface ObservedExchange {
  readonly exchange: HttpExchange;
  observe(returned: unknown): unknown;
}

/**
 * @param request the first argument of a transport's `handleRequest`: a request of Node's `http`, or of the Fetch API
 * @param response the second one: a response of Node's `http`. A transport for the Fetch API returns its response
 */
export function observeExchange(request: unknown, response: unknown): ObservedExchange {
  const { once } = (response ?? {}) as { once?: unknown };
  if (typeof once === 'function') return observeNode(request as NodeRequest, response as NodeResponse);
  return observeFetch(request as Partial<Request>);
}

interface NodeRequest {
  headers: { [name: string]: unknown };
}

interface NodeResponse {
  once(event: 'close', listener: () => void): void;
  headersSent: boolean;
  destroyed?: boolean;
  /** Of HTTP/2. */
  stream?: { destroyed: boolean };
}

function observeNode({ headers }: NodeRequest, response: NodeResponse): ObservedExchange {
  const gone = new AbortController();
  // The client may have left before the request came here, for example during its authentication.
  if (response.destroyed || response.stream?.destroyed) gone.abort();
  else response.once('close', () => gone.abort());
  const exchange = {
    gone: gone.signal,
    areHeadersSent: () => response.headersSent,
    isResumption: headers['last-event-id'] !== undefined,
  };
  return { exchange, observe: (returned) => returned };
}

function observeFetch({ signal, headers }: Partial<Request>): ObservedExchange {
  const gone = new AbortController();
  const end = () => gone.abort();
  // Not every runtime aborts it; most cancel the body.
  if (signal?.aborted) end();
  else signal?.addEventListener('abort', end, { once: true });
  // With JSON, the response is there when it is complete.
  let isBegun = false;
  const exchange = {
    gone: gone.signal,
    areHeadersSent: () => isBegun,
    isResumption: headers?.get('last-event-id') != null,
  };
  const observe = (returned: unknown) => {
    isBegun = true;
    return isResponse(returned) ? observeBody(returned, end) : returned;
  };
  return { exchange, observe };
}

function isResponse(returned: unknown): returned is Response {
  const { body } = (returned ?? {}) as Partial<Response>;
  return body === null || typeof body?.getReader === 'function';
}

/**
 * The same response, whose body is seen to end.
 * @param onEnd called when it was read or cancelled, or has failed
 */
function observeBody(response: Response, onEnd: () => void): Response {
  const { body, status, statusText, headers } = response;
  if (body === null) {
    onEnd();
    return response;
  }
  const reader = body.getReader();
  reader.closed.then(onEnd, onEnd);
  const observed = new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // What the transport has written waits in its own stream.
    { highWaterMark: 0 },
  );
  return new Response(observed, { status, statusText, headers });
}
