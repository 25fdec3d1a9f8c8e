// SPDX-License-Identifier: Apache-2.0

/** Does the work of each item, in their order, so many at once: the next one begins when any of them has ended. */
export async function someAtOnce<T>(
  count: number,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: count }, worker))
}
