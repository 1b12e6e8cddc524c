import { GrpcError, type HandleOptions, type Server, type Service, Status } from '../micro/index.js'
import { checkOptions, describe, type OptionKinds } from '../options/index.js'
import { checkServer } from './check-server.js'
import { DescriptorIndex, type IndexedFile } from './descriptor-index.js'
import { filesOfSet } from './descriptor-messages.js'
import {
  reflectionService,
  reflectionServiceV1Alpha,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from './reflection-messages.js'

/** Options of `mountReflection`. */
export interface ReflectionOptions {
  /**
   * Serialised `FileDescriptorSet`s including imports, as `buf build -o` and `protoc
   * --include_imports --descriptor_set_out` write them. Default: the descriptors that the services
   * carry; those of `loadService` do.
   */
  readonly descriptorSets?: readonly Uint8Array[]
  /** As in `HandleOptions`. Default: the server's. */
  readonly middleware?: NonNullable<HandleOptions['middleware']>
}

const KINDS: OptionKinds<ReflectionOptions> = {
  descriptorSets: checkSets,
  middleware: 'array',
}

const SETS_CURE = 'read each file that buf or protoc wrote into a Buffer: [await readFile(path)]'

function checkSets(name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new TypeError(
      `${name} must be a list of Uint8Arrays, got ${describe(value)}; ${SETS_CURE}`,
    )
  }
  for (const [index, set] of value.entries()) {
    if (set instanceof Uint8Array) continue
    throw new TypeError(
      `${name}[${index}] must be a Uint8Array, got ${describe(set)}; ${SETS_CURE}`,
    )
  }
}

/** One of the answers. */
type Answer = Omit<ServerReflectionResponse, 'validHost' | 'originalRequest'>

/**
 * Serves `grpc.reflection.v1.ServerReflection`, and `v1alpha` for older tools, on `server`, so that
 * grpcurl and others need no schema. All services are listed, including those handled later; a
 * service without descriptors is listed only.
 *
 * Whoever may call it learns the whole schema. The server's middleware applies.
 *
 * @throws TypeError or RangeError when a descriptor set is none, RangeError when it is mounted
 * already
 */
export function mountReflection(server: Server, options: ReflectionOptions = {}): void {
  checkServer('mountReflection', server)
  checkOptions('mountReflection', options, KINDS)
  const reflection = new Reflection(() => server.services, options.descriptorSets ?? [])
  const handlers = {
    serverReflectionInfo: (requests: AsyncIterable<ServerReflectionRequest>) =>
      reflection.answers(requests),
  }
  const { middleware } = options
  const how = { nativeOnly: true, ...(middleware === undefined ? {} : { middleware }) }
  server.handle(reflectionService, handlers, how)
  server.handle(reflectionServiceV1Alpha, handlers, how)
}

/** Answers questions about descriptors, in both versions alike. */
class Reflection {
  readonly #services: () => readonly Service<unknown>[]
  readonly #index = new DescriptorIndex()
  /** Services whose descriptors are in the index. */
  readonly #indexed = new Map<Service<unknown>, Promise<void>>()
  /** Why a service has none there, by its name. */
  readonly #reasons = new Map<string, string>()

  constructor(services: () => readonly Service<unknown>[], sets: readonly Uint8Array[]) {
    this.#services = services
    for (const set of sets) {
      for (const file of filesOfSet(set)) this.#index.add(file)
    }
  }

  async *answers(
    requests: AsyncIterable<ServerReflectionRequest>,
  ): AsyncGenerator<ServerReflectionResponse> {
    /** Names of the files that this client has. */
    const sent = new Set<string>()
    for await (const request of requests) {
      await Promise.all(this.#services().map(service => this.#indexService(service)))
      yield {
        validHost: request.host ?? '',
        originalRequest: request,
        ...this.#answer(request, sent),
      }
    }
  }

  #indexService(service: Service<unknown>): Promise<void> {
    let indexed = this.#indexed.get(service)
    if (indexed === undefined) {
      indexed = this.#addDescriptors(service)
      this.#indexed.set(service, indexed)
    }
    return indexed
  }

  /** A set that was given comes before what a service carries. */
  async #addDescriptors(service: Service<unknown>): Promise<void> {
    if (this.#index.bySymbol(service.name) !== undefined) return
    if (service.descriptors === undefined) {
      this.#reasons.set(service.name, 'it was made without a schema')
      return
    }
    try {
      for (const file of await service.descriptors()) this.#index.add(file)
    } catch (error) {
      // The other services can still be described.
      this.#reasons.set(service.name, error instanceof Error ? error.message : String(error))
    }
  }

  #answer(request: ServerReflectionRequest, sent: Set<string>): Answer {
    const { fileByFilename, fileContainingSymbol, fileContainingExtension } = request
    if (request.listServices !== undefined) return this.#list()
    if (fileByFilename !== undefined) {
      return this.#file(this.#index.byName(fileByFilename), sent, `file ${fileByFilename}`)
    }
    if (fileContainingSymbol !== undefined) {
      const symbol = withoutDot(fileContainingSymbol)
      return this.#file(this.#index.bySymbol(symbol), sent, this.#missing(symbol))
    }
    if (fileContainingExtension !== undefined) {
      const { containingType = '', extensionNumber = 0 } = fileContainingExtension
      const found = this.#index.byExtension(withoutDot(containingType), extensionNumber)
      return this.#file(found, sent, `extension ${extensionNumber} of ${containingType}`)
    }
    if (request.allExtensionNumbersOfType !== undefined) {
      return this.#extensions(withoutDot(request.allExtensionNumbersOfType))
    }
    throw new GrpcError(Status.InvalidArgument, 'the request asks nothing that is known here')
  }

  #list(): Answer {
    const names = this.#services().map(({ name }) => name)
    return { listServicesResponse: { service: names.sort().map(name => ({ name })) } }
  }

  #file(file: IndexedFile | undefined, sent: Set<string>, what: string): Answer {
    if (file === undefined) return notFound(what)
    return { fileDescriptorResponse: { fileDescriptorProto: this.#index.withImports(file, sent) } }
  }

  #extensions(type: string): Answer {
    const numbers = this.#index.extensionNumbers(type)
    if (numbers === undefined) return notFound(`message ${type}`)
    return { allExtensionNumbersResponse: { baseTypeName: type, extensionNumber: numbers } }
  }

  #missing(symbol: string): string {
    const reason = this.#reasons.get(symbol)
    return reason === undefined ? symbol : `descriptor of service ${symbol}: ${reason}`
  }
}

/** Descriptors write full names with a dot in front; tools may. */
function withoutDot(name: string): string {
  return name.startsWith('.') ? name.slice(1) : name
}

function notFound(what: string): Answer {
  return { errorResponse: { errorCode: Status.NotFound, errorMessage: `not found: ${what}` } }
}
