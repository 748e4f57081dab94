import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

export type Handler = (request: IncomingMessage, response: ServerResponse, path: string) => void;

export interface Site {
  readonly origin: string;
  /** Paths in the order in which they were asked for, with when (`performance.now()`) and who asked. */
  readonly requests: { path: string; at: number; headers: IncomingMessage['headers'] }[];
  close(): Promise<void>;
}

/** A server on 127.0.0.1 that notes what it is asked. */
export async function serve(handler: Handler): Promise<Site> {
  const requests: Site['requests'] = [];
  const server: Server = createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push({ path, at: performance.now(), headers: request.headers });
    handler(request, response, path);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export function html(response: ServerResponse, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(body);
}

export const links = (...hrefs: string[]): string =>
  hrefs.map((href) => `<p>Some text, and <a href="${href}">a link</a>.</p>`).join('');

/** A site of `pages` pages that link to one another like a tree of `width`. */
export function tree(pages: number, width = 10): Handler {
  return (_, response, path) => {
    if (path === '/robots.txt') return void response.writeHead(404).end();
    const page = /^\/page\/(\d+)$/.exec(path)?.[1];
    const number = path === '/' ? 0 : page === undefined ? -1 : Number(page);
    if (number < 0 || number >= pages) return void response.writeHead(404).end('no such page');
    const children = Array.from({ length: width }, (_, i) => number * width + i + 1).filter((n) => n < pages);
    const filler = createHash('sha256').update(String(number)).digest('hex').repeat(20);
    return html(
      response,
      `<title>Page ${number}</title>${links(...children.map((n) => `/page/${n}`))}<p>${filler}</p>`,
    );
  };
}

/** A site with everything that a crawl can fall into. */
export function traps(counts: { busy: number } = { busy: 0 }): Handler {
  return (request, response, path) => {
    const url = new URL(path, 'http://x');
    switch (url.pathname) {
      case '/robots.txt':
        response.writeHead(200, { 'content-type': 'text/plain' });
        return void response.end('User-agent: *\nDisallow: /private\nCrawl-delay: 0.01\n');
      case '/':
        return html(
          response,
          links(
            '/calendar?month=1',
            '/loop/a',
            '/drip',
            '/bomb',
            '/image',
            '/private/secret',
            '/busy',
            '/long',
            '/same/1',
            '/same/2',
            '/flaky',
            '/missing',
            '/self/x',
            'http://169.254.169.254/latest/meta-data/',
            'http://10.0.0.1/',
            'http://[fe80::1]/',
            'http://metadata.invalid/',
            'mailto:x@y',
            '/to-private',
            '/chain/0',
            '/ok#fragment',
            '/ok?utm_source=x',
            'javascript:void(0)',
            '/broken',
          ),
        );
      case '/calendar': {
        const month = Number(url.searchParams.get('month'));
        return html(response, `<p>Month ${month}</p>${links(`/calendar?month=${month + 1}`)}`);
      }
      case '/loop/a':
        return void response.writeHead(302, { location: '/loop/b' }).end();
      case '/loop/b':
        return void response.writeHead(302, { location: '/loop/a' }).end();
      case '/drip': {
        response.writeHead(200, { 'content-type': 'text/html' });
        const timer = setInterval(() => response.write('<p>drip</p>'), 50);
        return void response.on('close', () => clearInterval(timer));
      }
      case '/image':
        return void response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.alloc(1000));
      case '/busy':
        if (++counts.busy < 3) return void response.writeHead(429, { 'retry-after': '1' }).end();
        return html(response, '<p>At last.</p>');
      case '/long':
        return html(response, `<p>${'x'.repeat(300_000)}</p>${links('/never')}`);
      case '/same/1':
      case '/same/2':
        return html(response, '<p>The same page at two addresses.</p>');
      case '/flaky':
        return void request.socket.destroy();
      case '/self/x':
      case '/self/x/self/x':
        return html(response, links(`${url.pathname.slice(1)}/self/x`, 'self/x'));
      case '/to-private':
        return void response.writeHead(302, { location: 'http://169.254.169.254/' }).end();
      case '/ok':
        return html(response, '<p>Fine.</p>');
      case '/broken':
        return void response.socket!.end('HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\nx');
      default: {
        const step = /^\/chain\/(\d+)$/.exec(url.pathname)?.[1];
        if (step !== undefined)
          return void response.writeHead(302, { location: `/chain/${Number(step) + 1}` }).end();
        if (url.pathname.startsWith('/self/')) return html(response, links('self/x'));
        return void response.writeHead(404, { 'content-type': 'text/html' }).end('no such page');
      }
    }
  };
}

/** The same, with a page that is 10 kB and decompresses to 40 MB. */
export function withBomb(handler: Handler): Handler {
  const bomb = gzipSync(Buffer.alloc(40 << 20, '<p>bomb</p>'));
  return (request, response, path) => {
    if (path !== '/bomb') return handler(request, response, path);
    return void response
      .writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
      .end(bomb);
  };
}
