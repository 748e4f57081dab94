// Written by tests/golden/quality/generate-spacy-english.py from spaCy 3.8.18 on Unicode 14.0.0.
// spaCy is (c) ExplosionAI GmbH, MIT licence; this is data of its blank English tokenizer, no code.

/** The name and version that a manifest records for words split by `spacyWords`. */
export const SPACY_ENGLISH = 'spacy-en-3.8.18';

/**
 * Code points of each class as ranges in base 36: the gap from the end of the last range, and after a full stop
 * the number of further code points.
 */
export const CLASSES = {
  PREFIX:
    'x.b d.5 r 1 1.1 q 1 z 1 1.2 1 1 2 1 3 2 3 3 qq 7e.1 3h 1.1 b 3 22 2x 9 a j.1 6v a5 45 ad 3m.5 1 ' +
    '3o 5r 15 5h 5d.2 f 1.2 2.5 k 1 1 3p.7 1.5 1.1 5.3 5h.1 kw.9 146 4d.x 9t.9 9.8 wm.1 3.2 1.2 7 ' +
    '3d.v 1s.1 1.3 1.1 a 1.1 6.5 1 1 1 4 b.1 e 1.1 1 1m.1 9.4 2.3 1.1 1.1 1.6 1.u 2.1 1 1.u 7g.7 4.j ' +
    '2.2h 1.t p.13 6.1w p.a 29.25 m.52 1.8 1.1h 8.32 1.6v 18.17 12.1 o.73 e8.1b l.1 6.12 2.v 2.1c ' +
    '1.1g 6e.5 b9.p 1.2g c.5x q.b 5.1 1 3.d a l.1 6.1 9c.1 4.9 w.z s.u b.t 8 f.v a.12 f.1q 1.73 ' +
    '534.1r h3k.1i o1.3 a.1 1 fx.2 ghu.1 77 6.1 2 d.1 3 1q 3p 3 4.1 d.1 8p.8 1l.g 2.2 1.b 4 1b.18 ' +
    '1a2.1 gf 2gm gl8.3 5 g2e 3tv.6t a.12 2.1n 5.2 m.1 7.t 4.1m n.1t 3 56.2e x5.e7 1j.3 1e.7 1.d 1.1 ' +
    '3l1 nn.17 4.2r c.e 2.e 1.e 1.10 q.2j 4.1o 1l.s d.17 4.8 7.1 e.5 4a.6y 5.k4 b.c 3.9 6.37 c.2g ' +
    '13.b 4.1j 8.9 6.13 8.t 2a.b 4.1a 1.1c 2.3 3 1.12 d.9 6.2 d.1b 2o.d',
  SUFFIX:
    'x.2 2.4 1 d.2 1.1 r 1 1.1 q 1 z 4 2 1 2 1 3 2 3 3 qq 7e.1 3h 1.1 b 3 22 2x 9 a j.1 6v a5 45 ad ' +
    '3m.5 1 3o 5r 15 av.2 f 1.2 2.5 k 1 1 3p.7 1.5 1.1 5.3 5h.1 kw.9 146 4d.x 9t.9 9.8 wm.1 3.2 1.2 7 ' +
    '61.1 1.3 1.1 a 1.1 6.5 1 1 1 4 b.1 e 1.1 1 1m.1 9.4 2.3 1.1 1.1 1.6 1.u 2.1 1 1.u 7g.7 4.j 2.2h ' +
    '1.t p.13 6.1w p.a 29.25 m.52 1.8 1.1h 8.32 1.6v 18.17 12.1 o.73 e8.1b l.1 6.12 2.v 2.1c 1.1g ' +
    '6e.5 b9.p 1.2g c.5x q.b 5.1 1 3.d a l.1 6.1 9c.1 4.9 w.z s.u b.t 8 f.v a.12 f.1q 1.73 534.1r ' +
    'h3k.1i o1.3 a.1 1 fx.2 ghv 77 6.1 2 d.1 3 1q 3p 3 4.1 d.1 8p.8 1l.g 2.2 1.b 4 1b.18 1a2.1 gf 2gm ' +
    'gl8.3 5 g2e 3tv.6t a.12 2.1n 5.2 m.1 7.t 4.1m n.1t 3 56.2e x5.e7 1j.3 1e.7 1.d 1.1 3l1 nn.17 ' +
    '4.2r c.e 2.e 1.e 1.10 q.2j 4.1o 1l.s d.17 4.8 7.1 e.5 4a.6y 5.k4 b.c 3.9 6.37 c.2g 13.b 4.1j 8.9 ' +
    '6.13 8.t 2a.b 4.1a 1.1c 2.3 3 1.12 d.9 6.2 d.1b 2o.d',
  ICON:
    '4m 2 4 1 r5 7e.1 3j.1 5q a j.1 6v eb ad 3m.5 1 3o 5r 15 av.2 f 1.2 2.5 k 1 1 3p.7 1.5 1.1 5.3 ' +
    '5h.1 kw.9 146 4d.x 9t.9 9.8 137.1 1.3 1.1 a 1.1 6.5 1 1 1 4 b.1 e 1.1 1 1m.1 9.4 2.3 1.1 1.1 1.6 ' +
    '1.u 2.1 1 1.u 7g.7 4.j 2.6 2.28 1.t p.13 6.1w p.a 29.25 m.52 1.8 1.1h 8.32 1.6v 18.17 1s.73 ' +
    'e8.1b l.1 6.12 2.v 2.1c 1.1g 6e.5 b9.p 1.2g c.5x q.b 8 d.1 c l.1 6.1 9c.1 4.9 w.z s.u b.t 8 f.v ' +
    'a.12 f.1q 1.73 534.1r h3k.1i o1.3 a.1 1 fx.2 ghv di 3 4.1 d.1 8p.8 1l.g 2.2 1.b 4 1b.18 1a2.1 gf ' +
    '2gm gl8.3 5 g2e 3tv.6t a.12 2.1n 5.2 m.1 7.t 4.1m n.1t 3 56.2e x5.e7 1j.3 1e.7 1.d 1.1 3l1 nn.17 ' +
    '4.2r c.e 2.e 1.e 1.10 q.2j 4.1o 1l.s d.17 4.8 7.1 e.5 4a.6y 5.k4 b.c 3.9 6.37 c.2g 13.b 4.1j 8.9 ' +
    '6.13 8.t 2a.b 4.1a 1.1c 2.3 3 1.12 d.9 6.2 d.1b 2o.d',
  LETTER:
    '1t.p 6.p 1x.m 1.u 1.5j 4.6j 5y 1.2 1 1.1 1.o 2.3 1.o 2.2 1d.1 1.7 1.1 2.1t 1.7 1.1 1e.1 4.1 a.1 ' +
    'a.1 a.1 s.1 e.1 4n.2r 17.16 z.2v f.q 28.1b 80.t 1u.73 ao.an 3k.3j lc.hr 1vk.11 1x.c 1.x 2t.73 ' +
    '2n4.r 2.1 e8.9r g.7j 5c.1b g.5hb 1s.g73 1eq.25 1.m 3.3 1.15 1s mt.16 5.4 4b.8mn 6kw.e7 t.44 x.a2 ' +
    'i.3b 14.b 1g.v w.3w 10.p 6.p 1b51.57 n8.73 2kg.wyn w.dm7 2ds.f3',
  LOWER:
    '2p.p 2s.n 1.7 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.1 1 1 1 1 1 1 1 1.1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 1 1.2 2 1 2 3.1 4 2 3.2 2 2 1 1 2 1.1 1 2 3 1 2.1 2.2 ' +
    '6 2 2 1 1 1 1 1 1 1 1.1 1 1 1 1 1 1 1 1 1.1 2 1 3 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1.6 2 2.1 1 4 1 1 1 1.2o 70.3 1.o 2.2 2p.x 1.7 1.1 1f 5 b b b t f 4n.2r 17.16 z.2v f.q ' +
    '28.1b 80.t 1u.73 ao.an 3k.3j lc.hr 1vk.11 1x.c 1.x 2u 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1.8 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 2n5 3.1 1 1 1 4 1.1 1.5 ec.9r g.7j 5c.1b g.5hb 1s.g73 1er 1 1 1 1 1 1.2 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.7 1 1 2 1 1 1 1 4 1 2 1.2 1 1 1 1 1 1 1 1 ' +
    '1 1 5 5 1 1 1s mt.16 5.4 4b.8mn 6kw.e7 t.44 x.a2 i.3b 14.b 1g.v w.3w 1w.p 1b51.57 n8.73 2kg.wyn ' +
    'w.dm7 2ds.f3',
  UPPER:
    '1t.p 2t.m 1.6 x 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 1 1 1 1 1 1 1 2 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.1 1 1 3.1 1 1.1 1.2 2.3 1.1 1.2 3.1 1.1 1 1 1.1 1 2 1.1 ' +
    '1.2 1 1.1 3 7 2 2 2 1 1 1 1 1 1 1 2 1 1 1 1 1 1 1 1 2 2 1.2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 7.1 1.1 2 1.3 1 1 1 1 8n 1.2 1 1.1 1.o 2e.1 1.7 1.1 2.v 2o 5 b b b t f ' +
    '4o.2r 17.16 z.2v f.q 28.1b 80.t 1u.73 ao.an 3k.3j lc.hr 22o 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 9 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 2n5 1.2 2 1 1 1.3 1 2 8.1 e8.9r g.7j 5c.1b g.5hb 1s.g73 1eq 1 1 1 1 1 1 3 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 a 1 1.1 1 1 1 1 4 1 2 1 3 1 1 1 1 1 1 1 ' +
    '1 1 1.4 1.4 1 1 uf.8mn 6kw.e7 t.44 x.a2 i.3b 14.b 1g.v w.3w 10.p 1b5x.57 n8.73 2kg.wyn w.dm7 ' +
    '2ds.f3',
  LOWER_OR_QUOTE:
    'y 4 4 1f.q 1c 8 6 z.n 1.7 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.1 1 1 1 1 1 1 ' +
    '1 1.1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 1 1.2 2 1 2 3.1 4 2 3.2 2 2 1 1 2 1.1 1 2 ' +
    '3 1 2.1 2.2 6 2 2 1 1 1 1 1 1 1 1.1 1 1 1 1 1 1 1 1 1.1 2 1 3 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1.6 2 2.1 1 4 1 1 1 1.2o 70.3 1.o 2.2 2p.x 1.7 1.1 1f 5 b b b t f 4n.2r ' +
    '17.16 z.2v f.q 28.1b 80.t 1u.73 ao.an 3k.3j lc.hr 1vk.11 1x.c 1.x 2u 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1.8 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 7s.2 1.2 lm.1 xn.1 vt 3.1 1 1 1 4 1.1 1.5 ec.9r g.7j 5c.1b g.5hb ' +
    '1s.g73 1er 1 1 1 1 1 1.2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.7 1 1 2 ' +
    '1 1 1 1 4 1 2 1.2 1 1 1 1 1 1 1 1 1 1 5 5 1 1 1s mt.16 5.4 4b.8mn 6kw.e7 t.44 x.a2 i.3b 14.b ' +
    '1g.v w.3w b.1 1j.p 1b51.57 n8.73 2kg.wyn w.dm7 2ds.f3',
  UPPER_OR_QUOTE:
    'y 4 4 k.p 5 22 8 6 4.m 1.6 x 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 1 1 1 1 1 1 ' +
    '1 2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.1 1 1 3.1 1 1.1 1.2 2.3 1.1 1.2 3.1 1.1 1 1 ' +
    '1.1 1 2 1.1 1.2 1 1.1 3 7 2 2 2 1 1 1 1 1 1 1 2 1 1 1 1 1 1 1 1 2 2 1.2 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 7.1 1.1 2 1.3 1 1 1 1 8n 1.2 1 1.1 1.o 2e.1 1.7 1.1 2.v 2o 5 b ' +
    'b b t f 4o.2r 17.16 z.2v f.q 28.1b 80.t 1u.73 ao.an 3k.3j lc.hr 22o 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 9 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 7t.2 1.2 lm.1 xn.1 vs 1.2 2 1 1 1.3 1 2 8.1 e8.9r g.7j 5c.1b g.5hb ' +
    '1s.g73 1eq 1 1 1 1 1 1 3 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 a 1 1.1 1 1 ' +
    '1 1 4 1 2 1 3 1 1 1 1 1 1 1 1 1 1.4 1.4 1 1 uf.8mn 6kw.e7 t.44 x.a2 i.3b 14.b 1g.v w.3w b.1 n.p ' +
    '1b5x.57 n8.73 2kg.wyn w.dm7 2ds.f3',
  ALPHABETIC:
    '1t.p 6.p 1b a 4 5.m 1.u 1.cp 4.b e.4 7 1 3l.4 1.1 2.3 1 6 1.2 1 1.j 1.2a 1.3u 8.4l 1.11 2 6.14 ' +
    '1z.q 4.3 19.16 z.1 1.2q 1 f.1 7.1 a.2 2 g 1.t t.2g b o.w 9.1 4 5.l 4 9 3 n.o 7.a 5.n 1.5 h.15 ' +
    '1m.1h 3 i 7.9 f.f 4.7 2.1 2.l 1.6 1 3.3 3 g d.1 1.2 e.1 a 8.5 4.1 2.l 1.6 1.1 1.1 1.1 v.3 1 j.2 ' +
    'g.8 1.2 1.l 1.6 1.1 1.4 3 i f.1 n b.7 2.1 2.l 1.6 1.1 1.4 3 u.1 1.2 f h 1.5 3.2 1.3 3.1 1 1.1 ' +
    '3.1 3.2 3.b m 1g.7 1.2 1.m 1.f 3 q.2 2 2.1 u 4.7 1.2 1.m 1.9 1.4 3 v.1 1.1 f.1 h.8 1.2 1.14 2 g ' +
    '5.2 8.2 o.5 5.h 3.n 1.8 1 2.6 1m.1b 1.1 c.6 1m.1 1 1.4 1.n 1 1.9 1.1 9 2.4 1 l.3 w 1r.7 1.z r.4 ' +
    '37.16 k g.5 4.3 3 3.1 7.2 4.c c h.11 1 5 2.16 1.98 1.3 2.6 1 1.3 2.14 1.3 2.w 1.3 2.6 1 1.3 2.e ' +
    '1.1k 1.3 2.1u 11.f g.2d 2.5 3.h7 2.g 1.p 5.22 6.7 7.h d.i e.h e.c 1.2 f.1f z 4 1v.2g 7.4 2.x 1 ' +
    '5.1x a.u 1d.t 2.4 b.17 4.p 1i.m 9.1g 2a 2l.1a h.7 1i.t d.1 a.17 q.z 15.2 a.z 2.8 7.16 2.2 15.3 ' +
    '1.5 1.1 3 5.5b 1s.7p 2.5 2.11 2.5 2.7 1 1 1 1.u 2.1g 1.6 1 3.2 1.6 3.3 2.5 4.c 5.2 1.6 38 d g.c ' +
    '2t 4 2.9 1 3.4 6 1 1 1.3 1.a 2.3 5.4 4 1g.1 22j.6c 6.3 3.1 c.11 1 5 2.1j 7 g.m 9.6 1.6 1.6 1.6 ' +
    '1.6 1.6 1.6 1.6 28 d1.1 16.4 5.1 4.2d 6.2 1.2h 1.3 5.16 1.2l h.v 1c.f e8.533 1s.h3g 1v.19 2.7g ' +
    '3.f a.1 k.1a g.u 2.1x 1d.8 2.2u 2.1r 5.1 1 1.4 o.f 1.2 1.3 1.m t.1f e.1d 1q.5 3 1.1 b.r a.m p.s ' +
    '7.1a s g.4 1.9 a.4 1.14 n.2 1.7 k.m 3 3.1d 1 3.1 2.4 2 1 o.2 2.a 7.2 c.5 2.5 2.5 9.6 1.6 1.16 ' +
    '1.d 6.36 t.8mb c.m 4.1c 6is.a5 2.2x 12.6 c.4 5 1.9 1.c 1.4 1 1.1 1.1 1.2z x.a2 i.1r 2.1h 14.b ' +
    '38.4 1.3q 10.p 6.p b.2g 3.5 2.5 2.5 2.2 z.b 1.p 1.i 1.1 1.e 2.d y.3e at.s 3.1c 1b.v d.j 1.7 6.11 ' +
    'a.t 2.z 4.7 1c.4d i.z 4.z 4.13 8.1f c.a 1.e 1.6 1.1 1.a 1.e 1.6 1.1 1v.8m 9.l a.7 o.5 1.15 1.8 ' +
    '1x.5 2 1.17 1.1 3 2.m a.m 9.u 1t.i 1.1 a.l a.p 1y.1j 6.1 1s f.3 1.2 1.s 16.s 3.s z.7 1.r r.1h ' +
    'a.l a.i d.h 32.20 1j.1e d.1e d.z 9o.15 6.1 26.s a 8.l 16.h 1a.k r.m c.1g 1l.1 2 d.18 w.o q.z t 2 ' +
    '8.y 3 c.1b e.3 l 1 z.h 1.o 2c.6 1 1.3 1.e 1.9 7.1a 12.7 2.1 2.l 1.6 1.1 1.4 3 i c.4 4e.1g i.3 ' +
    'k.2 u.1b k.1 1 54.1a 15.3 10.1b k 1n.16 d 1z.q 11.6 55.17 38.1r v.7 2 2.7 1.1 1.n f 1 2m.7 2.12 ' +
    'g 1 s a.13 7 l b.19 j i.20 7b.8 1.10 h 1d.t 34.6 1.1 1.11 l p.5 1.1 1.v e 93.i 59 27.pl 6e.5f ' +
    '218.2o f.tq 34h.g6 6nt.fs 7.u h.26 h.t i.1b g.3 v.k 5.i j4.1r 3k.22 5 1u.c 1s.1 1 s.4qf 8.yd ' +
    '16.8 6w7.3 1.6 1.1 1.82 19.2 h.3 8.az 1s4.2y 5.c 3.8 7.9 4me.2c 1.1y 1.1 2 2.1 2.3 1.b 1 1.6 ' +
    '1.1s 1.3 2.7 1.6 1.r 1.3 1.4 1 3.6 1.9f 2.o 1.o 1.u 1.o 1.u 1.o 1.u 1.o 1.u 1.o 1.7 1f8.u dd.18 ' +
    'a.6 g 8x.t i.17 z8.6 1.3 1.1 1.e 1.5g 1n.1v 7 xg.3 1.q 1.1 1 2 1.9 1.3 1 1 6 4 1 1 1.2 1.1 1 2 1 ' +
    '1 1 1 1.1 1 2.3 1.6 1.3 1.3 1 1.9 1.g 5.2 1.4 1.g 3es.wyn w.37c 7.65 2.4g1 e.5rk 2e7.f1 15u.3t6',
  PUNCTUATION_MARK:
    'x.2 1.5 1.3 a.1 3.1 q.2 1 r 1 z 5 3 a.1 3 3 ji 8 cy.5 15.1 1f 1 2 2 18.1 k.1 1.1 d 1.2 22.3 2u ' +
    '17.d 6h.2 1i.e v 79.1 a 3w 3c 3d au c a7 2i a.1 4o.e 1 11.3 1z 22.4 4.1 33.5 4r h0.8 47 h9 18.1 ' +
    '26.2 1z.1 4d.2 1.2 11.a 8p.1 60.1 3k.6 1.5 4s.6 s.1 3h.3 1n.4 1q.1 1s.7 b n0.n 8.j 1.c 1.b u.1 ' +
    'e.1 hl.3 t.1 u5.d 27.1 v.9 b7.l 1r.3 w.1 l7.3 1.1 34 3z.1a 1.v 2.b bn.2 4.9 2.b g c 2q 2i mwy.1 ' +
    '7h.2 2r a 37.5 ak.3 2e.1 14.2 1 1d.1 1b 2p.c g.1 3g.3 3i.1 g.1 6x g2a.1 5s.9 m.y 1.d 1 4 1.1 ' +
    '45.2 1.5 1.3 a.1 3.1 q.2 1 r 1 1.6 be.2 ik 1c bi kn 5j v 7k.8 12 34.6 1u.6 2h.3 ls 4n.4 18.3 ' +
    '59.6 31.1 1.3 3i.3 1c.1 27.3 4 d 1.2 2g.5 2z bl.4 a.1 1 2w 6y.m 2x.2 s.c 24 3m.2 70 7c.2 4b 2k.7 ' +
    '2b.2 1.4 bi.4 16.1 hx.1 7a vk.4 29o.1 bjv.1 3p 1t.4 8 nm.3 93 f5o 5wn.4 2xe.1',
  BEFORE_FULL_STOP:
    'x.2 1.8 2.c 1.1 r 1 1.u z 9 6 1 2 3 3 v.n 1.7 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1.1 1 1 1 1 1 1 1 1.1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 2 1 1.2 2 1 2 3.1 4 2 ' +
    '3.2 2 2 1 1 2 1.1 1 2 3 1 2.1 2.2 6 2 2 1 1 1 1 1 1 1 1.1 1 1 1 1 1 1 1 1 1.1 2 1 3 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.6 2 2.1 1 4 1 1 1 1.2o 70.3 1.o 2.2 2p.x 1.7 1.1 ' +
    '1f 5 b b b t f 4n.2r n e 3.17 v 3.2v f.q 28.1b 80.t 1u.73 ao.an 3k.3j lc.hr 1vk.11 1x.c 1.x 2u 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1.8 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 7s.2 1.2 7 le.1 xn.1 vt 3.1 1 1 1 4 1.1 ' +
    '1.5 ec.9r g.7j 5c.1b g.5hb 1s.g73 1er 1 1 1 1 1 1.2 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ' +
    '1 1 1 1 1 1 1 1 1 1.7 1 1 2 1 1 1 1 4 1 2 1.2 1 1 1 1 1 1 1 1 1 1 5 5 1 1 1s mt.16 5.4 4b.8mn ' +
    '6kw.e7 t.44 x.a2 i.3b 14.b 1g.v w.3w 4 6.1 2 d.1 3 x.p 3 1b4x.57 n8.73 2kg.wyn w.dm7 2ds.f3',
} as const;

/** Units that end a word after a digit. */
export const UNITS =
  'اكواب km/h mbar км/ч мбар тбكم جرام غرام cm² cm³ dm² dm³ hPa kmh km² km³ m/s mm² mm³ mph дм² дм³ ' +
  'кПа км² км³ м/с мм² мм³ см² см³ سم² سم³ كم² كم³ كوب ملغ مم² مم³ GB KB MB Pa TB cm dm ft gb ha in ' +
  'kb kg km lb mb mg mm m² m³ nm oz tb yd µg µm ГБ Гб КБ Кб МБ Мб Па ТБ Тб гб дм кб кг км м² м³ мб ' +
  'мг мм нм см جم سم كغ كم م² م³ مم % G K M T g m t г м م';

/** Currency signs that end a word after a digit. */
export const CURRENCY = 'US$ A$ C$ $ £ ¥ ฿ ₠ ₡ ₢ ₣ ₤ ₥ ₦ ₧ ₨ ₩ ₪ ₫ € ₭ ₮ ₯ ₰ ₱ ₲ ₳ ₴ ₵ ₶ ₷ ₸ ₹ ₺ ₻ ₼ ₽ ₾ ₿ ﷼';

/** Characters that end a sentence for spaCy's sentencizer. */
export const SENTENCE_END =
  '!.?։؟۔܀܁܂߹।॥၊။።፧፨᙮᜵᜶᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼。꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹒﹖﹗！．？｡𐩖𐩗𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑩂𑩃𑪛𑪜𑱁𑱂𖩮𖩯𖫵𖬷𖬸𖭄𛲟𝪈';

/** Words with splits of their own: a word a line, its pieces parted by tabs. */
export const SPECIALS =
  "'\n''\n'Cause\n'Cos\n'Coz\n'Cuz\n'S\n'bout\n'cause\n'cos\n'coz\n'cuz\n'd\n'em\n'll\n'nuff\n're\n's\n(*_*)\n(-8\n(-:\n" +
  '(-;\n(-_-)\n(._.)\n(:\n(;\n(=\n(>_<)\n(^_^)\n(o:\n(¬_¬)\n(ಠ_ಠ)\n(╯°□°）╯︵┻━┻\n)-:\n):\n-_-\n-__-\n._.\n0.0\n0.o\n0_0\n' +
  '0_o\n10\ta.m.\n10\tam\n10\tp.m.\n10\tpm\n11\ta.m.\n11\tam\n11\tp.m.\n11\tpm\n12\ta.m.\n12\tam\n12\tp.m.\n12\tpm\n1\ta.m.\n' +
  '1\tam\n1\tp.m.\n1\tpm\n2\ta.m.\n2\tam\n2\tp.m.\n2\tpm\n3\ta.m.\n3\tam\n3\tp.m.\n3\tpm\n4\ta.m.\n4\tam\n4\tp.m.\n4\tpm\n5\ta.m.\n' +
  '5\tam\n5\tp.m.\n5\tpm\n6\ta.m.\n6\tam\n6\tp.m.\n6\tpm\n7\ta.m.\n7\tam\n7\tp.m.\n7\tpm\n8)\n8-)\n8-D\n8D\n8\ta.m.\n8\tam\n' +
  "8\tp.m.\n8\tpm\n9\ta.m.\n9\tam\n9\tp.m.\n9\tpm\n:'(\n:')\n:'-(\n:'-)\n:(\n:((\n:(((\n:()\n:)\n:))\n:)))\n:*\n:-(\n:-((\n" +
  ':-(((\n:-)\n:-))\n:-)))\n:-*\n:-/\n:-0\n:-3\n:->\n:-D\n:-O\n:-P\n:-X\n:-]\n:-o\n:-p\n:-x\n:-|\n:-}\n:/\n:0\n:1\n:3\n:>\n' +
  ':D\n:O\n:P\n:X\n:]\n:o\n:o)\n:p\n:x\n:|\n:}\n:’(\n:’)\n:’-(\n:’-)\n;)\n;-)\n;-D\n;D\n;_;\n<.<\n</3\n<3\n<33\n<333\n' +
  "<space>\n=(\n=)\n=/\n=3\n=D\n=[\n=]\n=|\n>.<\n>.>\n>:(\n>:o\n><(((*>\n@_@\nAdm.\nAi\tn't\nAi\tnt\nAi\tn’t\nAk.\nAla.\n" +
  "Apr.\nAre\tn't\nAre\tnt\nAre\tn’t\nAriz.\nArk.\nAug.\nBros.\nC'm\ton\nC++\nCalif.\nCa\tn't\nCa\tn't\t've\nCan\tnot\n" +
  "Ca\tnt\nCa\tnt\tve\nCa\tn’t\nCa\tn’t\t’ve\nCo.\nColo.\nConn.\nCorp.\nCould\t've\nCould\tn't\nCould\tn't\t've\n" +
  "Could\tnt\nCould\tnt\tve\nCould\tn’t\nCould\tn’t\t’ve\nCould\tve\nCould\t’ve\nC’m\ton\nD.C.\nDare\tn't\nDare\tnt\n" +
  "Dare\tn’t\nDec.\nDel.\nDid\tn't\nDid\tn't\t've\nDid\tnt\nDid\tnt\tve\nDid\tn’t\nDid\tn’t\t’ve\nDoes\tn't\n" +
  "Does\tn't\t've\nDoes\tnt\nDoes\tnt\tve\nDoes\tn’t\nDoes\tn’t\t’ve\nDoin\nDoin'\nDoin’\nDo\tn't\nDo\tn't\t've\nDo\tnt\n" +
  "Do\tnt\tve\nDo\tn’t\nDo\tn’t\t’ve\nDr.\nE.G.\nE.g.\nFeb.\nFla.\nGa.\nGen.\nGoin\nGoin'\nGoin’\nGon\tna\nGot\tta\nGov.\n" +
  "Had\tn't\nHad\tn't\t've\nHad\tnt\nHad\tnt\tve\nHad\tn’t\nHad\tn’t\t’ve\nHas\tn't\nHas\tnt\nHas\tn’t\nHave\tn't\nHave\tnt\n" +
  "Have\tn’t\nHavin\nHavin'\nHavin’\nHe\t'd\nHe\t'd\t've\nHe\t'll\nHe\t'll\t've\nHe\t's\nHe\td\nHe\td\tve\nHe\tll\tve\nHe\ts\n" +
  "He\t’d\nHe\t’d\t’ve\nHe\t’ll\nHe\t’ll\t’ve\nHe\t’s\nHow\t'd\nHow\t'd\t've\nHow\t'd\t'y\nHow\t'll\nHow\t'll\t've\nHow\t're\n" +
  "How\t's\nHow\t've\nHow\td\nHow\td\tve\nHow\tll\nHow\tll\tve\nHow\tre\nHow\ts\nHow\tve\nHow\t’d\nHow\t’d\t’ve\nHow\t’d\t’y\n" +
  "How\t’ll\nHow\t’ll\t’ve\nHow\t’re\nHow\t’s\nHow\t’ve\nI\t'd\nI\t'd\t've\nI\t'll\nI\t'll\t've\nI\t'm\nI\t'm\ta\nI\t've\nI.E.\n" +
  "I.e.\nIa.\nI\td\nId.\nI\td\tve\nIll.\nI\tll\tve\nI\tm\nI\tm\ta\nInc.\nInd.\nIs\tn't\nIs\tnt\nIs\tn’t\nIt\t'd\nIt\t'd\t've\n" +
  "It\t'll\nIt\t'll\t've\nIt\t's\nIt\td\nIt\td\tve\nIt\tll\nIt\tll\tve\nIt\t’d\nIt\t’d\t’ve\nIt\t’ll\nIt\t’ll\t’ve\nIt\t’s\nI\tve\n" +
  "I\t’d\nI\t’d\t’ve\nI\t’ll\nI\t’ll\t’ve\nI\t’m\nI\t’m\ta\nI\t’ve\nJan.\nJr.\nJul.\nJun.\nKan.\nKans.\nKy.\nLa.\nLet\t's\n" +
  "Let\t’s\nLovin\nLovin'\nLovin’\nLtd.\nMa'am\nMar.\nMass.\nMay\tn't\nMay\tn't\t've\nMay\tnt\nMay\tnt\tve\nMay\tn’t\n" +
  "May\tn’t\t’ve\nMa’am\nMd.\nMessrs.\nMich.\nMight\t've\nMight\tn't\nMight\tn't\t've\nMight\tnt\nMight\tnt\tve\n" +
  "Might\tn’t\nMight\tn’t\t’ve\nMight\tve\nMight\t’ve\nMinn.\nMiss.\nMo.\nMont.\nMr.\nMrs.\nMs.\nMt.\nMust\t've\n" +
  "Must\tn't\nMust\tn't\t've\nMust\tnt\nMust\tnt\tve\nMust\tn’t\nMust\tn’t\t’ve\nMust\tve\nMust\t’ve\nN.C.\nN.D.\nN.H.\n" +
  "N.J.\nN.M.\nN.Y.\nNeb.\nNebr.\nNeed\tn't\nNeed\tn't\t've\nNeed\tnt\nNeed\tnt\tve\nNeed\tn’t\nNeed\tn’t\t’ve\nNev.\n" +
  "Not\t've\nNothin\nNothin'\nNothin’\nNot\tve\nNot\t’ve\nNov.\nNuthin\nNuthin'\nNuthin’\nO'clock\nO.O\nO.o\nO_O\n" +
  "O_o\nOct.\nOkla.\nOl\nOl'\nOl’\nOre.\nOught\tn't\nOught\tn't\t've\nOught\tnt\nOught\tnt\tve\nOught\tn’t\n" +
  "Ought\tn’t\t’ve\nO’clock\nPa.\nPh.D.\nProf.\nRep.\nRev.\nS.C.\nSen.\nSep.\nSept.\nSha\tn't\nSha\tn't\t've\nSha\tnt\n" +
  "Sha\tnt\tve\nSha\tn’t\nSha\tn’t\t’ve\nShe\t'd\nShe\t'd\t've\nShe\t'll\nShe\t'll\t've\nShe\t's\nShe\td\tve\nShe\tll\tve\n" +
  "She\ts\nShe\t’d\nShe\t’d\t’ve\nShe\t’ll\nShe\t’ll\t’ve\nShe\t’s\nShould\t've\nShould\tn't\nShould\tn't\t've\n" +
  "Should\tnt\nShould\tnt\tve\nShould\tn’t\nShould\tn’t\t’ve\nShould\tve\nShould\t’ve\nSomethin\nSomethin'\n" +
  "Somethin’\nSt.\nTenn.\nThat\t'd\nThat\t'd\t've\nThat\t'll\nThat\t'll\t've\nThat\t's\nThat\td\nThat\td\tve\nThat\tll\n" +
  "That\tll\tve\nThat\ts\nThat\t’d\nThat\t’d\t’ve\nThat\t’ll\nThat\t’ll\t’ve\nThat\t’s\nThere\t'd\nThere\t'd\t've\n" +
  "There\t'll\nThere\t'll\t've\nThere\t're\nThere\t's\nThere\t've\nThere\td\nThere\td\tve\nThere\tll\nThere\tll\tve\n" +
  'There\tre\nThere\ts\nThere\tve\nThere\t’d\nThere\t’d\t’ve\nThere\t’ll\nThere\t’ll\t’ve\nThere\t’re\nThere\t’s\n' +
  "There\t’ve\nThese\t'd\nThese\t'd\t've\nThese\t'll\nThese\t'll\t've\nThese\t're\nThese\t've\nThese\td\nThese\td\tve\n" +
  'These\tll\nThese\tll\tve\nThese\tre\nThese\tve\nThese\t’d\nThese\t’d\t’ve\nThese\t’ll\nThese\t’ll\t’ve\nThese\t’re\n' +
  "These\t’ve\nThey\t'd\nThey\t'd\t've\nThey\t'll\nThey\t'll\t've\nThey\t're\nThey\t've\nThey\td\nThey\td\tve\nThey\tll\n" +
  "They\tll\tve\nThey\tre\nThey\tve\nThey\t’d\nThey\t’d\t’ve\nThey\t’ll\nThey\t’ll\t’ve\nThey\t’re\nThey\t’ve\nThis\t'd\n" +
  "This\t'd\t've\nThis\t'll\nThis\t'll\t've\nThis\t's\nThis\td\nThis\td\tve\nThis\tll\nThis\tll\tve\nThis\ts\nThis\t’d\n" +
  "This\t’d\t’ve\nThis\t’ll\nThis\t’ll\t’ve\nThis\t’s\nThose\t'd\nThose\t'd\t've\nThose\t'll\nThose\t'll\t've\n" +
  "Those\t're\nThose\t've\nThose\td\nThose\td\tve\nThose\tll\nThose\tll\tve\nThose\tre\nThose\tve\nThose\t’d\n" +
  "Those\t’d\t’ve\nThose\t’ll\nThose\t’ll\t’ve\nThose\t’re\nThose\t’ve\nV.V\nV_V\nVa.\nWash.\nWas\tn't\nWas\tnt\n" +
  "Was\tn’t\nWe\t'd\nWe\t'd\t've\nWe\t'll\nWe\t'll\t've\nWe\t're\nWe\t've\nWe\td\nWe\td\tve\nWe\tll\tve\nWere\tn't\nWere\tnt\n" +
  "Were\tn’t\nWe\tve\nWe\t’d\nWe\t’d\t’ve\nWe\t’ll\nWe\t’ll\t’ve\nWe\t’re\nWe\t’ve\nWhat\t'd\nWhat\t'd\t've\nWhat\t'll\n" +
  "What\t'll\t've\nWhat\t're\nWhat\t's\nWhat\t've\nWhat\td\nWhat\td\tve\nWhat\tll\nWhat\tll\tve\nWhat\tre\nWhat\ts\n" +
  "What\tve\nWhat\t’d\nWhat\t’d\t’ve\nWhat\t’ll\nWhat\t’ll\t’ve\nWhat\t’re\nWhat\t’s\nWhat\t’ve\nWhen\t'd\nWhen\t'd\t've\n" +
  "When\t'll\nWhen\t'll\t've\nWhen\t're\nWhen\t's\nWhen\t've\nWhen\td\nWhen\td\tve\nWhen\tll\nWhen\tll\tve\nWhen\tre\n" +
  "When\ts\nWhen\tve\nWhen\t’d\nWhen\t’d\t’ve\nWhen\t’ll\nWhen\t’ll\t’ve\nWhen\t’re\nWhen\t’s\nWhen\t’ve\nWhere\t'd\n" +
  "Where\t'd\t've\nWhere\t'll\nWhere\t'll\t've\nWhere\t're\nWhere\t's\nWhere\t've\nWhere\td\nWhere\td\tve\nWhere\tll\n" +
  'Where\tll\tve\nWhere\tre\nWhere\ts\nWhere\tve\nWhere\t’d\nWhere\t’d\t’ve\nWhere\t’ll\nWhere\t’ll\t’ve\nWhere\t’re\n' +
  "Where\t’s\nWhere\t’ve\nWho\t'd\nWho\t'd\t've\nWho\t'll\nWho\t'll\t've\nWho\t're\nWho\t's\nWho\t've\nWho\td\nWho\td\tve\n" +
  'Who\tll\nWho\tll\tve\nWho\ts\nWho\tve\nWho\t’d\nWho\t’d\t’ve\nWho\t’ll\nWho\t’ll\t’ve\nWho\t’re\nWho\t’s\nWho\t’ve\n' +
  "Why\t'd\nWhy\t'd\t've\nWhy\t'll\nWhy\t'll\t've\nWhy\t're\nWhy\t's\nWhy\t've\nWhy\td\nWhy\td\tve\nWhy\tll\nWhy\tll\tve\n" +
  "Why\tre\nWhy\ts\nWhy\tve\nWhy\t’d\nWhy\t’d\t’ve\nWhy\t’ll\nWhy\t’ll\t’ve\nWhy\t’re\nWhy\t’s\nWhy\t’ve\nWis.\nWo\tn't\n" +
  "Wo\tn't\t've\nWo\tnt\nWo\tnt\tve\nWo\tn’t\nWo\tn’t\t’ve\nWould\t've\nWould\tn't\nWould\tn't\t've\nWould\tnt\n" +
  "Would\tnt\tve\nWould\tn’t\nWould\tn’t\t’ve\nWould\tve\nWould\t’ve\nXD\nXDD\nYou\t'd\nYou\t'd\t've\nYou\t'll\n" +
  "You\t'll\t've\nYou\t're\nYou\t've\nYou\td\nYou\td\tve\nYou\tll\nYou\tll\tve\nYou\tre\nYou\tve\nYou\t’d\nYou\t’d\t’ve\n" +
  'You\t’ll\nYou\t’ll\t’ve\nYou\t’re\nYou\t’ve\n[-:\n[:\n[=\n\\")\n\\n\n\\t\n]=\n^_^\n^__^\n^___^\na.\na.m.\nai\tn\'t\nai\tnt\n' +
  "ai\tn’t\nand/or\nare\tn't\nare\tnt\nare\tn’t\nb.\nc'm\ton\nc.\nca\tn't\nca\tn't\t've\ncan\tnot\nca\tnt\nca\tnt\tve\n" +
  "ca\tn’t\nca\tn’t\t’ve\nco.\ncould\t've\ncould\tn't\ncould\tn't\t've\ncould\tnt\ncould\tnt\tve\ncould\tn’t\n" +
  "could\tn’t\t’ve\ncould\tve\ncould\t’ve\nc’m\ton\nd.\ndare\tn't\ndare\tnt\ndare\tn’t\ndid\tn't\ndid\tn't\t've\ndid\tnt\n" +
  "did\tnt\tve\ndid\tn’t\ndid\tn’t\t’ve\ndoes\tn't\ndoes\tn't\t've\ndoes\tnt\ndoes\tnt\tve\ndoes\tn’t\ndoes\tn’t\t’ve\n" +
  "doin\ndoin'\ndoin’\ndo\tn't\ndo\tn't\t've\ndo\tnt\ndo\tnt\tve\ndo\tn’t\ndo\tn’t\t’ve\ne.\ne.g.\nem\nf.\ng.\ngoin\ngoin'\n" +
  "goin’\ngon\tna\ngot\tta\nh.\nhad\tn't\nhad\tn't\t've\nhad\tnt\nhad\tnt\tve\nhad\tn’t\nhad\tn’t\t’ve\nhas\tn't\nhas\tnt\n" +
  "has\tn’t\nhave\tn't\nhave\tnt\nhave\tn’t\nhavin\nhavin'\nhavin’\nhe\t'd\nhe\t'd\t've\nhe\t'll\nhe\t'll\t've\nhe\t's\n" +
  "he\td\nhe\td\tve\nhe\tll\tve\nhe\ts\nhe\t’d\nhe\t’d\t’ve\nhe\t’ll\nhe\t’ll\t’ve\nhe\t’s\nhow\t'd\nhow\t'd\t've\nhow\t'd\t'y\n" +
  "how\t'll\nhow\t'll\t've\nhow\t're\nhow\t's\nhow\t've\nhow\td\nhow\td\tve\nhow\tll\nhow\tll\tve\nhow\tre\nhow\ts\nhow\tve\n" +
  "how\t’d\nhow\t’d\t’ve\nhow\t’d\t’y\nhow\t’ll\nhow\t’ll\t’ve\nhow\t’re\nhow\t’s\nhow\t’ve\ni\t'd\ni\t'd\t've\ni\t'll\n" +
  "i\t'll\t've\ni\t'm\ni\t'm\ta\ni\t've\ni.\ni.e.\ni\td\ni\td\tve\ni\tll\tve\ni\tm\ni\tm\ta\nis\tn't\nis\tnt\nis\tn’t\nit\t'd\n" +
  "it\t'd\t've\nit\t'll\nit\t'll\t've\nit\t's\nit\td\nit\td\tve\nit\tll\nit\tll\tve\nit\t’d\nit\t’d\t’ve\nit\t’ll\nit\t’ll\t’ve\n" +
  "it\t’s\ni\tve\ni\t’d\ni\t’d\t’ve\ni\t’ll\ni\t’ll\t’ve\ni\t’m\ni\t’m\ta\ni\t’ve\nj.\nk.\nl.\nlet\t's\nlet\t’s\nll\nlovin\n" +
  "lovin'\nlovin’\nm.\nma'am\nmay\tn't\nmay\tn't\t've\nmay\tnt\nmay\tnt\tve\nmay\tn’t\nmay\tn’t\t’ve\nma’am\nmight\t've\n" +
  "might\tn't\nmight\tn't\t've\nmight\tnt\nmight\tnt\tve\nmight\tn’t\nmight\tn’t\t’ve\nmight\tve\nmight\t’ve\nmust\t've\n" +
  "must\tn't\nmust\tn't\t've\nmust\tnt\nmust\tnt\tve\nmust\tn’t\nmust\tn’t\t’ve\nmust\tve\nmust\t’ve\nn.\nneed\tn't\n" +
  "need\tn't\t've\nneed\tnt\nneed\tnt\tve\nneed\tn’t\nneed\tn’t\t’ve\nnot\t've\nnothin\nnothin'\nnothin’\nnot\tve\n" +
  "not\t’ve\nnuff\nnuthin\nnuthin'\nnuthin’\no'clock\no.\no.0\no.O\no.o\no_0\no_O\no_o\nol\nol'\nol’\nought\tn't\n" +
  "ought\tn't\t've\nought\tnt\nought\tnt\tve\nought\tn’t\nought\tn’t\t’ve\no’clock\np.\np.m.\nq.\nr.\ns.\nsha\tn't\n" +
  "sha\tn't\t've\nsha\tnt\nsha\tnt\tve\nsha\tn’t\nsha\tn’t\t’ve\nshe\t'd\nshe\t'd\t've\nshe\t'll\nshe\t'll\t've\nshe\t's\n" +
  "she\td\tve\nshe\tll\tve\nshe\ts\nshe\t’d\nshe\t’d\t’ve\nshe\t’ll\nshe\t’ll\t’ve\nshe\t’s\nshould\t've\nshould\tn't\n" +
  "should\tn't\t've\nshould\tnt\nshould\tnt\tve\nshould\tn’t\nshould\tn’t\t’ve\nshould\tve\nshould\t’ve\nsomethin\n" +
  "somethin'\nsomethin’\nt.\nthat\t'd\nthat\t'd\t've\nthat\t'll\nthat\t'll\t've\nthat\t's\nthat\td\nthat\td\tve\n" +
  "that\tll\nthat\tll\tve\nthat\ts\nthat\t’d\nthat\t’d\t’ve\nthat\t’ll\nthat\t’ll\t’ve\nthat\t’s\nthere\t'd\n" +
  "there\t'd\t've\nthere\t'll\nthere\t'll\t've\nthere\t're\nthere\t's\nthere\t've\nthere\td\nthere\td\tve\nthere\tll\n" +
  'there\tll\tve\nthere\tre\nthere\ts\nthere\tve\nthere\t’d\nthere\t’d\t’ve\nthere\t’ll\nthere\t’ll\t’ve\nthere\t’re\n' +
  "there\t’s\nthere\t’ve\nthese\t'd\nthese\t'd\t've\nthese\t'll\nthese\t'll\t've\nthese\t're\nthese\t've\nthese\td\n" +
  'these\td\tve\nthese\tll\nthese\tll\tve\nthese\tre\nthese\tve\nthese\t’d\nthese\t’d\t’ve\nthese\t’ll\nthese\t’ll\t’ve\n' +
  "these\t’re\nthese\t’ve\nthey\t'd\nthey\t'd\t've\nthey\t'll\nthey\t'll\t've\nthey\t're\nthey\t've\nthey\td\nthey\td\tve\n" +
  'they\tll\nthey\tll\tve\nthey\tre\nthey\tve\nthey\t’d\nthey\t’d\t’ve\nthey\t’ll\nthey\t’ll\t’ve\nthey\t’re\nthey\t’ve\n' +
  "this\t'd\nthis\t'd\t've\nthis\t'll\nthis\t'll\t've\nthis\t's\nthis\td\nthis\td\tve\nthis\tll\nthis\tll\tve\nthis\ts\n" +
  "this\t’d\nthis\t’d\t’ve\nthis\t’ll\nthis\t’ll\t’ve\nthis\t’s\nthose\t'd\nthose\t'd\t've\nthose\t'll\nthose\t'll\t've\n" +
  "those\t're\nthose\t've\nthose\td\nthose\td\tve\nthose\tll\nthose\tll\tve\nthose\tre\nthose\tve\nthose\t’d\n" +
  "those\t’d\t’ve\nthose\t’ll\nthose\t’ll\t’ve\nthose\t’re\nthose\t’ve\nu.\nv.\nv.s.\nv.v\nv_v\nvs.\nw.\nw/o\nwas\tn't\n" +
  "was\tnt\nwas\tn’t\nwe\t'd\nwe\t'd\t've\nwe\t'll\nwe\t'll\t've\nwe\t're\nwe\t've\nwe\td\nwe\td\tve\nwe\tll\tve\nwere\tn't\n" +
  "were\tnt\nwere\tn’t\nwe\tve\nwe\t’d\nwe\t’d\t’ve\nwe\t’ll\nwe\t’ll\t’ve\nwe\t’re\nwe\t’ve\nwhat\t'd\nwhat\t'd\t've\n" +
  "what\t'll\nwhat\t'll\t've\nwhat\t're\nwhat\t's\nwhat\t've\nwhat\td\nwhat\td\tve\nwhat\tll\nwhat\tll\tve\nwhat\tre\n" +
  "what\ts\nwhat\tve\nwhat\t’d\nwhat\t’d\t’ve\nwhat\t’ll\nwhat\t’ll\t’ve\nwhat\t’re\nwhat\t’s\nwhat\t’ve\nwhen\t'd\n" +
  "when\t'd\t've\nwhen\t'll\nwhen\t'll\t've\nwhen\t're\nwhen\t's\nwhen\t've\nwhen\td\nwhen\td\tve\nwhen\tll\nwhen\tll\tve\n" +
  'when\tre\nwhen\ts\nwhen\tve\nwhen\t’d\nwhen\t’d\t’ve\nwhen\t’ll\nwhen\t’ll\t’ve\nwhen\t’re\nwhen\t’s\nwhen\t’ve\n' +
  "where\t'd\nwhere\t'd\t've\nwhere\t'll\nwhere\t'll\t've\nwhere\t're\nwhere\t's\nwhere\t've\nwhere\td\nwhere\td\tve\n" +
  'where\tll\nwhere\tll\tve\nwhere\tre\nwhere\ts\nwhere\tve\nwhere\t’d\nwhere\t’d\t’ve\nwhere\t’ll\nwhere\t’ll\t’ve\n' +
  "where\t’re\nwhere\t’s\nwhere\t’ve\nwho\t'd\nwho\t'd\t've\nwho\t'll\nwho\t'll\t've\nwho\t're\nwho\t's\nwho\t've\nwho\td\n" +
  'who\td\tve\nwho\tll\nwho\tll\tve\nwho\ts\nwho\tve\nwho\t’d\nwho\t’d\t’ve\nwho\t’ll\nwho\t’ll\t’ve\nwho\t’re\nwho\t’s\n' +
  "who\t’ve\nwhy\t'd\nwhy\t'd\t've\nwhy\t'll\nwhy\t'll\t've\nwhy\t're\nwhy\t's\nwhy\t've\nwhy\td\nwhy\td\tve\nwhy\tll\n" +
  'why\tll\tve\nwhy\tre\nwhy\ts\nwhy\tve\nwhy\t’d\nwhy\t’d\t’ve\nwhy\t’ll\nwhy\t’ll\t’ve\nwhy\t’re\nwhy\t’s\nwhy\t’ve\n' +
  "wo\tn't\nwo\tn't\t've\nwo\tnt\nwo\tnt\tve\nwo\tn’t\nwo\tn’t\t’ve\nwould\t've\nwould\tn't\nwould\tn't\t've\nwould\tnt\n" +
  "would\tnt\tve\nwould\tn’t\nwould\tn’t\t’ve\nwould\tve\nwould\t’ve\nx.\nxD\nxDD\ny'\tall\ny.\ny\tall\nyou\t'd\n" +
  "you\t'd\t've\nyou\t'll\nyou\t'll\t've\nyou\t're\nyou\t've\nyou\td\nyou\td\tve\nyou\tll\nyou\tll\tve\nyou\tre\nyou\tve\n" +
  'you\t’d\nyou\t’d\t’ve\nyou\t’ll\nyou\t’ll\t’ve\nyou\t’re\nyou\t’ve\ny’\tall\nz.\n¯\\(ツ)/¯\n°\tC\t.\n°\tF\t.\n°\tK\t.\n°\tc\t.\n' +
  '°\tf\t.\n°\tk\t.\nä.\nö.\nü.\nಠ_ಠ\nಠ︵ಠ\n—\n‘S\n‘s\n’\n’Cause\n’Cos\n’Coz\n’Cuz\n’S\n’bout\n’cause\n’cos\n’coz\n’cuz\n’d\n' +
  '’em\n’ll\n’nuff\n’re\n’s\n’’';

/** The words among them that the affix rules would take apart, as those rules do. */
export const APART =
  "'\t'\n'\tCause\n'\tCos\n'\tCoz\n'\tCuz\n'\tS\n'\tbout\n'\tcause\n'\tcos\n'\tcoz\n'\tcuz\n'\td\n'\tem\n'\tll\n'\tnuff\n'\tre\n'\ts\n" +
  '(\t*\t_\t*\t)\n(\t-8\n(\t-\t:\n(\t-\t;\n(\t-_-\t)\n(\t.\t_\t.\t)\n(\t:\n(\t;\n(\t=\n(\t>\t_\t<\t)\n(\t^_^\t)\n(\to\t:\n(\t¬_¬\t)\n(\tಠ_ಠ\t)\n' +
  '(\t╯\t°\t□\t°\t）\t╯\t︵\t┻\t━\t┻\n)\t-\t:\n)\t:\n.\t_\t.\n10a.m\t.\n10p.m\t.\n11a.m\t.\n11p.m\t.\n12a.m\t.\n12p.m\t.\n1a.m\t.\n' +
  '1p.m\t.\n2a.m\t.\n2p.m\t.\n3a.m\t.\n3p.m\t.\n4a.m\t.\n4p.m\t.\n5a.m\t.\n5p.m\t.\n6a.m\t.\n6p.m\t.\n7a.m\t.\n7p.m\t.\n8\t)\n' +
  "8-\t)\n8\t-\tD\n8a.m\t.\n8p.m\t.\n9a.m\t.\n9p.m\t.\n:\t'\t(\n:\t'\t)\n:\t'\t-\t(\n:\t'\t-\t)\n:\t(\n:\t(\t(\n:\t(\t(\t(\n:\t(\t)\n:\t)\n" +
  ':\t)\t)\n:\t)\t)\t)\n:\t*\n:\t-\t(\n:\t-\t(\t(\n:\t-\t(\t(\t(\n:\t-\t)\n:\t-\t)\t)\n:\t-\t)\t)\t)\n:\t-\t*\n:\t-/\n:\t-0\n:\t-3\n:\t-\t>\n' +
  ':\t-D\n:\t-O\n:\t-P\n:\t-X\n:\t-\t]\n:\t-o\n:\t-p\n:\t-x\n:\t-|\n:\t-\t}\n:\t/\n:\t0\n:\t1\n:\t3\n:\t>\n:\tD\n:\tO\n:\tP\n:\tX\n:\t]\n:\to\n' +
  ':\to\t)\n:\tp\n:\tx\n:\t|\n:\t}\n:\t’\t(\n:\t’\t)\n:\t’\t-\t(\n:\t’\t-\t)\n;\t)\n;\t-\t)\n;\t-D\n;\tD\n;\t_\t;\n<\t.\t<\n<\t/3\n<\t3\n<\t33\n' +
  '<\t333\n<\tspace\t>\n=\t(\n=\t)\n=\t/\n=\t3\n=\tD\n=\t[\n=\t]\n=\t|\n>\t.\t<\n>\t.\t>\n>\t:\t(\n>\t:\to\n>\t<\t(\t(\t(\t*\t>\nAdm\t.\nAk\t.\n' +
  "Ala\t.\nApr\t.\nAriz\t.\nArk\t.\nAug\t.\nBros\t.\nCalif\t.\nCo\t.\nColo\t.\nConn\t.\nCorp\t.\nDec\t.\nDel\t.\nDoin\t'\n" +
  "Doin\t’\nDr\t.\nE.g\t.\nFeb\t.\nFla\t.\nGa\t.\nGen\t.\nGoin\t'\nGoin\t’\nGov\t.\nHavin\t'\nHavin\t’\nHe\t's\nHe\t’s\nHow\t's\n" +
  "How\t’s\nI.e\t.\nIa\t.\nId\t.\nIll\t.\nInc\t.\nInd\t.\nIt\t's\nIt\t’s\nJan\t.\nJr\t.\nJul\t.\nJun\t.\nKan\t.\nKans\t.\nKy\t.\n" +
  "La\t.\nLet\t's\nLet\t’s\nLovin\t'\nLovin\t’\nLtd\t.\nMar\t.\nMass\t.\nMd\t.\nMessrs\t.\nMich\t.\nMinn\t.\nMiss\t.\nMo\t.\n" +
  "Mont\t.\nMr\t.\nMrs\t.\nMs\t.\nMt\t.\nNeb\t.\nNebr\t.\nNev\t.\nNothin\t'\nNothin\t’\nNov\t.\nNuthin\t'\nNuthin\t’\nOct\t.\n" +
  "Okla\t.\nOl\t'\nOl\t’\nOre\t.\nPa\t.\nPh\t.\tD.\nProf\t.\nRep\t.\nRev\t.\nSen\t.\nSep\t.\nSept\t.\nShe\t's\nShe\t’s\n" +
  "Somethin\t'\nSomethin\t’\nSt\t.\nTenn\t.\nThat\t's\nThat\t’s\nThere\t's\nThere\t’s\nThis\t's\nThis\t’s\nVa\t.\nWash\t.\n" +
  "What\t's\nWhat\t’s\nWhen\t's\nWhen\t’s\nWhere\t's\nWhere\t’s\nWho\t's\nWho\t’s\nWhy\t's\nWhy\t’s\nWis\t.\n[\t-\t:\n[\t:\n" +
  "[\t=\n\\\t\"\t)\n]\t=\na\t.\na.m\t.\nand\t/\tor\nb\t.\nc\t.\nco\t.\nd\t.\ndoin\t'\ndoin\t’\ne\t.\ne.g\t.\nf\t.\ng\t.\ngoin\t'\ngoin\t’\n" +
  "h\t.\nhavin\t'\nhavin\t’\nhe\t's\nhe\t’s\nhow\t's\nhow\t’s\ni\t.\ni.e\t.\nit\t's\nit\t’s\nj\t.\nk\t.\nl\t.\nlet\t's\nlet\t’s\n" +
  "lovin\t'\nlovin\t’\nm\t.\nn\t.\nnothin\t'\nnothin\t’\nnuthin\t'\nnuthin\t’\no\t.\no\t.\tO\nol\t'\nol\t’\np\t.\np.m\t.\nq\t.\n" +
  "r\t.\ns\t.\nshe\t's\nshe\t’s\nsomethin\t'\nsomethin\t’\nt\t.\nthat\t's\nthat\t’s\nthere\t's\nthere\t’s\nthis\t's\n" +
  "this\t’s\nu\t.\nv\t.\nv.s\t.\nvs\t.\nw\t.\nw\t/\to\nwhat\t's\nwhat\t’s\nwhen\t's\nwhen\t’s\nwhere\t's\nwhere\t’s\nwho\t's\n" +
  "who\t’s\nwhy\t's\nwhy\t’s\nx\t.\ny\t.\nz\t.\n°\tC.\n°\tF.\n°\tK.\n°\tc\t.\n°\tf\t.\n°\tk\t.\nä\t.\nö\t.\nü\t.\n‘\tS\n‘\ts\n’\tCause\n" +
  '’\tCos\n’\tCoz\n’\tCuz\n’\tS\n’\tbout\n’\tcause\n’\tcos\n’\tcoz\n’\tcuz\n’\td\n’\tem\n’\tll\n’\tnuff\n’\tre\n’\ts\n’\t’';
