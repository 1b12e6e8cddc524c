import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createServer } from '../../src/micro/index.js'
import { FLEET } from './service.js'

// A server that hands its listening socket over to its next generation at SIGUSR2, and leaves. The file says who serves.

const [address = '127.0.0.1:0', file = ''] = process.argv.slice(2)
const server = createServer({ name: 'fleet', address })
server.handle(FLEET, {
  call: request => new Promise(resolve => setTimeout(resolve, 2, request)),
})
await server.start()
process.once('SIGUSR2', () => {
  const stdio = ['ignore', 'ignore', 'ignore', server.descriptors[0]!, 'ipc'] as const
  const heir = spawn(process.execPath, [process.argv[1]!, 'fd:3', file], {
    stdio: [...stdio],
    detached: true,
  })
  heir.once('message', () => {
    heir.disconnect()
    heir.unref()
    void server.stop().then(() => process.exit(0))
  })
})
process.once('SIGTERM', () => void server.stop({ graceMs: 0 }).then(() => process.exit(0)))
writeFileSync(file, JSON.stringify({ pid: process.pid, address: server.address }))
process.send?.('ready')
