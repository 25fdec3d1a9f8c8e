// SPDX-License-Identifier: Apache-2.0
/** The package's files as they lie on a host, below a folder of one's own. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { program } from '../../agent/shell/cli/command-line.ts'
import { buildHelper } from '../build-helper.ts'
import { bashCompletion, fishCompletion, zshCompletion } from './completion.ts'
import { helperPage, manPages } from './man-page.ts'

/** As Debian calls it, and as npm does. */
export const PROCESSORS = { amd64: 'x64', arm64: 'arm64' } as const
export type Processor = keyof typeof PROCESSORS

const ROOT = join(import.meta.dirname, '../..')
const LIBRARY = 'usr/lib/meshgate'

export function stage(into: string, version: string, processor: Processor): void {
  rmSync(into, { recursive: true, force: true })
  agent(into)
  buildHelper({ version, processor, output: join(into, LIBRARY, 'dist/meshgate-helper') })
  binaries(into, processor)
  units(into)
  shells(into)
  documentation(into, version)
}

function agent(into: string): void {
  for (const name of readdirSync(join(ROOT, 'dist'))) {
    // What else lies there is another processor's, or a tool of the lab.
    if (name !== 'dashboard' && !name.endsWith('.mjs')) continue
    cpSync(join(ROOT, 'dist', name), join(into, LIBRARY, 'dist', name), { recursive: true })
  }
  copy('bin/meshgate', join(into, LIBRARY, 'bin/meshgate'), 0o755)
  mkdirSync(join(into, 'usr/bin'), { recursive: true })
  symlinkSync('../lib/meshgate/bin/meshgate', join(into, 'usr/bin/meshgate'))
  mkdirSync(join(into, 'usr/sbin'), { recursive: true })
  symlinkSync('../lib/meshgate/dist/meshgate-helper', join(into, 'usr/sbin/meshgate-helper'))
}

/** Node, and the native part of data channels, for the processor that the package is for. */
function binaries(into: string, processor: Processor): void {
  const name = `node-linux-${PROCESSORS[processor]}`
  const program = binaryOf(name, 'bin/node')
  copy(program, join(into, LIBRARY, 'node_modules', name, 'bin/node'), 0o755)
  copy(
    join(dirname(dirname(program)), 'LICENSE'),
    join(into, 'usr/share/doc/meshgate/LICENSE.node'),
  )
  const channels = `@node-datachannel/linux-${PROCESSORS[processor]}-gnu`
  const library = 'node_datachannel.node'
  copy(binaryOf(channels, library), join(into, LIBRARY, 'dist', library))
}

/** npm has installed this machine's; the other processor's is fetched in the lock file's version. */
function binaryOf(name: string, file: string): string {
  const installed = join(ROOT, 'node_modules', name, file)
  if (existsSync(installed)) return installed
  const folder = join(ROOT, '.build/binaries', name)
  const fetched = join(folder, 'package', file)
  if (existsSync(fetched)) return fetched
  mkdirSync(folder, { recursive: true })
  const { version, integrity } = locked(name)
  const packed = execFileSync('npm', ['pack', '--silent', `${name}@${version}`], {
    cwd: folder,
    encoding: 'utf8',
  }).trim()
  const sum = createHash('sha512')
    .update(readFileSync(join(folder, packed)))
    .digest('base64')
  if (`sha512-${sum}` !== integrity)
    throw new Error(`${packed} is not what package-lock.json knows as ${name} ${version}`)
  execFileSync('tar', ['-xzf', packed], { cwd: folder })
  return fetched
}

interface Locked {
  readonly version: string
  readonly integrity: string
}

function locked(name: string): Locked {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>
  }
  const found = lock.packages[`node_modules/${name}`]
  if (found === undefined) throw new Error(`package-lock.json knows no ${name}`)
  return found
}

function units(into: string): void {
  for (const unit of ['meshgate.service', 'meshgate-helper.service'])
    copy(`packaging/${unit}`, join(into, 'lib/systemd/system', unit))
}

function shells(into: string): void {
  const root = program(() => async () => undefined, false)
  write(into, 'usr/share/bash-completion/completions/meshgate', bashCompletion(root))
  write(into, 'usr/share/zsh/vendor-completions/_meshgate', zshCompletion(root))
  write(into, 'usr/share/fish/vendor_completions.d/meshgate.fish', fishCompletion(root))
}

function documentation(into: string, version: string): void {
  const root = program(() => async () => undefined, false)
  const help = execFileSync(join(ROOT, 'dist/meshgate-helper'), ['--help'], { encoding: 'utf8' })
  for (const { path, text } of [...manPages(root, version), helperPage(help, version)])
    write(into, `usr/share/man/${path}.gz`, gzipSync(text, { level: 9 }))
  const folder = 'usr/share/doc/meshgate'
  write(into, `${folder}/changelog.gz`, gzipSync(execFileSync('cat', [join(ROOT, 'CHANGELOG.md')])))
  for (const page of [
    'docs/config.md',
    'docs/openapi.json',
    'packaging/copyright',
    'packaging/monitoring/alerts.yml',
    'packaging/monitoring/grafana-dashboard.json',
  ])
    copy(page, join(into, folder, page.split('/').at(-1)!))
}

function copy(from: string, to: string, mode = 0o644): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(join(from.startsWith('/') ? '/' : ROOT, from), to)
  chmodSync(to, mode)
}

function write(into: string, path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(into, path)), { recursive: true })
  writeFileSync(join(into, path), content, { mode: 0o644 })
}
