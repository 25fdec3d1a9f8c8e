// SPDX-License-Identifier: Apache-2.0
import { Option } from 'commander'

/** Several labs may run side by side; with only one, its name may be left out. */
export function nameOption(): Option {
  return new Option('--name <lab>', 'which lab, where several are up').env('LAB_NAME')
}
