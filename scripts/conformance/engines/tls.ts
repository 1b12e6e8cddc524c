import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { natsBroker } from '../../../src/broker/nats/index.js'
import { rabbitmqBroker } from '../../../src/broker/rabbitmq/index.js'
import { redisBroker } from '../../../src/broker/redis/index.js'
import type { RegistryService } from '../../../src/micro/index.js'
import { consulRegistry } from '../../../src/registry/consul/index.js'
import { etcdRegistry } from '../../../src/registry/etcd/index.js'
import { natsRegistry } from '../../../src/registry/nats/index.js'
import { type Certificate, makeCertificate } from '../certificates.js'
import { inTime } from '../in-time.js'
import { freePort } from '../ports.js'
import { type SuiteRun, Unavailable } from '../suite.js'
import { type EngineOptions, startEngine } from './processes.js'
import type { EngineName } from './programs.js'
import { until } from './registries.js'

const CASE_TIME_MAX_MS = 30_000
/** How long a refusal may take: engines answer at once. Unit: ms. */
const REFUSAL_MAX_MS = 3_000

/** What a client shows and trusts. */
interface Tls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** What a client of ours does on an engine: one round, and the error of it. */
type Round = (address: string, tls: Tls) => Promise<void>

/** An engine that takes TLS only, and only of clients with a certificate. */
interface SecureEngine {
  readonly name: EngineName
  start(port: number, certificate: Certificate): EngineOptions
  readonly rounds: Readonly<Record<string, Round>>
}

const RECORD: RegistryService = {
  name: 'secure',
  version: 'latest',
  metadata: {},
  endpoints: [],
  nodes: [{ id: 'secure-1', address: '127.0.0.1:1', metadata: {} }],
}

type Registry = ReturnType<typeof etcdRegistry | typeof consulRegistry | typeof natsRegistry>

function registryRound(open: (address: string, tls: Tls) => Registry): Round {
  return async (address, tls) => {
    const registry = open(address, tls)
    try {
      await registry.register(RECORD, { ttlMs: 9_000 })
      await until('the node', async () => (await registry.getService('secure')).length === 1)
    } finally {
      await registry.close()
    }
  }
}

type Broker = ReturnType<typeof natsBroker>

function brokerRound(open: (address: string, tls: Tls) => Broker): Round {
  return async (address, tls) => {
    const broker = open(address, tls)
    const heard: string[] = []
    try {
      await broker.connect()
      await broker.subscribe('secure', ({ body }) => void heard.push(`${body}`)).ready
      await broker.publish('secure', { header: new Map(), body: Buffer.from('event') })
      await until('the event', () => heard.includes('event'))
    } finally {
      await broker.close()
    }
  }
}

const quiet = { onError: () => undefined }
const strict = { ...quiet, mustConnect: true, connectTimeoutMs: REFUSAL_MAX_MS }

const ENGINES: readonly SecureEngine[] = [
  {
    name: 'etcd',
    start: (port, { certFile, keyFile }) => ({
      port,
      args: [
        `--listen-client-urls=https://127.0.0.1:${port}`,
        `--advertise-client-urls=https://127.0.0.1:${port}`,
        `--cert-file=${certFile}`,
        `--key-file=${keyFile}`,
        '--client-cert-auth',
        `--trusted-ca-file=${certFile}`,
      ],
    }),
    rounds: {
      registry: registryRound((address, tls) =>
        etcdRegistry({ address, tls, timeoutMs: REFUSAL_MAX_MS, ...quiet }),
      ),
    },
  },
  {
    name: 'nats',
    start: (port, { certFile, keyFile }) => ({
      port,
      args: [
        ...['--tlscert', certFile, '--tlskey', keyFile],
        ...['--tlsverify', '--tlscacert', certFile],
      ],
    }),
    rounds: {
      registry: registryRound((address, tls) =>
        natsRegistry({ address, tls, timeoutMs: REFUSAL_MAX_MS, ...quiet }),
      ),
      broker: brokerRound((servers, tls) => natsBroker({ servers, tls, ...strict })),
    },
  },
  {
    name: 'consul',
    start: (port, { certFile, keyFile }) => {
      const https = `ca_file = "${certFile}"
cert_file = "${certFile}"
key_file = "${keyFile}"
verify_incoming = true`
      return {
        port,
        args: ['-http-port=-1', `-https-port=${port}`, '-hcl', `tls { https {\n${https}\n} }`],
      }
    },
    rounds: {
      registry: registryRound((address, tls) =>
        consulRegistry({ address: `https://${address}`, tls, timeoutMs: REFUSAL_MAX_MS, ...quiet }),
      ),
    },
  },
  {
    name: 'redis',
    start: (port, { certFile, keyFile }) => ({
      port,
      args: [
        ...['--port', '0', '--tls-port', `${port}`],
        ...['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile],
      ],
    }),
    rounds: {
      broker: brokerRound((address, tls) =>
        redisBroker({ url: `rediss://${address}`, tls, ...strict }),
      ),
    },
  },
  {
    name: 'rabbitmq',
    start: (port, { certFile, keyFile }) => {
      const config = join(certFile, '..', 'rabbitmq.conf')
      writeFileSync(
        config,
        `listeners.tcp = none
listeners.ssl.default = 127.0.0.1:${port}
ssl_options.cacertfile = ${certFile}
ssl_options.certfile = ${certFile}
ssl_options.keyfile = ${keyFile}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
`,
      )
      return { port, env: { RABBITMQ_CONFIG_FILE: config, RABBITMQ_NODE_PORT: '' } }
    },
    rounds: {
      broker: brokerRound((address, tls) =>
        rabbitmqBroker({ url: `amqps://${address}`, tls, ...strict }),
      ),
    },
  },
]

/** Engines that take TLS with client certificates only: who has one works, others hear what is wrong. */
export async function tlsEngines(run: SuiteRun): Promise<void> {
  const names = process.env['MICROWIRE_ENGINES']?.split(',')
  for (const engine of ENGINES) {
    if (names !== undefined && !names.includes(engine.name)) continue
    try {
      await secureRows(run, engine)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      run.row(`${engine.name}: TLS`, '').skip(error.message)
    }
  }
}

async function secureRows(run: SuiteRun, { name, start, rounds }: SecureEngine): Promise<void> {
  const certificate = await makeCertificate(run)
  const stranger = await makeCertificate(run)
  const engine = await startEngine(run, name, start(await freePort(), certificate))
  const { cert, key } = certificate
  for (const [part, round] of Object.entries(rounds)) {
    const tally = run.row(`${name}: TLS, ${part}`, engine.version)
    const check = (what: string, work: () => Promise<void>) =>
      tally.run(what, () => inTime(work(), CASE_TIME_MAX_MS))
    await check('with its certificate a client works', () =>
      round(engine.address, { ca: cert, cert, key }),
    )
    for (const [what, tls, told] of [
      [
        'without a certificate it hears the address and what to do',
        { ca: cert },
        /accept the certificate of this client; its log|wants? a certificate of the client|or a certificate of the client/,
      ],
      [
        'an authority that it does not trust is told, with the address',
        { ca: stranger.cert, cert, key },
        /certificate of the server is not trusted.*give `tls`/,
      ],
    ] as const) {
      await check(what, async () => {
        const error = await round(engine.address, tls).then(
          () => undefined,
          (each: Error) => each,
        )
        if (error === undefined) throw new Error('it worked')
        const isTold = error.message.includes(engine.address) && told.test(error.message)
        if (!isTold || /SSL routines/.test(error.message)) throw new Error(`${error}`)
      })
    }
  }
  await engine.stop()
}
