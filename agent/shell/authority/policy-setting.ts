// SPDX-License-Identifier: Apache-2.0

/** Where the authority's ledger keeps the envelope of the policy, in base64. */
export const POLICY_SETTING = 'policy'
