/**
 * The import rules of the project, held by a test: who may import whom, one door for each outside thing, no cycles, and the names that
 * files may have. `violations` works on any set of files, so that planted mistakes prove that it would find real ones.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

type Sources = Map<string, string>;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ROOMS = ['link', 'gate', 'outbox', 'bridge', 'journal'];

/** Which of the project's files may be imported by a file; the first fitting line counts. */
const MAY_IMPORT: [who: RegExp, whom: RegExp][] = [
  [/^protocol\//, /^protocol\//],
  [/^daemon\/host\//, /^(protocol\/|daemon\/host\/|package\.json$)/],
  ...ROOMS.map((room): [RegExp, RegExp] => [
    new RegExp(`^daemon/${room}/`),
    new RegExp(`^(protocol|daemon/host|daemon/${room})/`),
  ]),
  [/^daemon\/local\//, /^(protocol|daemon\/host|daemon\/local)\//],
  [/^daemon\/cli\//, /^(protocol\/|daemon\/(host|local|cli)\/|daemon\/inspect\.ts$)/],
  [
    /^daemon\/inspect\.ts$/,
    /^(protocol\/|daemon\/host\/|daemon\/bridge\/inspect-(rows|mac)\.ts$|daemon\/gate\/(near|policy|policy-floor|timeline)\.ts$)/,
  ],
  [/^daemon\/relay\.ts$/, /^(protocol\/|daemon\/(host|local|link|gate|outbox|bridge|journal)\/)/],
  [/^daemon\/main\.ts$/, /^(protocol\/|daemon\/host\/|daemon\/relay\.ts$)/],
  // The simulated Mac knows nothing of the daemon that runs against it.
  [/^test\/sim\//, /^(test\/sim|protocol)\//],
  [/^(scripts|test)\//, /./],
];

/** One door for each outside thing. Anything else that is no builtin of Node is refused in protocol/ and daemon/. */
const DOORS: [thing: RegExp, door: RegExp][] = [
  [/^node:sqlite$/, /^(daemon\/host\/db\.ts|protocol\/controller[\w-]*\.ts)$/],
  [/^(node:)?child_process$/, /^daemon\/(bridge\/osascript|host\/(commands|companion))\.ts$/],
  [/^ws$/, /^(daemon\/link\/socket\.ts|protocol\/controller[\w-]*\.ts)$/],
  [/^winston$/, /^daemon\/host\/log[\w-]*\.ts$/],
  [/^prom-client$/, /^daemon\/host\/metrics\.ts$/],
  [/^commander$/, /^daemon\/cli\//],
  [/^libphonenumber-js(\/|$)/, /^daemon\/host\/handles\.ts$/],
  [/^plist$/, /^daemon\/host\/launch-agent\.ts$/],
  [/^zod$/, /./],
];

const NO_NAMES = /(^|\/)(utils?|helpers?|common|core|misc|shared|index)(\.ts$|\/)/;
const TOP_LEVEL =
  /^(daemon|protocol|scripts|test|package\.json|package-lock\.json|tsconfig\.json|com\.sender\.relay\.plist|README\.md|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|biome\.json|vitest\.config\.ts|\..+)$/;

/** `import … from 'x'`, `export … from 'x'`, `import 'x'`, `import('x')`, and `require('x')`. */
const IMPORT =
  /^\s*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\b(?:import|require)\(\s*['"]([^'"]+)['"]/gm;

function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function inside(file: string, wanted: string): string {
  return posix.normalize(posix.join(posix.dirname(file), wanted));
}

function violations(sources: Sources): string[] {
  const found: string[] = [];
  for (const [file, text] of sources) {
    if (NO_NAMES.test(file)) found.push(`${file}: a name that says nothing`);
    const product = /^(protocol|daemon)\//.test(file);
    if (product && !/^\/\*\*/.test(text)) found.push(`${file}: does not say what it is for in its first lines`);
    if (product && !file.endsWith('.generated.ts') && text.split('\n').length > 420)
      found.push(`${file}: far beyond 300 lines`);
    for (const wanted of importsOf(text)) {
      const wrong = wanted.startsWith('.')
        ? wrongInside(file, inside(file, wanted), sources)
        : wrongOutside(file, wanted);
      if (wrong) found.push(`${file} imports ${wanted}: ${wrong}`);
    }
  }
  return [...found, ...cyclesOf(sources)];
}

function wrongInside(file: string, target: string, sources: Sources): string | null {
  if (target !== 'package.json' && !sources.has(target)) return `there is no ${target}`;
  const rule = MAY_IMPORT.find(([who]) => who.test(file));
  return rule?.[1].test(target) === true ? null : 'not allowed from here';
}

function wrongOutside(file: string, wanted: string): string | null {
  if (!/^(protocol|daemon)\//.test(file)) return null;
  const door = DOORS.find(([thing]) => thing.test(wanted));
  if (door) return door[1].test(file) ? null : 'not through its door';
  if (isBuiltin(wanted)) return wanted.startsWith('node:') ? null : 'a builtin without node:';
  return 'not a package that the product may use';
}

/** Each cycle once, from its alphabetically first file on. */
function cyclesOf(sources: Sources): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const way: string[] = [];
  function visit(file: string): void {
    const again = way.indexOf(file);
    if (again >= 0) {
      const cycle = way.slice(again);
      const first = cycle.indexOf([...cycle].sort()[0] ?? '');
      found.add(`a cycle: ${[...cycle.slice(first), ...cycle.slice(0, first)].join(' → ')}`);
    }
    if (again >= 0 || done.has(file)) return;
    way.push(file);
    for (const wanted of importsOf(sources.get(file) ?? ''))
      if (wanted.startsWith('.') && sources.has(inside(file, wanted))) visit(inside(file, wanted));
    way.pop();
    done.add(file);
  }
  for (const file of sources.keys()) visit(file);
  return [...found];
}

function projectSources(): Sources {
  const sources: Sources = new Map();
  for (const folder of ['protocol', 'daemon', 'scripts', 'test'])
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      const path = join(entry.parentPath, entry.name);
      const file = path.slice(ROOT.length);
      // This file's planted mistakes are no mistakes of its own.
      if (file !== 'test/architecture.test.ts') sources.set(file, readFileSync(path, 'utf8'));
    }
  return sources;
}

describe('the project', () => {
  it('keeps the rules', () => {
    const sources = projectSources();
    expect(sources.size).toBeGreaterThan(50);
    expect(violations(sources)).toEqual([]);
  });

  it('has nothing at its top but what belongs there', () => {
    const tracked = existsSync(join(ROOT, '.git'))
      ? execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).split('\n').filter(Boolean)
      : readdirSync(ROOT).filter((name) => !['node_modules', 'dist', 'coverage'].includes(name));
    const top = [...new Set(tracked.map((path) => path.split('/')[0] ?? ''))];
    expect(top).toContain('daemon');
    expect(top.filter((name) => !TOP_LEVEL.test(name))).toEqual([]);
  });
});

describe('a planted mistake is found', () => {
  const good = '/** A file. */\n';
  const planted = (files: Record<string, string>) =>
    violations(new Map(Object.entries(files).map(([file, text]) => [file, good + text])));

  const host = { 'daemon/host/db.ts': '' };
  it.each<[string, Record<string, string>, string]>([
    [
      'a room imports another',
      { 'daemon/gate/a.ts': "import { b } from '../link/b.ts';", 'daemon/link/b.ts': '' },
      'daemon/gate/a.ts imports ../link/b.ts: not allowed from here',
    ],
    [
      'only its types',
      { 'daemon/gate/a.ts': "import type { B } from '../link/b.ts';", 'daemon/link/b.ts': '' },
      'daemon/gate/a.ts imports ../link/b.ts: not allowed from here',
    ],
    [
      'over several lines',
      { 'daemon/gate/a.ts': "import {\n  type B,\n  b,\n} from '../link/b.ts';", 'daemon/link/b.ts': '' },
      'daemon/gate/a.ts imports ../link/b.ts: not allowed from here',
    ],
    [
      'while it runs',
      { 'daemon/gate/a.ts': "const { b } = await import('../link/b.ts');", 'daemon/link/b.ts': '' },
      'daemon/gate/a.ts imports ../link/b.ts: not allowed from here',
    ],
    [
      'by exporting it',
      { 'daemon/gate/a.ts': "export * from '../link/b.ts';", 'daemon/link/b.ts': '' },
      'daemon/gate/a.ts imports ../link/b.ts: not allowed from here',
    ],
    [
      'protocol imports the daemon',
      { 'protocol/a.ts': "import '../daemon/host/db.ts';", ...host },
      'protocol/a.ts imports ../daemon/host/db.ts: not allowed from here',
    ],
    [
      'host imports a room',
      { 'daemon/host/a.ts': "import '../gate/b.ts';", 'daemon/gate/b.ts': '' },
      'daemon/host/a.ts imports ../gate/b.ts: not allowed from here',
    ],
    [
      'cli imports a room',
      { 'daemon/cli/a.ts': "import '../gate/near.ts';", 'daemon/gate/near.ts': '' },
      'daemon/cli/a.ts imports ../gate/near.ts: not allowed from here',
    ],
    [
      'inspect imports more of a room',
      { 'daemon/inspect.ts': "import './gate/gate.ts';", 'daemon/gate/gate.ts': '' },
      'daemon/inspect.ts imports ./gate/gate.ts: not allowed from here',
    ],
    [
      'main imports a room',
      { 'daemon/main.ts': "import './gate/gate.ts';", 'daemon/gate/gate.ts': '' },
      'daemon/main.ts imports ./gate/gate.ts: not allowed from here',
    ],
    [
      'the product imports a test',
      { 'daemon/host/a.ts': "import '../../test/b.ts';", 'test/b.ts': '' },
      'daemon/host/a.ts imports ../../test/b.ts: not allowed from here',
    ],
    [
      'the simulated Mac imports the daemon',
      { 'test/sim/a.ts': "import '../../daemon/host/db.ts';", ...host },
      'test/sim/a.ts imports ../../daemon/host/db.ts: not allowed from here',
    ],
    [
      'a file that is not there',
      { 'daemon/gate/a.ts': "import './gone.ts';" },
      'daemon/gate/a.ts imports ./gone.ts: there is no daemon/gate/gone.ts',
    ],
    [
      'SQLite past its door',
      { 'daemon/gate/a.ts': "import { DatabaseSync } from 'node:sqlite';" },
      'daemon/gate/a.ts imports node:sqlite: not through its door',
    ],
    [
      'a socket past its door',
      { 'daemon/link/session.ts': "import WebSocket from 'ws';" },
      'daemon/link/session.ts imports ws: not through its door',
    ],
    [
      'a process past its door',
      { 'daemon/bridge/send.ts': "import { spawn } from 'node:child_process';" },
      'daemon/bridge/send.ts imports node:child_process: not through its door',
    ],
    [
      'the logger past its door',
      { 'daemon/gate/a.ts': "import winston from 'winston';" },
      'daemon/gate/a.ts imports winston: not through its door',
    ],
    [
      'property lists past their door',
      { 'daemon/host/service.ts': "import { parse } from 'plist';" },
      'daemon/host/service.ts imports plist: not through its door',
    ],
    [
      'the parser past its door',
      { 'daemon/local/a.ts': "import { Command } from 'commander';" },
      'daemon/local/a.ts imports commander: not through its door',
    ],
    [
      'a package of nobody',
      { 'daemon/gate/a.ts': "import _ from 'lodash';" },
      'daemon/gate/a.ts imports lodash: not a package that the product may use',
    ],
    [
      'a builtin in short',
      { 'daemon/gate/a.ts': "import fs from 'fs';" },
      'daemon/gate/a.ts imports fs: a builtin without node:',
    ],
    ['a barrel', { 'daemon/gate/index.ts': '' }, 'daemon/gate/index.ts: a name that says nothing'],
    ['a drawer', { 'daemon/gate/utils.ts': '' }, 'daemon/gate/utils.ts: a name that says nothing'],
    ['a cellar', { 'daemon/common/time.ts': '' }, 'daemon/common/time.ts: a name that says nothing'],
    [
      'a cycle of two',
      { 'daemon/gate/b.ts': "import './a.ts';", 'daemon/gate/a.ts': "import './b.ts';" },
      'a cycle: daemon/gate/a.ts → daemon/gate/b.ts',
    ],
  ])('%s', (_name, files, wanted) => expect(planted(files)).toEqual([wanted]));

  it('a file that does not say what it is for', () => {
    expect(violations(new Map([['daemon/gate/a.ts', "import 'node:fs';\n"]]))).toEqual([
      'daemon/gate/a.ts: does not say what it is for in its first lines',
    ]);
  });

  it('and what is allowed is not', () => {
    const allowed = {
      'protocol/a.ts': "import { z } from 'zod';",
      'daemon/host/db.ts': "import { DatabaseSync } from 'node:sqlite';\nimport '../../protocol/a.ts';",
      'daemon/gate/a.ts': "import '../host/db.ts';\nimport '../../protocol/a.ts';",
      'daemon/relay.ts': "import './gate/a.ts';",
      'daemon/main.ts': "import './relay.ts';",
      'test/sim/a.ts': "import { spawn } from 'node:child_process';",
      'test/unit/a.ts': "import '../../daemon/relay.ts';",
    };
    expect(planted(allowed)).toEqual([]);
  });
});
