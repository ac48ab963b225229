/**
 * The executables that stand in for those of macOS. They are POSIX sh, so that they start in a few milliseconds, and go on living when
 * whoever called them is killed, as the real ones do.
 *
 * `osascript`: leaves its arguments as `<pid>.call` in the run folder, says so through the FIFO `calls`, and then does what comes through
 * its own FIFO `<pid>.reply`: `out TEXT`, `err TEXT`, `exit CODE`. When the simulator is gone that FIFO ends, and so does it.
 * `ps`: answers `-axo pid=,lstart=,command=` (and `-p PID`) from /proc, start times in the simulated Mac's time; /bin/ps if there is no /proc.
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClockTerms } from './sim-clock.ts';

export const CALLS = 'calls';

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function osascript(run: string): string {
  return `#!/bin/sh
# Stands in for osascript on the simulated Mac.
run=${quoted(run)}
[ -f "$1" ] || { printf 'osascript: %s: No such file or directory\\n' "$1" >&2; exit 1; }
[ -p "$run/${CALLS}" ] && kill -0 "$(cat "$run/pid")" 2>/dev/null || {
  printf '%s:0:0: execution error: the simulated Mac is off (-600)\\n' "$1" >&2; exit 1; }
reply=$run/$$.reply
rm -f "$reply"
mkfifo -m 600 "$reply" || exit 1
exec 3<>"$reply"
printf '%s\\n' "$@" >"$run/$$.call"
printf '%s\\n' "$$" >"$run/${CALLS}"
IFS= read -r line <&3
# From here on only the simulator holds the other end.
exec 4<"$reply" 3<&-
while IFS= read -r line <&4; do
  case $line in
    'out '*) printf '%s\\n' "\${line#out }" ;;
    'err '*) printf '%s\\n' "\${line#err }" >&2 ;;
    'exit '*) exit "\${line#exit }" ;;
  esac
done
exit 1
`;
}

/** Moment of the boot in real Unix ms, for the start times that /proc counts from there. */
function bootedAt(): number {
  try {
    return Date.now() - Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000);
  } catch {
    return 0;
  }
}

function ps(terms: ClockTerms): string {
  return `#!/bin/sh
# Stands in for ps on the simulated Mac: all processes as "pid, start time, command", or the one that -p names.
[ -r /proc/self/stat ] || exec /bin/ps "$@"
LC_ALL=C; export LC_ALL
skips=${quoted(terms.skips ?? '')}
only=
while [ $# -gt 0 ]; do
  [ "$1" = -p ] && { only=$2; shift; }
  shift
done
zone=$(date +%z)
east=$((\${zone%????}1 * (1\${zone#?} / 100 % 100 * 60 + 1\${zone#?} % 100) * 60))
print_process() {
  r=$((${bootedAt()} + $1 * 10))
  skipped=0
  [ -r "$skips" ] && while read -r since total; do [ $r -ge $since ] && skipped=$total; done <"$skips"
  # Milliseconds since the boot, made into seconds of the simulated Mac's time, then into a date (days are counted from 1 March 0000).
  s=$(( (${Math.round(terms.virtualOrigin)} + (r - ${Math.round(terms.realOrigin)}) * ${Math.round(terms.factor * 1000)} / 1000 + skipped) / 1000 + east ))
  d=$((s / 86400)); s=$((s % 86400))
  [ $s -lt 0 ] && { s=$((s + 86400)); d=$((d - 1)); }
  z=$((d + 719468)); era=$((z / 146097)); doe=$((z - era * 146097))
  yoe=$(((doe - doe / 1460 + doe / 36524 - doe / 146096) / 365)); doy=$((doe - (365 * yoe + yoe / 4 - yoe / 100)))
  mp=$(((5 * doy + 2) / 153)); day=$((doy - (153 * mp + 2) / 5 + 1)); month=$((mp < 10 ? mp + 3 : mp - 9))
  year=$((yoe + era * 400 + (month <= 2)))
  set -- Thu Fri Sat Sun Mon Tue Wed; shift $(( (d % 7 + 7) % 7 )); week=$1
  set -- Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec; shift $((month - 1))
  printf '%5d %s %s %2d %02d:%02d:%02d %d %s\\n' \\
    "$pid" "$week" "$1" "$day" $((s / 3600)) $((s % 3600 / 60)) $((s % 60)) "$year" "$command"
}
found=1
grep -a '' /proc/\${only:-[0-9]*}/cmdline /dev/null 2>/dev/null | tr '\\000' ' ' | {
  before=
  while IFS= read -r line; do
    case $line in /proc/[0-9]*/cmdline:*) ;; *) continue ;; esac
    pid=\${line#/proc/}; pid=\${pid%%/*}
    [ "$pid" = "$before" ] && continue
    before=$pid
    { IFS= read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
    set -- \${stat##*) }
    [ "$1" = Z ] && continue
    shift 19
    command=\${line#*cmdline:}
    command=\${command% }
    print_process "$1"
    found=0
  done
  exit $found
}
`;
}

/** Writes both into `<folder>/bin`. `<folder>/run` is where osascript meets the simulator. */
export function writeStandIns(folder: string, terms: ClockTerms): { osascript: string; ps: string; run: string } {
  const run = join(folder, 'run');
  const bin = join(folder, 'bin');
  mkdirSync(run, { recursive: true, mode: 0o700 });
  mkdirSync(bin, { recursive: true });
  const write = (name: string, text: string) => {
    const path = join(bin, name);
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return path;
  };
  return { osascript: write('osascript', osascript(run)), ps: write('ps', ps(terms)), run };
}
