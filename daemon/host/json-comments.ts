/** People explain their settings: comments, and a comma after the last entry, in a file that is JSON otherwise. */

const STRING_OR_COMMENT = /"(?:[^"\\\n]|\\.)*"?|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;
const STRING_OR_LAST_COMMA = /"(?:[^"\\\n]|\\.)*"?|,(?=\s*[}\]])/g;

/** The same as JSON, with spaces in place of what JSON does not know, so that lines and columns stay what they were. */
export function plainJson(text: string): string {
  const blank = (found: string) => (found.startsWith('"') ? found : found.replace(/[^\n]/g, ' '));
  return text.replace(STRING_OR_COMMENT, blank).replace(STRING_OR_LAST_COMMA, blank);
}
