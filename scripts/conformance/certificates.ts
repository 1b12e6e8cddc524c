import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import type { SuiteRun } from './suite.js'

/** A certificate for localhost and 127.0.0.1 that is its own authority. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
  /** The name it is for, where that is not `localhost`. */
  readonly name?: string
}

/**
 * Makes one in a folder of its own, which goes with the suite. `isAuthority`
 * false: rustls refuses a server whose certificate is an authority.
 */
export async function makeCertificate(
  run: SuiteRun,
  isAuthority: boolean = true,
): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), 'microwire-'))
  run.onEnd(() => rmSync(folder, { recursive: true, force: true }))
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: isAuthority, critical: true },
      { name: 'keyUsage', keyCertSign: isAuthority, digitalSignature: true, critical: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  const certFile = join(folder, 'cert.pem')
  const keyFile = join(folder, 'key.pem')
  writeFileSync(certFile, pems.cert)
  writeFileSync(keyFile, pems.private)
  return { cert: pems.cert, key: pems.private, certFile, keyFile }
}
