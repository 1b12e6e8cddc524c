import t from 'tap'
import {
  leastRequest,
  peakEwma,
  pickFirst,
  roundRobin,
  weightedRoundRobin,
} from '../../src/channel/index.js'
import { GrpcError, Status } from '../../src/grpc/index.js'
import { endpoints, idOf, Rig } from './fakes.js'

const lost = () => new GrpcError(Status.Unavailable, 'gone', { origin: 'network' })
const late = () => new GrpcError(Status.DeadlineExceeded, 'late')

t.test('a channel connects as it is used: a client of few calls has few connections', t => {
  const rig = new Rig(roundRobin())
  rig.channel.update(endpoints('a', 'b', 'c'))
  const connects = () => [...rig.sessions.values()].reduce((sum, each) => sum + each.connects, 0)
  t.equal(rig.channel.state, 'idle')
  t.equal(rig.channel.pick(), undefined)
  rig.outside.settle()
  t.equal(connects(), 1)
  t.equal(rig.channel.state, 'connecting')
  const first = [...rig.sessions.values()].find(({ state }) => state === 'connecting')!
  first.become('ready')
  t.equal(rig.channel.state, 'ready')
  rig.picks(1)
  rig.outside.settle()
  t.equal(connects(), 2)
  rig.picks(5)
  rig.outside.settle()
  t.equal(connects(), 3)
  t.end()
})

t.test(
  'an endpoint whose connection is gone gets no call, and is connected again by the next',
  t => {
    const rig = new Rig(roundRobin()).connected('a', 'b', 'c')
    t.same(new Set(rig.picks(3)), new Set(['a', 'b', 'c']))
    rig.session('b').become('idle')
    t.equal(rig.lostCount, 1, 'whoever names the endpoints hears')
    t.notOk(rig.picks(30).includes('b'))
    rig.outside.settle()
    t.equal(rig.session('b').connects, 1)
    rig.session('b').become('waiting', new Error('refused'))
    t.notOk(rig.picks(30).includes('b'))
    rig.outside.settle()
    t.equal(rig.session('b').connects, 1, 'its back-off is waited for')
    rig.session('b').become('idle')
    rig.picks(1)
    rig.outside.settle()
    rig.session('b').become('ready')
    t.ok(rig.picks(3).includes('b'))
    t.end()
  },
)

t.test(
  'calls wait while nobody is connected, and go to who is first; a silent one gets company after 250 ms',
  t => {
    const rig = new Rig(leastRequest())
    rig.channel.update(endpoints('a', 'b', 'c'))
    const got: string[] = []
    for (let i = 0; i < 3; i++) {
      rig.channel.wait({
        isPatient: false,
        onPick: picked => got.push(idOf(picked)),
        onFailed: error => got.push(error.code),
      })
    }
    const asked = () => [...rig.sessions.values()].filter(({ connects }) => connects > 0).length
    rig.outside.settle()
    t.equal(asked(), 1)
    rig.outside.advance(249)
    t.equal(asked(), 1)
    rig.outside.advance(1)
    t.equal(asked(), 2)
    rig.outside.advance(250)
    t.equal(asked(), 3)
    rig.session('c').become('ready')
    t.same(got, ['c', 'c', 'c'])
    t.equal(rig.channel.waitingCount, 0)
    rig.outside.advance(1_000)
    t.equal(rig.outside.timerCount, 0)
    t.end()
  },
)

t.test(
  'when every endpoint has failed calls end at once: UNAVAILABLE names each, with its last error',
  t => {
    const rig = new Rig(roundRobin())
    rig.channel.update(endpoints('a', 'b'))
    const failed: GrpcError[] = []
    const patient: string[] = []
    const onFailed = (error: GrpcError) => void failed.push(error)
    rig.channel.wait({ isPatient: false, onPick: () => t.fail(), onFailed })
    rig.channel.wait({ isPatient: true, onPick: picked => patient.push(idOf(picked)), onFailed })
    rig.outside.advance(300)
    rig.session('a').become('waiting', new Error('a:1: ECONNREFUSED'))
    t.equal(failed.length, 0, 'b may still answer')
    rig.session('b').become('waiting', new Error('no route'))
    t.equal(failed.length, 1)
    t.match(failed[0], {
      code: 'UNAVAILABLE',
      unprocessed: true,
      origin: 'network',
      message: /^none of the 2 endpoints of shop can be reached: .*a:1: ECONNREFUSED/,
    })
    t.match(failed[0]!.message, /b:1: no route/)
    t.match(failed[0]!.cause, { errors: [{}, {}] })
    t.equal(rig.channel.state, 'failed')
    rig.session('b').become('idle')
    rig.outside.settle()
    rig.session('b').become('ready')
    t.same(patient, ['b'])
    t.end()
  },
)

t.test('an attempt goes to who has not failed it; when all have, to whoever is connected', t => {
  const rig = new Rig(roundRobin()).connected('a', 'b', 'c')
  const at = (id: string) => rig.channel.subchannels.find(({ endpoint }) => endpoint.id === id)!
  for (let i = 0; i < 20; i++) {
    t.equal(idOf(rig.channel.pickAgain([at('a'), at('c')])), 'b')
    t.not(idOf(rig.channel.pickAgain([at('a')])), 'a')
  }
  t.ok(rig.channel.hasOther([at('a'), at('c')]))
  t.notOk(rig.channel.hasOther([at('a'), at('b'), at('c')]))
  t.not(idOf(rig.channel.pickAgain([at('a'), at('b'), at('c')])), 'nobody')
  rig.session('b').become('waiting', lost())
  rig.session('c').become('waiting', lost())
  t.equal(idOf(rig.channel.pickAgain([at('a')])), 'a', 'better than none')
  t.end()
})

t.test('a call is counted from its begin to its end, which is told once', t => {
  const rig = new Rig(leastRequest()).connected('a', 'b')
  const picked = rig.channel.pick()!
  t.equal(rig.channel.pendingCount, 0)
  picked.done(undefined)
  picked.begin()
  picked.begin()
  t.equal(rig.channel.pendingCount, 1)
  picked.done(undefined)
  picked.done(late())
  t.equal(rig.channel.pendingCount, 0)
  t.equal(rig.session('a').pings.length + rig.session('b').pings.length, 0)
  t.end()
})

t.test(
  'an endpoint where time ran out is asked for a sign of life, and left alone until it gives one',
  t => {
    const rig = new Rig(roundRobin()).connected('a', 'b')
    const freeze = () => {
      for (;;) {
        const picked = rig.channel.pick()!
        picked.begin()
        picked.done(idOf(picked) === 'a' ? late() : undefined)
        if (idOf(picked) === 'a') return
      }
    }
    freeze()
    t.equal(rig.session('a').pings.length, 1)
    t.notOk(rig.picks(20).includes('a'))
    rig.session('a').pings[0]!()
    t.ok(rig.picks(2).includes('a'))
    for (let i = 0; i < 10; i++) {
      const { pings } = rig.session('a')
      freeze()
      pings.splice(0).forEach(answer => void answer())
      rig.outside.advance(1)
    }
    rig.session('b').become('idle')
    t.same(rig.picks(2), ['a', 'a'], 'the only one left is used, whatever is thought of it')
    t.end()
  },
)

t.test(
  'gRPC A8: signs of life are asked for twice at most without a call that went well in between',
  t => {
    const rig = new Rig(roundRobin()).connected('a', 'b')
    const [a] = rig.channel.subchannels.filter(({ endpoint }) => endpoint.id === 'a')
    const { pings } = rig.session('a')
    const ask = () => {
      a!.onLate()
      for (const answer of pings) answer()
      return pings.length
    }
    t.equal(ask(), 1)
    t.equal(ask(), 2)
    t.equal(ask(), 2)
    rig.outside.advance(300_000)
    t.equal(ask(), 3)
    a!.onAlive()
    t.equal(ask(), 4)
    t.end()
  },
)

t.test(
  'a new list keeps who was there; who left gets no call, and is released when the last one has ended',
  t => {
    const rig = new Rig(roundRobin()).connected('a', 'b')
    const running = rig.channel.pick()!
    running.begin()
    const left = idOf(running)
    const stays = left === 'a' ? 'b' : 'a'
    const session = rig.session(stays)
    rig.channel.update(endpoints('c', stays))
    t.equal(rig.session(stays), session, 'no new connection')
    t.same(rig.picks(5), [stays, stays, stays, stays, stays])
    t.same(rig.released, [])
    t.equal(rig.session(left).watcherCount, 0)
    running.done(undefined)
    t.same(rig.released, [left])
    t.equal(rig.channel.pendingCount, 0)
    t.end()
  },
)

t.test('an empty list takes nothing from who works, and is believed when nobody does', t => {
  const rig = new Rig(roundRobin()).connected('a', 'b')
  rig.channel.update([])
  t.equal(rig.channel.subchannels.length, 2)
  rig.session('a').become('idle')
  t.same(rig.picks(2), ['b', 'b'])
  rig.session('b').become('waiting', lost())
  t.equal(rig.channel.subchannels.length, 0)
  t.end()
})

t.test('the same endpoint twice, in another order, or beyond ten thousand', t => {
  const rig = new Rig(roundRobin())
  rig.channel.update(endpoints('a', 'b', 'a'))
  t.equal(rig.channel.subchannels.length, 2)
  rig.channel.update(endpoints('b', 'a'))
  t.equal(rig.sessions.size, 2)
  rig.channel.update(endpoints(...Array.from({ length: 10_050 }, (_, at) => `n${at}`)))
  t.equal(rig.channel.subchannels.length, 10_000)
  t.end()
})

t.test('a balancer that throws, or chooses a stranger, harms no call', t => {
  const stranger = { endpoint: { id: 'x', address: 'x:1' }, pending: 0 }
  let chosen: unknown = stranger
  const broken = () => {
    if (chosen !== undefined) return chosen as never
    throw new Error('broken')
  }
  const balancing = {
    name: 'mine',
    create: () => ({ pick: broken, onBegin: broken, onEnd: broken }),
  }
  const rig = new Rig(balancing).connected('a', 'b')
  t.same(new Set(rig.picks(4)), new Set(['a', 'b']))
  t.match(rig.errors[0], { message: /the balancer mine chose none of the 2 endpoints/ })
  chosen = undefined
  rig.errors.length = 0
  t.same(new Set(rig.picks(4)), new Set(['a', 'b']))
  t.equal(rig.errors.length, 12)
  t.equal(rig.channel.pendingCount, 0)
  t.end()
})

t.test(
  'pickFirst: one connection; the next endpoint when it fails, or has not answered for 250 ms',
  t => {
    const rig = new Rig(pickFirst())
    rig.channel.update(endpoints('a', 'b', 'c'))
    const got: string[] = []
    rig.channel.wait({
      isPatient: false,
      onPick: picked => got.push(idOf(picked)),
      onFailed: ({ code }) => got.push(code),
    })
    rig.outside.settle()
    t.equal(rig.session('a').connects, 1)
    rig.session('a').become('waiting', lost())
    rig.outside.settle()
    t.equal(rig.session('b').connects, 1)
    rig.outside.advance(250)
    t.equal(rig.session('c').connects, 1)
    rig.session('b').become('ready')
    t.same(got, ['b'])
    t.same(rig.picks(3), ['b', 'b', 'b'])
    rig.session('a').become('idle')
    rig.picks(3)
    rig.outside.settle()
    t.equal(rig.session('a').connects, 1)
    t.end()
  },
)

t.test('states are told in order, and a watcher that throws is no harm', t => {
  const rig = new Rig(roundRobin())
  const states: string[] = []
  rig.channel.watch(() => {
    throw new Error('mine')
  })
  const stop = rig.channel.watch(state => states.push(state))
  rig.channel.update(endpoints('a', 'b'))
  rig.channel.connect()
  rig.outside.settle()
  rig.session('a').become('waiting', lost())
  rig.session('b').become('waiting', lost())
  rig.session('b').become('idle')
  rig.session('b').become('ready')
  stop()
  rig.channel.close()
  t.same(states, ['connecting', 'failed', 'idle', 'ready'])
  t.equal(rig.channel.state, 'closed')
  t.equal(rig.session('a').watcherCount + rig.session('b').watcherCount, 0)
  t.equal(rig.outside.timerCount, 0)
  t.end()
})

t.test(
  'calls that wait when the channel is closed are CANCELLED; one that has left hears nothing',
  t => {
    const rig = new Rig(roundRobin())
    rig.channel.update(endpoints('a', 'b'))
    const heard: string[] = []
    const waiter = (name: string) => ({
      isPatient: true,
      onPick: () => heard.push(`${name} picked`),
      onFailed: ({ code }: GrpcError) => heard.push(`${name} ${code}`),
    })
    rig.channel.wait(waiter('one'))
    rig.channel.wait(waiter('two'))()
    rig.channel.close()
    t.same(heard, ['one CANCELLED'])
    t.end()
  },
)

t.test('a thousand calls that waited go on in turns', t => {
  const rig = new Rig(roundRobin())
  rig.channel.update(endpoints('a', 'b'))
  let served = 0
  for (let i = 0; i < 2_500; i++) {
    rig.channel.wait({ isPatient: false, onPick: () => served++, onFailed: () => t.fail() })
  }
  rig.outside.settle()
  rig.session('a').become('ready')
  t.equal(served, 1_000)
  rig.outside.settle()
  t.equal(served, 2_500)
  t.end()
})

t.test('balancers work with a runtime whose functions need their object', t => {
  class Clock {
    readonly #random = () => 0.5
    now(): number {
      return this.#random() * 2_000
    }
    random(): number {
      return this.#random()
    }
  }
  const clock = new Clock()
  for (const balancing of [leastRequest(), roundRobin(), peakEwma(), weightedRoundRobin()]) {
    const rig = new Rig(balancing)
    const runtime = Object.assign(clock, {
      schedule: rig.outside.schedule.bind(rig.outside),
      afterMicrotasks: rig.outside.afterMicrotasks.bind(rig.outside),
      afterTurn: rig.outside.afterTurn.bind(rig.outside),
    })
    const other = new Rig(balancing, { runtime }).connected('a', 'b', 'c')
    t.equal(other.picks(3).length, 3)
    t.strictSame(other.errors, [], balancing.name)
  }
  t.end()
})
