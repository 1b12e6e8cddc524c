// Health for probes, reflection for tools: grpcurl, buf curl, grpc_health_probe and others then need no schema.
//
//     npm run build && npm run compile && node .build/examples/health-and-reflection.js
import { createClient, createServer, loadService } from 'microwire'
import {
  healthService,
  mountHealth,
  mountReflection,
  reflectionService,
  ServingStatus,
} from 'microwire/services'
import type { Greeter } from './greeter.js'

const service = await loadService<Greeter>('examples/greeter.proto', 'greeter.v1.Greeter')

const server = createServer({ name: 'greeter' })
const health = mountHealth(server)
mountReflection(server)
server.handle(service, {
  hello: ({ name }) => ({ text: `Hello, ${name}` }),
  async *countdown() {},
  sum: () => ({}),
  async *chat() {},
})
await server.start()
// Now: grpcurl -plaintext <address> describe greeter.v1.Greeter

const client = createClient({ address: server.address })
const statusName = new Map<number, string>(
  Object.entries(ServingStatus).map(([name, n]) => [n, name]),
)

for await (const { status } of client.bind(healthService).watch({ service: service.name })) {
  console.log('greeter is', statusName.get(status))
  if (status === ServingStatus.NotServing) break
  health.setStatus(service.name, ServingStatus.NotServing)
}

const { serverReflectionInfo } = client.bind(reflectionService)
const questions = [{ listServices: '' }, { fileContainingSymbol: 'greeter.v1.Greeter.Hello' }]
for await (const answer of serverReflectionInfo(questions)) {
  for (const { name } of answer.listServicesResponse?.service ?? []) console.log('serves', name)
  const files = answer.fileDescriptorResponse?.fileDescriptorProto
  if (files !== undefined) console.log('files that describe hello:', files.length)
}

await client.close()
// Health says NOT_SERVING before the first connection is told to go.
await server.stop()
