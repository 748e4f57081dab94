/**
 * What class, id, role and itemprop say of an element, from the words that they are made of. The weights were chosen
 * by counting, over some five hundred pages of as many sites, how often an element so named holds text that people
 * marked as the page's own or as none of it; only words that tell on many sites are here.
 */

/** Often beside the text, seldom all of it. */
export const BESIDE = 1;
/** Hardly ever the text. */
export const UNLIKELY = 2;
export const LIKELY = 4;
/** Named as the body of an article. */
export const BODY_TEXT = 8;

const UNLIKELY_WORDS = `nav navi navigation navbar menu menue submenu hauptmenue footer foot sidebar related verwandt comments
  comment commentform commentlist respond replies reply disqus newsletter subscribe subscription signup register social
  socials share sharing sharedaddy shares sharebar addtoany cookie cookies consent gdpr banner ad ads adv advert
  advertisement advertising adsense anzeige anzeigen werbung sponsor sponsored promo promotion popup modal overlay lightbox
  breadcrumb breadcrumbs pagination pager paging tags tagcloud widget widgets copyright colophon contentinfo complementary
  byline author authors autor bio caption figcaption masthead outbrain taboola recommended recommendations recommendation
  recommend recent popular trending toolbar login search suche sitemap rss rating ratings cta upsell sidenav topnav jetpack
  relatedposts textwidget bildunterschrift bildnachweis warenkorb whatsapp noprint readmore likes skip skiplink`;
const BESIDE_WORDS = `header head info teaser teasers image form secondary mobile print card cards link links title headline posts
  articles entries next prev previous notice disclaimer contact kontakt profile credit credits date gallery slider slide
  carousel video player embed embedded icon icons button buttons btn dropdown panel collapse toc latest more also other
  similar featured categories community feed most stories topbar legal aside tooltip feedback vote views meta imprint
  service attachment rail abo shop taxonomy bar`;

const weights = new Map<string, number>();
for (const word of BESIDE_WORDS.split(/\s+/)) weights.set(word, BESIDE);
for (const word of UNLIKELY_WORDS.split(/\s+/)) weights.set(word, UNLIKELY);

const LIKELY_NAME = /article|artikel|content|entry|post|story|text|body|main|page|blog|news|inhalt|beitrag/;
const BODY_NAME =
  /(?:article|artikel|post|entry|story|blog|news|page|main|single|beitrag|text|node)[-_]*(?:content|text|body|copy|inner|inhalt|area)(?![a-z])|bodytext|body-?copy|content-?(?:body|main|text|inner|area)|entry$|hentry|field-name-body|field--name-body|rich-?text|rte(?![a-z])|csc-textpic|wysiwyg|prose/;
const WORD = /[a-zà-ÿ]+/g;

const MAX_CACHED = 50_000;
const cache = new Map<string, number>();

/** The hints that a value of class, id, role or itemprop gives, or-ed together. */
export function hintsOf(names: string): number {
  const known = cache.get(names);
  if (known !== undefined) return known;
  if (cache.size >= MAX_CACHED) cache.clear();
  const lower = names.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
  let hints = 0;
  for (const word of lower.match(WORD) ?? []) hints |= weights.get(word) ?? 0;
  if (LIKELY_NAME.test(lower)) hints |= LIKELY;
  if (BODY_NAME.test(lower)) hints |= BODY_TEXT;
  cache.set(names, hints);
  return hints;
}
