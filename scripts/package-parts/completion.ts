// SPDX-License-Identifier: Apache-2.0
/** Completions of the three usual shells, out of the commands themselves. */
import type { Command } from 'commander'
import { words } from './man-page.ts'

interface Place {
  /** The words before: empty for `meshgate` itself, `token` for `meshgate token`. */
  readonly path: string
  readonly commands: readonly { readonly name: string; readonly summary: string }[]
  readonly flags: readonly string[]
}

/** Every place on a command line where a word can follow. */
function places(root: Command): Place[] {
  const shared = flagsOf(root)
  const visit = (command: Command): Place[] => [
    {
      path: words(command).slice(1).join(' '),
      commands: command.commands.map((one) => ({ name: one.name(), summary: one.description() })),
      flags: [...new Set([...flagsOf(command), ...shared, '--help'])],
    },
    ...command.commands.flatMap(visit),
  ]
  return visit(root)
}

export function bashCompletion(root: Command): string {
  const cases = places(root).map(({ path, commands, flags }) => {
    const all = [...commands.map(({ name }) => name), ...flags].join(' ')
    return `    '${path}') known='${all}' ;;`
  })
  return `# bash completion of meshgate
_meshgate() {
  local word path='' known='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ $word == -* ]] || path="\${path:+$path }$word"
  done
  case $path in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$known" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _meshgate meshgate
`
}

export function zshCompletion(root: Command): string {
  const cases = places(root).map(({ path, commands, flags }) => {
    const named = commands
      .map(({ name, summary }) => `'${name}:${unquoted(summary).replaceAll(':', '\\:')}'`)
      .join(' ')
    return `    '${path}') named=(${named}); flags=(${flags.join(' ')}) ;;`
  })
  return `#compdef meshgate
local -a named flags
local path_='' word
for word in \${words[2,CURRENT-1]}; do
  [[ $word == -* ]] || path_="\${path_:+$path_ }$word"
done
case $path_ in
${cases.join('\n')}
esac
(( \${#named} )) && _describe command named
compadd -- $flags
`
}

export function fishCompletion(root: Command): string {
  const lines = places(root).flatMap(({ path, commands, flags }) => {
    const seen = path.split(' ').filter((word) => word !== '')
    const condition =
      seen.length === 0
        ? '__fish_use_subcommand'
        : seen.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    const head = `complete -c meshgate -n '${condition}'`
    return [
      ...commands.map(({ name, summary }) => `${head} -f -a ${name} -d '${unquoted(summary)}'`),
      ...flags.filter((flag) => flag.startsWith('--')).map((flag) => `${head} -l ${flag.slice(2)}`),
    ]
  })
  return `# fish completion of meshgate\n${lines.join('\n')}\n`
}

function flagsOf(command: Command): string[] {
  return command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]))
}

/** For a place between quotes. */
function unquoted(text: string): string {
  return text.replaceAll("'", '')
}
