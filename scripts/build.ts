// SPDX-License-Identifier: Apache-2.0
/**
 * Makes dist/: the agent as one bundle split by command, and the helper. Both are quick when nothing
 * has changed: esbuild takes a fraction of a second, and Go keeps its own cache.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { buildHelper } from './build-helper.ts'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

const NATIVE_CHANNELS = 'node_datachannel.node'

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
}

/** zod brings its messages in fifty languages, and an import of `z` would keep them all. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup: (bundler) =>
    bundler.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js'",
      resolveDir: join(root, 'node_modules/zod/v4/locales'),
    })),
}

/** Native code cannot be in a bundle: the file lies beside it, and is loaded by the one program that needs it. */
const nativeBeside: Plugin = {
  name: 'native-beside',
  setup: (bundler) => {
    bundler.onResolve({ filter: /^node-datachannel$/ }, () => ({
      path: 'node-datachannel',
      namespace: 'native-beside',
    }))
    bundler.onLoad({ filter: /.*/, namespace: 'native-beside' }, () => ({
      contents: `
        import { createRequire as fromHere } from 'node:module'
        export const { PeerConnection, cleanup } = fromHere(import.meta.url)('./${NATIVE_CHANNELS}')
      `,
    }))
  },
}

await buildAgent()
await buildPage()
copyNativeChannels()
try {
  buildHelper({ version, output: join(dist, 'meshgate-helper') })
} catch (error) {
  fail((error as Error).message)
}

async function buildAgent(): Promise<void> {
  const source = readFileSync(join(root, 'agent/shell/version.ts'), 'utf8')
  if (!source.includes(`'${version}'`))
    fail(`agent/shell/version.ts does not say ${version}, as package.json does`)
  mkdirSync(dist, { recursive: true })
  for (const file of readdirSync(dist)) if (/\.mjs(\.map)?$/.test(file)) rmSync(join(dist, file))
  await build({
    entryPoints: {
      meshgate: join(root, 'agent/shell/main.ts'),
      channels: join(root, 'agent/shell/channel/channel-program.ts'),
    },
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Source text stays in memory for as long as the agent runs. Names are kept, for stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [englishOnly, nativeBeside],
    sourcemap: 'external',
    legalComments: 'none',
    logLevel: 'warning',
    // CommonJS packages in an ESM bundle still call require for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  })
}

/** The dashboard: three files that load nothing else. */
async function buildPage(): Promise<void> {
  const source = join(root, 'agent/dashboard')
  const folder = join(dist, 'dashboard')
  rmSync(folder, { recursive: true, force: true })
  await build({
    entryPoints: { app: join(source, 'app.tsx'), 'app-style': join(source, 'app.css') },
    outdir: folder,
    entryNames: '[name]',
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
  })
  for (const file of ['index.html', 'icon.svg'])
    copyFileSync(join(source, file), join(folder, file))
}

/** The binary that was made for this machine, as the package that brings it chooses it. */
function copyNativeChannels(): void {
  const library = createRequire(join(root, 'node_modules/node-datachannel/package.json'))
  const { familySync } = library('detect-libc') as { familySync: () => string | null }
  const libc = familySync() === 'musl' ? 'musl' : 'gnu'
  const name = `@node-datachannel/${process.platform}-${process.arch}-${libc}`
  copyFileSync(library.resolve(`${name}/node_datachannel.node`), join(dist, NATIVE_CHANNELS))
}

function fail(message: string): never {
  process.stderr.write(`build: ${message}\n`)
  process.exit(1)
}
