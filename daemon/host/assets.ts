/**
 * Folders of files that travel with the code: SQL migrations and AppleScripts.
 *
 *   sources: daemon/host/migrations/, daemon/bridge/scripts/        built: dist/migrations/, dist/scripts/
 */
import { existsSync } from 'node:fs';
import { RelayError } from './errors.ts';

const PLACES = {
  migrations: ['./migrations/'],
  scripts: ['./scripts/', '../bridge/scripts/'],
} as const;

/** The folder's URL, with a slash at its end. Throws `asset_missing` if the package is incomplete. */
export function assetFolder(name: keyof typeof PLACES): URL {
  for (const place of PLACES[name]) {
    const folder = new URL(place, import.meta.url);
    if (existsSync(folder)) return folder;
  }
  throw new RelayError('asset_missing', `the folder ${name} is missing beside ${import.meta.url}`, {
    hint: 'Install the relay again; in a checkout, run npm run build.',
  });
}
