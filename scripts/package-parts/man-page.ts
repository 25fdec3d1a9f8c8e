// SPDX-License-Identifier: Apache-2.0
/** Man pages out of the commands' own help: roff, as man(7) defines it. */
import type { Command } from 'commander'

export interface ManPage {
  /** Its place below /usr/share/man. */
  readonly path: string
  readonly text: string
}

/** One page for the program, and one for each command that does something. */
export function manPages(root: Command, version: string): ManPage[] {
  const commands = leaves(root)
  const list = commands.map(
    (one) => `.TP\n.B ${escape(words(one).join(' '))}\n${escape(one.description())}`,
  )
  const main = [
    header('meshgate', version),
    `.SH NAME\nmeshgate \\- ${escape(root.description())}`,
    '.SH SYNOPSIS\n.B meshgate\n[options] command',
    `.SH COMMANDS\nEach has a page of its own: meshgate-COMMAND(1).\n${list.join('\n')}`,
    optionSection('OPTIONS', root),
    FILES,
    '.SH EXIT STATUS\n0: it worked. 1: it did not. 2: it was asked for wrongly.',
  ]
  return [
    { path: 'man1/meshgate.1', text: `${main.join('\n')}\n` },
    ...commands.map((one) => pageOf(one, version)),
  ]
}

/** The helper's page, out of its `--help`. */
export function helperPage(help: string, version: string): ManPage {
  const [summary = '', ...rest] = help.trim().split('\n')
  const text = [
    header('meshgate-helper', version, 8),
    `.SH NAME\nmeshgate-helper \\- ${escape(summary.replace(/^meshgate-helper /, ''))}`,
    `.SH DESCRIPTION\n.nf\n${escape(rest.join('\n').trim())}\n.fi`,
    '.SH SEE ALSO\nmeshgate(1)',
  ]
  return { path: 'man8/meshgate-helper.8', text: `${text.join('\n')}\n` }
}

function pageOf(command: Command, version: string): ManPage {
  const name = words(command).join('-')
  const examples = examplesOf(command).map((line) => `.nf\n${escape(line)}\n.fi`)
  const parts = [
    header(name, version),
    `.SH NAME\n${escape(name)} \\- ${escape(command.description())}`,
    `.SH SYNOPSIS\n.B ${escape(words(command).join(' '))}\n${escape(command.usage())}`,
    optionSection('OPTIONS', command),
    `.SH EXAMPLES\n${examples.join('\n')}`,
    '.SH SEE ALSO\nmeshgate(1), which has the options that every command takes',
  ]
  return { path: `man1/${name}.1`, text: `${parts.filter((part) => part !== '').join('\n')}\n` }
}

/** Commands without commands below them, as they stand in the help. */
export function leaves(command: Command): Command[] {
  return command.commands.flatMap((one) => (one.commands.length === 0 ? [one] : leaves(one)))
}

/** `meshgate`, `token`, `create`. */
export function words(command: Command): string[] {
  return command.parent === null ? [command.name()] : [...words(command.parent), command.name()]
}

function examplesOf(command: Command): string[] {
  let help = ''
  command.configureOutput({ writeOut: (text) => void (help += text) }).outputHelp()
  return help
    .split('\n')
    .filter((line) => line.startsWith('  $ '))
    .map((line) => line.slice(4))
}

function optionSection(title: string, command: Command): string {
  const entries = [
    ...command.registeredArguments.map(
      (one) => `.TP\n.B ${one.name()}\n${escape(one.description)}`,
    ),
    ...command.options.map((one) => `.TP\n.B ${escape(one.flags)}\n${escape(one.description)}`),
  ]
  return entries.length === 0 ? '' : `.SH ${title}\n${entries.join('\n')}`
}

function header(name: string, version: string, section = 1): string {
  return `.TH ${name.toUpperCase()} ${section} "" "meshgate ${version}" "meshgate"`
}

/** Nothing in a text may look like a request (a dot or quote first), and hyphens stay hyphens. */
function escape(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1')
}

const FILES = `.SH FILES
.TP
.I /etc/meshgate/config.toml
the configuration; /usr/share/doc/meshgate/config.md explains each key
.TP
.I /var/lib/meshgate
keys and membership
.TP
.I /run/meshgate/agent.sock
the local API; members of the group meshgate may use it`
