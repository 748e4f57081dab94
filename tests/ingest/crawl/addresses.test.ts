import { describe, expect, test } from 'vitest';
import {
  type Connector,
  ForbiddenAddressError,
  forbiddenRange,
  guardedConnector,
} from '../../../src/ingest/crawl/addresses.ts';

type Target = Parameters<Connector>[0];

/** A guard whose connections are only noted. */
function recorder(names: Record<string, string[]>) {
  const connected: string[] = [];
  const guard = guardedConnector({
    allowPrivate: false,
    connectTimeout: 1000,
    resolve: async (host) => names[host] ?? [],
    connect: ((target, callback) => {
      connected.push(`${target.hostname} for ${target.servername}`);
      callback(new Error('recorded'), null);
    }) as Connector,
  });
  const connect = (hostname: string): Promise<unknown> =>
    new Promise((resolve) =>
      guard({ hostname, host: hostname, protocol: 'https:', port: '443' } as Target, (...[error]) =>
        resolve(error),
      ),
    );
  return { connect, connected };
}

describe('addresses', () => {
  test.each([
    ['127.0.0.1', 'loopback'],
    ['127.9.9.9', 'loopback'],
    ['::1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.0.1', 'private'],
    ['169.254.169.254', 'linkLocal'],
    ['fe80::1', 'linkLocal'],
    ['fd00:ec2::254', 'uniqueLocal'],
    ['100.100.100.200', 'carrierGradeNat'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['255.255.255.255', 'broadcast'],
    ['224.0.0.1', 'multicast'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:a9fe:a9fe', 'linkLocal'],
    ['::127.0.0.1', 'loopback'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['2002:a9fe:a9fe::1', 'linkLocal'],
    ['nonsense', 'malformed'],
  ])('%s is not to be connected to: %s', (address, range) => {
    expect(forbiddenRange(address)).toBe(range);
  });

  test.each(['93.184.216.34', '172.32.0.1', '2606:2800:220:1::1', '64:ff9b::808:808', '2002:808:808::1'])(
    '%s is public',
    (address) => {
      expect(forbiddenRange(address)).toBeUndefined();
    },
  );
});

describe('the guard', () => {
  test('connects to the address that it checked, and to none that is not public', async () => {
    const { connect, connected } = recorder({
      'public.example': ['93.184.216.34'],
      'inside.example': ['10.0.0.7'],
      'both.example': ['93.184.216.34', '127.0.0.1'],
    });
    expect(await connect('inside.example')).toBeInstanceOf(ForbiddenAddressError);
    expect(await connect('both.example')).toBeInstanceOf(ForbiddenAddressError);
    expect(await connect('169.254.169.254')).toBeInstanceOf(ForbiddenAddressError);
    expect(await connect('[::1]')).toBeInstanceOf(ForbiddenAddressError);
    expect(connected).toEqual([]);
    await connect('public.example');
    expect(connected).toEqual(['93.184.216.34 for public.example']);
  });

  test('is not taken in by a name that changes between two looks', async () => {
    let looks = 0;
    const connected: string[] = [];
    const guard = guardedConnector({
      allowPrivate: false,
      connectTimeout: 1000,
      resolve: async () => (looks++ === 0 ? ['93.184.216.34'] : ['127.0.0.1']),
      connect: ((target, callback) => {
        connected.push(target.hostname);
        // Whatever the socket says it reached is checked as well.
        callback(null, { remoteAddress: '127.0.0.1', destroy() {} } as never);
      }) as Connector,
    });
    const ask = () =>
      new Promise((resolve) =>
        guard({ hostname: 'rebind.example', protocol: 'http:', port: '80' } as Target, (...[error]) =>
          resolve(error),
        ),
      );
    expect(await ask()).toBeInstanceOf(ForbiddenAddressError);
    expect(await ask()).toBeInstanceOf(ForbiddenAddressError);
    expect(connected).toEqual(['93.184.216.34']);
  });
});
