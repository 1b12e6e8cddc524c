// Two services and a client on etcd, with Go's service beside them if it is built; one is killed under load.
//
//     etcd &
//     (cd interop/go/registries && go build -o /tmp/go-greeter .)      # optional
//     GO_GREETER=/tmp/go-greeter node .build/examples/cluster/cluster.js
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createClient, defineService, jsonCodec } from 'microwire'
import { etcdRegistry } from 'microwire/registry/etcd'

const CALLS = 5_000
const etcd = process.env['MICRO_REGISTRY_ADDRESS'] ?? '127.0.0.1:2379'

/** A process that says when it is registered. */
async function started(command: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout!, 'data')
  return child
}

const service = join(import.meta.dirname, 'service.js')
const processes = [
  await started(process.execPath, service),
  await started(process.execPath, service),
]
const go = process.env['GO_GREETER']
if (go !== undefined) {
  const args = ['-registry', 'etcd', '-at', etcd, '-name', 'greeter', '-id', 'one']
  processes.push(await started(go, 'serve', ...args))
}

const registry = etcdRegistry({ address: etcd })
const client = createClient({
  registry,
  service: 'greeter',
  serviceConfig: {
    methodConfig: [
      {
        name: [{}],
        retryPolicy: {
          maxAttempts: 4,
          initialBackoff: '0.02s',
          maxBackoff: '0.5s',
          backoffMultiplier: 2,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      },
    ],
  },
})
const { hello } = client.bind(
  defineService('Greeter', {
    hello: {
      kind: 'unary',
      request: jsonCodec<{ name: string }>(),
      response: jsonCodec<{ text: string }>(),
    },
  }),
)

const answers = new Map<string, number>()
let done = 0
const lane = async () => {
  while (done < CALLS) {
    if (++done === CALLS / 2) processes[0]!.kill('SIGKILL')
    const who = await hello({ name: 'Ada' }).then(
      ({ text }) => text.split('from ')[1]!,
      (error: Error) => `failed: ${error.message}`,
    )
    answers.set(who, (answers.get(who) ?? 0) + 1)
  }
}
await Promise.all(Array.from({ length: 10 }, lane))
for (const [who, count] of answers) console.log(`${count} calls: ${who}`)

await client.close()
await registry.close()
for (const child of processes) {
  child.stdin?.end()
  child.kill('SIGTERM')
}
