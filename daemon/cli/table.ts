/** Tables and paragraphs that fit the terminal. Widths are columns of the screen: wide signs take two. */

export interface Column {
  title: string;
  /** This one gives way when the table is too wide; its cells are cut with "…". */
  flex?: boolean;
}

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const GAP = '  ';
/** What stays of a column that gives way. */
const NARROWEST = 6;

export function columnsOf(text: string): number {
  let columns = 0;
  for (const sign of text) columns += ZERO.test(sign) ? 0 : WIDE.test(sign) ? 2 : 1;
  return columns;
}

/** At most so many columns, "…" in place of what did not fit. */
export function cut(text: string, width: number): string {
  return columnsOf(text) <= width ? text : `${beginningOf(text, width - 1)}…`;
}

/** As many signs as fit so many columns. */
function beginningOf(text: string, width: number): string {
  let kept = '';
  let columns = 0;
  for (const sign of text) {
    columns += columnsOf(sign);
    if (columns > width) break;
    kept += sign;
  }
  return kept;
}

/** Lines: a title line, then one for each row. Cells must be one-line texts without colour. */
export function table(columns: Column[], rows: string[][], width: number): string[] {
  const all = [columns.map((c) => c.title), ...rows];
  const widths = columns.map((_, i) => Math.max(...all.map((row) => columnsOf(row[i] ?? ''))));
  const total = widths.reduce((sum, w) => sum + w, 0) + GAP.length * (columns.length - 1);
  let over = total - width;
  for (const [i, column] of columns.entries()) {
    const present = widths[i] ?? 0;
    if (!column.flex || over <= 0) continue;
    widths[i] = Math.max(NARROWEST, present - over);
    over -= present - (widths[i] ?? 0);
  }
  return all.map((row) =>
    cut(
      row
        .map((cell, i) => pad(cut(cell, widths[i] ?? 0), widths[i] ?? 0))
        .join(GAP)
        .trimEnd(),
      width,
    ),
  );
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columnsOf(text)));
}

/** Breaks at spaces (a longer word is broken anywhere); each line begins with `indent` spaces, the first with `first` in their place. */
export function paragraph(text: string, width: number, indent = 0, first = ' '.repeat(indent)): string[] {
  const room = Math.max(10, width - indent);
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(/\s+/).filter(Boolean)) {
    while (columnsOf(word) > room) {
      if (line) lines.push(line);
      line = '';
      const piece = beginningOf(word, room);
      lines.push(piece);
      word = word.slice(piece.length);
    }
    if (line && columnsOf(line) + 1 + columnsOf(word) > room) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  if (line || lines.length === 0) lines.push(line);
  return lines.map((l, i) => ((i === 0 ? first : ' '.repeat(indent)) + l).trimEnd());
}
