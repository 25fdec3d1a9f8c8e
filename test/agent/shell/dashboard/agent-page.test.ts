// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import type { AgentApi } from '../../../../agent/shell/api/agent-api.ts'
import { AgentPage } from '../../../../agent/shell/dashboard/agent-page.ts'

const page = (allowed: boolean | 'auto', isHub: boolean) =>
  new AgentPage({ api: {} as AgentApi, allowed, port: undefined, isHub: () => isHub })

test('a hub serves no page unless it is told to, and says how', async () => {
  await expect(page('auto', true).link()).rejects.toMatchObject({
    code: 'page-off',
    message: expect.stringContaining('this host is a hub'),
    remedy: expect.stringContaining('dashboard = true'),
  })
  await expect(page(false, false).link()).rejects.toMatchObject({ code: 'page-off' })
})

test.each([
  ['auto', false],
  [true, true],
] as const)(
  'with dashboard = %s and a hub: %s there is a link, on loopback',
  async (allowed, isHub) => {
    const served = page(allowed, isHub)
    expect((await served.link()).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#login=/)
    await served.close()
  },
)
