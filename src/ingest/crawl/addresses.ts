import { lookup as dnsLookup } from 'node:dns';
import { isIP, type Socket } from 'node:net';
import ipaddr from 'ipaddr.js';
import { buildConnector } from 'undici';

/** An address that a crawl must not connect to. */
export class ForbiddenAddressError extends Error {
  readonly code = 'FORBIDDEN_ADDRESS';
  readonly address: string;
  constructor(host: string, address: string, range: string) {
    super(`${host} is ${address}, a ${range} address`);
    this.address = address;
  }
}

/**
 * The kind of an address that is not on the public internet (loopback, private, link-local with the clouds' metadata
 * services, carrier-grade NAT, reserved, ...); undefined for one that is. Addresses inside addresses (IPv4 mapped
 * into IPv6, NAT64, 6to4) count as what is inside.
 */
export function forbiddenRange(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return 'malformed';
  let parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv6') {
    const { parts } = parsed as ipaddr.IPv6;
    const embedded = (high: number, low: number) =>
      new ipaddr.IPv4([high >> 8, high & 255, low >> 8, low & 255]);
    // 64:ff9b::/96 (RFC 6052) and 2002::/16 (RFC 3056).
    if (parts[0] === 0x64 && parts[1] === 0xff9b && parts.slice(2, 6).every((part) => part === 0))
      parsed = embedded(parts[6]!, parts[7]!);
    else if (parts[0] === 0x2002) parsed = embedded(parts[1]!, parts[2]!);
    // ::a.b.c.d, deprecated and still routed by some.
    else if (parts.slice(0, 6).every((part) => part === 0) && parts[6] !== 0)
      parsed = embedded(parts[6]!, parts[7]!);
  }
  const range = parsed.range();
  return range === 'unicast' ? undefined : range;
}

export type Resolve = (host: string) => Promise<string[]>;

const resolveByDns: Resolve = (host) =>
  new Promise((done, failed) => {
    dnsLookup(host, { all: true, verbatim: true }, (error, found) =>
      error ? failed(error) : done(found.map(({ address }) => address)),
    );
  });

export type Connector = buildConnector.connector;

export interface GuardSettings {
  readonly allowPrivate: boolean;
  /** Milliseconds. */
  readonly connectTimeout: number;
  /** For tests: how names become addresses, and what connects. */
  readonly resolve?: Resolve;
  readonly connect?: Connector;
}

/**
 * Connects to public addresses alone. The name is resolved here, every address it has is checked, and the connection
 * is made to the very address that was checked, so that a name that resolves to another one a moment later (DNS
 * rebinding) gains nothing; the socket's own word is checked as well. Redirects come through here like any request.
 */
export function guardedConnector(settings: GuardSettings): Connector {
  const { allowPrivate, connectTimeout, resolve = resolveByDns } = settings;
  const connect = settings.connect ?? buildConnector({ timeout: connectTimeout, keepAlive: true });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    const check = (address: string): void => {
      const range = allowPrivate ? undefined : forbiddenRange(address);
      if (range !== undefined) throw new ForbiddenAddressError(host, address, range);
    };
    const checkedSocket: Parameters<Connector>[1] = (...[error, socket]) => {
      if (error) return callback(error, null);
      try {
        const { remoteAddress } = socket as Socket;
        if (remoteAddress !== undefined) check(remoteAddress);
        return callback(null, socket);
      } catch (refusal) {
        socket.destroy();
        return callback(refusal as Error, null);
      }
    };
    (async () => {
      const addresses = isIP(host) ? [host] : await resolve(host);
      if (addresses.length === 0) throw new Error(`${host} has no address`);
      for (const address of addresses) check(address);
      const servername = options.servername || (isIP(host) ? undefined : host);
      connect({ ...options, hostname: addresses[0]!, servername }, checkedSocket);
    })().catch((error: Error) => callback(error, null));
  };
}
