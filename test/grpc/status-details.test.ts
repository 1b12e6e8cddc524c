import t from 'tap'
import { GrpcError, Metadata, Status } from '../../src/grpc/index.js'
import {
  decodeStatusDetails,
  encodeStatusDetails,
  STATUS_DETAILS_NAME,
} from '../../src/grpc/wire/status-details.js'

const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

t.test('google.rpc.Status: code 1, message 2, details 3 with type_url 1 and value 2', t => {
  const details = [{ typeUrl: 'a/b', value: Buffer.from('cd', 'hex') }]
  t.equal(encodeStatusDetails(3, 'é', details).toString('hex'), '08031202c3a91a080a03612f621201cd')
  t.equal(encodeStatusDetails(5, '', []).toString('hex'), '0805')
  t.equal(
    encodeStatusDetails(5, '', [{ typeUrl: '', value: Buffer.alloc(0) }]).toString('hex'),
    '08051a00',
  )
  t.end()
})

t.test('details come back in order, empty ones too', t => {
  const details = [
    { typeUrl: BAD_REQUEST, value: Buffer.alloc(200, 7) },
    { typeUrl: '', value: Buffer.alloc(0) },
    { typeUrl: RETRY_INFO, value: Buffer.from('x') },
  ]
  const read = decodeStatusDetails(encodeStatusDetails(3, 'm', details))
  t.same(
    read.map(({ typeUrl, value }) => [typeUrl, Buffer.from(value)]),
    details.map(({ typeUrl, value }) => [typeUrl, value]),
  )
  t.end()
})

t.test('octets that are no google.rpc.Status are no details', t => {
  for (const hex of ['', '0805', '1aff', '80', '0b', '1a020aff']) {
    t.same(decodeStatusDetails(Buffer.from(hex, 'hex')), [], hex)
  }
  t.end()
})

t.test('GrpcError: details travel in grpc-status-details-bin, beside the metadata given', t => {
  const metadata = Metadata.from({ a: '1' })
  const error = new GrpcError(Status.InvalidArgument, 'bad name', {
    metadata,
    details: [{ typeUrl: BAD_REQUEST, value: Buffer.from('v') }],
  })
  t.equal(metadata.size, 1, 'the metadata of the caller stays as it is')
  t.equal(error.metadata.get('a'), '1')
  const sent = error.metadata.getBinary(STATUS_DETAILS_NAME)!
  t.equal(Buffer.from(sent).toString('hex').slice(0, 24), '08031208626164206e616d65')
  const received = new GrpcError(Status.InvalidArgument, 'bad name', {
    metadata: Metadata.from({ [STATUS_DETAILS_NAME]: sent }),
    origin: 'peer',
  })
  t.match(received.details, [{ typeUrl: BAD_REQUEST }])
  t.equal(Buffer.from(received.details[0]!.value).toString(), 'v')
  t.same(new GrpcError(Status.NotFound).details, [])
  const none = new GrpcError(Status.NotFound, '', { metadata, details: [] })
  t.equal(none.metadata, metadata)
  t.same(none.details, [])
  t.end()
})
