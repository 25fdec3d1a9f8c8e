// SPDX-License-Identifier: Apache-2.0
import type { LabHost } from '../../netns-lab/lab-host.ts'

// By its path: npm puts the bin of its own package of that name first on PATH.
/** The result code of Debian's `stun`, such as 0x000016; bit 1 (value 2) says that the NAT hairpins. */
export async function vovidaVerdict(host: LabHost, server: string): Promise<string> {
  const { stdout } = await host.exec(['/usr/bin/stun', server], { deadlineMs: 20_000 })
  const code = /Return value is (0x[0-9a-f]+)/.exec(stdout)?.[1]
  if (code === undefined) throw new Error(`${host.name}: stun gave no verdict:\n${stdout}`)
  return code
}

/** What turnutils_natdiscovery says, in its own words, or "blocked". */
export async function coturnVerdict(
  host: LabHost,
  server: string,
): Promise<{ mapping: string; filtering: string }> {
  const { stdout } = await host.exec(['turnutils_natdiscovery', '-m', '-f', server])
  const verdict = (kind: string) => {
    const words = new RegExp(`NAT with (.* ${kind})!`).exec(stdout)?.[1]
    if (words !== undefined) return words
    if (stdout.includes('STUN receive timeout')) return 'blocked'
    throw new Error(`${host.name}: natdiscovery gave no verdict on ${kind}:\n${stdout}`)
  }
  return { mapping: verdict('Mapping'), filtering: verdict('Filtering') }
}

/** Where a server sees a host's packets from, as `address:port`, when they leave the host from that port. */
export async function mappedEndpoint(
  host: LabHost,
  server: string,
  localPort: number,
): Promise<string> {
  const local = host.addresses.find((address) => address.includes(':') === server.includes(':'))
  const from = ['-L', local ?? '', '-l', String(localPort)]
  const { stdout } = await host.exec(['turnutils_natdiscovery', '-m', ...from, server])
  const endpoint = /UDP reflexive addr: (\S+)/.exec(stdout)?.[1]
  if (endpoint === undefined) throw new Error(`${host.name}: no answer from ${server}:\n${stdout}`)
  return endpoint
}
