// SPDX-License-Identifier: Apache-2.0
import { type Capability, expectedPath, type GridPath } from '../expected-grid.ts'
import type { GridCell } from './measure-grid.ts'

/** What both ends have: the worse of the two. */
export function cellPath({ paths }: GridCell): GridPath {
  if (paths.includes('none')) return 'none'
  return paths.includes('relay') ? 'relay' : 'direct'
}

/** One line for each way in which a cell is not as theory says, naming the pair. */
export function gridDifferences(
  cells: readonly GridCell[],
  has: ReadonlySet<Capability>,
): string[] {
  return cells.flatMap((cell) => {
    const { row, column, paths, answered, why } = cell
    const pair = `${row} (a) and ${column} (b)`
    const expectation = expectedPath(row, column, has)
    const path = cellPath(cell)
    const says = (index: 0 | 1) => `${'ab'[index]} says ${paths[index]}: ${why[index]}`
    return [
      ...(expectation.paths.includes(path)
        ? []
        : [
            `${pair}: ${path}, expected ${expectation.paths.join(' or ')} because ${expectation.why}; ${says(0)}; ${says(1)}`,
          ]),
      ...(paths[0] === paths[1] ? [] : [`${pair}: the ends disagree; ${says(0)}; ${says(1)}`]),
      // What the product says of itself is believed only where an outside program agrees.
      ...([0, 1] as const)
        .filter((index) => answered[index] !== (path !== 'none'))
        .map(
          (index) =>
            `${pair}: ${path}, but ping from ${'ab'[index]} was ${answered[index] ? '' : 'not '}answered`,
        ),
    ]
  })
}
