/** The version of this relay, from package.json; the build puts it into the bundle. */
import pack from '../../package.json' with { type: 'json' };

export const VERSION: string = pack.version;
