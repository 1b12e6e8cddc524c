// Fastify beside microwire in one process: HTTP/1.1 with JSON on one port, gRPC on another.
import fastify from 'fastify'
import { createClient, createServer, GrpcError, loadService, Status } from 'microwire'
import type { Greeter } from './greeter.js'

const greeter = await loadService<Greeter>('greeter.proto', 'greeter.v1.Greeter')
const server = createServer({ name: 'greeter' })
server.handle(greeter, {
  hello({ name }) {
    if (name === 'nobody') throw new GrpcError(Status.NotFound, 'there is nobody')
    return { text: `Hello, ${name}` }
  },
  *countdown({ from }) {
    for (let left = from - 1; left >= 0; left--) yield { left }
  },
  async sum(terms) {
    let sum = 0
    let count = 0
    for await (const { value } of terms) {
      sum += value
      count++
    }
    return { sum, count }
  },
  chat: lines => lines,
})
await server.start()

const client = createClient({ address: server.address })
const { hello, countdown } = client.bind(greeter)

const HTTP_STATUS: Readonly<Record<number, number>> = {
  [Status.InvalidArgument]: 400,
  [Status.NotFound]: 404,
  [Status.Unavailable]: 503,
  [Status.DeadlineExceeded]: 504,
}

const app = fastify()
app.setErrorHandler(async (error, _, reply) => {
  const status = error instanceof GrpcError ? (HTTP_STATUS[error.status] ?? 500) : 500
  const text = error instanceof GrpcError ? error.message : 'internal error'
  return await reply.status(status).send({ error: text })
})
app.get<{ Params: { name: string } }>('/hello/:name', async ({ params, signal }) => {
  return await hello({ name: params.name }, { timeoutMs: 1_000, signal })
})
app.get<{ Params: { from: string } }>('/countdown/:from', async ({ params }) => {
  const left: number[] = []
  for await (const tick of countdown({ from: Number(params.from) })) left.push(tick.left)
  return { left }
})
app.get('/healthz', async () => 'ok')
app.addHook('onClose', async () => {
  await client.close()
  await server.stop({ graceMs: 5_000 })
})
const url = await app.listen({ port: 0, host: '127.0.0.1' })

for (const path of ['/hello/Ada', '/hello/nobody', '/countdown/3', '/healthz']) {
  const response = await fetch(url + path)
  console.log(response.status, await response.text())
}
await app.close()
