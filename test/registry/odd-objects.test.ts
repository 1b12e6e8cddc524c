import t from 'tap'
import { podRecords, sliceRecords } from '../../src/registry/kubernetes/api-records.js'
import type { ApiObject } from '../../src/registry/kubernetes/list-watch.js'

function faultsOf() {
  const faults: string[] = []
  const onFault = (key: string, error: unknown): void => {
    faults.push(`${key}: ${(error as Error).message}`)
  }
  return { faults, onFault }
}

t.test('Kubernetes: an odd slice or endpoint is told, and costs nobody but itself', t => {
  const ports = [{ name: 'grpc', port: 9_090 }]
  const good = (name: string, host: string) => ({
    metadata: { name },
    endpoints: [{ addresses: [host] }],
    ports,
  })
  const objects = [
    null,
    good('one', '10.0.0.1'),
    {
      metadata: { name: 'text' },
      endpoints: [{ addresses: ['10.0.0.9'] }],
      ports: [{ port: 'x' }],
    },
    {
      metadata: { name: 'mixed' },
      endpoints: [null, { addresses: [7] }, { addresses: ['10.0.0.2'] }],
      ports,
    },
    good('three', 'fd00::3'),
  ] as unknown as ApiObject[]
  const { faults, onFault } = faultsOf()
  const records = sliceRecords('a', objects, undefined, onFault)
  t.same(
    [...records.values()].map(({ nodes }) => nodes[0]?.address),
    ['10.0.0.1:9090', '10.0.0.2:9090', '[fd00::3]:9090'],
  )
  t.equal(faults.length, 4)
  t.match(faults[0], /^\[0\]: .*null/)
  t.equal(faults[1], "text: port is 'x'; expected 1 to 65535")
  t.match(faults[2], /^mixed\/endpoints: .*null/)
  t.equal(faults[3], 'mixed/endpoints: addresses[0] is number; expected text')
  t.end()
})

t.test('Kubernetes: an odd pod is told, and costs nobody but itself', t => {
  const annotation = 'micro.mu/service-a'
  const record = '{"name":"a","version":"1","nodes":[{"id":"a-1","address":"10.0.0.1:80"}]}'
  const pod = (name: string, text: unknown) => ({
    metadata: { name, annotations: { [annotation]: text } },
    status: { phase: 'Running' },
  })
  const objects = [null, pod('odd', 5), pod('bad', '{'), pod('good', record)]
  const { faults, onFault } = faultsOf()
  const records = podRecords('a', objects as unknown as ApiObject[], onFault)
  t.same([...records.keys()], [`good/${annotation}`])
  t.equal(faults.length, 3)
  t.match(faults[1], `odd/${annotation}: its text is number; expected text`)
  t.end()
})
