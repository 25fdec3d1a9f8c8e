// SPDX-License-Identifier: Apache-2.0
import { openApi } from '../agent/shell/api/openapi.ts'
import { configReference } from '../agent/shell/state/config-reference.ts'
import { failoverDocument } from './bench-runs/failover-outcome.ts'

/** Each generated page's text by its path in the repository. */
export function generatedDocs(): Readonly<Record<string, string>> {
  return {
    'docs/config.md': configReference(),
    'docs/failover.md': failoverDocument(),
    'docs/openapi.json': `${JSON.stringify(openApi(), null, 2)}\n`,
  }
}
