import t from 'tap'
import type { RegistryService } from '../../src/micro/index.js'
import { HeardService } from '../../src/registry/heard-service.js'

const record = (id: string): RegistryService => ({
  name: 'a',
  version: '1',
  metadata: {},
  endpoints: [],
  nodes: [{ id, address: `${id}:1`, metadata: {} }],
})

/** A service that is followed, and what its follower was told. */
function heardService() {
  const told: string[] = []
  const heard = new HeardService({
    all: records => void told.push(`all ${[...records.keys()].join(' ')}`),
    set: key => void told.push(`set ${key}`),
    delete: key => void told.push(`delete ${key}`),
    failed: error => void told.push(`failed ${(error as Error).message}`),
  })
  return { heard, told }
}

t.test('what comes before the first answer is given is that answer; then each is told', t => {
  const { heard, told } = heardService()
  heard.set('one', record('one'))
  heard.set('two', record('two'))
  heard.delete('two')
  t.equal(heard.earlyCount, 1)
  told.length = 0
  heard.answer()
  heard.answer()
  heard.set('three', record('three'))
  t.equal(heard.earlyCount, undefined)
  t.same(told, ['all one', 'set three'])
  t.end()
})

t.test(
  'a node that leaves three questions unanswered is gone with the fourth, one that answers stays',
  t => {
    const { heard, told } = heardService()
    heard.set('silent', record('silent'))
    heard.set('here', record('here'))
    heard.answer()
    for (let question = 0; question < 3; question++) {
      heard.asked()
      heard.set('here', record('here'))
    }
    t.notOk(told.includes('delete silent'))
    heard.asked()
    t.ok(told.includes('delete silent'))
    t.notOk(told.includes('delete here'))
    t.end()
  },
)

t.test('questions that could not be sent count for nobody: the nodes of a lost engine stay', t => {
  const { heard, told } = heardService()
  heard.set('one', record('one'))
  heard.answer()
  for (let failure = 0; failure < 10; failure++) heard.failed(new Error('away'))
  heard.asked()
  t.notOk(told.includes('delete one'))
  t.end()
})

t.test('no more than 10,000 nodes of a service are kept; known ones are still heard', t => {
  const { heard, told } = heardService()
  heard.answer()
  for (let node = 0; node <= 10_000; node++) heard.set(String(node), record(String(node)))
  t.ok(told.includes('set 9999'))
  t.notOk(told.includes('set 10000'))
  heard.set('5', record('5'))
  t.equal(told.at(-1), 'set 5')
  t.end()
})
