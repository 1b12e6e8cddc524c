// A restart at the same port that loses no call: the new process takes over the listening socket, then the old one leaves.
//
//     npm run build && npm run compile && node .build/examples/zero-loss-restart.js
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, createServer, defineService, jsonCodec } from 'microwire'

const json = { request: jsonCodec<object>(), response: jsonCodec<{ by: string }>() }
const who = defineService('who.v1.Who', { serves: { kind: 'unary', ...json } })

async function serve(name: string, address: string) {
  const server = createServer({ name: 'who', address })
  server.handle(who, {
    serves: () => sleep(2, { by: name }),
  })
  await server.start()
  return server
}

if (process.argv[2] === 'successor') {
  await serve('the new process', 'fd:3')
  process.send?.('ready')
} else {
  const old = await serve('the old process', '127.0.0.1:0')
  const client = createClient({ address: old.address })
  const { serves } = client.bind(who)
  const seen = new Set<string>()
  let isOver = false
  const caller = async () => {
    while (!isOver) seen.add(await serves({}).then(answer => answer.by, String))
  }
  const callers = [caller(), caller(), caller(), caller()]
  const args = [...process.execArgv, process.argv[1]!, 'successor']
  const stdio = ['ignore', 'inherit', 'inherit', old.descriptors[0]!, 'ipc'] as const
  const successor = spawn(process.execPath, args, { stdio: [...stdio] })
  await once(successor, 'message')
  await old.stop()
  await sleep(200)
  isOver = true
  await Promise.all(callers)
  console.log(`served by ${[...seen].sort().join(' and ')}`)
  await client.close()
  successor.kill()
}
