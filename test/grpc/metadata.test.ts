import t from 'tap'
import { Metadata } from '../../src/grpc/index.js'

const octets = (...values: number[]): Uint8Array => new Uint8Array(values)

t.test('M1: names are lower-cased; other characters are refused at the call', t => {
  const metadata = new Metadata()
  metadata.set('X-Request_Id.1', 'a')
  t.equal(metadata.get('x-request_id.1'), 'a')
  t.equal(metadata.get('X-REQUEST_ID.1'), 'a')
  for (const name of ['', 'a b', 'ä', 'a:b', ':path', 'a\n', 'a/b']) {
    t.throws(() => metadata.set(name, 'x'), TypeError, JSON.stringify(name))
    t.throws(() => metadata.append(name, 'x'), TypeError)
    t.throws(() => metadata.setBinary(`${name}-bin:`, octets(1)), TypeError)
  }
  t.throws(() => metadata.set(undefined as unknown as string, 'x'), TypeError)
  t.end()
})

t.test('M1: grpc- names are reserved, but for those that users may set', t => {
  const metadata = new Metadata()
  for (const name of [
    'grpc-timeout',
    'grpc-status',
    'GRPC-Encoding',
    'grpc-anything',
    'te',
    'content-type',
    'connection',
    'host',
    'transfer-encoding',
  ]) {
    t.throws(() => metadata.set(name, '1'), { message: /reserved/ }, name)
  }
  metadata.set('grpc-previous-rpc-attempts', '1')
  metadata.set('grpc-retry-pushback-ms', '10')
  metadata.setBinary('grpc-tags-bin', octets(1))
  metadata.setBinary('grpc-trace-bin', octets(1))
  metadata.setBinary('grpc-status-details-bin', octets(1))
  t.equal(metadata.size, 5)
  t.end()
})

t.test('M2: values are printable ASCII when set', t => {
  const metadata = new Metadata()
  for (const value of ['é', 'a\tb', '\x7f', 'a\r\nb', '\0']) {
    t.throws(() => metadata.set('a', value), TypeError, JSON.stringify(value))
  }
  t.throws(() => metadata.set('a', 1 as unknown as string), TypeError)
  t.throws(() => metadata.setBinary('a-bin', 'text' as unknown as Uint8Array), TypeError)
  metadata.set('a', ' ~')
  t.equal(metadata.get('a'), '~')
  t.end()
})

t.test('M2: what was received can be echoed', t => {
  const received = Metadata.fromHeaders([
    'a',
    'ok',
    'b',
    'caf\xe9',
    'c',
    'tab\there',
    'd',
    '',
    'e-bin',
    'AAE',
  ])
  const echo = new Metadata()
  t.doesNotThrow(() => {
    for (const [name, value] of received) {
      if (name.endsWith('-bin'))
        for (const bytes of received.getBinaryAll(name)) echo.appendBinary(name, bytes)
      else echo.append(name, value)
    }
  })
  t.same(
    [...echo],
    [
      ['a', 'ok'],
      ['d', ''],
      ['e-bin', 'AAE'],
    ],
  )
  const merged = new Metadata()
  merged.merge(received)
  t.same([...merged], [...echo])
  t.end()
})

t.test('what metadata refuses is not shown: it may be a secret', t => {
  const metadata = new Metadata()
  t.throws(() => metadata.set('authorization', 'Bearer hush\n'), {
    name: 'TypeError',
    message:
      'metadata "authorization" has U+000A at 11 of 12 characters; expected printable ASCII; for other text or bytes use a name that ends in "-bin"',
  })
  const bad: (() => unknown)[] = [
    () => metadata.append('x', 'hush\u20ac'),
    () => metadata.set('x-bin', 'hush'),
    () => metadata.setBinary('x', Buffer.from('hush')),
    () => metadata.set('x', ['hush'] as unknown as string),
    () => Metadata.from({ x: Buffer.from('hush') }),
    () => Metadata.from({ 'x-bin': 'hush' }),
    () => Metadata.from({ x: 'hush\0' }),
    () => Metadata.from('hush' as never),
  ]
  for (const run of bad) {
    t.throws(run, TypeError)
    try {
      run()
    } catch (error) {
      t.notMatch((error as Error).message, /hush/, (error as Error).message)
    }
  }
  t.end()
})

t.test('M3: spaces around a value are tolerated', t => {
  const metadata = Metadata.fromHeaders(['a', '  x y ', 'b-bin', ' AAE , AAEC '])
  t.equal(metadata.get('a'), 'x y')
  t.same(metadata.getBinaryAll('b-bin'), [octets(0, 1), octets(0, 1, 2)])
  t.end()
})

t.test('M4: octets go out unpadded and come in padded or not', t => {
  const metadata = new Metadata()
  metadata.setBinary('a-bin', octets(0, 1))
  t.equal(metadata.get('a-bin'), 'AAE')
  const received = Metadata.fromHeaders(['a-bin', 'AAE=', 'a-bin', 'AAE', 'a-bin', 'not base64'])
  t.same(received.getBinaryAll('A-Bin'), [octets(0, 1), octets(0, 1)])
  t.same(received.getBinary('a-bin'), octets(0, 1))
  t.equal(received.getBinary('b-bin'), undefined)
  t.same(received.getBinaryAll('b'), [])
  t.end()
})

t.test('M5: octets are divided at commas before they are decoded, in order', t => {
  const metadata = Metadata.fromHeaders(['a-bin', 'AA,AQ==', 'b', 'x', 'a-bin', 'Ag'])
  t.same(metadata.getBinaryAll('a-bin'), [octets(0), octets(1), octets(2)])
  t.end()
})

t.test('M5: text and octets are not mixed up', t => {
  const metadata = new Metadata()
  t.throws(() => metadata.set('a-bin', 'AAE'), { message: /setBinary/ })
  t.throws(() => metadata.append('a-bin', 'AAE'), TypeError)
  t.throws(() => metadata.setBinary('a', octets(1)), { message: /-bin/ })
  t.throws(() => metadata.appendBinary('a', octets(1)), TypeError)
  t.end()
})

t.test('M6: values of one name keep their order', t => {
  const metadata = new Metadata()
  metadata.append('a', '1')
  metadata.append('b', 'x')
  metadata.append('a', '2')
  metadata.appendBinary('c-bin', octets(1))
  t.same(metadata.getAll('a'), ['1', '2'])
  t.equal(metadata.get('a'), '1')
  t.same(
    [...metadata],
    [
      ['a', '1'],
      ['b', 'x'],
      ['a', '2'],
      ['c-bin', 'AQ'],
    ],
  )
  metadata.set('a', '3')
  t.same(metadata.getAll('a'), ['3'])
  t.equal(metadata.delete('A'), true)
  t.equal(metadata.delete('a'), false)
  t.equal(metadata.has('a'), false)
  t.equal(metadata.has('B'), true)
  t.equal(metadata.size, 2)
  t.equal(metadata.wireSize, 'b'.length + 'x'.length + 32 + 'c-bin'.length + 'AQ'.length + 32)
  metadata.setBinary('c-bin', octets(2))
  t.same(metadata.getBinaryAll('c-bin'), [octets(2)])
  t.end()
})

t.test('M7: protocol fields never appear in metadata; user-agent does', t => {
  const metadata = Metadata.fromHeaders([
    ':method',
    'POST',
    ':path',
    '/a/b',
    ':authority',
    'x',
    ':status',
    '200',
    'te',
    'trailers',
    'content-type',
    'application/grpc',
    'grpc-timeout',
    '1S',
    'grpc-encoding',
    'gzip',
    'grpc-status',
    '0',
    'grpc-message',
    'm',
    'grpc-accept-encoding',
    'gzip',
    'grpc-unheard-of',
    '1',
    'host',
    'x',
    'user-agent',
    'me',
    'grpc-trace-bin',
    'AA',
    'x',
    'y',
  ])
  t.same(
    [...metadata],
    [
      ['user-agent', 'me'],
      ['grpc-trace-bin', 'AA'],
      ['x', 'y'],
    ],
  )
  t.end()
})

t.test('M7: a view can be changed without changing what was received', t => {
  const list = ['a', '1']
  const metadata = Metadata.fromHeaders(list)
  metadata.set('a', '2')
  t.same(list, ['a', '1'])
  t.equal(metadata.get('a'), '2')
  t.end()
})

t.test('Metadata.from takes text and octets of an object', t => {
  const metadata = Metadata.from({ A: '1', 'b-bin': octets(1) })
  t.same(
    [...metadata],
    [
      ['a', '1'],
      ['b-bin', 'AQ'],
    ],
  )
  metadata.merge(metadata)
  t.equal(metadata.size, 4)
  const fields: string[] = ['first', '']
  metadata.appendTo(fields)
  t.equal(fields.length, 10)
  t.end()
})
