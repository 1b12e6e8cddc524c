import t from 'tap'
import {
  formatAddress,
  parseDialAddress,
  parseListenAddress,
} from '../../src/transport/runtime/address.js'

t.test('addresses to listen on', t => {
  const cases: [string, object][] = [
    ['127.0.0.1:50051', { host: '127.0.0.1', port: 50_051, portMax: 50_051 }],
    ['greeter.local:0', { host: 'greeter.local', port: 0 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    [':0', { host: undefined, port: 0 }],
    [':8080', { host: undefined, port: 8_080 }],
    ['localhost:8000-8010', { host: 'localhost', port: 8_000, portMax: 8_010 }],
    ['unix:/tmp/a b', { path: '/tmp/a b', host: undefined, port: undefined }],
    ['unix:relative.sock', { path: 'relative.sock' }],
    ['unix:///tmp/a', { path: '/tmp/a' }],
  ]
  for (const [text, expected] of cases) {
    t.match(parseListenAddress(text), { ...expected, text }, text)
  }
  t.end()
})

t.test('what is not understood is a TypeError with the text given', t => {
  const wrong = [
    '',
    'localhost',
    '::1:80',
    'a:b',
    'a:-1',
    'a:70000',
    'https://a:1',
    'a:1-',
    'a b:1',
  ]
  wrong.push(
    '[::1]',
    '[]:1',
    'unix:',
    'unix:@name',
    'unix:\0x',
    'a:80-79',
    'a:1-70000',
    ':',
    'a:123456',
  )
  for (const text of wrong) {
    t.throws(() => parseListenAddress(text), { name: 'TypeError' }, text)
    t.throws(() => parseListenAddress(text), {
      message: new RegExp(`'${text.replaceAll(/[[\]]/g, '\\$&')}'`),
    })
  }
  t.throws(() => parseListenAddress(8080 as unknown as string), TypeError)
  t.throws(() => parseDialAddress('https://a:1'), { message: /without a scheme/ })
  t.end()
})

t.test('user information is refused, and not shown; a name must fit into :authority', t => {
  for (const parse of [parseListenAddress, parseDialAddress]) {
    for (const text of ['me:hush@a:1', 'https://me:hush@a:1', 'me:hu@hush@a:1', '@a:1']) {
      t.throws(() => parse(text), {
        message: /'(https:\/\/)?\*\*\*@a:1'.*without user information/,
      })
    }
    t.throws(() => parse('h\u00e4user.example:1'), { message: /in ASCII \(xn--/ })
    for (const text of ['a,b:1', 'a?b:1', 'a#b:1', 'a"b:1']) t.throws(() => parse(text), TypeError)
  }
  t.match(parseDialAddress('my_service.ns:1'), { host: 'my_service.ns' })
  t.end()
})

t.test('a client needs one port', t => {
  t.match(parseDialAddress(':80'), { host: undefined, port: 80 })
  t.match(parseDialAddress('unix:/x'), { path: '/x' })
  for (const text of ['a:0', ':0', 'a:1-2']) {
    t.throws(() => parseDialAddress(text), { message: /one port from 1 to 65535/ }, text)
  }
  t.end()
})

t.test('a unix path longer than sun_path is refused, not cut', t => {
  const max = /^(?:darwin|.*bsd)$/.test(process.platform) ? 103 : 107
  for (const parse of [parseListenAddress, parseDialAddress]) {
    t.equal(parse(`unix:/${'x'.repeat(max - 1)}`).path?.length, max)
    t.throws(() => parse(`unix:/${'x'.repeat(max)}`), {
      name: 'RangeError',
      message: new RegExp(`the path is ${max + 1} octets; .* at most ${max}$`),
    })
    t.throws(() => parse(`unix:/${'é'.repeat(60)}`), RangeError, 'octets, not characters')
  }
  t.end()
})

t.test('IPv6 is written in brackets', t => {
  t.equal(formatAddress('::1', 80), '[::1]:80')
  t.equal(formatAddress('1.2.3.4', 80), '1.2.3.4:80')
  t.equal(formatAddress(undefined, 80), '')
  t.end()
})
