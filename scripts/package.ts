// SPDX-License-Identifier: Apache-2.0
/** Makes a Debian package of the built product: its own Node, the bundled agent, the helper, units and pages. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readArguments } from './arguments.ts'
import { type Processor, PROCESSORS, stage } from './package-parts/stage.ts'

const ROOT = join(import.meta.dirname, '..')

const { values } = readArguments({
  options: {
    arch: { type: 'string', multiple: true },
    output: { type: 'string', default: join(ROOT, '.build/packages') },
    /** Of the package: upgrades in tests need a second one. */
    'package-version': { type: 'string' },
    compression: { type: 'string', default: 'zstd' },
  },
})

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string
}

for (const arch of values.arch ?? [thisProcessor()]) {
  if (!isProcessor(arch)) fail(`--arch ${arch} is none of ${Object.keys(PROCESSORS).join(', ')}`)
  process.stdout.write(`${makePackage(arch)}\n`)
}

/** Returns the path of the .deb. */
function makePackage(arch: Processor): string {
  const packageVersion = values['package-version'] ?? version
  const tree = join(ROOT, '.build/package', arch)
  stage(tree, version, arch)
  control(tree, packageVersion, arch)
  mkdirSync(values.output, { recursive: true })
  const file = join(values.output, `meshgate_${packageVersion}_${arch}.deb`)
  execFileSync(
    'dpkg-deb',
    ['--root-owner-group', `-Z${values.compression}`, '--build', tree, file],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  return file
}

function control(tree: string, packageVersion: string, arch: Processor): void {
  const folder = join(tree, 'DEBIAN')
  mkdirSync(folder, { mode: 0o755 })
  const sizeKiB = execFileSync('du', ['-sk', '--exclude=DEBIAN', tree], { encoding: 'utf8' })
  writeFileSync(
    join(folder, 'control'),
    `Package: meshgate
Version: ${packageVersion}
Architecture: ${arch}
Maintainer: the meshgate authors <meshgate@meshgate.dev>
Installed-Size: ${Number.parseInt(sizeKiB, 10)}
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, passwd, util-linux
Recommends: systemd, wireguard-tools
Section: net
Priority: optional
Homepage: https://meshgate.dev
Description: private network between your hosts, without a server in the middle
 Hosts find each other, punch through NATs, and talk over WireGuard, directly wherever
 that can be and over another member at once wherever it cannot. Nothing is needed to
 keep running: membership is signed, and every node computes its own routes.
`,
  )
  for (const script of ['postinst', 'prerm', 'postrm']) {
    copyFileSync(join(ROOT, 'packaging', script), join(folder, script))
    chmodSync(join(folder, script), 0o755)
  }
}

function thisProcessor(): Processor {
  return process.arch === 'arm64' ? 'arm64' : 'amd64'
}

function isProcessor(text: string): text is Processor {
  return Object.hasOwn(PROCESSORS, text)
}

function fail(message: string): never {
  process.stderr.write(`package: ${message}\n`)
  process.exit(2)
}
