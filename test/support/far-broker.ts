import { connect, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** For longer than this, a command that runs has nothing to send. */
const QUIET_MS = 150;

/**
 * A broker that is far away, seen by how often somebody has to wait for it: what is sent, in both directions and on all
 * connections, is passed on in turns, once nothing more comes. So half the turns are the round trips, however long each
 * would take. It has the port of the real one, as RabbitMQ's API names ports.
 */
export async function farBroker({ url, apiUrl }: { url: string; apiUrl: string }) {
  let turns = 0;
  let waiting: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  const inTurn = (pass: () => void) => {
    waiting.push(pass);
    clearTimeout(timer);
    timer = setTimeout(() => {
      turns++;
      for (const each of waiting.splice(0)) each();
    }, QUIET_MS);
  };
  onTestFinished(() => {
    clearTimeout(timer);
    waiting = [];
  });
  const farFrom = async (near: string) => {
    const far = new URL(near);
    const { hostname: host } = far;
    const port = Number(far.port);
    const server = createServer({ noDelay: true }, (client) => {
      const broker = connect({ port, host, noDelay: true });
      for (const [from, to] of [
        [client, broker],
        [broker, client],
      ] as const) {
        from.on('data', (bytes) => inTurn(() => to.writable && to.write(bytes)));
        from.on('end', () => to.end()).on('error', () => to.destroy());
      }
      // Connecting takes a round trip.
      inTurn(() => {});
    });
    far.hostname = '127.0.0.2';
    await new Promise<void>((resolve) => server.listen(port, far.hostname, resolve));
    onTestFinished(() => void server.close());
    return far.href.replace(/\/$/, '');
  };
  return {
    url: await farFrom(url),
    apiUrl: await farFrom(apiUrl),
    roundTrips: () => turns / 2,
  };
}
