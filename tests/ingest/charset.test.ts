import { describe, expect, test } from 'vitest';
import { decodeHtml } from '../../src/ingest/charset.ts';

/** Text in a charset, by trying which bytes the platform's decoder reads as each character. */
function encode(text: string, charset: string): Buffer {
  const decoder = new TextDecoder(charset);
  const bytes = new Map<string, number[]>();
  for (let first = 0xff; first >= 0; first--) {
    for (let second = 0xff; second >= 0x30 && first >= 0x80; second--) {
      const char = decoder.decode(Uint8Array.of(first, second));
      if ([...char].length === 1 && char !== '\ufffd') bytes.set(char, [first, second]);
    }
    const char = decoder.decode(Uint8Array.of(first));
    if (char.length === 1 && char !== '\ufffd') bytes.set(char, [first]);
  }
  return Buffer.from([...text].flatMap((char) => bytes.get(char) ?? [0x3f]));
}

const TEXTS: readonly (readonly [string, string])[] = [
  [
    'shift_jis',
    '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗い所で泣いていた。',
  ],
  [
    'euc-jp',
    '吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗い所で泣いていた。',
  ],
  ['gb18030', '据报道,今天上午委员会开会讨论了这份迟到几个月的报告,经过长时间的辩论之后同意公布。'],
  ['big5', '據報導,今天上午委員會開會討論了這份遲到幾個月的報告,經過長時間的辯論之後同意公布。'],
  ['euc-kr', '위원회는 화요일에 만나 오랜 토론 끝에 몇 달이나 늦은 보고서를 발표하기로 합의했다.'],
  ['windows-1251', 'Комитет собрался во вторник и после долгих дебатов согласился опубликовать доклад.'],
  ['koi8-r', 'Комитет собрался во вторник и после долгих дебатов согласился опубликовать доклад.'],
  [
    'windows-1252',
    'Der Ausschuß traf sich am Dienstag und beschloß, den überfälligen Bericht zu veröffentlichen.',
  ],
  ['iso-8859-7', 'Η επιτροπή συνεδρίασε την Τρίτη και μετά από μακρά συζήτηση συμφώνησε.'],
];

describe('the charset of a page', () => {
  test.each(TEXTS)('%s is told by what the bytes look like where nothing says so', (charset, text) => {
    const page = Buffer.concat([
      Buffer.from('<html><p class="x">'),
      encode(text, charset),
      Buffer.from('</p>'),
    ]);
    const decoded = decodeHtml(page, undefined, true);
    expect(decoded).toEqual({ text: `<html><p class="x">${text}</p>`, charset });
  });

  test('is the BOM, then the header, then <meta>, then UTF-8', () => {
    const latin = (html: string) => Buffer.from(html, 'latin1');
    expect(decodeHtml(Buffer.from('\ufeffä'), 'iso-8859-5', true)).toEqual({ text: 'ä', charset: 'utf-8' });
    expect(decodeHtml(latin('<meta charset=utf-8>\u00d0'), 'iso-8859-5', true).text).toContain('а');
    expect(decodeHtml(latin('<meta charset=koi8-r>\u00c1'), undefined, true).text).toContain('а');
    expect(decodeHtml(latin('<meta charset="no-such-thing">\u00e4'), undefined, true).text).toContain('ä');
    expect(decodeHtml(Buffer.from('<p>ä'), undefined, true)).toEqual({ text: '<p>ä', charset: 'utf-8' });
    expect(decodeHtml(Buffer.from('<p>\u00a0a'), 'nonsense', true).charset).toBe('utf-8');
  });
});
