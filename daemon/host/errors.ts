/** Errors of a broken world. Expected outcomes are values; what is thrown carries a code, a remedy and whether to try again. */

export class RelayError extends Error {
  readonly code: string;
  /** One sentence: what a person can do. */
  readonly hint: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { hint: string; retryable?: boolean; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RelayError';
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }
}

/** The words of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node or Relay error, or undefined. */
export function codeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
