// SPDX-License-Identifier: Apache-2.0
/** A cluster of etcd on hosts of a lab, one member on each. */
import type { HostProcess } from '../../netns-lab/host-process.ts'
import type { LabHost } from '../../netns-lab/lab-host.ts'
import { etcdCommand, type EtcdUrls } from './etcd-cluster.ts'

interface MaintenanceStatus {
  readonly header: { readonly member_id: string }
  readonly leader?: string
}

export class LabEtcd {
  readonly hosts: readonly LabHost[]
  readonly #members: readonly EtcdUrls[]
  readonly #running = new Map<LabHost, HostProcess>()

  constructor(hosts: readonly LabHost[]) {
    this.hosts = hosts
    this.#members = hosts.map(({ name, address }) => ({
      name,
      client: `http://${address}:2379`,
      peer: `http://${address}:2380`,
    }))
    for (const host of hosts) this.start(host)
  }

  get endpoints(): string[] {
    return this.#members.map(({ client }) => client)
  }

  /** With what it had, if it ran before. */
  start(host: LabHost): void {
    const self = this.#members[this.hosts.indexOf(host)]!
    const command = etcdCommand(self, this.#members, host.stateDir)
    this.#running.set(host, host.spawn(command, { log: 'etcd.log' }))
  }

  async kill(host: LabHost): Promise<void> {
    const running = this.#running.get(host)!
    running.kill('SIGKILL')
    await running.exit
  }

  /** The host whose member leads, as soon as one does. */
  async leader(deadlineMs = 20_000): Promise<LabHost> {
    const [first] = this.hosts
    return first!.waitFor(
      async () => {
        for (const host of this.hosts) {
          const status = await this.#statusOf(host)
          if (status?.leader === status?.header.member_id && status !== undefined) return host
        }
        throw new Error('no member leads')
      },
      { deadlineMs, what: 'etcd has a leader', pollMs: 200 },
    )
  }

  async #statusOf(host: LabHost): Promise<MaintenanceStatus | undefined> {
    const url = `http://${host.address}:2379/v3/maintenance/status`
    const { code, stdout } = await host.exec(['curl', '-sS', '--max-time', '2', '-d', '{}', url])
    return code === 0 ? (JSON.parse(stdout) as MaintenanceStatus) : undefined
  }
}
