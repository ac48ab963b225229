/** The texts of languages.tsv. */
import { readFileSync } from 'node:fs';

export interface Language {
  /** With {name} and {text}. */
  greeting: string;
  names: string[];
  texts: string[];
}

export function readLanguages(): Map<string, Language> {
  const found = new Map<string, Language>();
  for (const line of readFileSync(new URL('languages.tsv', import.meta.url), 'utf8').split('\n')) {
    const [code = '', kind, content = ''] = line.split('\t');
    if (line === '' || line.startsWith('#')) continue;
    let language = found.get(code);
    if (!language) {
      language = { greeting: '', names: [], texts: [] };
      found.set(code, language);
    }
    if (kind === 'greeting') language.greeting = content;
    else if (kind === 'name') language.names.push(content);
    else if (kind === 'text') language.texts.push(content);
    else throw new Error(`languages.tsv: ${line}`);
  }
  return found;
}
