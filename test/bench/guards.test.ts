import t from 'tap'
import { Child } from '../../bench/child-process.js'
import { compiled } from '../../bench/paths.js'

// The figures come from a child: tap's NODE_V8_COVERAGE changes what code allocates.
const FLAGS = ['--expose-gc', '--max-semi-space-size=256', '--min-semi-space-size=256']

t.test('what a call costs, whatever the machine', async t => {
  const child = await Child.start('guards', process.execPath, [...FLAGS, compiled('guards')])
  t.teardown(() => child.close())
  const figure = async (command: string, name: string, method = ''): Promise<number> => {
    const value = (await child.ask({ do: command, method }))[name]
    if (value === undefined) throw new Error(`${command} told no ${name}`)
    t.comment(`${command} ${method}: ${name} ${value.toFixed(2)}`)
    return value
  }

  await t.test('a parsed frame takes no heap', async t => {
    t.ok((await figure('frameHeap', 'octets')) < 1)
  })

  await t.test('a unary call with a synchronous handler takes at most 1 KiB of heap', async t => {
    t.ok((await figure('serverHeap', 'octets')) <= 1024)
  })

  await t.test('a steady call of two octets takes at most 50 octets each way', async t => {
    t.ok((await figure('wireSize', 'up')) <= 50)
    t.ok((await figure('wireSize', 'down')) <= 50)
  })

  await t.test('a synchronous handler makes no promise, one `await` at most four', async t => {
    // The rest: what ends the measurement, once for a hundred calls.
    t.ok((await figure('served', 'promises', 'Sync')) <= 0.1)
    t.ok((await figure('served', 'promises', 'Awaiting')) <= 4.1)
  })

  await t.test('a hundred calls that come together are answered in at most two writes', async t => {
    // Two, since the kernel may deliver a batch in two parts; connecting takes writes of its own.
    const connecting = 2
    t.ok((await figure('served', 'writes', 'Sync')) <= connecting + 2)
    t.ok((await figure('served', 'writes', 'Awaiting')) <= connecting + 2)
  })

  await t.test('of messages of 1 MiB little is made outside the heap but the messages', async t => {
    // A tenth more: what the first octets of some lie in, as their connection has no more room at once.
    t.ok((await figure('received', 'made')) <= 1.1)
  })
})
