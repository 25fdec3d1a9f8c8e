// SPDX-License-Identifier: Apache-2.0
/** Runs every check and suite in turn, shows them as they go, and ends with one line of counts. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** Lines of a failing test that are said again at the end: its log above may be cut off where it is read. */
const WORDS_AT_END = 30

const BIN = 'node_modules/.bin'
const scratch = mkdtempSync(join(tmpdir(), 'meshgate-test-'))
const total: Counts = { passed: 0, failed: 0, skipped: 0 }
const failures: string[] = []

try {
  await suite('checks', check)
  await suite('helper (go test -race)', () => goTest('native', ['-race']))
  await suite('link emulator (go test)', () => goTest('netns-lab/wire', []))
  await suite('unit and simulation (vitest)', () => vitest('unit'))
  await suite("kernel's WireGuard (virtual machine)", kernelTests)
  await suite('lab, side by side (vitest)', () => vitest('lab-side-by-side'))
  await suite('lab (vitest)', () => vitest('lab'))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
for (const failure of failures) console.log(`\n== failed: ${failure}`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 ? 1 : 0

async function suite(name: string, run: () => Promise<Counts>): Promise<void> {
  const started = performance.now()
  console.log(`\n== ${name}`)
  const counts = await run()
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(`== ${name}: ${counts.passed} passed, ${counts.failed} failed, ${seconds} s`)
}

async function check(): Promise<Counts> {
  const code = await execute('scripts/check', [])
  if (code !== 0) failures.push('checks (npm run check shows them)')
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
}

async function vitest(project: string): Promise<Counts> {
  const report = join(scratch, `${project}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const code = await execute(`${BIN}/vitest`, ['run', '--project', project, ...reporters])
  const result = readReport(report)
  for (const file of result.testResults ?? []) {
    for (const test of file.assertionResults) {
      if (test.status !== 'failed') continue
      failures.push(
        `${test.fullName} (${relative('.', file.name)})\n${firstWords(test.failureMessages)}`,
      )
    }
  }
  return judged(project, code, {
    passed: result.numPassedTests ?? 0,
    failed: result.numFailedTests ?? 0,
    skipped: (result.numPendingTests ?? 0) + (result.numTodoTests ?? 0),
  })
}

/** A suite that died before its tests ran has failed no test, and has not passed either. */
function judged(suiteName: string, code: number, counts: Counts): Counts {
  if (code !== 0 ? counts.failed > 0 : counts.passed > 0) return counts
  failures.push(`${suiteName} ended with ${code}, and ${counts.passed} tests had passed`)
  return { ...counts, failed: counts.failed + 1 }
}

/** vitest has the message first and its stack after it; go test ends with what went wrong. */
function firstWords(messages: readonly string[]): string {
  return messages.join('\n').split('\n').slice(0, WORDS_AT_END).join('\n')
}

function lastWords(lines: readonly string[]): string {
  return lines.join('\n').split('\n').slice(-WORDS_AT_END).join('\n')
}

function goTest(module: string, flags: readonly string[]): Promise<Counts> {
  return goEvents(['test', '-json', ...flags, './...'], module)
}

/** The guest is one of x86-64, and simulated: elsewhere it would simulate another processor, in a time that CI has not. */
async function kernelTests(): Promise<Counts> {
  if (process.arch !== 'x64') return { passed: 0, failed: 0, skipped: 1 }
  return goEvents(['tool', 'test2json', 'scripts/test-kernel', '--quick'], '.')
}

/** go test's own machine-readable stream: one line a test, shown only where something failed. */
async function goEvents(args: readonly string[], directory: string): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  const output: string[] = []
  const said = new Map<string, string[]>()
  const code = await execute('go', args, directory, (line) => {
    const event = parseLine(line)
    if (event === undefined) {
      output.push(line)
      return
    }
    const words = event.Output?.trimEnd()
    if (words !== undefined) output.push(words)
    if (event.Test === undefined) return
    const ofTest = said.get(event.Test) ?? []
    if (words !== undefined) ofTest.push(words)
    said.set(event.Test, ofTest)
    if (event.Action === 'pass') counts.passed += 1
    if (event.Action === 'skip') counts.skipped += 1
    if (event.Action !== 'fail') return
    counts.failed += 1
    failures.push(`${event.Test}\n${lastWords(ofTest)}`)
  })
  if (code !== 0) console.log(output.join('\n'))
  return judged(`${directory}: go ${args[0]}`, code, counts)
}

interface GoTestEvent {
  readonly Action: string
  readonly Test?: string
  readonly Output?: string
}

function parseLine(line: string): GoTestEvent | undefined {
  try {
    return JSON.parse(line) as GoTestEvent
  } catch {
    return undefined
  }
}

interface VitestReport {
  readonly numPassedTests?: number
  readonly numFailedTests?: number
  readonly numPendingTests?: number
  readonly numTodoTests?: number
  readonly testResults?: readonly {
    readonly name: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

function readReport(path: string): VitestReport {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as VitestReport
  } catch {
    return {}
  }
}

function execute(
  command: string,
  args: readonly string[],
  cwd = '.',
  onLine?: (line: string) => void,
): Promise<number> {
  return new Promise((resolve) => {
    const stdio = onLine === undefined ? 'inherit' : (['ignore', 'pipe', 'inherit'] as const)
    const child = spawn(command, args, { cwd, stdio: stdio as 'inherit' })
    let rest = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine?.(line)
    })
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`)
      resolve(127)
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}
