// SPDX-License-Identifier: Apache-2.0
/**
 * Completes package-lock.json after dependencies were changed. A registry mirror may lack the binaries of platforms that nobody
 * asked it for; npm then leaves them out of the lock, and `npm ci` refuses a lock that is not whole. What is added
 * is what a full registry would give, without the checksum: no platform that we build on uses these entries.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

interface LockedPackage {
  readonly version: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32']
const PROCESSORS = ['arm', 'arm64', 'ia32', 'ppc64', 'riscv64', 's390x', 'x64']
const C_LIBRARIES = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }
const LOCK = 'package-lock.json'

const { values } = parseArgs({ options: { check: { type: 'boolean' } } })
const lock = JSON.parse(readFileSync(LOCK, 'utf8')) as { packages: Record<string, LockedPackage> }
const missing = missingPlatforms(lock.packages)
if (values.check === true) {
  for (const [name] of missing) console.error(`${LOCK} lacks ${name}: run npm run lock`)
  process.exitCode = missing.length > 0 ? 1 : 0
} else if (missing.length > 0) {
  const packages = { ...lock.packages, ...Object.fromEntries(missing) }
  const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(LOCK, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
}

function missingPlatforms(packages: Readonly<Record<string, LockedPackage>>) {
  return Object.entries(packages).flatMap(([path, { dev, optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => path !== '' && packages[`node_modules/${name}`] === undefined)
      .map(([name, version]) => [`node_modules/${name}`, entryOf(name, version, dev)] as const),
  )
}

function entryOf(name: string, version: string, dev: boolean | undefined) {
  const words = name.split('/').at(-1)!.split('-')
  const library = words.map((word) => C_LIBRARIES[word as keyof typeof C_LIBRARIES]).find(Boolean)
  // A Linux build that names no library is for glibc wherever a musl one stands beside it.
  const libc = library ?? (words.includes('linux') ? 'glibc' : undefined)
  return {
    version,
    cpu: words.filter((word) => PROCESSORS.includes(word)),
    ...(dev === true ? { dev } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: words.filter((word) => SYSTEMS.includes(word)),
  }
}
