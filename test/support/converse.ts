import { connect, type Socket } from 'node:net';

/** Connects, and answers what comes until `isEnough` says so. */
export async function converse(
  port: number,
  steps: { send: Buffer; isAnswered: (received: Buffer) => boolean }[],
): Promise<void> {
  const socket: Socket = connect({ host: '127.0.0.1', port });
  try {
    for (const { send, isAnswered } of steps) {
      let received = Buffer.alloc(0);
      await new Promise<void>((resolve, reject) => {
        const onData = (bytes: Buffer) => {
          received = Buffer.concat([received, bytes]);
          if (isAnswered(received)) resolve();
        };
        socket.removeAllListeners('data').on('data', onData);
        socket.once('error', reject);
        socket.once('close', () => reject(new Error(`It hung up after: ${received}`)));
        socket.write(send);
      });
    }
  } finally {
    socket.removeAllListeners('close').destroy();
  }
}
