// SPDX-License-Identifier: Apache-2.0
export type Fact = readonly [name: string, value: string]

/** What is known of something, a line each. */
export function FactList({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
