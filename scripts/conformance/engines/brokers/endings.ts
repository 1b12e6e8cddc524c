import assert from 'node:assert/strict'
import type { EngineOptions } from '../../../../src/broker/index.js'
import type { Broker } from '../../../../src/micro/index.js'
import type { Tally } from '../../tally.js'
import type { Engine } from '../processes.js'
import { until } from './go-peer.js'
import { collect, message } from './with-go.js'

/** A broker of ours on an engine that dies. */
export interface Endings {
  readonly engine: Engine
  newBroker(options: EngineOptions): Broker
  /** One that is not let in. */
  newStranger(options: EngineOptions): Broker
}

interface Told {
  readonly code?: string
  readonly message?: string
}

/** The engine lost, away at start, and one that does not let us in. Ends with the engine running. */
export async function endings(
  tally: Tally,
  { engine, newBroker, newStranger }: Endings,
): Promise<void> {
  const { address } = engine
  await tally.run(
    'engine killed under load and back: nothing confirmed is lost, told once',
    async () => {
      const errors: Told[] = []
      const states: string[] = []
      const broker = newBroker({
        publishTimeoutMs: 60_000,
        onError: error => errors.push(error as Told),
        onState: state => states.push(state),
      })
      await broker.connect()
      const got = collect(broker, 'load')
      await until(() => states.length === 1, 'not connected')
      await new Promise(resolve => setTimeout(resolve, 200))
      await broker.publish('load', message('before'))
      await until(() => got.length === 1, 'the first has not come')
      await engine.kill()
      await until(() => states.length === 2, 'the loss was not seen')
      const waiting = Array.from({ length: 100 }, (_, i) => broker.publish('load', message(`${i}`)))
      await engine.start()
      await Promise.all(waiting)
      await until(() => got.length >= 101, `${got.length} of 101 came`)
      assert.equal(new Set(got.map(({ body }) => String(body))).size, 101)
      assert.equal(errors.length, 1, JSON.stringify(errors))
      assert.match(errors[0]?.message ?? '', new RegExp(`${address.replace('.', '\\.')} was lost`))
      assert.deepEqual(states, ['connected', 'disconnected', 'connected'])
      await broker.close()
    },
  )
  await tally.run('engine down at start: told once, and there when it comes', async () => {
    await engine.stop()
    const errors: Told[] = []
    const broker = newBroker({
      publishTimeoutMs: 60_000,
      onError: error => errors.push(error as Told),
    })
    assert.equal(await broker.connect(), false)
    const got = collect(broker, 'late')
    const published = broker.publish('late', message('x'))
    await assert.rejects(newBroker({ mustConnect: true, onError: () => undefined }).connect(), {
      code: 'BROKER_UNAVAILABLE',
    })
    await engine.start()
    await published
    await until(() => got.length === 1, 'nothing came')
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['BROKER_UNAVAILABLE'],
    )
    assert.match(
      errors[0]?.message ?? '',
      /connection refused; is it running, and the address right/,
    )
    await broker.close()
  })
  await tally.run(
    'wrong credentials: said so, with where they come from and without them',
    async () => {
      const errors: Told[] = []
      const broker = newStranger({
        mustConnect: true,
        onError: error => errors.push(error as Told),
      })
      await assert.rejects(broker.connect(), { code: 'BROKER_CREDENTIALS' })
      assert.match(
        errors[0]?.message ?? '',
        /does not accept the credentials: .* They come from the options/,
      )
      assert.doesNotMatch(JSON.stringify(errors) + errors.map(String).join(), /wr0ng/)
      await broker.close()
    },
  )
}
