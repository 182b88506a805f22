// Replays and enqueues in a process that has OpenTelemetry's instrumentation of amqplib loaded, as its users load it: before
// anything else. Prints the spans that came of it. Arguments: URL, the task with messages, where they go, a third task.
import { context, trace } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { AmqplibInstrumentation } from '@opentelemetry/instrumentation-amqplib';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

const [url = '', from = '', to = '', untraced = ''] = process.argv.slice(2);
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
new AmqplibInstrumentation().setTracerProvider(provider);

const { RabbitMQTaskMessageQueue, TaskQueueClient } = await import('../../dist/index.js');
const client = new TaskQueueClient(url);
const queue = new RabbitMQTaskMessageQueue(url);
/** @type {import('../../dist/index.js').QueueableMessage} */
const message = {
  type: 'notification',
  timestamp: 1_767_225_600_000,
  message: { jsonrpc: '2.0', method: 'notifications/message', params: {} },
};

const span = trace.getTracer('test').startSpan('the work of a server');
await context.with(trace.setSpan(context.active(), span), async () => {
  await client.drain(from, async (batch) => {
    for (const stored of batch) await client.publish(to, stored);
  });
  await queue.enqueue(to, message);
});
await context.with(suppressTracing(context.active()), () => queue.enqueue(untraced, message));
const received = await queue.peek(untraced);
await Promise.all([client.close(), queue.close()]);

process.stdout.write(
  JSON.stringify({
    received,
    spans: exporter.getFinishedSpans().map(({ name, attributes }) => ({ name, attributes })),
  }),
);
