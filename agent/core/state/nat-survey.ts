// SPDX-License-Identifier: Apache-2.0
import {
  type BehaviourDiscovery,
  createBehaviourDiscovery,
} from '../../../nat/behaviour-discovery.ts'
import type { Instant } from '../../../nat/clock.ts'
import { createLifetimeSurvey, type LifetimeSurvey } from '../../../nat/mapping-lifetime.ts'

/** What is being found out about this node's NAT; see ../nat-survey.ts. */
export interface NatSurvey {
  readonly lifetime: LifetimeSurvey
  readonly behaviour: BehaviourDiscovery
}

export function createNatSurvey(now: Instant): NatSurvey {
  return { lifetime: createLifetimeSurvey(now), behaviour: createBehaviourDiscovery(now) }
}
