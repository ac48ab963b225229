/**
 * What may leave this Mac in a support file: numbers, yes and no, moments, and words of our own that are codes. Not what looks harmless
 * stays, but only what is known: a string stays if its field is one of those that hold a code, and if it is written like one. So no
 * text, handle, path or secret can get through, wherever somebody put it, and whatever an error says of it.
 */

/** Fields whose strings are codes of ours or of the system. */
const CODE_FIELDS =
  /^(level|room|event|code|condition|verdict|severity|state|phase|kind|outcome|cause|syscall|errno|by|sender|service|last_exit|rule|route|category|controller)$/;
/** Lower case, or a code of the system such as ECONNREFUSED. */
const CODE = /^([a-z][a-z0-9_:]{0,47}|E[A-Z0-9_]{2,31})$/;
const VERSION = /^\d{1,4}(\.\d{1,5}){0,3}$/;
const VERSION_FIELDS = /^(version|running|pinned|relayctl|relay)$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;
/** Fields whose numbers, and yes and no, say something. */
const COUNT_FIELDS =
  /^(absent|again_in_ms|count|cursor_rowid|dispatching|ended|epoch|free_gib|held|launched|left|looked_s|missing|off_s|pid|port|queued|quit|readable|ready|runs|scripts|seq|ssh|status|tries|unacked_events|unknown|waiting)$/;
/** Objects with fields of ours in them. */
const SECTIONS = /^(facts|queue|chat_db|sender|controller)$/;
/** A phone number without its plus is a number too; Unix ms of this century are not taken for one. */
const LARGEST_COUNT = 999_999;
const YEARS = { from: Date.UTC(2001, 0, 1), to: Date.UTC(2100, 0, 1) };
const MOMENT_FIELDS = /^(now|at|since|until|next_at|started_at|last_send_at|last_inbound_at|last_row_at)$/;
const DEEPEST = 6;

/** A copy with what is known to be harmless. A number alone (no field) stays if it is small. */
export function codesOnly(value: unknown, field = '', depth = 0): unknown {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return numberOf(value, field);
  if (typeof value === 'string') return stringOf(value, field);
  if (typeof value !== 'object' || depth >= DEEPEST) return undefined;
  if (Array.isArray(value)) return value.map((one) => codesOnly(one, field, depth + 1) ?? null);
  const kept = Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
    const isKnown = typeof one === 'object' && one !== null ? SECTIONS.test(name) : isField(name);
    const safe = isKnown ? codesOnly(one, name, depth + 1) : undefined;
    return safe === undefined ? [] : [[name, safe]];
  });
  return Object.fromEntries(kept);
}

function isField(name: string): boolean {
  return [CODE_FIELDS, COUNT_FIELDS, MOMENT_FIELDS, VERSION_FIELDS].some((fields) => fields.test(name));
}

function numberOf(value: number, field: string): number | undefined {
  if (Math.abs(value) <= LARGEST_COUNT) return value;
  return MOMENT_FIELDS.test(field) && value >= YEARS.from && value <= YEARS.to ? value : undefined;
}

function stringOf(value: string, field: string): string | undefined {
  if (MOMENT.test(value) && MOMENT_FIELDS.test(field)) return value;
  if (VERSION_FIELDS.test(field) && VERSION.test(value)) return value;
  return CODE_FIELDS.test(field) && CODE.test(value) ? value : undefined;
}
