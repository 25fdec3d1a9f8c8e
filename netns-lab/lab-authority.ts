// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
import type { CertificateFiles } from './coturn.ts'
import { expectSuccess } from './node-namespace.ts'

/** In every host's state directory, once a service speaks TLS. */
export const caFileName = 'ca.pem'

const ecKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']

/** A certificate authority that lives and dies with the lab. Its key never enters a host. */
export class LabAuthority {
  readonly #certificate: string
  readonly #key: string
  readonly #hostsDir: string

  constructor(stateDir: string) {
    this.#certificate = `${stateDir}/${caFileName}`
    this.#key = `${stateDir}/ca-key.pem`
    this.#hostsDir = `${stateDir}/hosts`
  }

  /** Makes the authority, and hands its certificate to these hosts. */
  async open(hosts: readonly string[]): Promise<void> {
    const files = ['-keyout', this.#key, '-out', this.#certificate]
    const use = ['-addext', 'keyUsage=critical,keyCertSign']
    await openssl(['req', '-x509', '-subj', '/CN=lab authority', ...ecKey, ...files, ...use])
    await Promise.all(
      hosts.map(async (host) =>
        copyFile(this.#certificate, `${this.#hostsDir}/${host}/${caFileName}`),
      ),
    )
  }

  /** Where a service's certificate is, and is to be. */
  files(host: string, service: string): CertificateFiles {
    const stem = `${this.#hostsDir}/${host}/${service}`
    return { certificate: `${stem}-certificate.pem`, key: `${stem}-key.pem` }
  }

  /** Certifies a service for its host's name and addresses. */
  async certify(host: string, service: string, addresses: readonly string[]): Promise<void> {
    const { certificate, key } = this.files(host, service)
    const names = [`DNS:${host}`, ...addresses.map((address) => `IP:${address}`)]
    const signer = ['-CA', this.#certificate, '-CAkey', this.#key]
    const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=${names.join(',')}`]
    const use = ['-addext', 'basicConstraints=critical,CA:FALSE']
    const files = ['-keyout', key, '-out', certificate]
    await openssl(['req', '-x509', ...signer, ...subject, ...use, ...ecKey, ...files])
  }
}

async function openssl(args: readonly string[]): Promise<void> {
  const child = spawn('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await expectSuccess(child, `openssl ${args[0]}`)
}
