import type {
  RegisterOptions,
  Registry,
  RegistryListener,
  RegistryService,
} from '../micro/index.js'
import { checkOptions, describe, type OptionKinds, withMethods } from '../options/index.js'
import { nodeRuntime, type Runtime, thrownError } from '../transport/index.js'
import { teller } from './outage.js'
import { grouped } from './service-table.js'

/** Options of `multiRegistry`. */
export interface MultiRegistryOptions {
  /** Registries, of those given, to read from; it registers in all. Default: all. */
  readonly readFrom?: readonly Registry[]
  /** Called with the error of one registry, where others could. Default: a warning of the process. */
  readonly onError?: (error: Error) => void
  /** Who warns. Default: Node. */
  readonly runtime?: Pick<Runtime, 'warn'>
}

/** Options of `fallbackRegistry`. */
export type FallbackRegistryOptions = Omit<MultiRegistryOptions, 'readFrom'>

const CHECK = withMethods(['register', 'deregister', 'getService', 'listServices'])

const KINDS: OptionKinds<MultiRegistryOptions> = {
  readFrom: checkList,
  onError: 'function',
  runtime: 'object',
}

const FALLBACK_KINDS: OptionKinds<FallbackRegistryOptions> = {
  onError: 'function',
  runtime: 'object',
}

function checkList(name: string, value: unknown): void {
  if (!Array.isArray(value) || value.length === 0) {
    throw new TypeError(`${name} must be a list of registries, got ${describe(value)}`)
  }
  for (const [index, each] of value.entries()) CHECK(`${name}[${index}]`, each)
}

/**
 * Creates a registry of several: it registers in all of them, and finds what any of them knows; one node that two know
 * is one. To move from one engine to another: register in both, `readFrom` the old one; when all do, read from the new one.
 *
 * It fails only where all of them do. The registries given are not closed with it.
 *
 * @throws TypeError naming what cannot be used
 */
export function multiRegistry(
  registries: readonly Registry[],
  options: MultiRegistryOptions = {},
): Required<Registry> {
  checkList('registries', registries)
  checkOptions<MultiRegistryOptions>('multiRegistry', options, KINDS)
  const { readFrom = registries, runtime = nodeRuntime } = options
  const stranger = readFrom.findIndex(each => !registries.includes(each))
  if (stranger >= 0) throw new TypeError(`readFrom[${stranger}] is none of the registries given`)
  const tell = teller(options.onError, runtime)
  const inAll = <T>(some: readonly Registry[], work: (registry: Registry) => Promise<T>) =>
    everywhere(some, work, tell)
  return {
    name: registries.map(({ name }) => name).join('+'),
    register: async (service: RegistryService, how?: RegisterOptions) => {
      await inAll(registries, registry => registry.register(service, how))
    },
    deregister: async (service: RegistryService) => {
      await inAll(registries, registry => registry.deregister(service))
    },
    getService: async (name: string) =>
      merged(await inAll(readFrom, registry => registry.getService(name))),
    listServices: async () => merged(await inAll(readFrom, registry => registry.listServices())),
    watch: onChange => watchAll(readFrom, onChange),
  }
}

/**
 * Creates a registry that asks the first one, and the next where that fails or knows nobody of that name. It registers in the
 * first one alone.
 *
 * @throws TypeError naming what cannot be used
 */
export function fallbackRegistry(
  registries: readonly Registry[],
  options: FallbackRegistryOptions = {},
): Required<Registry> {
  checkList('registries', registries)
  checkOptions<FallbackRegistryOptions>('fallbackRegistry', options, FALLBACK_KINDS)
  const tell = teller(options.onError, options.runtime ?? nodeRuntime)
  const first = registries[0]!
  const firstThat = async (ask: (registry: Registry) => Promise<readonly RegistryService[]>) => {
    const failures: Error[] = []
    for (const registry of registries) {
      try {
        const services = await ask(registry)
        if (services.some(({ nodes }) => nodes.length > 0)) {
          for (const failure of failures) tell(failure)
          return services
        }
      } catch (error) {
        failures.push(thrownError(error))
      }
    }
    // That nobody knows it is an answer, unless nobody could say so.
    if (failures.length === registries.length) throw failures[0]
    for (const failure of failures) tell(failure)
    return []
  }
  return {
    name: first.name,
    register: (service, how) => first.register(service, how),
    deregister: service => first.deregister(service),
    getService: name => firstThat(registry => registry.getService(name)),
    listServices: () => firstThat(registry => registry.listServices()),
    watch: onChange => watchAll(registries, onChange),
  }
}

/** What each gave. Rejects with the first error where none could; that of one is told. */
async function everywhere<T>(
  registries: readonly Registry[],
  work: (registry: Registry) => Promise<T>,
  tell: (error: Error) => void,
): Promise<T[]> {
  const results = await Promise.allSettled(registries.map(async registry => await work(registry)))
  const given = results.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  const errors = results.flatMap(each =>
    each.status === 'rejected' ? [thrownError(each.reason)] : [],
  )
  if (given.length === 0) throw errors[0]
  for (const error of errors) tell(error)
  return given
}

function merged(answers: readonly (readonly RegistryService[])[]): readonly RegistryService[] {
  return answers.length === 1 ? answers[0]! : grouped(answers.flat())
}

function watchAll(registries: readonly Registry[], onChange: RegistryListener): () => void {
  const stops = registries.map(registry => registry.watch?.(onChange))
  return () => {
    for (const stop of stops) stop?.()
  }
}
