import { readFileSync } from 'node:fs'
import type { ClientTlsOptions } from '../../transport/index.js'

/** What Consul's own tools read from the environment. */
export interface ConsulEnvironment {
  readonly address: string | undefined
  readonly token: string | undefined
  readonly namespace: string | undefined
  readonly tls: ClientTlsOptions | undefined
}

export function consulEnvironment(env: NodeJS.ProcessEnv = process.env): ConsulEnvironment {
  const file = (name: string) => {
    const path = env[name]
    return path ? { [FILES[name]!]: readFileSync(path) } : {}
  }
  const tls: ClientTlsOptions = Object.assign({}, ...Object.keys(FILES).map(file))
  const isSecure = /^(1|true)$/i.test(env['CONSUL_HTTP_SSL'] ?? '') || Object.keys(tls).length > 0
  return {
    address: env['CONSUL_HTTP_ADDR'] || env['MICRO_REGISTRY_ADDRESS'] || undefined,
    token: env['CONSUL_HTTP_TOKEN'] || undefined,
    namespace: env['CONSUL_NAMESPACE'] || undefined,
    tls: isSecure ? tls : undefined,
  }
}

const FILES: Readonly<Record<string, string>> = {
  CONSUL_CACERT: 'ca',
  CONSUL_CLIENT_CERT: 'cert',
  CONSUL_CLIENT_KEY: 'key',
}
