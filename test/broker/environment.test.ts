import t from 'tap'
import { engineUrl, environment, plainUrl } from '../../src/broker/environment.js'
import { natsBroker } from '../../src/broker/nats/index.js'
import { rabbitmqBroker } from '../../src/broker/rabbitmq/index.js'
import { redisBroker } from '../../src/broker/redis/index.js'

const PORTS = { nats: 4_222, tls: 4_222 }

t.test('addresses of engines: all but the host may be absent', t => {
  const read = (text: string) => engineUrl('servers', text, PORTS)
  t.match(read('here'), { protocol: 'nats', host: 'here', port: 4_222, user: undefined, path: '' })
  t.match(read('tls://u:p%40ss@here:1/a%2Fb'), {
    protocol: 'tls',
    host: 'here',
    port: 1,
    user: 'u',
    password: 'p@ss',
    path: 'a/b',
  })
  t.match(read('nats://here:80'), { port: 80 })
  t.match(read('[::1]:5'), { host: '[::1]', port: 5 })
  t.equal(plainUrl(read('tls://u:secret@here')), 'tls://here:4222')
  t.throws(
    () => read('http://here'),
    /servers begins with http:\/\/; expected nats:\/\/ or tls:\/\//,
  )
  t.throws(() => read('nats://u:s3cret@:x'), {
    message: 'servers cannot be read; expected nats://user:password@host:port',
  })
  t.throws(() => read('nats://u:s3%zz@here'), /servers has a % that is no escape/)
  t.end()
})

t.test('credentials are in no address, whichever way they came', t => {
  const nats = natsBroker({ servers: ['nats://user:s3cret@one:1', 'tls://two'], token: 's3cret' })
  t.equal(nats.address, 'nats://one:1,tls://two:4222')
  t.equal(redisBroker({ url: 'rediss://user:s3cret@one' }).address, 'rediss://one:6379')
  t.equal(rabbitmqBroker({ url: 'amqp://user:s3cret@one/vhost' }).address, 'amqp://one:5672')
  t.end()
})

t.test(
  "without an address the environment is asked, then the engine's own port of this machine",
  t => {
    const variables = ['NATS_URL', 'REDIS_URL', 'RABBITMQ_URL', 'AMQP_URL', 'MICRO_BROKER_ADDRESS']
    const before = variables.map(name => process.env[name])
    t.teardown(() => {
      for (const [at, name] of variables.entries()) {
        if (before[at] === undefined) delete process.env[name]
        else process.env[name] = before[at]
      }
    })
    for (const name of variables) delete process.env[name]
    t.equal(natsBroker().address, 'nats://127.0.0.1:4222')
    t.equal(redisBroker().address, 'redis://127.0.0.1:6379')
    t.equal(rabbitmqBroker().address, 'amqp://127.0.0.1:5672')
    process.env['MICRO_BROKER_ADDRESS'] = 'a:1,b:2'
    t.equal(natsBroker().address, 'nats://a:1,nats://b:2')
    process.env['NATS_URL'] = 'tls://c'
    t.equal(natsBroker().address, 'tls://c:4222')
    process.env['NATS_URL'] = ''
    t.equal(environment('NATS_URL', 'MICRO_BROKER_ADDRESS'), 'a:1,b:2')
    t.end()
  },
)

t.test('options of each engine are checked by name', t => {
  t.throws(() => natsBroker({ server: 'x' } as never), /no option server; did you mean servers/)
  t.throws(() => natsBroker({ servers: [] }), /servers must be an address/)
  t.throws(() => natsBroker({ codec: {} as never }), /codec must have the method encode/)
  t.throws(() => redisBroker({ urls: 'x' } as never), /no option urls; did you mean url/)
  t.throws(() => rabbitmqBroker({ durables: true } as never), /did you mean durable/)
  t.throws(
    () => redisBroker({ url: 'nats://x' }),
    /url begins with nats:\/\/; expected redis:\/\/ or rediss:\/\//,
  )
  t.end()
})

t.test('what an engine does not have is refused at once', t => {
  const redis = redisBroker()
  t.throws(
    () => redis.subscribe('a', () => undefined, { queue: 'q' }),
    /queue 'q': Redis has no queue groups, every subscriber gets all messages; use NATS, RabbitMQ or HTTP/,
  )
  t.throws(() => natsBroker().subscribe('a b', () => undefined), /topic 'a b' has white space/)
  t.throws(() => natsBroker().subscribe('a..b', () => undefined), /has an empty part between dots/)
  const long = 'x'.repeat(256)
  t.throws(
    () => rabbitmqBroker().subscribe(long, () => undefined),
    /the topic has 256 octets; AMQP has at most 255/,
  )
  t.end()
})
