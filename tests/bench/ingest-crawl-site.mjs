// The site that is crawled: `ingest-crawl-site.mjs PAGES`; sends its port to the parent.
import { createServer } from 'node:http';

const pages = Number(process.argv[2]);
const text = 'The committee met on Tuesday, and after a long debate it agreed to publish the report. '.repeat(
  60,
);
const server = createServer((request, response) => {
  const match = /^\/(?:page\/(\d+))?$/.exec(request.url);
  const number = match ? Number(match[1] ?? 0) : -1;
  if (number < 0 || number >= pages) return void response.writeHead(404).end();
  const links = Array.from({ length: 10 }, (_, i) => number * 10 + i + 1)
    .filter((child) => child < pages)
    .map((child) => `<li><a href="/page/${child}">Page ${child}</a></li>`)
    .join('');
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(
    `<!doctype html><title>Page ${number}</title><h1>Page ${number}</h1><p>${number} ${text}</p><ul>${links}</ul>`,
  );
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
