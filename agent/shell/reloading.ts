// SPDX-License-Identifier: Apache-2.0
/** The configuration file, read again while the agent runs: all of what changed holds, or none of it. */
import type { Reloaded } from './api/agent-api.ts'
import { failureDocument } from './failure.ts'
import type { Log } from './log.ts'
import { CONFIG_REFERENCE, configKey } from './state/config-reference.ts'
import type { Config } from './state/config.ts'

export interface ReloadingOptions {
  readonly config: Config
  /** Throws Failure. */
  readonly readConfig: () => Config
  readonly onChange: (config: Config) => void
  readonly log: Log
}

export class Reloading {
  readonly #options: ReloadingOptions
  #config: Config

  constructor(options: ReloadingOptions) {
    this.#options = options
    this.#config = options.config
  }

  /** Throws Failure if the file cannot be used; then everything stays as it is. */
  reload(): Reloaded {
    const { readConfig, onChange, log } = this.#options
    const next = readConfig()
    const changed = differingFields(this.#config, next).map(configKey)
    const restart = changed.filter((key) => !CONFIG_REFERENCE[key].live)
    if (changed.includes('log_level')) log.level = next.logLevel
    this.#config = next
    if (changed.length > 0) onChange(next)
    log.info({ changed, restart }, 'configuration reloaded')
    return { changed, restart }
  }

  /** A signal has nobody to answer to: the log has it. */
  reloadBySignal(): void {
    try {
      this.reload()
    } catch (error) {
      this.#options.log.error(failureDocument(error), 'the configuration stays as it was')
    }
  }
}

function differingFields(before: Config, after: Config): (keyof Config)[] {
  const fields = Object.keys(after) as (keyof Config)[]
  return fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]))
}
