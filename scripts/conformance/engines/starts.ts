import { connect } from 'node:net'
import { type SuiteRun, Unavailable } from '../suite.js'
import { startEngine } from './processes.js'
import type { EngineName } from './programs.js'

const NAMES: readonly EngineName[] = ['etcd', 'nats', 'redis', 'rabbitmq', 'consul']

/** That each engine starts here, dies and comes back on its port: what all other rows rest on. */
export async function starts(run: SuiteRun): Promise<void> {
  for (const name of NAMES) {
    try {
      const engine = await startEngine(run, name)
      const tally = run.row(`${name} starts`, engine.version)
      await tally.run('listens', () => dialled(engine.port))
      await tally.run('comes back after SIGKILL', async () => {
        await engine.kill()
        await engine.start()
        await dialled(engine.port)
      })
      await engine.stop()
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      run.row(`${name} starts`, '').skip(error.message)
    }
  }
}

function dialled(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve()
    }).once('error', reject)
  })
}
