// SPDX-License-Identifier: Apache-2.0
/** The page of a running agent: started by the first wish for a link, where the configuration lets it. */
import type { AgentApi, PageLink } from '../api/agent-api.ts'
import { Failure } from '../failure.ts'
import { PageServer } from './page-server.ts'

export interface AgentPageOptions {
  readonly api: AgentApi
  /** auto: not on hubs, which strangers can reach. */
  readonly allowed: boolean | 'auto'
  readonly port: number | undefined
  readonly isHub: () => boolean
}

export class AgentPage {
  readonly #options: AgentPageOptions
  #server: Promise<PageServer> | undefined

  constructor(options: AgentPageOptions) {
    this.#options = options
  }

  /** Throws Failure. */
  async link(): Promise<PageLink> {
    const { api, allowed, port = 0, isHub } = this.#options
    if (allowed === false || (allowed === 'auto' && isHub()))
      throw new Failure(
        'page-off',
        allowed === false
          ? 'the dashboard is switched off here'
          : 'this host is a hub, and hubs serve no dashboard unless they are told to',
        { remedy: 'write `dashboard = true` in the configuration and restart the agent' },
      )
    this.#server ??= PageServer.start({
      api,
      port,
      files: new URL('./dashboard/', import.meta.url),
    })
    try {
      return (await this.#server).link()
    } catch (error) {
      this.#server = undefined
      throw error
    }
  }

  async close(): Promise<void> {
    await (await this.#server?.catch(() => undefined))?.close()
  }
}
