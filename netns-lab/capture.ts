// SPDX-License-Identifier: Apache-2.0
import type { HostProcess } from './host-process.ts'
import { until } from './until.ts'

export interface CaptureSummary {
  readonly pcapFile: string
  readonly packets: readonly CapturedPacket[]
  /** What tcpdump says of the packets, a line each. */
  readonly text: string
}

export interface CapturedPacket {
  /** Seconds since the epoch, with microseconds. */
  readonly timeS: number
  /** tcpdump's line without the time. */
  readonly line: string
}

export interface Capture {
  readonly pcapFile: string
  /** Ends the recording, whose file may be too long to be read back as text. */
  end(): Promise<void>
  /** Ends the recording and reads it back. */
  stop(): Promise<CaptureSummary>
}

/** Where packets are recorded: a host of the lab. */
interface CaptureHost {
  readonly name: string
  readonly stateDir: string
  run(command: readonly string[]): Promise<string>
  spawn(command: readonly string[], options: { log: string }): HostProcess
}

let captures = 0

/** Resolves once packets are being recorded, so that nothing sent after it is missed. */
export async function startCapture(
  host: CaptureHost,
  device: string,
  filter: string,
): Promise<Capture> {
  const name = `capture-${++captures}`
  const pcapFile = `${host.stateDir}/${name}.pcap`
  // -Z root: tcpdump would give up root, and with it the right to write here. Immediate mode and -U keep what was
  // seen just before the end from staying in a buffer.
  const options = ['-i', device, '-Z', 'root', '-U', '--immediate-mode', '-w', pcapFile]
  const tcpdump = host.spawn(['tcpdump', ...options, filter], { log: `${name}.log` })
  await until(
    async () => {
      const output = await tcpdump.output()
      if (!tcpdump.isRunning) throw new Error(output)
      return output.includes('listening on')
    },
    { deadlineMs: 5000, what: `${host.name}: tcpdump listens on ${device}` },
  )
  const end = async () => {
    tcpdump.kill('SIGINT')
    await tcpdump.exit
  }
  const stop = async () => {
    await end()
    const text = await host.run(['tcpdump', '-nn', '-tt', '-r', pcapFile])
    return { pcapFile, text, packets: text.split('\n').flatMap(parsePacket) }
  }
  return { pcapFile, end, stop }
}

function parsePacket(row: string): CapturedPacket[] {
  const match = /^(\d+\.\d+) (.*)$/.exec(row)
  return match === null ? [] : [{ timeS: Number(match[1]), line: match[2] ?? '' }]
}
