/** `relayctl completion`: what a shell must know to complete commands, options and their choices, from the commands themselves. */
import { Argument, Command } from 'commander';
import { EXIT, exitCodesHelp } from './exit-codes.ts';
import type { World } from './world.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function completionCommand(world: World): Command {
  return new Command('completion')
    .description('a script that makes the shell complete relayctl')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', exitCodesHelp([0, 2]))
    .addHelpText('after', `\nExamples:\n  relayctl completion zsh > "\${fpath[1]}/_relayctl"`)
    .addHelpText('after', '  relayctl completion bash > /usr/local/etc/bash_completion.d/relayctl')
    .addHelpText('after', '  relayctl completion fish > ~/.config/fish/completions/relayctl.fish')
    .action((shell: Shell, _: object, command: Command) =>
      world.run(command, async ({ terminal }) => {
        const root = command.parent ?? command;
        for (const line of SCRIPTS[shell](linesOf(root))) await terminal.line(line);
        return EXIT.ok;
      }),
    );
}

interface Words {
  /** "queue list"; '' for relayctl itself. */
  path: string;
  words: { word: string; about: string }[];
}

/** For each command what may stand behind it. */
function linesOf(root: Command): Words[] {
  const all: Words[] = [];
  const visit = (command: Command, path: string[]): void => {
    const subcommands = command.commands.map((c) => ({ word: c.name(), about: c.description() }));
    const options = [...command.options, ...(command === root ? [] : root.options)].flatMap((o) =>
      o.long ? [{ word: o.long, about: o.description }] : [],
    );
    const choices = command.registeredArguments.flatMap((a) =>
      (a.argChoices ?? []).map((word) => ({ word, about: a.description })),
    );
    const help = { word: '--help', about: 'what it does' };
    all.push({ path: path.join(' '), words: [...subcommands, ...choices, ...options, help] });
    for (const c of command.commands) visit(c, [...path, c.name()]);
  };
  visit(root, []);
  return all;
}

const SCRIPTS: Record<Shell, (lines: Words[]) => string[]> = { bash, zsh, fish };

/** The words of the command line that name a command: a loop over what was typed, as long as it is one. */
function bash(lines: Words[]): string[] {
  return [
    '# Completion of relayctl for bash.',
    '_relayctl() {',
    '  local path="" word next i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    `    word="\${COMP_WORDS[i]}"`,
    `    next="\${path:+$path }$word"`,
    '    case "$next" in',
    `      ${lines.flatMap(({ path }) => (path ? [quoted(path)] : [])).join('|')}) path="$next" ;;`,
    '    esac',
    '  done',
    '  case "$path" in',
    ...lines.map(({ path, words }) => `    ${quoted(path)}) word=${quoted(words.map((w) => w.word).join(' '))} ;;`),
    '  esac',
    `  COMPREPLY=($(compgen -W "$word" -- "\${COMP_WORDS[COMP_CWORD]}"))`,
    '}',
    'complete -F _relayctl relayctl',
  ];
}

function zsh(lines: Words[]): string[] {
  return [
    '#compdef relayctl',
    '# Completion of relayctl for zsh.',
    '_relayctl() {',
    '  local path_ word next i',
    '  local -a words_',
    '  for ((i = 2; i < CURRENT; i++)); do',
    `    word="\${words[i]}"`,
    `    next="\${path_:+$path_ }$word"`,
    '    case "$next" in',
    `      ${lines
      .flatMap(({ path }) => (path ? [`(${quoted(path)})`] : []))
      .map((p) => p.slice(1, -1))
      .join('|')}) path_="$next" ;;`,
    '    esac',
    '  done',
    '  case "$path_" in',
    ...lines.map(({ path, words }) => {
      const described = words.map(({ word, about }) => quoted(`${word.replaceAll(':', '\\:')}:${about}`));
      return `    ${quoted(path)}) words_=(${described.join(' ')}) ;;`;
    }),
    '  esac',
    "  _describe 'relayctl' words_ || _files",
    '}',
    '_relayctl "$@"',
  ];
}

function fish(lines: Words[]): string[] {
  const isAt = (path: string) => quoted(`__relayctl_at ${path ? path.split(' ').join(' ') : ''}`.trimEnd());
  return [
    '# Completion of relayctl for fish.',
    'function __relayctl_at',
    `  set -l known ${lines.flatMap(({ path }) => (path ? [quoted(path)] : [])).join(' ')}`,
    "  set -l path ''",
    '  for word in (commandline -opc)[2..-1]',
    '    set -l next (string trim "$path $word")',
    '    contains -- "$next" $known; and set path "$next"',
    '  end',
    '  test "$path" = "$argv"',
    'end',
    'complete -c relayctl -f',
    ...lines.flatMap(({ path, words }) =>
      words.map(({ word, about }) => {
        const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${quoted(word)}`;
        return `complete -c relayctl -n ${isAt(path)} ${what} -d ${quoted(about)}`;
      }),
    ),
  ];
}

/** For a POSIX shell, zsh and fish alike: in single quotes; one within is replaced by its typographic sister. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’').replaceAll('\\', '/')}'`;
}
