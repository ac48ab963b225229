/** People explain their settings: comments, and a comma after the last entry, in a file that is JSON otherwise. */

const STRING_OR_COMMENT = /"(?:[^"\\\n]|\\.)*"?|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;
const STRING_OR_LAST_COMMA = /"(?:[^"\\\n]|\\.)*"?|,(?=\s*[}\]])/g;

const blank = (found: string) => (found.startsWith('"') ? found : found.replace(/[^\n]/g, ' '));

/** The same as JSON, with spaces in place of what JSON does not know, so that lines and columns stay what they were. */
export function plainJson(text: string): string {
  return withoutComments(text).replace(STRING_OR_LAST_COMMA, blank);
}

/** Comments are spaces, a comma after the last entry stays. As long as the text. */
export function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, blank);
}
