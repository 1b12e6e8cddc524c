import t from 'tap'
import {
  DnsResolver,
  type Endpoint,
  fixedResolver,
  parseTargetName,
  type ResolverListener,
} from '../../src/channel/index.js'
import { Outside } from './fakes.js'

const address = (text: string) => ({ kind: 'address', address: text })
const list = (...addresses: string[]) => ({ kind: 'list', addresses })
const dns = (host: string, port: number, text = `${host}:${port}`) => ({
  kind: 'dns',
  host,
  port,
  address: text,
})

t.test('gRPC naming.md: what the address of a client stands for', t => {
  const cases: readonly (readonly [string, object])[] = [
    ['localhost:50051', address('localhost:50051')],
    ['[::1]:80', address('[::1]:80')],
    [':80', address(':80')],
    ['unix:/run/a,b', address('unix:/run/a,b')],
    ['unix:///run/a', address('unix:///run/a')],
    ['unix-abstract:shop', address('unix-abstract:shop')],
    ['dns:///shop:50051', dns('shop', 50_051)],
    ['dns:shop:50051', dns('shop', 50_051)],
    ['dns:///shop', dns('shop', 443)],
    ['dns:///[::1]:80', dns('::1', 80, '[::1]:80')],
    ['dns:///::1', dns('::1', 443, '[::1]:443')],
    ['dns:///10.0.0.1', dns('10.0.0.1', 443)],
    ['ipv4:10.0.0.1:80,10.0.0.2', list('10.0.0.1:80', '10.0.0.2:443')],
    ['ipv4:10.0.0.1', address('10.0.0.1:443')],
    ['ipv6:[::1]:80,[::2],::3', list('[::1]:80', '[::2]:443', '[::3]:443')],
    ['a:1, b:2,a:1', list('a:1', 'b:2')],
  ]
  for (const [text, expected] of cases) t.same(parseTargetName(text), expected, text)
  t.end()
})

t.test('an address that is none says which member is wrong, and what there is', t => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['dns://8.8.8.8/shop:1', /names the DNS server '8.8.8.8'; use dns:\/\/\/name:port/],
    ['dns:///shop:', /'shop:' is no name:port/],
    ['dns:///', /a member is empty/],
    ['dns:///:80', /no host name/],
    ['ipv4:10.0.0.1:80,shop:1', /'shop:1' is no ipv4 address/],
    ['ipv4:10.0.0.1:80,', /a member is empty/],
    ['ipv6:10.0.0.1:80', /is no ipv6 address/],
    ['a:1,b', /member 2 of address 'a:1,b'/],
    ['http://shop:1', /has a scheme that is not known; expected host:port, dns:/],
    ['http://me:secret@shop:1', /\*\*\*@shop/],
  ]
  for (const [text, message] of cases)
    t.throws(() => parseTargetName(text), { name: 'TypeError', message }, text)
  const long = Array.from({ length: 1_001 }, (_, at) => `a:${at + 1}`).join(',')
  t.throws(() => parseTargetName(long), {
    name: 'RangeError',
    message: /lists 1001 servers; at most 1000/,
  })
  t.end()
})

/** A name server that answers when it is told to. */
class NameServer extends Outside {
  asked = 0
  /** What it answers; an Error: that it cannot. Undefined: it hangs. */
  answer: readonly string[] | Error | undefined = ['10.0.0.1', '10.0.0.2']
  readonly hanging: ((hosts: readonly string[]) => void)[] = []

  lookup(_host: string): readonly string[] | Promise<readonly string[]> {
    this.asked++
    if (this.answer instanceof Error) throw this.answer
    return this.answer ?? new Promise(resolve => this.hanging.push(resolve))
  }
}

class Heard implements ResolverListener {
  readonly lists: string[][] = []
  readonly errors: string[] = []
  last: readonly Endpoint[] = []
  onEndpoints(endpoints: readonly Endpoint[]): void {
    this.last = endpoints
    this.lists.push(endpoints.map(({ id }) => id))
  }
  onError(error: Error): void {
    this.errors.push(error.message)
  }
}

function started(runtime: NameServer, options = {}): { resolver: DnsResolver; heard: Heard } {
  const heard = new Heard()
  const given = { host: 'shop', port: 80, refreshMs: 60_000, isPlain: false, runtime, ...options }
  const resolver = new DnsResolver(given)
  resolver.start(heard)
  return { resolver, heard }
}

t.test(
  'each address of a name is a server; certificates and :authority are those of the name',
  t => {
    const { heard } = started(new NameServer())
    t.same(heard.last, [
      { id: '10.0.0.1:80', address: 'shop:80', hosts: ['10.0.0.1'] },
      { id: '10.0.0.2:80', address: 'shop:80', hosts: ['10.0.0.2'] },
    ])
    const plain = started(new NameServer(), { isPlain: true }).heard
    t.same(plain.last[0], { id: '10.0.0.1:80', address: '10.0.0.1:80' })
    t.end()
  },
)

t.test(
  'gRPC: after a loss the name is asked again, thirty seconds after the last question at the earliest',
  t => {
    const runtime = new NameServer()
    const { resolver, heard } = started(runtime)
    for (let i = 0; i < 100; i++) resolver.refresh()
    runtime.advance(29_999)
    resolver.onCall()
    t.equal(runtime.asked, 1)
    runtime.advance(1)
    runtime.answer = ['10.0.0.3']
    resolver.onCall()
    t.equal(runtime.asked, 2, 'the wish was remembered')
    t.same(heard.lists.at(-1), ['10.0.0.3:80'])
    resolver.onCall()
    t.equal(runtime.asked, 2)
    t.end()
  },
)

t.test(
  'while calls run a name is asked periodically, so that new servers are seen; without calls it is not',
  t => {
    const runtime = new NameServer()
    const { resolver, heard } = started(runtime)
    runtime.answer = ['10.0.0.1', '10.0.0.2', '10.0.0.9']
    for (let i = 0; i < 66; i++) {
      runtime.advance(1_000)
      resolver.onCall()
    }
    t.equal(runtime.asked, 2)
    t.same(heard.lists.at(-1), ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.9:80'])
    runtime.advance(3_600_000)
    t.equal(runtime.asked, 2)
    const never = new NameServer()
    const other = started(never, { refreshMs: Number.POSITIVE_INFINITY })
    never.advance(3_600_000)
    other.resolver.onCall()
    t.equal(never.asked, 1)
    t.end()
  },
)

t.test(
  'a name that cannot be resolved is asked again by the back-off of connections; meanwhile calls hear why at once',
  t => {
    const runtime = new NameServer()
    runtime.answer = Object.assign(new Error('getaddrinfo ENOTFOUND shop'), { code: 'ENOTFOUND' })
    const { resolver, heard } = started(runtime)
    t.same(heard.errors, [
      'dns:///shop:80: the name could not be resolved: getaddrinfo ENOTFOUND shop',
    ])
    resolver.onCall()
    t.equal(heard.errors.length, 2)
    t.equal(runtime.asked, 1)
    runtime.advance(1_200)
    resolver.onCall()
    t.equal(runtime.asked, 2)
    runtime.advance(1_200)
    resolver.onCall()
    t.equal(runtime.asked, 2, 'the second delay is longer')
    runtime.advance(720)
    runtime.answer = []
    resolver.onCall()
    t.match(heard.errors.at(-1), /shop has no address/)
    runtime.advance(120_000)
    runtime.answer = ['10.0.0.1']
    resolver.onCall()
    t.same(heard.lists, [['10.0.0.1:80']])
    t.end()
  },
)

t.test('one look-up per name in a process, whoever asks', async t => {
  const runtime = new NameServer()
  runtime.answer = undefined
  const all = Array.from({ length: 50 }, () => started(runtime).heard)
  t.equal(runtime.asked, 1)
  runtime.hanging[0]!(['10.0.0.7'])
  await undefined
  await undefined
  for (const heard of all) t.same(heard.lists, [['10.0.0.7:80']])
  t.same(started(runtime).heard.lists, [['10.0.0.7:80']], 'nor one that comes just after')
  t.equal(runtime.asked, 1)
  runtime.advance(30_000)
  started(runtime)
  t.equal(runtime.asked, 2)
})

t.test(
  'a name server that never answers is given up after thirty seconds; its late answer is nobody’s',
  async t => {
    const runtime = new NameServer()
    runtime.answer = undefined
    const { heard, resolver } = started(runtime)
    runtime.advance(30_000)
    t.match(heard.errors, [/has not answered in 30000 ms/])
    runtime.hanging[0]!(['10.0.0.7'])
    await undefined
    await undefined
    t.same(heard.lists, [])
    runtime.advance(2_000)
    resolver.onCall()
    resolver.close()
    runtime.hanging[1]!(['10.0.0.8'])
    await undefined
    await undefined
    t.same(heard.lists, [], 'nor that of one which was closed')
  },
)

t.test('an address needs no look-up, nor does a list', t => {
  const runtime = new NameServer()
  const { heard, resolver } = started(runtime, { host: '10.0.0.5' })
  resolver.refresh()
  runtime.advance(100_000)
  resolver.onCall()
  t.same(heard.last, [{ id: '10.0.0.5:80', address: '10.0.0.5:80' }])
  t.equal(runtime.asked, 0)
  const listed = new Heard()
  fixedResolver('a:1,b:2', ['a:1', 'b:2']).start(listed)
  t.same(listed.lists, [['a:1', 'b:2']])
  t.end()
})
