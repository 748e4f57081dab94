/**
 * How short lines begin that stand in and under articles without being part of them: invitations to share, to read
 * on, to subscribe; credits; dates; labels of lists of links. Taken from what pages in these languages commonly say.
 */
const BEGINNINGS = [
  // English
  'share\\b|tweet\\b|read (?:more|also|next|the full)|also read|see also|related\\b|more (?:on|from|about|stories|news|articles)\\b|you (?:may|might) (?:also )?(?:like|be interested)|recommended\\b|advertisement|sponsored|subscribe|sign up|newsletter|follow us|follow @|(?:no )?comments?(?: are| closed|\\s*\\(|:|$)|\\d+ comments?|leave a (?:comment|reply)|post(?:ed)? (?:in|on|by|navigation)\\b|filed under|tagged|tags?:|categor(?:y|ies):|this entry was posted|bookmark the permalink|copyright|©|\\(c\\)|all rights reserved|back to\\b|print\\b.{0,20}$|(?:photo|image|picture|video|cover)s?(?: credits?| by| courtesy| source)?\\s*:|(?:photo|image) by|source\\s*:|last (?:updated|modified|edited)|updated\\b|published\\b|click here|previous\\b.{0,12}$|next\\b.{0,12}$|about the author|written by|by:|loading|skip to|download\\b.{0,30}$|log ?in\\b|register\\b|cookie|this (?:article|post|story) (?:was|is|first|originally)|table of contents|if you enjoyed|suggested citation|view all|show (?:more|all)|rate this|advertise|support us|donate',
  // German
  'teilen|(?:artikel|beitrag|seite|jetzt|news|diesen? (?:artikel|beitrag|seite)).{0,12}(?:teilen|drucken|empfehlen|merken|speichern|weiterempfehlen)|weiter ?lesen|zum weiterlesen|weiterf.hrende|mehr (?:zum|zur|zu|dazu|lesen|erfahren|info|aus|von|über|news|artikel|beitr)|lesen? (?:sie|auch|mehr|hier)|lies auch|das k.nnte|auch (?:interessant|auf)|(?:.hnliche|verwandte|weitere|neueste|aktuelle|letzte|beliebte|passende|kommende|.ltere|neuere) (?:artikel|beitr.ge?|meldungen|themen|infos?|informationen|nachrichten|news|inhalte|links|events|termine|verwandte)|zur.ck\\b|drucken|anzeige\\b|werbung|-? ?anzeige|(?:titel|beitrags)?(?:foto|bild|grafik|video)s?(?:quellen?|nachweise?|rechte|credits?)?\\s*(?:\\([^)]*\\))?\\s*[:©]|beitragsbild|bildnachweis|bildquelle|quellen?\\s*:|kommentare?(?:\\s*\\(|\\s*\\d|\\s*:|$| geschlossen| schreiben| verfassen| abgeben| deaktiviert)|keine kommentare|\\d+ kommentare?|schreiben? (?:sie |einen )?kommentar|hinterlasse|jetzt (?:anmelden|abonnieren|registrieren|bestellen|teilen|lesen|kaufen|downloaden|herunterladen)|abonnieren|folgen? (?:sie|uns)|folge uns|schlagw.rte?r?|stichw.rte?r?|kategorien?\\s*:|ver.ffentlicht|erstellt am|letzte (?:.nderung|aktualisierung)|zuletzt (?:aktualisiert|ge.ndert|bearbeitet)|aktualisiert|stand\\s*:|autor(?:in|en)?\\s*:|redaktion\\s*:|text\\s*:|von\\s*:|von \\S+ \\S+$|nach oben|alle (?:rechte|angaben|beitr.ge|artikel)|.bersicht$|impressum|datenschutz|noch keine|war (?:der|dieser|die|das) (?:artikel|beitrag|seite)|wie (?:hat|gef.llt)|m.chten sie|sie (?:sind|haben|m.chten)|ihre? (?:bewertung|meinung)|bewert|melden sie|entdecken? |inhalts?verzeichnis|zum (?:newsletter|shop|artikel|thema|inhalt)|dieser (?:artikel|beitrag|text) (?:ist|wurde|erschien)',
  // French
  'partag(?:er|ez)|lire (?:aussi|la suite|plus|.galement)|à lire|a lire|voir (?:aussi|plus)|sur le m.me|dans la m.me|publicit|abonne|inscri(?:vez|ption|re)|commentaires?\\b|\\d+ commentaires?|laisser un commentaire|retour\\b|imprimer|cr.dits?|photos?\\s*:|publi. |post. |mis . jour|tous droits|articles? (?:li.s?|similaires|connexes|pr.c.dent|suivant)|mots[- ]cl.s|r.agir|en savoir plus|je fais un don|faire un don|soutene',
  // Spanish, Portuguese, Italian
  'compart(?:e|ir|ilh)|lea\\b|lee (?:tambi.n|m.s|aqu)|leer (?:m.s|tambi.n)|(?:te|le|les|tambi.n (?:te|le)) (?:puede|podr.a)|ver (?:tambi.n|m.s)|(?:notas?|contenidos?|art.culos?|noticias?) (?:relacionad|anterior|siguiente)|publicidad|suscr.b|comentarios?\\b|deja (?:un|tu)|volver|imprimir|fotos?\\s*[:/]|fuente\\s*:|etiquetas|s.guenos|mira\\s*:|h.gase|hazte|apoya|.nete|puede escribirnos|leia (?:tamb.m|mais)|condivid|leggi (?:anche|tutto|di)|articoli correlati|potrebbe|pubblicit|commenti\\b|ti potrebbe|fonte\\s*:',
  // Polish, Dutch, Czech, Russian, Ukrainian
  'czytaj (?:tak|te.|wi|dalej|r)|zobacz (?:tak|te.|r|wi)|udost.pnij|komentarze|reklama|.r.d.o\\s*:|tagi\\b|powi.zane|podobne|polecane|lees (?:ook|meer)|delen|gerelateerd|reacties|.t.te tak|читайте|поделиться|комментари|реклама|источник|теги|фото\\s*:|ч\\S* також|.жерело',
].join('|');

const LEAD = new RegExp(`^[\\s\\p{P}\\p{S}]{0,4}(?:${BEGINNINGS})`, 'iu');
/** Nothing but a date, a time, or numbers and separators. */
const DATE =
  /^(?:\p{L}{0,12}[,.]?\s*)?(?:\d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}\.?\s+(?:de\s+)?\p{L}{3,10}\.?,?\s+(?:de\s+)?\d{4}|\p{L}{3,10}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4})\b.{0,24}$/u;

/** Whether a line of at most some 150 characters reads like boilerplate. */
export function isBoilerplate(line: string): boolean {
  return LEAD.test(line) || DATE.test(line) || /^[\p{P}\p{S}\d\s]+$/u.test(line);
}
