/**
 * The stand-in of codesign: signatures are lines of `<folder>/signatures`, "path, identifier, valid or broken, team", parted by tabs; a
 * path may be a pattern of the shell. It
 * displays (to stderr, as the real one does), verifies, also against a requirement on the team, and signs; each call is a line in
 * `<folder>/codesign.calls`.
 */
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const script = (folder: string) => `#!/bin/sh
# Stands in for codesign on the simulated Mac.
table=${quoted(join(folder, 'signatures'))}
calls=${quoted(join(folder, 'codesign.calls'))}
tab=$(printf '\\t')
all= verb= identity= identifier= team= path=
while [ $# -gt 0 ]; do
  all="$all$1$tab"
  case $1 in
    -d | --display) verb=display ;;
    -v | --verify) [ -n "$verb" ] || verb=verify ;;
    -s | --sign) verb=sign identity=$2; all="$all$2$tab"; shift ;;
    -i | --identifier) identifier=$2; all="$all$2$tab"; shift ;;
    --entitlements | -o | --options | --timestamp) case $1 in --timestamp) ;; *) all="$all$2$tab"; shift ;; esac ;;
    -R=*) team=\${1##*subject.OU\\] = }; team=\${team%%[!A-Za-z0-9\\"]*} ;;
    --timestamp=* | --verbose* | --strict | --force | -f | --deep) ;;
    -*) echo "codesign: unrecognized option $1" >&2; exit 2 ;;
    *) path=$1 ;;
  esac
  shift
done
printf '%s\\n' "$all" >>"$calls"
[ -e "$path" ] || { echo "$path: No such file or directory" >&2; exit 1; }
if [ "$verb" = sign ]; then
  printf '%s\\t%s\\tvalid\\t%s\\n' "$path" "$identifier" "$identity" >>"$table"
  exit 0
fi
# The last line counts; a program in an app goes by the signature of the app.
app=\${path%/Contents/MacOS/*}
found=
while IFS="$tab" read -r of id state by; do
  case $path in $of) found=1 is=$id how=$state whose=$by ;; esac
  case $app in $of) found=1 is=$id how=$state whose=$by ;; esac
done 2>/dev/null <"$table"
[ -n "$found" ] || { echo "$path: code object is not signed at all" >&2; exit 1; }
if [ "$verb" = display ]; then
  printf 'Executable=%s\\nIdentifier=%s\\nFormat=app bundle with Mach-O thin (arm64)\\nTeamIdentifier=%s\\n' "$path" "$is" "$whose" >&2
  exit 0
fi
[ "$how" = valid ] || { echo "$path: a sealed resource is missing or invalid" >&2; exit 1; }
team=\${team#\\"}; team=\${team%\\"}
[ -z "$team" ] || [ "$team" = "$whose" ] || { echo "$path: does not satisfy its designated Requirement" >&2; exit 3; }
`;

export class SimulatedCodesign {
  /** The executable. */
  readonly codesign: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.codesign = join(folder, 'bin', 'codesign');
    mkdirSync(join(folder, 'bin'), { recursive: true });
    writeFileSync(this.codesign, script(folder));
    chmodSync(this.codesign, 0o755);
    writeFileSync(join(folder, 'signatures'), '');
  }

  /** This path is signed from now on. */
  sign(path: string, identifier: string, o: { broken?: boolean; team?: string } = {}): void {
    const line = [path, identifier, o.broken ? 'broken' : 'valid', o.team ?? 'not set'].join('\t');
    appendFileSync(join(this.#folder, 'signatures'), `${line}\n`);
  }

  /** The arguments of each call, oldest first. */
  get calls(): string[][] {
    const file = join(this.#folder, 'codesign.calls');
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => line.split('\t').slice(0, -1));
  }
}
