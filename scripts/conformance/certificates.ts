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
}

/** Makes one in a folder of its own, which goes with the suite. */
export async function makeCertificate(run: SuiteRun): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), 'microwire-'))
  run.onEnd(() => rmSync(folder, { recursive: true, force: true }))
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
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
