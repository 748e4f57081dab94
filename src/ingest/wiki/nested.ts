/** Namespaces whose links are images, categories and the like, in the languages with the largest Wikipedias. */
const MEDIA =
  /^\s*(?:file|image|category|datei|bild|kategorie|fichier|catégorie|archivo|imagen|categoría|immagine|categoria|ficheiro|imagem|plik|grafika|kategoria|файл|изображение|категория|ファイル|画像|カテゴリ|文件|分类|media|bestand|categorie)\s*:/iu;
/** A link to another language's article, which stands at the end of older ones. */
const INTERLANGUAGE = /^\s*:?[a-z]{2,3}(?:-[a-z]+)?:/;
const MAX_DEPTH = 100;

interface Open {
  readonly kind: '{{' | '{|' | '[[';
  /** Number of parts of the output when it began: from there on they are cut off where it is left out. */
  readonly out: number;
}

/**
 * Leaves out templates (`{{..}}`) and tables (`{|..|}`), however they nest, and puts links (`[[target|label]]`) as
 * their labels. What is opened and never closed is text. One pass.
 */
export function scanNested(text: string): string {
  const parts: string[] = [];
  const open: Open[] = [];
  const put = (piece: string): void => {
    if (piece !== '') parts.push(piece);
  };
  const cut = (to: number): string => parts.splice(to).join('');
  const begin = (mark: string, index: number): void => {
    const kind = mark === '[[' || mark === '{|' ? mark : '{{';
    // A table begins a line. Deeper than MAX_DEPTH, what begins is text.
    const begins = kind !== '{|' || /(?:^|\n)[\s:]*$/.test(text.slice(Math.max(0, index - 8), index));
    if (!begins || open.length >= MAX_DEPTH) {
      put(mark);
      return;
    }
    // `{{{` is a parameter inside a template: as good as a template.
    if (kind === '{{' && mark.length % 2) put('{');
    for (let i = 0; i < (kind === '{{' ? mark.length >> 1 : 1); i++) {
      open.push({ kind, out: parts.length });
      put(kind);
    }
  };
  const closeTemplates = (times: number): void => {
    for (let left = times; left > 0; left--) {
      const index = open.findLastIndex(({ kind }) => kind === '{{');
      if (index < 0) break;
      cut(open[index]!.out);
      open.length = index;
    }
  };
  const closeTable = (): void => {
    const index = open.findLastIndex(({ kind }) => kind === '{|');
    if (index < 0 || open.findLastIndex(({ kind }) => kind === '{{') > index) put('|}');
    else {
      cut(open[index]!.out);
      open.length = index;
    }
  };
  const closeLink = (): void => {
    const top = open.at(-1);
    if (top?.kind !== '[[') put(']]');
    else {
      open.pop();
      put(labelOf(cut(top.out).slice(2)));
    }
  };
  const MARK = /\{\{+|\}\}+|\{\||\|\}|\[\[|\]\]/g;
  let at = 0;
  for (let match = MARK.exec(text); match; match = MARK.exec(text)) {
    put(text.slice(at, match.index));
    at = match.index + match[0].length;
    const mark = match[0];
    switch (mark[0]) {
      case '{':
      case '[':
        begin(mark, match.index);
        break;
      case ']':
        closeLink();
        break;
      default:
        if (mark === '|}') closeTable();
        else closeTemplates(mark.length >> 1);
    }
  }
  put(text.slice(at));
  return parts.join('');
}

function labelOf(inner: string): string {
  if (MEDIA.test(inner) || INTERLANGUAGE.test(inner)) return '';
  const bar = inner.lastIndexOf('|');
  return bar < 0 ? inner.replace(/^:/, '') : inner.slice(bar + 1);
}
