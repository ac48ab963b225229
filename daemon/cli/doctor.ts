/** `relayctl doctor`: named checks of this Mac, each with its remedy. */
import { Command } from 'commander';
import type { DoctorReport } from '../local/schemas.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { paragraph } from './table.ts';
import { oneLine, type Style, type Terminal } from './terminal.ts';
import type { Asking, World } from './world.ts';

type Told = DoctorReport['checks'][number];

const SIGNS: Record<Told['verdict'], [sign: string, word: string, style: Style]> = {
  ok: ['✓', 'ok', 'green'],
  skipped: ['–', 'skipped', 'dim'],
  warn: ['!', 'warning', 'yellow'],
  fail: ['✗', 'FAILED', 'red'],
};
/** Sign, word and spaces. */
const LABEL = 10;

export function doctorCommand(world: World): Command {
  return new Command('doctor')
    .description('is all in order on this Mac; what is not, and which switch to flip')
    .option('--bundle <file>', 'writes a support file (.tar.gz) without texts, handles and secrets')
    .addHelpText('after', '\nWarnings alone end with 0. It works without a running relay too, but only a')
    .addHelpText('after', 'running relay can tell of its own permissions.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 4, 5]))
    .addHelpText('after', '\nExample:\n  relayctl doctor --bundle ~/Desktop/relay-support.tar.gz')
    .action((o: { bundle?: string }, command: Command) => world.run(command, (asking) => doctor(asking, o)));
}

async function doctor(asking: Asking, o: { bundle?: string }): Promise<ExitCode> {
  const { terminal } = asking;
  const { checkup } = await import('./doctor-checks.ts');
  const report = await checkup(asking, (words) => terminal.say(`… ${words}`));
  if (o.bundle !== undefined) {
    const { writeBundle } = await import('./support-file.ts');
    await writeBundle(asking, report, o.bundle, (words) => terminal.say(`… ${words}`));
  }
  if (asking.json) await terminal.json(report);
  else await show(terminal, report);
  if (o.bundle !== undefined) terminal.say(`The support file is ${o.bundle}.`);
  return exitCodeOfReport(report);
}

/** A failure that the relay tells of itself, and that needs nobody, is that of a relay which runs but is not ready. */
export function exitCodeOfReport({ checks }: Pick<DoctorReport, 'checks'>): ExitCode {
  const failed = checks.filter(({ verdict }) => verdict === 'fail');
  if (failed.length === 0) return EXIT.ok;
  if (failed.some((check) => check.needs_person)) return EXIT.needsPerson;
  return failed.every(({ by }) => by === 'relay') ? EXIT.degraded : EXIT.failed;
}

async function show(terminal: Terminal, { checks }: DoctorReport): Promise<void> {
  const nameWidth = Math.max(...checks.map(({ name }) => shownName(name).length));
  for (const { verdict, name, words, remedy } of checks) {
    const [sign, word, style] = SIGNS[verdict];
    const label = `${sign} ${word}`.padEnd(LABEL);
    const indent = LABEL + nameWidth + 2;
    const [first = '', ...more] = paragraph(oneLine(words), terminal.width, indent, '');
    await terminal.line(`${terminal.paint(style, label)}${shownName(name).padEnd(nameWidth)}  ${first}`);
    for (const line of more) await terminal.line(line);
    if (verdict === 'ok' || verdict === 'skipped' || remedy === undefined) continue;
    for (const line of paragraph(oneLine(remedy), terminal.width, indent, `${' '.repeat(indent - 2)}→ `))
      await terminal.line(line);
  }
  await terminal.line();
  await terminal.line(terminal.paint('bold', summary(checks)));
}

function shownName(name: string): string {
  return name.replace(/^condition:/, '');
}

function summary(checks: Told[]): string {
  const count = (verdict: Told['verdict']) => checks.filter((c) => c.verdict === verdict).length;
  const [fails, warns] = [count('fail'), count('warn')];
  const warnings = warns === 0 ? '' : warns === 1 ? ' One warning.' : ` ${warns} warnings.`;
  if (fails === 0) return `Nothing is broken.${warnings}`;
  return `${fails === 1 ? 'One check failed' : `${fails} checks failed`}; what to do stands beside →.${warnings}`;
}
