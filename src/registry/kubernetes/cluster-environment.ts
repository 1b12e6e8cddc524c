import { existsSync, readFileSync } from 'node:fs'

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
/** A service account's token is rotated within the hour. Unit: ms. */
const TOKEN_TTL_MS = 60_000

/** What a pod knows of its cluster. */
export interface ClusterEnvironment {
  readonly address: string | undefined
  readonly ca: Buffer | undefined
  readonly namespace: string | undefined
  readonly pod: string | undefined
  /** The token of the moment; undefined outside of a cluster. */
  token(): string | undefined
}

export function clusterEnvironment(
  now: () => number,
  env: NodeJS.ProcessEnv = process.env,
  folder: string = FOLDER,
): ClusterEnvironment {
  const read = (name: string) => {
    const path = `${folder}/${name}`
    return existsSync(path) ? readFileSync(path) : undefined
  }
  const host = env['KUBERNETES_SERVICE_HOST']
  const at = host?.includes(':') ? `[${host}]` : host
  let token: string | undefined
  let until = Number.NEGATIVE_INFINITY
  return {
    address:
      at === undefined ? undefined : `https://${at}:${env['KUBERNETES_SERVICE_PORT'] ?? '443'}`,
    ca: read('ca.crt'),
    namespace: read('namespace')?.toString().trim(),
    pod: env['HOSTNAME'],
    token: () => {
      if (now() >= until) {
        token = read('token')?.toString().trim()
        until = now() + TOKEN_TTL_MS
      }
      return token
    },
  }
}
