import type { Options, SocketOptions } from 'amqplib';
import type { BrokerAddress } from '../../options/broker-url.ts';
import { nodeTlsOptions, type ResolvedOptions } from '../../options/task-queue-options.ts';

/** The part of a URL, and of the options, that amqplib takes as its first argument. */
export function amqplibAddress(address: BrokerAddress, options: ResolvedOptions): Options.Connect {
  const { protocol, host, port, vhost, username, password, parameters } = address;
  const { frameMax, channelMax } = parameters;
  return {
    protocol,
    hostname: host,
    port,
    ...(username === undefined ? {} : { username, password: password ?? '' }),
    // amqplib percent-decodes this field.
    vhost: encodeURIComponent(vhost),
    heartbeat: options.heartbeatSeconds,
    ...(frameMax === undefined ? {} : { frameMax }),
    ...(channelMax === undefined ? {} : { channelMax }),
  };
}

/** @param signal destroys the socket, in whatever state the handshake or the closing of the connection is */
export async function socketOptions(
  address: BrokerAddress,
  { tls }: ResolvedOptions,
  connectionName: string,
  signal: AbortSignal,
): Promise<SocketOptions> {
  const options = {
    // amqplib leaves Nagle's algorithm on, which costs a get and its ack 44 ms on loopback instead of 0.3.
    noDelay: true,
    keepAlive: true,
    signal,
    clientProperties: { connection_name: connectionName },
    ...nodeTlsOptions(tls),
  };
  if (!address.parameters.isExternal) return options as SocketOptions;
  const { default: amqplib } = await import('amqplib');
  return { ...options, credentials: amqplib.credentials.external() } as SocketOptions;
}
