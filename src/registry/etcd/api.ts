import {
  defineService,
  type MethodDefinition,
  type MethodTypes,
  type Service,
} from '../../micro/index.js'
import { type MessageFields, many, messageCodec, one } from './message-codec.js'

// The part of etcd's API v3 (etcdserverpb, mvccpb; 3.3 to 3.6) that a registry needs.

/** Ahead of each answer. */
export interface Header {
  readonly clusterId: bigint
  readonly revision: number
}

/** One key. */
export interface KeyValue {
  readonly key: Buffer
  readonly createRevision: number
  readonly modRevision: number
  readonly value: Buffer
  readonly lease: bigint
}

export interface RangeRequest {
  readonly key: Buffer
  readonly rangeEnd?: Buffer
  readonly limit?: number
  readonly revision?: number
}

export interface RangeResponse {
  readonly header: Header | undefined
  readonly kvs: readonly KeyValue[]
  readonly more: boolean
}

export interface PutRequest {
  readonly key: Buffer
  readonly value: Buffer
  readonly lease?: bigint
}

export interface DeleteRequest {
  readonly key: Buffer
}

/** What a comparison looks at, and how. */
export const CompareTarget = { Lease: 4, Value: 3 } as const

export interface Compare {
  readonly target: number
  readonly key: Buffer
  readonly value?: Buffer
  readonly lease?: bigint
}

/** `success` where all comparisons hold, else `failure`. */
export interface TxnRequest {
  readonly compare: readonly Compare[]
  readonly failure: readonly { readonly put: PutRequest }[]
}

export interface TxnResponse {
  readonly header: Header | undefined
  readonly succeeded: boolean
}

export interface WatchRequest {
  readonly create?: {
    readonly key: Buffer
    readonly rangeEnd?: Buffer
    readonly startRevision: number
    readonly progressNotify?: boolean
    /** 0: no PUT. */
    readonly filters?: readonly number[]
    readonly prevKv?: boolean
  }
  readonly cancel?: { readonly watchId: bigint }
}

export interface WatchEvent {
  /** 0: PUT, 1: DELETE. */
  readonly type: number
  readonly kv: KeyValue | undefined
}

export interface WatchResponse {
  readonly header: Header | undefined
  readonly watchId: bigint
  readonly created: boolean
  readonly canceled: boolean
  readonly compactRevision: number
  readonly cancelReason: string
  readonly events: readonly WatchEvent[]
}

export interface LeaseGrantRequest {
  readonly ttl: number
}

export interface LeaseResponse {
  readonly header: Header | undefined
  readonly id: bigint
  /** Unit: s. 0: the lease is gone. */
  readonly ttl: number
  readonly error: string
}

const HEADER: MessageFields = { clusterId: one(1, 'long'), revision: one(3, 'int') }
const KEY_VALUE: MessageFields = {
  key: one(1, 'bytes'),
  createRevision: one(2, 'int'),
  modRevision: one(3, 'int'),
  value: one(5, 'bytes'),
  lease: one(6, 'long'),
}
const PUT: MessageFields = { key: one(1, 'bytes'), value: one(2, 'bytes'), lease: one(3, 'long') }
const COMPARE: MessageFields = {
  result: one(1, 'int'),
  target: one(2, 'int'),
  key: one(3, 'bytes'),
  value: one(7, 'bytes'),
  lease: one(8, 'long'),
}
const LEASE: MessageFields = {
  header: one(1, HEADER),
  id: one(2, 'long'),
  ttl: one(3, 'int'),
  error: one(4, 'text'),
}

function unary<Req extends object, Res extends object>(
  name: string,
  request: MessageFields,
  response: MessageFields,
): MethodDefinition<'unary', Req, Res> {
  return {
    kind: 'unary',
    name,
    request: messageCodec<Req>(request),
    response: messageCodec<Res>(response),
  }
}

/** `etcdserverpb.KV`. */
export interface KvTypes {
  readonly range: MethodTypes<'unary', RangeRequest, RangeResponse>
  readonly put: MethodTypes<'unary', PutRequest, { readonly header: Header | undefined }>
  readonly deleteRange: MethodTypes<'unary', DeleteRequest, { readonly deleted: number }>
  readonly txn: MethodTypes<'unary', TxnRequest, TxnResponse>
}

export const kvService: Service<KvTypes> = defineService('etcdserverpb.KV', {
  range: unary<RangeRequest, RangeResponse>(
    'Range',
    {
      key: one(1, 'bytes'),
      rangeEnd: one(2, 'bytes'),
      limit: one(3, 'int'),
      revision: one(4, 'int'),
    },
    { header: one(1, HEADER), kvs: many(2, KEY_VALUE), more: one(3, 'bool') },
  ),
  put: unary<PutRequest, { readonly header: Header | undefined }>('Put', PUT, {
    header: one(1, HEADER),
  }),
  deleteRange: unary<DeleteRequest, { readonly deleted: number }>(
    'DeleteRange',
    { key: one(1, 'bytes') },
    { header: one(1, HEADER), deleted: one(2, 'int') },
  ),
  txn: unary<TxnRequest, TxnResponse>(
    'Txn',
    { compare: many(1, COMPARE), failure: many(3, { put: one(2, PUT) }) },
    { header: one(1, HEADER), succeeded: one(2, 'bool') },
  ),
})

/** `etcdserverpb.Lease`. */
export interface LeaseTypes {
  readonly grant: MethodTypes<'unary', LeaseGrantRequest, LeaseResponse>
  readonly revoke: MethodTypes<'unary', { readonly id: bigint }, object>
  readonly keepAlive: MethodTypes<'bidi', { readonly id: bigint }, LeaseResponse>
}

export const leaseService: Service<LeaseTypes> = defineService('etcdserverpb.Lease', {
  grant: unary<LeaseGrantRequest, LeaseResponse>('LeaseGrant', { ttl: one(1, 'int') }, LEASE),
  revoke: unary<{ readonly id: bigint }, object>(
    'LeaseRevoke',
    { id: one(1, 'long') },
    { header: one(1, HEADER) },
  ),
  keepAlive: {
    kind: 'bidi',
    name: 'LeaseKeepAlive',
    request: messageCodec<{ readonly id: bigint }>({ id: one(1, 'long') }),
    response: messageCodec<LeaseResponse>(LEASE),
  },
})

/** `etcdserverpb.Watch`. */
export interface WatchTypes {
  readonly watch: MethodTypes<'bidi', WatchRequest, WatchResponse>
}

export const watchService: Service<WatchTypes> = defineService('etcdserverpb.Watch', {
  watch: {
    kind: 'bidi',
    name: 'Watch',
    request: messageCodec<WatchRequest>({
      create: one(1, {
        key: one(1, 'bytes'),
        rangeEnd: one(2, 'bytes'),
        startRevision: one(3, 'int'),
        progressNotify: one(4, 'bool'),
        filters: many(5, 'int'),
        prevKv: one(6, 'bool'),
      }),
      cancel: one(2, { watchId: one(1, 'long') }),
    }),
    response: messageCodec<WatchResponse>({
      header: one(1, HEADER),
      watchId: one(2, 'long'),
      created: one(3, 'bool'),
      canceled: one(4, 'bool'),
      compactRevision: one(5, 'int'),
      cancelReason: one(6, 'text'),
      events: many(11, { type: one(1, 'int'), kv: one(2, KEY_VALUE), prevKv: one(3, KEY_VALUE) }),
    }),
  },
})

/** `etcdserverpb.Auth`. */
export interface AuthTypes {
  readonly authenticate: MethodTypes<
    'unary',
    { readonly name: string; readonly password: string },
    { readonly token: string }
  >
}

export const authService: Service<AuthTypes> = defineService('etcdserverpb.Auth', {
  authenticate: unary<
    { readonly name: string; readonly password: string },
    { readonly token: string }
  >(
    'Authenticate',
    { name: one(1, 'text'), password: one(2, 'text') },
    { header: one(1, HEADER), token: one(2, 'text') },
  ),
})

/** The end of the range of all keys that begin with `prefix`. */
export function prefixEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix)
  for (let index = end.length - 1; index >= 0; index--) {
    if (end[index]! < 0xff) {
      end[index]!++
      return end.subarray(0, index + 1)
    }
  }
  return Buffer.from([0])
}
