import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Page } from '../../../src/ingest/html/page.ts';
import { blockText } from '../../../src/ingest/html/render.ts';
import { hasPages, testPages } from './helpers.ts';
import { wordsOf, wordsOfTwin } from './words-twin.ts';

const page = new Page();

function blocks(html: string, noscript = false): string[] {
  page.load(html, noscript);
  return Array.from({ length: page.arena.blocks }, (_, b) => blockText(page.arena, b));
}

describe('the parser', () => {
  test.each([
    ['<p>one<p>two', ['one', 'two']],
    ['<ul><li>one<li>two</ul>three', ['one', 'two', 'three']],
    ['<table><tr><td>a<td>b<tr><td>c</table>', ['a', 'b', 'c']],
    ['<dl><dt>a<dd>b<dt>c</dl>', ['a', 'b', 'c']],
    ['a<b>b</b>c <i>d</i>', ['abc d']],
    ['one<br>two<br><br>three', ['one\ntwo', 'three']],
    ['a < b and c <3 d', ['a < b and c <3 d']],
    ['<!-- <p>no</p> -->yes<!doctype x><?xml no?></>yes', ['yesyes']],
    ['<script>"</p>no"</script >yes<STYLE>no</sTyLe>yes', ['yesyes']],
    ['<a title="a > b" href=x>link</a>', ['link']],
    ['<a title="never closed>text', ['text']],
    ['x &amp; y &lt;p&gt; &#228;&nbsp;z', ['x & y <p> ä z']],
    ['<table><tr><td><div>a</td><td>b</div></table>c', ['a', 'b', 'c']],
    ['<p>a<div>b</p>c</div>', ['a', 'b', 'c']],
    ['<pre>  two\n    four</pre>', ['  two\n    four']],
    ['<x-card>a</x-card><x-car>b', ['ab']],
    ['<title>t</title>', []],
    ['', []],
    ['u\u0308 sof\u00adt zero\u200bwidth', ['ü soft zerowidth']],
  ])('reads %s', (html, expected) => {
    expect(blocks(html)).toEqual(expected);
  });

  // The standard would open a link again in the next block; one that is left open would take in the rest of the page.
  test('counts what is in links, up to the end of the block where they are left open', () => {
    const links = (html: string) => {
      blocks(html);
      const { arena } = page;
      return Array.from({ length: arena.blocks }, (_, b) => arena.linkChars.values[b]);
    };
    expect(links('<p><a href=x>four</a> more</p>')).toEqual([4]);
    expect(links('<p><a href=x>four<p>more</a>rest')).toEqual([4, 0]);
    expect(links('<div><a href=x>four</div>more')).toEqual([4, 0]);
    expect(links('<a href=x>one<a href=y>two</a>three')).toEqual([6]);
  });

  test('takes <noscript> for text where it is asked to', () => {
    expect(blocks('<noscript><p>a</noscript>b')).toEqual(['b']);
    expect(blocks('<noscript><p>a</noscript>b', true)).toEqual(['a', 'b']);
  });

  test.skipIf(!hasPages)('finds the words that htmlparser2 finds, on real pages', async () => {
    const others: string[] = [];
    for await (const { url, html } of testPages())
      if (wordsOf(blocks(html).join(' ')).join('') !== wordsOfTwin(html).join('')) others.push(url);
    expect(others).toEqual([]);
  });

  test('takes any soup', () => {
    const tags = 'p div a b li ul table tr td script style title pre br noscript x'.split(' ');
    const part = fc.oneof(
      fc.constantFrom(
        ...tags.flatMap((tag) => [`<${tag}>`, `</${tag}>`, `<${tag} class="a`, `<${tag} id=b>`]),
      ),
      fc.constantFrom(
        '<',
        '>',
        '"',
        "'",
        '=',
        '/',
        '<!--',
        '-->',
        '&amp;',
        '&',
        ' ',
        '\n',
        'word',
        'ä',
        '漢字',
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        const html = parts.join('');
        const found = blocks(html);
        const { arena } = page;
        // Every node's blocks lie within its parent's, and every block has its text.
        for (let n = 0; n < arena.nodes; n++) {
          const parent = arena.parent.values[n]!;
          expect(arena.endBlock.values[n]!).toBeGreaterThanOrEqual(arena.firstBlock.values[n]!);
          if (parent < 0) continue;
          expect(arena.firstBlock.values[n]!).toBeGreaterThanOrEqual(arena.firstBlock.values[parent]!);
          expect(arena.endBlock.values[n]!).toBeLessThanOrEqual(arena.endBlock.values[parent]!);
        }
        expect(found.every((text) => text === text.trimEnd())).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
