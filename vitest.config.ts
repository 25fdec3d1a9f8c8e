// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config'

/** They wait for most of their time, for leases and lifetimes that end, and measure no gaps. */
const SIDE_BY_SIDE = [
  'authorities-on-etcd',
  'authority',
  'authority-quorum',
  'bad-input',
  'clock-skew',
  'etcd-tls',
  'far-authority',
  'lab-cli',
  'lab-examples',
  'lab-topology',
  'mapped-hosts',
  'natkinds*',
  'network-filters',
  'no-nftables',
  'path-mtu',
  'planted-faults',
  'port-mapping',
  'shared-ledger',
  'turn-service',
].map((name) => `test/lab/${name}.test.ts`)

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/package/**', 'test/traces/**'],
          // By default one core is left to the watcher, and on two cores half of them stands idle.
          maxWorkers: '100%',
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          exclude: SIDE_BY_SIDE,
          // Labs share two cores and real time: one at a time.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'lab-side-by-side',
          include: SIDE_BY_SIDE,
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'traces',
          include: ['test/traces/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
