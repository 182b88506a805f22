import type { ChalkInstance } from 'chalk';
import type { BrokerPermissions } from '../../index.ts';
import type { Fact } from '../output/facts.ts';
import type { QueueTotals } from '../output/queue-totals.ts';
import { periodOf } from '../reading/count-events.ts';
import { formatCount, formatNumber } from '../text/sizes.ts';
import { safeLine } from '../text/terminal-text.ts';
import type { Problem } from './find-problems.ts';
import type { BrokerStatus } from './read-status.ts';

/** `status` for people. */
export function statusFacts(status: BrokerStatus, colors: ChalkInstance): Fact[] {
  const { broker, api, urlSource } = status;
  const { host, port, isTls, vhost, product = 'unknown', version = '', clusterName, user } = broker;
  const at = `${isTls ? 'amqps' : 'amqp'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const tags = api?.overview?.tags ?? [];
  return [
    ['broker', `${safeLine(at)}, vhost ${safeLine(vhost)} (from ${urlSource})`],
    ['cluster', safeLine(`${clusterName ?? 'without a name'}, ${product} ${version}`.trimEnd())],
    [
      'user',
      safeLine(`${user ?? 'from the client certificate'}${tags.length > 0 ? ` (${tags.join(', ')})` : ''}`),
    ],
    ['may', describePermissions(broker.permissions, colors)],
    ['alarms', describeAlarms(status, colors)],
    ['API', describeApi(status, colors)],
    ['events', describeEvents(status, colors)],
    ['tasks', api?.totals && `${describeTotals(api.totals)} ${colors.dim('(up to 10 s old)')}`],
  ];
}

const PERMISSIONS: readonly [keyof BrokerPermissions, string][] = [
  ['configure', 'create and delete queues'],
  ['write', 'enqueue'],
  ['read', 'peek and dequeue'],
  ['publishEvents', 'publish events'],
  ['watch', 'watch'],
];

function describePermissions(permissions: BrokerPermissions, colors: ChalkInstance): string {
  const all = (wanted: boolean | undefined) =>
    PERMISSIONS.filter(([name]) => permissions[name] === wanted).map(([, text]) => text);
  const lines = [
    all(true).join(', ') || colors.red('nothing'),
    ...(all(false).length > 0 ? [`${colors.red('not:')} ${all(false).join(', ')}`] : []),
    ...(all(undefined).length > 0 ? [`${colors.yellow('unknown:')} ${all(undefined).join(', ')}`] : []),
  ];
  return lines.join('\n');
}

function describeAlarms({ broker, api }: BrokerStatus, colors: ChalkInstance): string {
  const alarms = api?.overview?.alarms;
  if (alarms !== undefined && alarms.length > 0)
    return alarms.map((alarm) => colors.red(safeLine(alarm))).join('\n');
  if (broker.blockedReason !== undefined)
    return colors.red(`publishing is blocked: ${safeLine(broker.blockedReason)}`);
  return alarms === undefined ? 'publishing is not blocked' : 'none';
}

function describeApi({ api, apiUrl }: BrokerStatus, colors: ChalkInstance): string {
  if (api === undefined) return colors.dim('not queried (--no-api)');
  const url = safeLine(apiUrl);
  if (api.mismatch !== undefined) {
    const name = safeLine(api.overview?.clusterName ?? '');
    return `${url}, ${colors.red(`not the API of this broker (cluster ${name})`)}`;
  }
  if (api.overview === undefined) return `${url}, ${colors.red('unusable')}`;
  return `${url}, ${api.error === undefined ? 'the same cluster' : 'cluster unknown'}`;
}

function describeTotals(totals: QueueTotals): string {
  const { uncounted } = totals;
  return `${totals.describe()}${uncounted > 0 ? `; ${formatCount(uncounted, 'queue')} not counted yet` : ''}`;
}

function describeEvents({ api, heard }: BrokerStatus, colors: ChalkInstance): string | undefined {
  const counts = api?.events;
  const facts = [];
  if (counts === null) facts.push('none published or watched in this vhost yet');
  else if (counts !== undefined) {
    const { published, perSecond } = counts;
    const now = perSecond > 0 ? `${perSecond.toFixed(1)} a second now` : 'none at the moment';
    facts.push(`${formatNumber(published)} published, ${now}`);
  }
  if (heard !== undefined) facts.push(`${formatNumber(heard.events)} seen in ${periodOf(heard)}`);
  return facts.length === 0 ? colors.dim('unknown without the API; use --listen 5s') : facts.join('; ');
}

/** The documented schema. */
export function statusRecord(
  status: BrokerStatus,
  problems: readonly Problem[],
): { [name: string]: unknown } {
  const { broker, api, heard } = status;
  const { events, totals } = api ?? {};
  const { configure, write, read, publishEvents, watch } = broker.permissions;
  return {
    ok: problems.length === 0,
    problems: problems.map(({ problem, hint = null }) => ({ problem, hint })),
    broker: {
      host: broker.host,
      port: broker.port,
      tls: broker.isTls,
      vhost: broker.vhost,
      url_from: status.urlSource,
      context: status.contextName ?? null,
    },
    cluster: {
      name: broker.clusterName ?? null,
      product: broker.product ?? null,
      version: broker.version ?? null,
    },
    user: broker.user ?? null,
    tags: api?.overview?.tags ?? null,
    permissions: {
      configure: configure ?? null,
      write: write ?? null,
      read: read ?? null,
      publish_events: publishEvents ?? null,
      watch: watch ?? null,
    },
    alarms: api?.overview?.alarms ?? null,
    publishing_blocked: broker.blockedReason ?? null,
    api: api
      ? {
          url: status.apiUrl,
          reachable: api.overview !== undefined,
          same_cluster: api.mismatch !== undefined ? false : api.error === undefined ? true : null,
          error: (api.error as Error | undefined)?.message ?? null,
        }
      : null,
    events: {
      published: events?.published ?? (events === null ? 0 : null),
      per_second: events?.perSecond ?? (events === null ? 0 : null),
      heard: heard?.events ?? null,
    },
    tasks: totals
      ? { queues: totals.queues, ready: totals.ready, unacked: totals.unacked, uncounted: totals.uncounted }
      : null,
  };
}
