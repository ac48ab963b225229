/**
 * Messages may put a text with a link into several rows, so that the link stands alone above its preview: "Look: https://a.example" becomes
 * "Look:" and "https://a.example". Here: where a text may be cut, and what is left of it when a row has shown its beginning. All texts in
 * comparable form (text-key.ts), unless it says otherwise.
 */
import { comparable } from './text-key.ts';

/** As generous as Apple's data detectors: one that is none only allows a cut that does not happen. */
const LINK = /(?:https?:\/\/|www\.)\S+|(?<![\w@.])(?:[\p{L}\d-]+\.)+\p{L}{2,}(?::\d+)?(?:[/?#]\S*)?/giu;
/** Behind a link these may be the sentence's. */
const SENTENCE_END = /[.,;:!?)\]}'"»”’]+$/u;
/** A text of links only has a cut at each; beyond this nobody splits it by hand either. */
const MOST_LINKS = 20;

export function hasLink(text: string): boolean {
  return text.search(LINK) >= 0;
}

/** The links of a text, as they stand and without what may be the sentence's. */
export function linksOf(text: string): string[] {
  return found(text).flatMap(({ link, bare }) => (link === bare ? [link] : [link, bare]));
}

/** What a row may show of a text that was cut: the beginnings that end at a link or before one, without the whole. */
export function firstPieces(text: string): string[] {
  const pieces = cutsOf(text).map((cut) => text.slice(0, cut).trimEnd());
  return [...new Set(pieces)].filter((piece) => piece !== '' && piece !== text);
}

/** Does a row with this text show the other one, or the first piece of it? Both in any form. */
export function shows(row: string, text: string): boolean {
  const [shown, wanted] = [comparable(row), comparable(text)];
  return shown === wanted || (shown !== '' && wanted.startsWith(shown) && firstPieces(wanted).includes(shown));
}

/** What is left of `text` behind a row that shows `piece`: '' if that was all, null if `piece` is no such beginning. */
export function restAfter(piece: string, text: string): string | null {
  if (piece === text) return '';
  if (piece === '' || !text.startsWith(piece)) return null;
  const cut = cutsOf(text).find((at) => text.slice(0, at).trimEnd() === piece);
  return cut === undefined ? null : text.slice(cut).trimStart();
}

function cutsOf(text: string): number[] {
  return found(text).flatMap(({ at, link, bare }) => [at, at + bare.length, at + link.length]);
}

function found(text: string): { at: number; link: string; bare: string }[] {
  return [...text.matchAll(LINK)].slice(0, MOST_LINKS).map((match) => {
    const link = match[0];
    return { at: match.index, link, bare: link.replace(SENTENCE_END, '') };
  });
}
