import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { generate } from 'selfsigned'
import { CACHE } from './paths.js'

const CERT_FILE = `${CACHE}/cert.pem`
const KEY_FILE = `${CACHE}/key.pem`

/** What every TLS server of the benchmarks shows: a P-256 key, so that all sign alike. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Makes the certificate, unless it is there. Servers read it when they start. */
export async function makeCertificate(): Promise<void> {
  if (existsSync(CERT_FILE) && existsSync(KEY_FILE)) return
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
  })
  mkdirSync(CACHE, { recursive: true })
  writeFileSync(CERT_FILE, cert)
  writeFileSync(KEY_FILE, key)
}

/** The certificate that `makeCertificate` left. */
export function readCertificate(): Certificate {
  return { cert: readFileSync(CERT_FILE, 'utf8'), key: readFileSync(KEY_FILE, 'utf8') }
}
